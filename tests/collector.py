"""Collector: a LangSmith ingest server that keeps every run it is sent."""

import asyncio
import io
import json
import re
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import zstandard

from tests.wire import Peer, Request, Server

Run = dict[str, Any]
Part = tuple[str, str, bytes]  # name, content type, content

PROJECT = "01a219b9-1a2f-77f2-8bc5-26360557e9e2"
INFO = {
    "version": "0.10.0",
    "instance_flags": {"zstd_compression_enabled": True, "blob_storage_enabled": True},
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    },
}


class Collector:
    """Take in runs for the length of a with block; each run is one dict, its post and its patches merged.

    With `dead` set, requests are accepted and never answered.
    """

    def __init__(self, *, dead: bool = False, refusing: bool = False, slow: float = 0.0) -> None:
        """Be ready to listen; a dead collector never answers, a refusing one says 403 to all, a slow one waits (seconds)."""
        self.dead, self.refusing, self.slow = dead, refusing, slow
        self.feedback: list[Run] = []
        self._requests: list[bytes] = []
        self._runs: dict[str, Run] = {}
        self._news = threading.Condition()
        self._server = Server(self._handle)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut every connection and stop."""
        self._server.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """What LANGSMITH_ENDPOINT shall be."""
        return self._server.address

    @property
    def requests(self) -> list[bytes]:
        """Every request's line, headers and decompressed body, to look for secrets in (a copy)."""
        with self._news:
            return list(self._requests)

    @property
    def runs(self) -> dict[str, Run]:
        """Every run by its id (a copy)."""
        with self._news:
            return {name: dict(run) for name, run in self._runs.items()}

    def wait(self, predicate: Callable[[dict[str, Run]], object], timeout: float = 10.0) -> dict[str, Run]:
        """Wait until the runs are as wanted and give them; TimeoutError says what was there instead."""
        with self._news:
            if not self._news.wait_for(lambda: predicate(self._runs), timeout):
                seen = [(run.get("name"), sorted(run)) for run in self._runs.values()]
                raise TimeoutError(f"the runs are not as wanted after {timeout} s; there are {seen}")
        return self.runs

    async def _handle(self, request: Request, peer: Peer) -> None:
        body = request.body
        if request.headers.get("content-encoding") == "zstd":
            body = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True).read()
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        with self._news:
            self._requests.append(f"{request.method} {request.path}\r\n{head}\r\n".encode() + body)
        if self.dead:
            await asyncio.Event().wait()
        await asyncio.sleep(self.slow)
        if self.refusing:
            peer.send_json(403, {"detail": "Forbidden"})
            return
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["info"]:
                peer.send_json(200, INFO)
                return
            case "GET", [path] if path.startswith("sessions"):
                peer.send_json(
                    200,
                    [
                        {
                            "id": PROJECT,
                            "tenant_id": PROJECT,
                            "name": "default",
                            "start_time": "2026-01-01",
                            "reference_dataset_id": None,
                        }
                    ],
                )
                return
            case "POST", ["feedback"]:
                self._keep_feedback(json.loads(body))
            case "POST", ["runs", "multipart"]:
                self._keep_parts(parts_of(body, request.headers.get("content-type", "")))
            case "POST", ["runs", "batch"]:
                batch = json.loads(body)
                for run in [*batch.get("post", []), *batch.get("patch", [])]:
                    self._keep(run["id"], run)
            case "POST", ["runs"]:
                run = json.loads(body)
                self._keep(run["id"], run)
            case "PATCH", ["runs", name]:
                self._keep(name, json.loads(body))
            case _:
                peer.send_json(404, {"detail": f"Not Found: {request.method} {request.path}"})
                return
        peer.send_json(202, {"message": "Runs batch ingested"})

    def _keep(self, name: str, run: Run) -> None:
        with self._news:
            known = self._runs.setdefault(name, {"id": name})
            known.update({key: value for key, value in run.items() if value is not None or key not in known})
            self._news.notify_all()

    def _keep_feedback(self, feedback: Run) -> None:
        with self._news:
            self.feedback.append(feedback)
            self._news.notify_all()

    def _keep_parts(self, parts: list[Part]) -> None:
        """Join the parts `post.ID`, `patch.ID` and `post.ID.inputs` (and so on) into runs, in their order."""
        for part, kind, content in parts:
            event, name, *field = part.split(".", 2)
            if event == "feedback":
                self._keep_feedback(json.loads(content))
            elif event not in {"post", "patch"}:
                self._keep(name, {f"{event}.{'.'.join(field)}": content})
            elif field:
                self._keep(name, {field[0]: json.loads(content) if "json" in kind else content})
            else:
                self._keep(name, json.loads(content))


def parts_of(body: bytes, content_type: str) -> list[Part]:
    """Read a multipart body."""
    match = re.search(r'boundary="?([^";]+)', content_type)
    if not match:
        raise ValueError(f"no boundary in the content type {content_type!r}")
    pieces = (b"\r\n" + body).split(b"\r\n--" + match[1].encode())
    return [_part(piece) for piece in pieces[1:] if not piece.startswith(b"--")]


def _part(piece: bytes) -> Part:
    head, _, content = piece.partition(b"\r\n\r\n")
    text = head.decode()
    name = re.search(r'[; ]name="([^"]+)"', text)
    kind = re.search(r"(?i)^content-type: *(.+?)\r?$", text, re.MULTILINE)
    if not name:
        raise ValueError(f"a part without a name: {text!r}")
    return name[1], kind[1] if kind else "", content
