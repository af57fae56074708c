"""Answers: what the six requests' answers tell, what code adds to them, and what gets lost on the way."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from evals.requests import Request, played, requests
from nodes.synthesis.language import words_for

_MARK = re.compile(r" ?\[([DG]\d+)\]")
# English words that a French, German or Spanish text does not have.
_ENGLISH = frozenset(words_for()["common"].split()) - {
    "as",
    "at",
    "be",
    "by",
    "in",
    "is",
    "it",
    "on",
    "are",
    "not",
    "for",
}


@dataclass(frozen=True)
class _Run:
    request: Request
    said: dict[str, Any]
    state: dict[str, Any]

    @property
    def added(self) -> str:
        """What code has added to the answer."""
        lines = Counter(self.said["answer"].splitlines())
        new = [line for line in self.state["answer"].splitlines() if not lines[line]]
        return "\n".join(line for line in new if _MARK.sub("", line) not in {_MARK.sub("", old) for old in lines})


def figures() -> dict[str, int]:
    """Play each request as it is, with its marks taken out, with an entry of one side, and with a failed specialist."""
    counts = Counter[str]()
    for request in requests():
        told = _Run(request, request.last, dict(played(request).state))
        bare = {**request.last, "answer": _MARK.sub("", request.last["answer"])}
        silent = _Run(request, bare, dict(played(request, bare).state))
        broken = {**request.last, "disagreements": [*request.last["disagreements"], _one_sided()]}
        one_sided = _Run(request, broken, dict(played(request, broken).state))
        lost = _Run(request, bare, dict(played(request, bare, request.subtasks[-1]["specialist"]).state))
        counts["words that code adds to an answer that tells all"] += len(told.added.split())
        counts["full answers thrown away"] += _thrown_away(told)
        for run in (told, silent, one_sided, lost):
            counts["entries told twice"] += _twice(run)
            counts["entries lost"] += _lost(run)
            counts["entries without two sides"] += sum(
                len({side["subtask_id"] for side in entry["positions"]}) < 2 for entry in run.state["disagreements"]
            )
            if request.language != "en":
                words = re.findall(r"[a-z]+", run.added.casefold())
                counts["English words in an answer of another language"] += sum(word in _ENGLISH for word in words)
        counts["runs"] += 4
    return dict(counts)


def _one_sided() -> dict[str, Any]:
    sides = [{"subtask_id": side, "claim": "x", "quote": "x"} for side in ("S1", "S9")]
    return {"id": "D9", "topic": "x", "positions": sides, "resolution": None, "suggestion": "x", "status": "kept"}


def _twice(run: _Run) -> int:
    own = set(_MARK.findall(run.said["answer"]))
    return sum(name in own for name in _MARK.findall(run.added)) + sum(
        number > 1 for number in Counter(_MARK.findall(run.added)).values()
    )


def _lost(run: _Run) -> int:
    """Count entries and gaps of the ledger that the answer does not mark, and true ones that did not reach it."""
    named = {*_MARK.findall(run.state["answer"])}
    held = {each["id"] for each in (*run.state["disagreements"], *run.state["gaps"])}
    meant = {entry["id"] for entry in run.said["disagreements"]} - {"D9"}
    return len(held - named) + len(meant - held)


def _thrown_away(run: _Run) -> int:
    """Count the synthesis calls beyond one for the answer and one for the follow-ups, which writes none."""
    first = run.request.first
    calls: int = run.state["spend"]["by_role"]["synthesiser"]["calls"]
    return calls - (2 if first else 1) + bool(first and first["answer"])
