"""Synthesis: ledger and answer of the synthesiser's reply, read item by item so that one bad item costs only itself."""

import re
from collections.abc import Callable, Collection, Iterable
from itertools import count
from typing import Any, TypeVar

from prompts.reading import vocabulary
from prompts.reading.cut import CutList, CutStr, is_cut
from prompts.reading.json_plan import JsonPlanReader
from prompts.reading.strings import clean, is_echo, shortened
from prompts.reading.subtask_object import is_strings, looks_nested
from prompts.replies import Disagreement, FollowUp, Gap, Position, Status, Synthesis

ANSWER = ("answer", "finalanswer", "synthesis", "response", "report", "markdown", "result", "text", "content", "output")
DISAGREEMENTS = ("disagreements", "disagreement", "conflicts", "contradictions", "conflict")
GAPS = ("gaps", "gap", "missing", "omissions")
FOLLOW_UPS = ("followups", "followup", "furthersubtasks", "nextsubtasks", "followuptasks", "followupsubtasks")
SUBTASK_ID = ("subtaskid", "subtask", "taskid", "source", "sid", "worker")
RESOLUTION = ("resolution", "resolved", "resolvedas", "decision")
SETTLES = ("settles", "settle", "resolves", "fills", "ids", "entries")
THE_REQUEST = frozenset(("request", "therequest", "userrequest", "originalrequest", "user"))
STATUS: dict[str, Status] = {
    "kept": "kept", "keep": "kept", "open": "kept", "unresolved": "kept",
    "settled": "settled", "resolved": "settled",
    "withdrawn": "withdrawn", "withdraw": "withdrawn", "dropped": "withdrawn", "removed": "withdrawn",
}  # fmt: skip
NOTHING = frozenset(("", "none", "null", "nil", "n/a", "na", "unresolved", "open", "-", "–", "—"))
DEPTH = 5
ITEMS = 200  # of one list; no honest ledger is longer
TITLE, WORDS = 400, 2_000  # characters of a topic and of any other text: what compares them is super-linear

T = TypeVar("T", Disagreement, Gap)


def synthesis_object(value: Any, nested: Callable[[str], Any], level: int = 0) -> dict[str, Any] | None:
    """Find the object that has an answer (or, cut off before it, a ledger), the outermost first.

    `nested` reads a string as JSON again, None when it holds none.
    """
    if looks_nested(value):
        value = nested(value)
    if level > DEPTH or not isinstance(value, dict | list) or (isinstance(value, dict) and "properties" in value):
        return None
    if isinstance(value, dict) and _has_ledger_or_answer(value):
        return value
    parts = reversed(value[:3]) if isinstance(value, list) else iter(value.values())
    nearest = next(filter(None, (synthesis_object(part, nested, level + 1) for part in parts)), None)
    lone = nearest is None and level == 0 and isinstance(value, dict) and isinstance(pick(value, ANSWER[2:6]), str)
    return value if lone else nearest  # type: ignore[return-value]  # a dict where it is alone


def _has_ledger_or_answer(value: dict[str, Any]) -> bool:
    ledger = (pick(value, names[:1]) for names in (DISAGREEMENTS, GAPS, FOLLOW_UPS))
    return isinstance(pick(value, ANSWER[:2]), str) or any(part is not None for part in ledger)


def pick(value: dict[str, Any], names: Iterable[str]) -> Any:
    """Give the value under the first of several names, spelt in any way."""
    folded = {vocabulary.key_form(key): raw for key, raw in reversed(value.items())}
    return next((folded[name] for name in names if name in folded), None)


def words(raw: Any) -> str:
    """Give a value as clean text; lists are joined, what is no text is empty."""
    if isinstance(raw, list):
        return ", ".join(filter(None, (words(entry) for entry in raw if not isinstance(entry, list))))
    return clean(str(raw)) if isinstance(raw, str | int | float) and not isinstance(raw, bool | CutStr) else ""


def _numbered(raw: Any, letter: str, names: str = "") -> str:
    """Spell an id as we do: "d1", "[D1]", "D-1" and 1 are D1; "" where it is none."""
    match = re.fullmatch(rf"\W*(?:{letter}{names})?[\s_#-]*(\d{{1,4}})\W*", words(raw)[:40], re.IGNORECASE)
    return f"{letter}{int(match[1])}" if match else ""


def _side(raw: Any) -> str:
    """Spell a side as we do: "S1:", "Subtask 1" and 1 are S1; "the request" is "request"."""
    text = words(raw)[:80]
    if vocabulary.key_form(text) in THE_REQUEST:
        return "request"
    return _numbered(text, "S", "|sub-?task|task|id") or text.strip("[]():. ")


def read_synthesis(value: dict[str, Any], answer: str, taken: Collection[str] = ()) -> Synthesis:
    """Put the ledger and the answer together; items the text ended in are left out."""
    disagreements = list(filter(None, map(_disagreement, _items(pick(value, DISAGREEMENTS)))))
    gaps = list(filter(None, map(_gap, _items(pick(value, GAPS)))))
    return Synthesis(
        disagreements=_with_ids(disagreements, "D", taken),
        gaps=_with_ids(gaps, "G", taken),
        follow_ups=list(_follow_ups(_items(pick(value, FOLLOW_UPS)))),
        answer=answer,
    )


