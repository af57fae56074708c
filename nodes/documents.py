"""Documents: what a user hands over with a request, as text in numbered passages. Its content is data, never orders."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nodes.errors import BadSettings
from nodes.pdf import pages_of
from nodes.text import terms

FILE_LIMIT = 20_000_000  # bytes of one file
TEXT_LIMIT = 2_000_000  # characters of all documents
COUNT_LIMIT = 20
PASSAGE = 1_500  # characters; what is found and shown at once
EXCERPTS = 6_000  # bytes that one subtask carries

_TEXTS = frozenset({".txt", ".text", ".md", ".markdown", ".rst", ".log"})
_TABLES = {".csv": ",", ".tsv": "\t"}
ODD_SHARE = 200  # one control character in so many is an oddity of an old file; more, and it is no text
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
ENDINGS = frozenset({".pdf", *_TEXTS, *_TABLES})  # of the files that are read
KINDS = ("PDF", "Markdown", "text", "CSV")


@dataclass(frozen=True)
class Passage:
    """A piece of a document, and where it stands ("page 3", "lines 10-24")."""

    document: str
    place: str
    text: str

    @property
    def cited(self) -> str:
        """The text below the place where it stands."""
        return f"[{self.document}, {self.place}]\n{self.text}"


@dataclass(frozen=True)
class Document:
    """A text that was handed over: its parts as (place, text)."""

    name: str
    parts: tuple[tuple[str, str], ...]

    @classmethod
    def of_text(cls, name: str, text: str) -> "Document":
        """Make a document of a text."""
        return cls(name, tuple(_by_lines(text)))

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(text for _, text in self.parts)

    def passages(self) -> list[Passage]:
        """Cut it into passages."""
        return [Passage(self.name, place, text) for place, text in self.parts if text.strip()]


@dataclass(frozen=True)
class Documents:
    """Everything that was handed over."""

    members: tuple[Document, ...]

    @cached_property
    def passages(self) -> list[Passage]:
        """All passages, in order."""
        return [passage for document in self.members for passage in document.passages()]

    @cached_property
    def _bags(self) -> list[set[str]]:
        """Each passage's words."""
        return [{*terms(passage.text), *terms(passage.document)} for passage in self.passages]

    @property
    def size(self) -> int:
        """Bytes of all texts."""
        return sum(len(document.text.encode("utf-8", "replace")) for document in self.members)

    def fit(self, room: int = EXCERPTS) -> bool:
        """Tell whether every subtask can carry all of them."""
        return sum(_size(passage.cited) for passage in self.passages) <= room

    def find(self, name: str) -> Document | None:
        """Return the document of that name, or the one whose name has it as its beginning (None: there is none)."""
        bare, names = name.strip().lower(), [document.name.lower() for document in self.members]
        near = [*names, *(known.rpartition(".")[0] for known in names)]
        return self.members[near.index(bare) % len(names)] if bare in near else None

    def ranked(self, query: str) -> list[int]:
        """List the passages that share words with a query, the likeliest first, by their place among them."""
        wanted = set(terms(query))
        counts = Counter(word for bag in self._bags for word in bag & wanted)
        scored = [(sum(1 / counts[word] for word in bag & wanted), -at) for at, bag in enumerate(self._bags)]
        return [-at for score, at in sorted(scored, reverse=True) if score > 0]

    def excerpts(self, task: str, room: int = EXCERPTS) -> str:
        """Gather what bears on a task, in the documents' own order, within `room` bytes; all of it if it fits."""
        whole = [passage.cited for passage in self.passages]
        if self.fit(room):
            return "\n\n".join(whole)
        kept, used = set[int](), 0
        for at in self.ranked(task):
            size = _size(whole[at])
            if used + size <= room:
                kept.add(at)
                used += size
        return "\n\n".join(whole[at] for at in sorted(kept))

    def brief(self, request: str, room: float) -> list[tuple[str, str]]:
        """Tell the planner of every document: (name, its text), whole if all fit `room` bytes, else condensed.

        A condensed text is its beginning, then the passages that bear on the request.
        """
        if self.size <= room:
            return [(document.name, document.text) for document in self.members]
        share = int(room / len(self.members))
        return [(document.name, _condensed(document, request, share)) for document in self.members]


