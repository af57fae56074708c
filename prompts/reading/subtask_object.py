"""Fields: who and what in one JSON object, whatever its keys are called."""

import re
from typing import Any

from prompts.reading import vocabulary
from prompts.reading.near_json import CutDict, CutList, CutStr
from prompts.replies import Subtask

SCHEMA_WORDS = frozenset(
    ("string", "str", "object", "array", "integer", "int", "boolean", "bool", "number", "null", "text", "any")
)
ECHO = re.compile(
    r"<[^<>]*>|\{+[^{}]*\}+|\[[^\[\]]*\]|\.{2,}|…|_+|-+|\(\.\.\.\)|(?:your|the|a|an) [\w ]{3,30} here", re.IGNORECASE
)
GENERIC = frozenset(
    (
        "task",
        "subtask",
        "specialist",
        "agent",
        "worker",
        "expert",
        "role",
        "function",
        "object",
        "item",
        "step",
        "person",
        "ai",
    )
)
REFUSED = re.compile(
    r"\b(?:sorry|cannot|can[’']?t|unable to|won[’']t|refuse|unfortunately|as an ai|leider|kann nicht|désolé|lo siento|no puedo|je ne peux)\b"
    r"|抱歉|无法|無法|できません|申し訳|извините|не могу|죄송",
    re.IGNORECASE,
)
# A terminal's escape sequences, whole: without its first character the rest would stay as litter.
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


NEITHER = "it has neither subtasks nor a specialist and a task"


class NotAPlan(Exception):
    """A value that is no plan, and why, worded for the model."""


def clean(text: str) -> str:
    """Make a string safe to keep: no control characters but newline and tab, no lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return CONTROL.sub("", SEQUENCE.sub("", text)).strip()


def refuse_schema(value: dict[str, Any]) -> None:
    """Raise NotAPlan for a JSON schema: an echo of the question, not an answer."""
    names = set(value)
    kind = value.get("type")
    if (
        "properties" in names
        or "$schema" in names
        or "$ref" in names
        or "$defs" in names
        or (isinstance(value.get("parameters"), dict) and "name" in names and "description" in names)
        or "input_schema" in names
    ):
        raise NotAPlan("it repeats a schema instead of giving a plan")
    if (
        isinstance(kind, str)
        and kind.casefold() in SCHEMA_WORDS
        and names
        <= {
            "type",
            "description",
            "items",
            "enum",
            "title",
            "default",
            "required",
            "minItems",
            "maxItems",
            "format",
            "minLength",
        }
    ):
        raise NotAPlan("it repeats a schema instead of giving a plan")


def specialist_of(value: dict[str, Any], *, sure: bool = False) -> str | None:
    """Give who an object's work is for, None where that is missing or could be two."""
    ranked: dict[int, list[str]] = {0: [], 1: []}
    best = task_key(value)
    for key, raw in value.items():
        rank = vocabulary.specialist(key)
        text = text_of(raw, name=True)
        if rank is None or text is None or key == best or not text.strip():
            continue
        if rank == 0 or plain_word(text) not in GENERIC:
            ranked[rank].append(text)
    if ranked[0]:
        return ranked[0][0] if len(set(ranked[0])) == 1 else _first_choice(value)
    return None if sure or len(set(ranked[1])) != 1 else ranked[1][0]


def _first_choice(value: dict[str, Any]) -> str | None:
    """Choose between several sure keys: the one we asked for, or none."""
    for wanted in ("specialist", "agent", "worker"):
        for key, raw in value.items():
            if vocabulary.plain(key) == wanted and isinstance(raw, str):
                return raw
    return None


def task_key(value: dict[str, Any]) -> str | None:
    """Name the key that holds the work: the surest, or the only long text that is left."""
    ranked = sorted((rank, key) for key in value if (rank := vocabulary.task(key)) is not None and usable(value[key]))
    if ranked:
        return ranked[0][1]
    if not any(vocabulary.specialist(key) == 0 for key in value):
        return None
    rest = [key for key, raw in value.items() if isinstance(raw, str) and not known(key) and is_prose(raw)]
    return rest[0] if len(rest) == 1 else None


def task_of(value: dict[str, Any]) -> str | None:
    """Give an object's work, None where it is missing."""
    key = task_key(value)
    return None if key is None else text_of(value[key])


def usable(raw: Any) -> bool:
    """Say whether a value can be a task."""
    text = text_of(raw)
    return text is not None and bool(text.strip())


def text_of(raw: Any, *, name: bool = False) -> str | None:
    """Give a value as text: a whole string, a list of strings (one a line), a specialist's {"name": …}."""
    if isinstance(raw, CutStr | CutList | CutDict):
        return None
    if isinstance(raw, str):
        return raw
    if isinstance(raw, list) and is_strings(raw) and raw:
        return "\n".join(raw) if not name or len(raw) == 1 else None
    if isinstance(raw, dict) and name:
        return next(
            (
                one
                for key, one in raw.items()
                if vocabulary.plain(key) in {"name", "type", "role"} and isinstance(one, str)
            ),
            None,
        )
    return None


