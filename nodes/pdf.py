"""PDF: the text of its pages, in a bounded time, from bytes that may be anything."""

import io
import logging
import time
from collections.abc import Iterator

from nodes.errors import BadSettings

PAGES_LIMIT = 500
SECONDS = 30.0  # for all pages; pypdf itself bounds what one may unfold to


def pages_of(name: str, raw: bytes) -> list[str]:
    """Read the text of each page.

    Raises:
        BadSettings: it cannot be read, or not in time.
    """
    try:
        return list(_texts(name, raw))
    except BadSettings:
        raise
    except Exception as error:  # noqa: BLE001 - pypdf raises whatever there is on a broken file, assertions too
        raise BadSettings(f"cannot attach {name}: it is no readable PDF ({error})") from None


def _texts(name: str, raw: bytes) -> Iterator[str]:
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what is wrong with a file is said once, by the error
    began, pdf = time.monotonic(), pypdf.PdfReader(io.BytesIO(raw))
    if pdf.is_encrypted and not pdf.decrypt(""):
        raise BadSettings(f"cannot attach {name}: it is locked with a password")
    if len(pdf.pages) > PAGES_LIMIT:
        raise BadSettings(f"cannot attach {name}: {len(pdf.pages)} pages; {PAGES_LIMIT} are the most")
    for page in pdf.pages:
        yield page.extract_text() or ""
        if time.monotonic() - began > SECONDS:
            raise BadSettings(f"cannot attach {name}: it takes longer than {SECONDS:g} s to read; attach its text")
