"""Earlier: the run that a message goes on from, as it is given, and as much of it as its planner is shown."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nodes.errors import BadRequest
from nodes.specialists import Result
from nodes.state import Earlier, Outcome
from prompts import fence, render

SIZE_LIMIT = 2_000_000  # characters of a run that is gone on from
LEAST = 400  # bytes of each result that are shown in any case
FINISHED = ("done", "partial")
_FORM = "after is the state of a run that has ended: its request, plan, outcomes and answer"


def read_earlier(given: object, message: str) -> Earlier | None:
    """Read the run that a message goes on from; of what is given, no more is taken than is used.

    Args:
        given: the public state of a run; None: there was none before.
        message: that goes on from it.

    Raises:
        BadRequest: it is no such state, too big, or nothing came of it.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping) or not isinstance(given.get("request"), str):
        raise BadRequest(f"{_FORM}, got {type(given).__name__}")
    outcomes = [_outcome(outcome) for outcome in given.get("outcomes") or []]
    answer, plan = given.get("answer") or "", given.get("plan") or {}
    if not outcomes and not answer:
        raise BadRequest(
            "there is nothing to go on from: that run has no result. Resume it, or give the whole request anew"
        )
    frame = given.get("frame") or (plan.get("frame") if isinstance(plan, Mapping) else None)
    earlier = Earlier(
        request=given["request"], frame=dict(frame or {}), outcomes=outcomes, answer=str(answer), message=message
    )
    if len(json.dumps(earlier)) > SIZE_LIMIT:
        raise BadRequest(f"the run to go on from is too big; {SIZE_LIMIT:,} characters are the most")
    return earlier


def shown(earlier: Earlier, room: float) -> str:
    """Write out the message and the run before it, each result cut to its share of the room (bytes)."""
    texts = [earlier["answer"], *(outcome["output"] for outcome in earlier["outcomes"])]
    share = int(max(LEAST, min(room, 10 * SIZE_LIMIT) / len(texts)))
    frame = render("frame", frame=earlier["frame"]) if earlier["frame"] else "(nothing)"
    parts = [fence("request", earlier["request"]), fence("frame", frame)]
    for outcome in earlier["outcomes"]:
        head = f"{outcome['id']}, {outcome['specialist']}, {outcome['status']}"
        parts.append(f"{head}\n{fence('task', outcome['task'])}\n{fence('result', _cut(_text(outcome), share))}")
    parts += [fence("answer", _cut(earlier["answer"], share)), fence("message", earlier["message"])]
    return "\n\n".join(parts)


def kept(earlier: Earlier, names: Sequence[str]) -> list[Outcome]:
    """Give the results that are used again: finished ones of these ids."""
    wanted = {name.strip("[] ").upper() for name in names}
    return [
        outcome
        for outcome in earlier["outcomes"]
        if outcome["id"] in wanted and outcome["status"] in FINISHED and outcome["output"]
    ]


def _text(outcome: Outcome) -> str:
    return outcome["output"] or f"(nothing: {outcome['error']})"


def _cut(text: str, room: int) -> str:
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= room else f"{raw[:room].decode('utf-8', 'ignore')} [… cut]"


def _outcome(given: Any) -> Outcome:
    """Take one outcome; what it cost was paid in its own run.

    Raises:
        BadRequest: it is none.
    """
    texts = ("id", "specialist", "task", "status", "output")
    if not isinstance(given, Mapping) or not all(isinstance(given.get(key), str) for key in texts):
        raise BadRequest(f"{_FORM}; an outcome has {', '.join(texts)}")
    if not re.fullmatch(r"S[1-9]\d{0,5}", given["id"]):
        raise BadRequest(f"{_FORM}; {given['id'][:40]!r} is no id of a subtask")
    error = str(given["error"]) if given.get("error") else None
    sources = [str(source) for source in given.get("sources") or []]
    return Result(given["status"], given["output"], error, data=given.get("data"), sources=sources).of(given, 1, "")