def _condensed(document: Document, request: str, room: int) -> str:
    whole = document.text.encode("utf-8", "replace")
    if len(whole) <= room:
        return document.text
    head = whole[: room // 2].decode("utf-8", "ignore")
    excerpts = Documents((document,)).excerpts(request, max(0, room - room // 2 - 200))
    mark = f"[… {len(whole):,} bytes in all; only the beginning and what bears on the request are shown …]"
    return f"{head}\n{mark}\n{excerpts}".strip()


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace")) + 2


def read_documents(given: Iterable[str | Path | Document]) -> Documents | None:
    """Read files, once (None: there are none).

    Raises:
        BadSettings: one cannot be read, is of no known kind, or there is too much; says which and what to do.
    """
    members = [document if isinstance(document, Document) else _document_at(Path(document)) for document in given]
    if not members:
        return None
    if len(members) > COUNT_LIMIT:
        raise BadSettings(f"{len(members)} documents are attached; {COUNT_LIMIT} are the most")
    size = sum(len(document.text) for document in members)
    if size > TEXT_LIMIT:
        raise BadSettings(
            f"the documents hold {size:,} characters; {TEXT_LIMIT:,} are the most. Attach the parts that matter"
        )
    return together(members)


def together(members: Sequence[Document]) -> Documents:
    """Put documents together; of two with one name the later is numbered."""
    names = [document.name for document in members]
    return Documents(
        tuple(
            Document(f"{names[:at].count(document.name) + 1}-{document.name}", document.parts)
            if document.name in names[:at]
            else document
            for at, document in enumerate(members)
        )
    )


def _document_at(path: Path) -> Document:
    kind = path.suffix.lower()
    if kind not in ENDINGS:
        raise BadSettings(
            f"cannot attach {path}: {kind or 'a file without ending'} is not read; {', '.join(KINDS)} are"
        )
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise BadSettings(f"cannot attach {path}: it is no file")  # a pipe may have no end
        if size > FILE_LIMIT:
            raise BadSettings(f"cannot attach {path}: {size:,} bytes; {FILE_LIMIT:,} are the most")
        raw = path.read_bytes()
    except OSError as error:
        raise BadSettings(f"cannot attach {path}: {error.strerror or error}") from None
    return document_of(path.name, raw, kind)


def document_of(name: str, raw: bytes, kind: str) -> Document:
    """Read a document from its bytes; `kind` is a file's ending, such as ".pdf".

    Raises:
        BadSettings: there is no text in it.
    """
    if kind == ".pdf":
        pages = enumerate(pages_of(name, raw), 1)
        parts = [(f"page {number}", piece) for number, text in pages for _, piece in _by_lines(text)]
    elif kind in _TABLES:
        parts = _rows(_decoded(name, raw), _TABLES[kind])
    else:
        parts = _by_lines(_decoded(name, raw))
    if not any(text.strip() for _, text in parts):
        hint = "; a scanned page holds no text, run it through OCR first" if kind == ".pdf" else ""
        raise BadSettings(f"cannot attach {name}: there is no text in it{hint}")
    return Document(name, tuple(parts))


def _decoded(name: str, raw: bytes) -> str:
    """Read text: UTF-8, UTF-16 by its mark, else as Windows writes it.

    Raises:
        BadSettings: these bytes are no text; a text has no control characters but those that lay it out.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = raw.decode("utf-16", "replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")
    odd = len(_CONTROL.findall(text))
    if odd > len(text) // ODD_SHARE:
        raise BadSettings(f"cannot attach {name}: it is no text ({odd:,} of {len(text):,} characters are none)")
    return text


def _by_lines(text: str) -> list[tuple[str, str]]:
    """Cut text into passages at paragraphs where it can, and say which lines each holds."""
    blocks = _blocks(_short_lines(text), 1, lambda line: not line.strip())
    return [
        (f"line {first}" if first == last else f"lines {first}-{last}", "\n".join(block).strip("\n"))
        for first, last, block in blocks
    ]


def _blocks(
    lines: Iterable[str], start: int, fits_an_end: Callable[[str], bool]
) -> Iterator[tuple[int, int, list[str]]]:
    """Put lines together as passages: (number of the first, of the last, lines). Half a passage may end where it fits."""
    block, size = list[str](), 0
    for number, line in enumerate(lines, start):
        block.append(line)
        size += len(line)
        if size >= PASSAGE or (size >= PASSAGE // 2 and fits_an_end(line)):
            yield start, number, block
            block, size, start = [], 0, number + 1
    if block:
        yield start, start + len(block) - 1, block


def _short_lines(text: str) -> list[str]:
    """Break lines that are longer than a passage (a file without line ends)."""
    lines = []
    for line in text.splitlines():
        lines += [line[at : at + PASSAGE] for at in range(0, len(line), PASSAGE)] or [line]
    return lines


def _rows(text: str, separator: str) -> list[tuple[str, str]]:
    """Cut a table into passages of rows, each with the heading above."""
    with suppress(csv.Error):
        separator = csv.Sniffer().sniff(text[:5000], delimiters=",;\t|").delimiter
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in row)]
    except csv.Error:  # a cell beyond the csv module's limit; it is text then
        return _by_lines(text)
    head, *table = [" | ".join(re.sub(r"\s+", " ", cell).strip() for cell in row) for row in rows] or [""]
    if not table:
        return [("row 1", head)]
    blocks = _blocks(table, 2, lambda _: False)
    return [(f"rows {first}-{last}", "\n".join([head, *block])) for first, last, block in blocks]
