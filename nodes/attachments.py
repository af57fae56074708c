"""Attachments: documents that come in a run's input, and are kept in its state as plain JSON."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from nodes.documents import COUNT_LIMIT, ENDINGS, FILE_LIMIT, KINDS, Document, document_of
from nodes.errors import BadRequest, BadSettings
from nodes.state import Attachment

TEXT_LIMIT = 200_000  # characters of them all: they are part of each checkpoint
NAME_LIMIT = 200
_FORM = 'documents are a list of {"name": "minutes.pdf", "base64": "…"} or {"name": "minutes.md", "text": "…"}'


def read_attachments(given: object) -> list[Attachment]:
    """Read the documents of an input.

    Args:
        given: as in nodes.state.Input; None: there are none.

    Raises:
        BadRequest: they are not of that form, cannot be read, or there is too much; says which and what to do.
    """
    if given is None:
        return []
    if not isinstance(given, list):
        raise BadRequest(f"{_FORM}, got {type(given).__name__}")
    if len(given) > COUNT_LIMIT:
        raise BadRequest(f"{len(given)} documents came with the request; {COUNT_LIMIT} are the most")
    documents = [_document(entry, number) for number, entry in enumerate(given, 1)]
    size = sum(len(document.text) for document in documents)
    if size > TEXT_LIMIT:
        raise BadRequest(
            f"the documents hold {size:,} characters; {TEXT_LIMIT:,} are the most that a request can bring. Send the "
            "parts that matter, or give long ones to build_graph(documents=…)"
        )
    return [{"name": document.name, "parts": [list(part) for part in document.parts]} for document in documents]


def documents_in(kept: Sequence[Attachment]) -> list[Document]:
    """Make documents of what a state keeps."""
    return [Document(entry["name"], tuple((place, text) for place, text in entry["parts"])) for entry in kept]


def as_given(kept: Sequence[Attachment]) -> list[dict[str, str]]:
    """Write documents that a state keeps as an input has them: for a run that goes on from it."""
    return [{"name": entry["name"], "text": "\n\n".join(text for _, text in entry["parts"])} for entry in kept]


def _document(given: object, number: int) -> Document:
    if not isinstance(given, Mapping) or set(given) not in ({"name", "text"}, {"name", "base64"}):
        raise BadRequest(f"document {number}: {_FORM}")
    name = given["name"]
    if not isinstance(name, str) or not name.isprintable() or not name.strip() or len(name) > NAME_LIMIT:
        raise BadRequest(f"document {number}: a name is one line of 1 to {NAME_LIMIT} characters")
    kind = PurePath(name).suffix.lower()
    if "text" in given:
        raw, kind = _bytes_of_text(name, given["text"]), ".txt" if kind not in ENDINGS - {".pdf"} else kind
    elif kind in ENDINGS:
        raw = _bytes_of_base64(name, given["base64"])
    else:
        raise BadRequest(f"document {name!r}: {kind or 'a name without ending'} is not read; {', '.join(KINDS)} are")
    try:
        return document_of(name, raw, kind)
    except BadSettings as error:
        raise BadRequest(str(error)) from None


def _bytes_of_text(name: str, text: Any) -> bytes:
    if not isinstance(text, str):
        raise BadRequest(f"document {name!r}: its text must be text, got {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"document {name!r} holds bytes that are no text; save it as UTF-8") from None


def _bytes_of_base64(name: str, text: Any) -> bytes:
    if not isinstance(text, str):
        raise BadRequest(f"document {name!r}: its base64 must be text, got {type(text).__name__}")
    if len(text) > FILE_LIMIT * 4 // 3 + 4:
        raise BadRequest(f"document {name!r} is too big; {FILE_LIMIT:,} bytes are the most")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"document {name!r}: its base64 cannot be read ({error})") from None
