"""Download: one file from the hub, taken up where it broke."""

import asyncio
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import httpx2
from huggingface_hub import hf_hub_url
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.file_download import HfFileMetadata, get_hf_file_metadata, http_get
from huggingface_hub.utils.tqdm import silent_tqdm

from graph.local.catalogue import Progress, Weights, WeightsError
from nodes.models import in_thread, wait_on_engine

CONNECT_TIMEOUT_S = 5.0
# For the first answer in all: looking up a name obeys no timeout of the client's.
ANSWER_TIMEOUT_S = 8.0
ATTEMPTS = 5
# All that is sent about us; the library by itself would add what else is installed here.
HEADERS = {"user-agent": "orchestrator-workers", "Accept-Encoding": "identity"}


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time write to `folder`; raises WeightsError in the others."""
    try:
        with filelock.FileLock(folder / ".lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise WeightsError(f"another process is fetching a model into {folder}: wait for it to end") from error


def download(weights: Weights, part: Path, report: Progress, endpoint: str | None) -> None:
    """Bring `part` to its full size. A connection that breaks is taken up again as long as bytes still come."""
    url = hf_hub_url(weights.repository, weights.file, revision=weights.revision, endpoint=endpoint)
    _check_offer(weights, url, _reached(weights, url))
    for attempt in range(1, ATTEMPTS + 1):
        before = part.stat().st_size if part.exists() else 0
        try:
            with _quiet(), _ReportingFile(part, weights.size, report) as file:
                # hf_hub_download would start anew: since huggingface_hub 2 it drops a download that broke.
                http_get(
                    url,
                    file,
                    resume_size=before,
                    expected_size=weights.size,
                    headers=HEADERS,
                    tqdm_class=silent_tqdm,
                )
        except HfHubHTTPError as error:
            raise _refused(weights, url, error) from error
        except (httpx2.HTTPError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            if part.stat().st_size <= before or attempt == ATTEMPTS:
                have = f"{part.stat().st_size / 1e9:.2f} of {weights.gigabytes}"
                raise WeightsError(
                    f"the download from {url} broke at {have} ({error}): run it again, it goes on from there"
                ) from error
        else:
            return


def _reached(weights: Weights, url: str) -> HfFileMetadata:
    away = f"check the connection or the proxy, or put {weights.file} in place by other means"
    try:
        return wait_on_engine(
            asyncio.wait_for(
                in_thread(lambda: get_hf_file_metadata(url, token=False, timeout=CONNECT_TIMEOUT_S, headers=HEADERS)),
                ANSWER_TIMEOUT_S,
            )
        )
    except OfflineModeIsEnabled as error:
        raise WeightsError(f"cannot fetch {weights.file}: HF_HUB_OFFLINE forbids the network; unset it") from error
    except HfHubHTTPError as error:
        raise _refused(weights, url, error) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        raise WeightsError(f"cannot reach {url} ({error or type(error).__name__}): {away}") from error


def _check_offer(weights: Weights, url: str, offer: HfFileMetadata) -> None:
    """Stop before a gigabyte is fetched that would not be the pinned one."""
    if offer.commit_hash is None:
        raise WeightsError(
            f"{url} does not answer as a hub does (a login page of the network?): open a page in a browser first"
        )
    is_hash = offer.etag is not None and len(offer.etag) == len(weights.sha256)
    if offer.size not in {None, weights.size} or (is_hash and offer.etag != weights.sha256):
        raise WeightsError(
            f"{url} now offers another file ({offer.size} bytes, {offer.etag}) than the pinned one "
            f"({weights.size} bytes, {weights.sha256}): report it, and use another model"
        )


def _refused(weights: Weights, url: str, error: HfHubHTTPError) -> WeightsError:
    status = error.response.status_code
    gone = status in {401, 403, 404, 410}
    mend = "the file is gone from there, use another model" if gone else "try again later"
    return WeightsError(f"the hub refuses {weights.file} (HTTP {status} at {url}): {mend}")


class _ReportingFile(io.BufferedWriter):
    """A file that is appended to, and tells how long it is after each write."""

    def __init__(self, file: Path, total: int, report: Progress) -> None:
        super().__init__(io.FileIO(file, "ab"))
        self.total = total
        self.report = report
        report(self.tell(), total)

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        written = super().write(data)
        self.flush()  # a full disk is to be known here, and not when the file is closed
        self.report(self.tell(), self.total)
        return written


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's warnings about lost connections off the terminal: our errors say it."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
