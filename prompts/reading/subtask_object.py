"""Subtask object: who and what in one JSON object, whatever its keys are called."""

from typing import Any

from prompts.reading import vocabulary
from prompts.reading.cut import is_cut
from prompts.reading.strings import clean, is_echo
from prompts.replies import Subtask

NEITHER = "it has neither subtasks nor a specialist and a task"


class NotAPlan(Exception):
    """A value that is no plan, and why, worded for the model."""


def specialist_of(value: dict[str, Any], *, sure: bool = False) -> str | None:
    """Give who an object's work is for, None where that is missing or could be two."""
    ranked: dict[int, dict[str, str]] = {0: {}, 1: {}}
    for key, raw in value.items():
        rank, name = vocabulary.specialist_rank(key), (name_of(raw) or "").strip()
        if rank is None or not name:
            continue
        if rank == 0 or vocabulary.key_form(name) not in vocabulary.GENERIC:
            ranked[rank][vocabulary.key_form(key)] = name
    names = ranked[0] or ({} if sure else ranked[1])
    if len(set(names.values())) == 1:
        return next(iter(names.values()))
    return next((names[key] for key in ("specialist", "agent", "worker") if key in names), None)


def task_of(value: dict[str, Any]) -> str | None:
    """Give an object's work, under the surest key or as the only long text that is left; None where it is missing."""
    ranked = [
        (rank, key, text)
        for key, raw in value.items()
        if (rank := vocabulary.task_rank(key)) is not None and (text := text_of(raw) or "").strip()
    ]
    if ranked:
        return min(ranked)[2]
    if not any(vocabulary.specialist_rank(key) == 0 for key in value):
        return None
    rest = [raw for key, raw in value.items() if not vocabulary.names_a_part(key) and is_prose(raw)]
    return text_of(rest[0]) if len(rest) == 1 else None


def text_of(raw: Any) -> str | None:
    """Give a value as text: a whole string, a list of strings (one a line), {"description": …} and nothing else."""
    if is_cut(raw):
        return None
    if isinstance(raw, list) and raw and is_strings(raw):
        return "\n".join(raw)
    if isinstance(raw, dict) and len(raw) == 1:
        ((key, raw),) = raw.items()
        raw = raw if vocabulary.task_rank(key) is not None else None
    return raw if isinstance(raw, str) and not is_cut(raw) else None


def name_of(raw: Any) -> str | None:
    """Give a value as a specialist's name: a whole string, or {"name": …}."""
    if isinstance(raw, dict):
        raw = next((name for key, name in raw.items() if vocabulary.key_form(key) in {"name", "type", "role"}), None)
    return raw if isinstance(raw, str) and not is_cut(raw) else None


def is_yes(raw: Any) -> bool:
    """Say whether a value is true, or a word for it."""
    return raw is True or (isinstance(raw, str) and raw.strip(" *\"'").casefold() in {"true", "yes", "1"})


def subtask_of(value: dict[str, Any]) -> Subtask | None:
    """Read {specialist, task}; None where one is missing or the text ended in the object.

    Raises:
        NotAPlan: one is empty or a placeholder.
    """
    who, what = specialist_of(value), task_of(value)
    if is_cut(value) or not who or not what:
        return None
    who, what = clean(who), clean(what)
    if not who or not what:
        raise NotAPlan("a specialist or a task is empty")
    if is_echo(who) or is_echo(what):
        raise NotAPlan("it holds placeholders instead of specialists and tasks")
    flags = (raw for key, raw in value.items() if vocabulary.asks_cross_check(key))
    return Subtask(specialist=who, task=what, cross_check=any(map(is_yes, flags)))


def flawed(value: Any) -> Subtask | None:
    """Give an item of a plan whose specialist or task is empty or a placeholder (None: it is no item of a plan).

    Beside items that are whole it is part of what the model planned: leaving it out, with the reason, is the
    validator's business. Dots for both are no item: they stand for items that the model did not write.
    """
    if not isinstance(value, dict):
        return None
    names = [raw for key, raw in value.items() if vocabulary.specialist_rank(key) == 0]
    tasks = [raw for key, raw in value.items() if vocabulary.task_rank(key) is not None]
    if not (names or tasks) or any(isinstance(raw, dict | list) for raw in (*names, *tasks)):
        return None
    who, what = (next((clean(str(raw)) for raw in raws if raw is not None), "") for raws in (names, tasks))
    return None if {who, what} <= {"...", "…"} else Subtask(specialist=who, task=what)


def is_name(key: str) -> bool:
    """Say whether a key may be a specialist's name."""
    return bool(key.strip()) and len(key) <= 80 and len(key.split()) <= 8 and not vocabulary.names_a_part(key)  # noqa: PLR2004


def is_prose(raw: Any) -> bool:
    """Say whether a value is a text of more than one word (or written without spaces between words)."""
    if not isinstance(raw, str):
        return False
    text = raw[:200]
    return len(text.split()) > 1 or (not text.isascii() and len(text.strip()) > 3)  # noqa: PLR2004


def is_strings(value: Any) -> bool:
    """Say whether a value is a list of strings."""
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def looks_nested(value: Any) -> bool:
    """Say whether a string is JSON itself."""
    return isinstance(value, str) and value.lstrip("\ufeff \n\r\t`json")[:1] in {"{", "["}


def missing(value: dict[str, Any]) -> str:
    """Say what an object lacks to be a subtask."""
    who, what = specialist_of(value), task_of(value)
    if who and not what:
        return "a subtask has no task"
    return "a subtask has no specialist" if what and not who else NEITHER
