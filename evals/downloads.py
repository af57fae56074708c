"""Downloads: published sets that are fetched and never committed: where from, under which licence, and which checksum.

    python -m evals.downloads ramdocs wikicontradict …      into evals/data/ (not in git)

No checksum could be taken here when this was written (there was no way to the sets), and none is made up: the first
download is written down with its SHA-256 in evals/data/checksums.json, and every later one must be the same. Put a known
checksum there beforehand to have the first one held to it.
"""

import argparse
import csv
import hashlib
import io
import json
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.sets import Dispute, Document, Open

FOLDER = Path(__file__).parent / "data"
LARGEST = 200_000_000  # bytes
MOST_DOCUMENTS = 8  # of one question; each is a worker
ANY_COUNT = (1, 99)  # subtasks: nobody has said how many are right
HUB = "https://huggingface.co/datasets"


class BadData(Exception):
    """A set that is not what it was, or not what it should be."""


@dataclass(frozen=True)
class Source:
    """A published set.

    Attributes:
        url: of its file; another may be given on the command line, where the set has moved.
        licence: as its publisher states it.
        read: turns its rows into our items.
    """

    url: str
    licence: str
    read: Callable[[Iterable[dict[str, Any]]], Iterator[Dispute | Open]]


def _ramdocs(rows: Iterable[dict[str, Any]]) -> Iterator[Dispute]:
    """Read {question, documents: [{text, type: correct | misinfo | noise, answer}], …}."""
    for at, row in enumerate(rows):
        taken = row["documents"][:MOST_DOCUMENTS]
        documents = tuple(Document(f"reader {number}", each["text"]) for number, each in enumerate(taken, 1))
        told = [each["answer"] for each in taken if each["type"] != "noise"]
        golds = tuple(dict.fromkeys(answer for answer in told if answer and answer != "unknown"))
        if len(documents) > 1:
            yield Dispute(f"ramdocs-{at}", row["question"], documents, golds if len(golds) > 1 else (), "ramdocs")


def _wikicontradict(rows: Iterable[dict[str, Any]]) -> Iterator[Dispute]:
    """Read {question, context1, context2, answer1, answer2, …}."""
    for at, row in enumerate(rows):
        documents = tuple(Document(f"reader {side}", row[f"context{side}"]) for side in (1, 2))
        golds = (row["answer1"], row["answer2"])
        yield Dispute(f"wikicontradict-{at}", row["question"], documents, golds, "wikicontradict")


def _confrag(rows: Iterable[dict[str, Any]]) -> Iterator[Dispute]:
    """Read {question, websites: {index: {content}} or a list, answers: [{answer, …}]}; only what has one answer agrees."""
    for at, row in enumerate(rows):
        sites = row["websites"].values() if isinstance(row["websites"], dict) else row["websites"]
        texts = [site["content"] for site in sites if site.get("content")][:MOST_DOCUMENTS]
        if len(row["answers"]) == 1 and len(texts) > 1:
            documents = tuple(Document(f"reader {number}", text) for number, text in enumerate(texts, 1))
            yield Dispute(f"confrag-{at}", row["question"], documents, (), "confrag")


def _draco(rows: Iterable[dict[str, Any]]) -> Iterator[Open]:
    """Read {problem, answer: a rubric as JSON text, somewhere in it lists of {requirement or criterion, weight}}."""
    for row in rows:
        rubric = json.loads(row["answer"]) if isinstance(row["answer"], str) else row["answer"]
        listed = tuple(_requirements(rubric))
        yield Open(f"draco-{row['id']}", row["problem"], subtasks=ANY_COUNT, criteria=listed)


def _requirements(rubric: Any) -> Iterator[str]:
    """Find what is asked for; what an answer loses points for is no criterion to be met."""
    if isinstance(rubric, list):
        for each in rubric:
            yield from _requirements(each)
    elif isinstance(rubric, dict):
        told = rubric.get("requirement") or rubric.get("criterion")
        if isinstance(told, str) and rubric.get("weight", 1) > 0:
            yield told
        for value in rubric.values():
            yield from _requirements(value) if isinstance(value, (dict, list)) else ()