def flag_of(value: dict[str, Any]) -> bool:
    """Say whether the work is to be done twice on purpose."""
    flags = [raw for key, raw in value.items() if vocabulary.cross_check(key)]
    return any(
        raw is True or raw == 1 or (isinstance(raw, str) and raw.casefold().strip() in {"true", "yes", "1"})
        for raw in flags
    )


def flawed(value: Any) -> Subtask | None:
    """Give an item of a plan whose specialist or task is empty or a placeholder (None: it is no item of a plan).

    Beside items that are whole it is part of what the model planned: leaving it out, with the reason, is the
    validator's business.
    """
    if not isinstance(value, dict) or isinstance(value, CutDict):
        return None
    names = [raw for key, raw in value.items() if vocabulary.specialist(key) == 0]
    tasks = [raw for key, raw in value.items() if vocabulary.task(key) is not None]
    if not (names or tasks) or any(isinstance(raw, dict | list) for raw in (*names, *tasks)):
        return None
    who, what = (next((clean(str(raw)) for raw in raws if raw is not None), "") for raws in (names, tasks))
    return Subtask(specialist=who, task=what)


def subtask(who: str, what: str, cross_check: bool = False) -> Subtask:  # noqa: FBT001, FBT002
    """Make a subtask of clean strings; raise NotAPlan for an empty one or a placeholder."""
    who, what = clean(who), clean(what)
    if not who or not what:
        raise NotAPlan("a specialist or a task is empty")
    if (
        is_echo(who)
        or is_echo(what)
        or plain_word(who) in GENERIC - {"ai", "person"}
        or what.casefold() in SCHEMA_WORDS
    ):
        raise NotAPlan("it holds placeholders instead of specialists and tasks")
    return Subtask(specialist=who, task=what, cross_check=cross_check)


def is_echo(text: str) -> bool:
    """Say whether a text stands for another: <name>, {task}, "…", "string"."""
    return (len(text) < 200 and ECHO.fullmatch(text) is not None) or text.casefold() in {"string", "str"}  # noqa: PLR2004


def plain_word(text: str) -> str:
    """Fold a short text for comparison."""
    return vocabulary.plain(text[:60])


def known(key: str) -> bool:
    """Say whether a key has a meaning of its own that is not who or what."""
    return vocabulary.specialist(key) is not None or vocabulary.other(key) or vocabulary.cross_check(key)


def is_name(key: str) -> bool:
    """Say whether a key may be a specialist's name."""
    part = (
        vocabulary.specialist(key) is not None
        or vocabulary.task(key) is not None
        or vocabulary.wrapper(key) is not None
        or vocabulary.cross_check(key)
    )
    return (
        bool(key.strip())
        and len(key) <= 80  # noqa: PLR2004
        and len(key.split()) <= 8  # noqa: PLR2004
        and not (part or vocabulary.other(key) or vocabulary.numbered(key))
    )


def is_prose(text: str) -> bool:
    """Say whether a text has more than one word (or is written without spaces between words)."""
    text = text[:200]
    return len(text.split()) > 1 or (not text.isascii() and len(text.strip()) > 3)  # noqa: PLR2004


def is_strings(value: Any) -> bool:
    """Say whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def is_pairs(items: list[Any]) -> bool:
    """Say whether a list is made of [specialist, task] pairs."""
    whole = [item for item in items if not isinstance(item, CutList)]
    rows = whole or items
    return (
        bool(rows)
        and all(
            isinstance(row, list)
            and len(row) in {2, 3}
            and is_strings(row[:2])
            and not any(looks_nested(one) for one in row)
            and not is_strings(row[2:3] or [1])
            for row in whole
        )
        and all(is_strings(row) for row in rows[-1:] if isinstance(row, CutList))
        and all(isinstance(row, list) for row in rows)
    )


def is_table(items: list[Any]) -> bool:
    """Say whether a list is rows under a row of column names."""
    if len(items) < 2 or not is_strings(items[0]) or not all(isinstance(row, list) for row in items):  # noqa: PLR2004
        return False
    who = [key for key in items[0] if vocabulary.specialist(key) is not None]
    what = [key for key in items[0] if vocabulary.task(key) is not None]
    return (
        len(who) == 1 and len(what) == 1 and all(isinstance(row, CutList) or len(row) == len(items[0]) for row in items)
    )


def holds_objects(value: Any) -> bool:
    """Say whether a list holds objects that name a specialist or a task."""
    return isinstance(value, list) and any(
        isinstance(one, dict) and any(vocabulary.specialist(key) == 0 for key in one) for one in value
    )


def looks_nested(value: Any) -> bool:
    """Say whether a string is JSON itself."""
    return (
        isinstance(value, str) and value.lstrip("\ufeff \n\r\t`json")[:1] in {"{", "["}
        if isinstance(value, str) and value
        else False
    )


def missing(value: dict[str, Any]) -> str:
    """Say what an object lacks to be a subtask."""
    who, what = specialist_of(value), task_of(value)
    if who and not what:
        return "a subtask has no task"
    if what and not who:
        return "a subtask has no specialist"
    return NEITHER