def _with_ids(entries: list[T], letter: str, taken: Collection[str]) -> list[T]:
    """Give an id to each entry that has none, or one that another has already."""
    named = {*taken, *(entry.id for entry in entries)}
    fresh = (name for number in count(1) if (name := f"{letter}{number}") not in named)
    made: dict[str, T] = {}
    for entry in entries:
        new = not entry.id or entry.id in made
        made[next(fresh) if new else entry.id] = entry
    return [entry.model_copy(update={"id": name}) for name, entry in made.items()]


def answer_of(value: dict[str, Any]) -> Any:
    """Give the answer as it stands: text, half a text (CutStr), or None."""
    raw = pick(value, ANSWER)
    if isinstance(raw, list) and raw and is_strings(raw):
        joined = "\n\n".join(raw)
        return CutStr(joined) if isinstance(raw, CutList) else joined
    return raw if isinstance(raw, str) else None


def _items(raw: Any) -> list[Any]:
    items = [raw] if isinstance(raw, dict | str) else raw
    return [item for item in items[:ITEMS] if not is_cut(item)] if isinstance(items, list) else []


def _disagreement(raw: Any) -> Disagreement | None:
    if isinstance(raw, str):
        return Disagreement(topic=words(raw)) if words(raw).casefold() not in NOTHING else None
    if not isinstance(raw, dict):
        return None
    positions = list(filter(None, map(_position, _positions(pick(raw, ("positions", "claims", "sides", "views"))))))
    topic = words(pick(raw, ("topic", "issue", "subject", "title", "what", "about", "description")))
    name = _numbered(pick(raw, ("id",)), "D")
    status = _status(raw)
    if is_echo(topic) or not (topic or positions or (name and status)):
        return None
    return Disagreement(
        id=name,
        topic=shortened(topic or (positions[0].claim if positions else ""), TITLE),
        positions=positions,
        resolution=_said(pick(raw, RESOLUTION if status in {None, "kept"} else (*RESOLUTION, "reason", "why", "how"))),
        suggestion=_said(pick(raw, ("suggestion", "suggested", "default", "recommendation"))),
        **({"status": status} if status else {}),
    )


def _status(raw: dict[str, Any]) -> Status | None:
    return STATUS.get(vocabulary.key_form(words(pick(raw, ("status", "state")))[:40]))


def _said(raw: Any) -> str | None:
    text = words(raw)
    return None if text[:20].casefold().rstrip(".") in NOTHING else shortened(text, WORDS)


def _positions(raw: Any) -> list[Any]:
    if isinstance(raw, dict) and pick(raw, ("claim", "position")) is None:  # {"S1": "claim", …}
        return [
            {**said, "subtask_id": side} if isinstance(said, dict) else {"subtask_id": side, "claim": said}
            for side, said in raw.items()
        ]
    return _items(raw)


def _position(raw: Any) -> Position | None:
    if not isinstance(raw, dict):
        return None
    claim = words(pick(raw, ("claim", "position", "statement", "view", "text", "says")))
    quote = words(pick(raw, ("quote", "quotation", "evidence", "excerpt")))
    name = _side(pick(raw, (*SUBTASK_ID, "id")))
    if not name or not (claim or quote):
        return None
    return Position(subtask_id=name, claim=shortened(claim or quote, WORDS), quote=quote[:WORDS])


def _gap(raw: Any) -> Gap | None:
    if isinstance(raw, str):
        return Gap(what=words(raw)) if words(raw).casefold() not in NOTHING else None
    if not isinstance(raw, dict):
        return None
    what = words(pick(raw, ("what", "gap", "missing", "description", "topic", "issue", "text")))
    why = words(pick(raw, ("why", "reason", "cause", "because", "explanation")))
    name = _numbered(pick(raw, ("id",)), "G")
    if not (what or why or name):
        return None
    of = _side(pick(raw, SUBTASK_ID))
    return Gap(
        id=name,
        subtask_id=of if of.casefold() not in NOTHING else None,
        what=shortened(what or why, WORDS),
        why=shortened(why, WORDS),
        status=_status(raw) or "kept",
    )


def _follow_ups(items: list[Any]) -> Iterable[FollowUp]:
    for item in items:
        plan = JsonPlanReader().read_any(item)
        settles = words(pick(item, SETTLES)) if isinstance(item, dict) else ""
        named = re.findall(r"\b([DG])[ _#-]?(\d{1,4})\b", settles[:TITLE].upper())
        ids = list(dict.fromkeys(f"{letter}{int(number)}" for letter, number in named))
        for subtask in plan.subtasks if plan else ():
            yield FollowUp(specialist=subtask.specialist, task=subtask.task, settles=ids)
