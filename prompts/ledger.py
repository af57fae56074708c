"""Ledger: the synthesiser's reply, read item by item so that one bad item costs only itself."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from prompts import keys
from prompts.fields import NotAPlan, clean, is_echo, looks_nested
from prompts.lenient import CutDict, CutList, CutStr
from prompts.replies import Disagreement, FollowUp, Gap, Position, Synthesis
from prompts.shapes import Shapes

ANSWER = ("answer", "finalanswer", "synthesis", "response", "report", "markdown", "result", "text", "content", "output")
DISAGREEMENTS = ("disagreements", "disagreement", "conflicts", "contradictions", "conflict")
GAPS = ("gaps", "gap", "missing", "omissions")
FOLLOW_UPS = ("followups", "followup", "furthersubtasks", "nextsubtasks", "followuptasks", "followupsubtasks")
SUBTASK_ID = ("subtaskid", "subtask", "id", "taskid", "source", "sid", "worker")
NOTHING = frozenset(("", "none", "null", "nil", "n/a", "na", "unresolved", "open", "-", "–", "—"))
DEPTH = 5


def find(value: Any, nested: Callable[[str], Any], level: int = 0) -> dict[str, Any] | None:  # noqa: D417, PLR0911
    """Find the object that has an answer (or, cut off before it, a ledger), the outermost first.

    Args:
        nested: reads a string as JSON again, None when it holds none.
    """
    if level > DEPTH:
        return None
    if looks_nested(value):
        return find(nested(value), nested, level + 1)
    if isinstance(value, dict):
        if "properties" in value or "$schema" in value:
            return None
        if isinstance(pick(value, ANSWER[:2]), str) or (
            pick(value, ("disagreements",)) is not None or pick(value, GAPS[:1]) is not None
        ):
            return value
        inner = [
            find(one, nested, level + 1) for one in value.values() if isinstance(one, dict | list) or looks_nested(one)
        ]
        found = next((one for one in inner if one is not None), None)
        if found is not None:
            return found
        return value if level == 0 and isinstance(pick(value, ANSWER[2:6]), str) else None
    if isinstance(value, list) and len(value) <= 3:  # noqa: PLR2004
        return next((found for one in reversed(value) if (found := find(one, nested, level + 1)) is not None), None)
    return None


def pick(value: dict[str, Any], names: Iterable[str]) -> Any:
    """Give the value under the first of several names, spelt in any way."""
    folded = {keys.plain(key): one for key, one in reversed(value.items())}
    return next((folded[name] for name in names if name in folded), None)


def words(raw: Any) -> str:
    """Give a value as clean text; lists are joined, what is no text is empty."""
    if isinstance(raw, bool) or raw is None or isinstance(raw, CutStr):
        return ""
    if isinstance(raw, str | int | float):
        return clean(str(raw))
    if isinstance(raw, list):
        return ", ".join(filter(None, map(words, raw)))
    return ""


def subtask_id(raw: Any) -> str:
    """Spell a subtask's id as we do: "s1", "S1:", "[S1]", "Subtask 1" and 1 are S1."""
    text = words(raw)
    match = re.fullmatch(r"\W*(?:s|sub-?task|task|id)?[\s_#-]*(\d{1,4})\W*", text, re.IGNORECASE)
    return f"S{int(match[1])}" if match else text.strip("[]():. ")


def synthesis(value: dict[str, Any], answer: str) -> Synthesis:
    """Put the ledger and the answer together; items the text ended in are left out."""
    return Synthesis(
        disagreements=list(filter(None, map(_disagreement, _items(pick(value, DISAGREEMENTS))))),
        gaps=list(filter(None, map(_gap, _items(pick(value, GAPS))))),
        follow_ups=list(_follow_ups(_items(pick(value, FOLLOW_UPS)))),
        answer=answer,
    )


def answer_of(value: dict[str, Any]) -> Any:
    """Give the answer as it stands: text, half a text (CutStr), or None."""
    raw = pick(value, ANSWER)
    if isinstance(raw, dict):
        raw = pick(raw, ("text", "markdown", "content", "answer"))
    if isinstance(raw, list) and raw and all(isinstance(one, str) for one in raw):
        joined = "\n\n".join(raw)
        return CutStr(joined) if isinstance(raw, CutList) else joined
    return raw if isinstance(raw, str) else None


def _items(raw: Any) -> list[Any]:
    if isinstance(raw, dict | str):
        raw = [raw]
    if not isinstance(raw, list):
        return []
    return [one for one in raw if not isinstance(one, CutDict | CutList | CutStr)]


def _disagreement(raw: Any) -> Disagreement | None:
    if isinstance(raw, str):
        return Disagreement(topic=words(raw)) if words(raw).casefold() not in NOTHING else None
    if not isinstance(raw, dict):
        return None
    positions = list(filter(None, map(_position, _positions(pick(raw, ("positions", "claims", "sides", "views"))))))
    topic = words(pick(raw, ("topic", "issue", "subject", "title", "what", "about", "description")))
    resolution = words(pick(raw, ("resolution", "resolved", "resolvedas", "decision")))
    if (not topic and not positions) or is_echo(topic):
        return None
    return Disagreement(
        topic=topic or positions[0].claim,
        positions=positions,
        resolution=None if resolution.casefold().rstrip(".") in NOTHING else resolution,
    )


def _positions(raw: Any) -> list[Any]:
    if isinstance(raw, dict) and pick(raw, ("claim", "position")) is None:  # {"S1": "claim", …}
        return [
            {**one, "subtask_id": key} if isinstance(one, dict) else {"subtask_id": key, "claim": one}
            for key, one in raw.items()
        ]
    return _items(raw)


def _position(raw: Any) -> Position | None:
    if isinstance(raw, str):
        match = re.match(r"\W*(s\d{1,4})\W+(.+)", raw, re.IGNORECASE | re.DOTALL)
        return Position(subtask_id=match[1].upper(), claim=clean(match[2])) if match else None
    if not isinstance(raw, dict):
        return None
    claim = words(pick(raw, ("claim", "position", "statement", "view", "text", "says")))
    quote = words(pick(raw, ("quote", "quotation", "evidence", "excerpt")))
    name = subtask_id(pick(raw, SUBTASK_ID))
    if not name or not (claim or quote):
        return None
    return Position(subtask_id=name, claim=claim or quote, quote=quote)


def _gap(raw: Any) -> Gap | None:
    if isinstance(raw, str):
        return Gap(what=words(raw)) if words(raw).casefold() not in NOTHING else None
    if not isinstance(raw, dict):
        return None
    what = words(pick(raw, ("what", "gap", "missing", "description", "topic", "issue", "text")))
    why = words(pick(raw, ("why", "reason", "cause", "because", "explanation")))
    if not what and not why:
        return None
    name = subtask_id(pick(raw, SUBTASK_ID))
    return Gap(subtask_id=name if name.casefold() not in NOTHING else None, what=what or why, why=why)


def _follow_ups(items: list[Any]) -> Iterable[FollowUp]:
    for item in items:
        try:
            reading = Shapes(lambda _: None, strictly=True).read(item)
        except NotAPlan:
            continue
        for one in reading.subtasks:
            yield FollowUp(specialist=one.specialist, task=one.task)
