"""Downloads: published sets that are fetched and never committed: where from, under which licence, and which checksum.

    python -m evals.downloads ramdocs wikicontradict …      into evals/data/ (not in git)

Each set is one revision of one file, held to the SHA-256 that public projects which use it have pinned; nothing could be
downloaded here to see that for ourselves. A set without one, or from an address of your own (--url), is written down with
its SHA-256 in evals/data/checksums.json when it is first fetched, and must be the same ever after.

Recall is measured by code, so a dispute is taken only if its answers stand word for word in documents that tell them apart.
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
from nodes.text import folded

FOLDER = Path(__file__).parent / "data"
LARGEST = 200_000_000  # bytes
MOST_DOCUMENTS = 8  # of one question; each is a worker
LONGEST = 6_000  # characters of one document: whole web pages are cut
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
        sha256: of that file ("": nobody is known to have pinned it).
    """

    url: str
    licence: str
    read: Callable[[Iterable[dict[str, Any]]], Iterator[Dispute | Open]]
    sha256: str = ""


def _ramdocs(rows: Iterable[dict[str, Any]]) -> Iterator[Dispute]:
    """Read {question, documents: [{text, type: correct | misinfo | noise, answer}], gold_answers, wrong_answers}.

    Some of its noise tells a wrong answer as well: only where there is none the documents agree.
    """
    for at, row in enumerate(rows):
        answers = [each["answer"] for each in row["documents"][:MOST_DOCUMENTS] if each["type"] != "noise"]
        texts = [each["text"] for each in row["documents"]]
        yield from _dispute(f"ramdocs-{at}", row["question"], texts, [*answers, *row["wrong_answers"]], "ramdocs")


def _wikicontradict(rows: Iterable[dict[str, Any]]) -> Iterator[Dispute]:
    """Read {question_ID, question, context1, context2, answer1, answer2, …}; some answers are empty, or the same twice."""
    for row in rows:
        texts, answers = ([row[f"{name}{side}"].strip() for side in (1, 2)] for name in ("context", "answer"))
        if all(answers) and folded(answers[0]) != folded(answers[1]):
            name = f"wikicontradict-{row['question_ID']}"
            yield from _dispute(name, row["question"], texts, answers, "wikicontradict")


def _confrag(rows: Iterable[dict[str, Any]]) -> Iterator[Dispute]:
    """Read {id, question, contradicts, websites: [{content, …}], …}; only those that are not said to contradict."""
    for row in rows:
        texts = [site["content"] for site in row["websites"] if site.get("content")]
        if not row["contradicts"]:
            yield from _dispute(f"confrag-{row['id']}", row["question"], texts, [], "confrag")


def _dispute(name: str, question: str, texts: Sequence[str], answers: Sequence[str], source: str) -> Iterator[Dispute]:
    """Make an item, if there are two documents, and if its answers, where there are several, can be told apart in them."""
    documents = tuple(Document(f"reader {at}", text[:LONGEST]) for at, text in enumerate(texts[:MOST_DOCUMENTS], 1))
    told = {folded(answer): answer for answer in answers}
    held = [[answer for answer in told if answer in folded(each.text)] for each in documents]
    golds = tuple(told[answer] for answer in told if [answer] in held)
    if len(documents) > 1 and (len(told) < 2 or len(golds) > 1):
        yield Dispute(name, question, documents, golds if len(told) > 1 else (), source)


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
    "ramdocs": Source(
        f"{HUB}/HanNight/RAMDocs/resolve/9c041bfd158c603b615883d9a931b00cbc141494/RAMDocs_test.jsonl",
        "MIT",
        _ramdocs,
        "c67f699c97349f00cf1bd08d1dbf8ca1d0cc38c306715c93a10a4f961dcf28b7",
    ),
    "wikicontradict": Source(
        f"{HUB}/ibm-research/Wikipedia_contradict_benchmark/resolve/c20e361f985ed480a659b35d98b49f2311fcd174/WikiContradict_dataset_v1_rag_qa.csv",
        "MIT",
        _wikicontradict,
        "cef10054f8aad3e36bca95a0873c2cbb0de8ab4d7b716cadacc5da7aa179ff2b",
    ),
    "confrag": Source(
        f"{HUB}/OracleY/ConfRAG/resolve/529e760a78a58791d0387fe469e0732377a6d94d/ConfRAGsuggested.jsonl",
        "CC-BY-4.0 on its card; its repository says research use only, the pages' own licences respected",
        _confrag,
        "bfe5fdc8e1e56300e36e7477626e118ba489469d971d9fc3f815ffd3e243bdcf",
    ),
    "draco": Source(
        f"{HUB}/perplexity-ai/draco/resolve/ce076749809027649ebd331bcb70f42bf720d387/test.jsonl",
        "see its card",
        _draco,
        "e35bfe78cd827fa1d541b79fbc7bc7b91966d3227d8742c83e99d26d4ac4679a",
    ),
    "deepresearch": Source(
        "https://raw.githubusercontent.com/Ayanami0730/deep_research_bench/main/data/prompt_data/query.jsonl",
        "see its LICENSE file (the README says MIT of the code)",
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
    known = locks.get(name, {}).get("sha256") or ("" if url else source.sha256)
    if known not in ("", digest):
        raise BadData(
            f"{name}: SHA-256 is {digest}, but {known} is known of it. If its publisher has brought out a new one that "
            f"you trust, take {name} out of {folder / 'checksums.json'} and give its address with --url"
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