def _deepresearch(rows: Iterable[dict[str, Any]]) -> Iterator[Open]:
    """Read {id, prompt, language}: no rubric, so answers are compared in pairs alone."""
    for row in rows:
        yield Open(f"deepresearch-{row['id']}", row["prompt"], language=row["language"], subtasks=ANY_COUNT)


SOURCES: dict[str, Source] = {
    "ramdocs": Source(f"{HUB}/HanNight/RAMDocs/resolve/main/RAMDocs_test.jsonl", "MIT", _ramdocs),
    "wikicontradict": Source(
        f"{HUB}/ibm-research/Wikipedia_contradict_benchmark/resolve/main/Wikipedia_contradict_benchmark.csv",
        "MIT",
        _wikicontradict,
    ),
    "confrag": Source(f"{HUB}/OracleY/ConfRAG/resolve/main/ConfRAG.jsonl", "CC-BY-4.0", _confrag),
    "draco": Source(f"{HUB}/perplexity-ai/draco/resolve/main/test.jsonl", "see its LICENSE file", _draco),
    "deepresearch": Source(
        "https://raw.githubusercontent.com/Ayanami0730/deep_research_bench/main/data/prompt_data/query.jsonl",
        "see its LICENSE file",
        _deepresearch,
    ),
}


def fetch(name: str, url: str | None = None, folder: Path = FOLDER) -> Path:
    """Download a set, and hold it to its checksum.

    Raises:
        BadData: it is another one than the first time, too large, or in no form that is known.
    """
    source, locks = SOURCES[name], _locks(folder)
    with urllib.request.urlopen(url or source.url, timeout=120) as answer:  # noqa: S310 - listed above, or the user's own
        raw = answer.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise BadData(f"{name}: larger than {LARGEST:,} bytes")
    digest = hashlib.sha256(raw).hexdigest()
    known = locks.get(name, {}).get("sha256")
    if known not in (None, digest):
        raise BadData(
            f"{name}: SHA-256 is {digest}, but {known} was fetched before. If its publisher has brought out a new one, "
            f"take {name} out of {folder / 'checksums.json'} and fetch again"
        )
    if not next(iter(source.read(_rows(raw))), None):
        raise BadData(f"{name}: no item in it")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(raw)
    locks[name] = {"sha256": digest, "url": url or source.url, "licence": source.licence, "bytes": len(raw)}
    (folder / "checksums.json").write_text(json.dumps(locks, indent=2) + "\n", encoding="utf-8")
    return folder / name


def fetched(name: str, folder: Path = FOLDER) -> list[Any]:
    """Read a set that was fetched, if it still is what was fetched.

    Raises:
        BadData: it is not there, or has changed.
    """
    path = folder / name
    if not path.is_file():
        raise BadData(f"{name} is not there; fetch it: python -m evals.downloads {name}")
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != _locks(folder).get(name, {}).get("sha256"):
        raise BadData(f"{path} has changed since it was fetched; fetch it again")
    return list(SOURCES[name].read(_rows(raw)))


def fetched_disputes(names: Sequence[str]) -> list[Dispute]:
    """Read documents that may dispute."""
    return [each for name in names for each in fetched(name) if isinstance(each, Dispute)]


def fetched_requests(names: Sequence[str]) -> list[Open]:
    """Read open requests."""
    return [each for name in names for each in fetched(name) if isinstance(each, Open)]


def _locks(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / "checksums.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _rows(raw: bytes) -> list[dict[str, Any]]:
    """Read JSON lines, a JSON list, or CSV with a header."""
    text = raw.decode("utf-8-sig")
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    if text.lstrip().startswith("{"):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(csv.DictReader(io.StringIO(text)))


def main() -> int:
    """Fetch what is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=SOURCES)
    parser.add_argument("--url", help="where the set is now, if not where it was")
    given = parser.parse_args()
    for name in given.names:
        path = fetch(name, given.url)
        print(f"{name}: {len(fetched(name))} items, {SOURCES[name].licence}, {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
