"""JSON plan: the forms in which models write a plan as JSON, read as subtasks."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from prompts.reading import vocabulary
from prompts.reading.cut import CutDict, CutList, is_cut
from prompts.reading.frame import frame_of, why_of
from prompts.reading.subtask_object import (
    NotAPlan,
    flawed,
    is_name,
    is_prose,
    is_strings,
    looks_nested,
    missing,
    specialist_of,
    subtask_of,
    text_of,
)
from prompts.replies import Subtask

DEPTH = 12
NAMED = re.compile(r"\A([^:：\n]{1,60})[:：]\s?(.+)", re.DOTALL)


@dataclass(frozen=True)
class ParsedPlan:
    """A plan as read.

    Attributes:
        source: native when strict JSON gave it.
        truncated: the reply was cut; only its complete subtasks are here.
        frame: what several tasks share, {} where there is none: plain JSON with keys of the model's own, whose values
            are text, numbers, true or false, or small objects of such. Usual keys: date, hours, place, headcount,
            budget {total, currency, shares {part: amount}}.
        why: why there are so few or so many subtasks.
        single: it is one object, which may be one subtask of several.
    """

    subtasks: tuple[Subtask, ...]
    source: Literal["native", "repaired"] = "native"
    truncated: bool = False
    frame: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    single: bool = False


class JsonPlanReader:
    """Reads the plans in one reply's values; `nested` reads a string as JSON again, None when it holds none."""

    def __init__(self, nested: Callable[[str], Any | None] = lambda _: None) -> None:
        self.nested = nested

    def read(self, value: Any, level: int = 0) -> ParsedPlan:
        """Read a value as a plan, or raise NotAPlan with the reason."""
        if level > DEPTH:
            raise NotAPlan("it is nested too deeply")
        if isinstance(value, str):
            plan = self.read(self.nested(value), level + 1)
        elif isinstance(value, dict):
            plan = self._object(value, level)
        elif isinstance(value, list):
            plan = self._items(_rows(value), level)
        else:
            raise NotAPlan("it is neither an object nor a list")
        return replace(plan, truncated=plan.truncated or is_cut(value))

    def read_any(self, value: Any, level: int = 0) -> ParsedPlan | None:
        """Read a value as a plan; None where it is none."""
        try:
            return self.read(value, level)
        except NotAPlan:
            return None

    def _object(self, value: dict[str, Any], level: int) -> ParsedPlan:
        """Read columns, a plan under a known key, one subtask, {specialist: task}, or plans under unknown keys."""
        columns = _columns(value)
        plan = (columns and self._items(columns, level)) or self._wrapped(value, level)
        if plan is None:
            alone = subtask_of(value)
            if alone:
                return ParsedPlan((alone,), single=True)
            plan = (len(value) > 1 and _owned(value)) or self._inside(value, level)
        if not plan:
            raise NotAPlan(missing(value))
        if {"specialist", "task"} <= {vocabulary.key_form(key) for key in value}:
            raise NotAPlan("a subtask stands outside the list")
        return replace(plan, frame=plan.frame or frame_of(value), why=plan.why or why_of(value))

    def _wrapped(self, value: dict[str, Any], level: int) -> ParsedPlan | None:
        """Read {"subtasks": …}, {"plan": {…}}, a tool call's arguments: the best known key that holds a plan."""
        ranked = sorted((rank, key) for key in value if (rank := vocabulary.wrapper_rank(key)) is not None)
        single: ParsedPlan | None = None
        for _, key in ranked:
            inner = value[key]
            if not inner or not (isinstance(inner, dict | list) or looks_nested(inner)):
                continue
            plan = (isinstance(inner, dict) and _owned(inner)) or self.read_any(inner, level + 1)
            if plan and not plan.single:
                return plan
            single = single or plan
        return single and replace(single, single=False)

    def _inside(self, value: dict[str, Any], level: int) -> ParsedPlan | None:
        """Read the plans under keys we do not know; several are parts of one."""
        plans = []
        for key, inner in value.items():
            form = vocabulary.key_form(key)
            known = form in vocabulary.NO_PLAN or vocabulary.wrapper_rank(key) is not None
            if known or not inner or not isinstance(inner, dict | list) or is_strings(inner):
                continue  # strings are notes, more likely than a plan
            plan = self.read_any(inner, level + 1)
            if plan:
                plans.append(plan)
            elif _holds_subtasks(inner) and not is_cut(inner):
                return None  # half a plan is none
        subtasks = tuple(subtask for plan in plans for subtask in plan.subtasks)
        return ParsedPlan(subtasks, truncated=any(plan.truncated for plan in plans)) if plans else None

    def _items(self, items: list[Any], level: int) -> ParsedPlan:
        """Read a list of objects; an item that is nearly a subtask stays beside whole ones, for the validator to drop."""
        made: list[Subtask] = []
        whole, cut, first_fault = False, is_cut(items), ""
        for number, item in enumerate(items, 1):
            try:
                plan = self._item(item, level)
            except NotAPlan as fault:
                if is_cut(item) or (cut and number == len(items)):
                    cut = True
                    break
                poor = flawed(item)
                if poor is None:
                    raise NotAPlan(f"item {number}: {fault}") from None
                made.append(poor)
                first_fault = first_fault or f"item {number}: {fault}"
            else:
                whole = True
                made += plan.subtasks
                cut = cut or plan.truncated
        if not whole:
            empty = "it was cut off before its first subtask was complete" if cut else "the list of subtasks is empty"
            raise NotAPlan(first_fault or empty)
        return ParsedPlan(tuple(made), truncated=cut)

    def _item(self, item: Any, level: int) -> ParsedPlan:
        if isinstance(item, dict):
            subtask = subtask_of(item)
            owned = _owned(item) if len(item) == 1 else None
            if subtask or owned:
                return owned or ParsedPlan((subtask,))  # type: ignore[arg-type]  # one of the two is there
        elif not (isinstance(item, list) or looks_nested(item)):
            raise NotAPlan("it is not an object with a specialist and a task")
        return self.read(item, level + 1)


def _owned(value: dict[str, Any]) -> ParsedPlan | None:
    """Read {specialist: task, …}, where a task is a text, several, or {"task": …}; None where one is something else."""
    made: list[Subtask] = []
    for name, work in value.items():
        if not is_name(name):
            return None
        if is_cut(work):
            continue
        if isinstance(work, dict):
            whole = {} if specialist_of(work, sure=True) else {**work, "specialist": name}
        else:
            whole = {"specialist": name, "task": work} if is_prose(text_of(work)) else {}
        subtask = subtask_of(whole)
        if subtask is None:
            return None
        made.append(subtask)
    return ParsedPlan(tuple(made), truncated=is_cut(value)) if made else None


def _columns(value: dict[str, Any]) -> list[Any] | None:
    """Read {"specialists": [...], "tasks": [...]} as rows; None where it is something else."""
    lists = {key: column for key, column in value.items() if is_strings(column)}
    ranks = [[column for key, column in lists.items() if vocabulary.specialist_rank(key) == rank] for rank in (0, 1)]
    names, tasks = ranks[0] or ranks[1], [lists[key] for key in lists if vocabulary.task_rank(key) is not None]
    if len(names) != 1 or len(tasks) != 1:
        return None
    cut = isinstance(value, CutDict)
    if len(names[0]) != len(tasks[0]) and not cut:
        raise NotAPlan(f"it lists {len(names[0])} specialists and {len(tasks[0])} tasks")
    rows = [
        {"specialist": who, "task": what} for who, what in zip(names[0], tasks[0], strict=False) if not is_cut(what)
    ]
    return CutList(rows) if cut else rows


def _rows(value: list[Any]) -> list[Any]:
    """Make objects of rows under a row of column names, of [specialist, task], and of "specialist: task"."""
    items = [item for item in value if item is not None]
    whole = [item for item in items if not is_cut(item)]
    rows = _named_strings(whole) if is_strings(whole) else _pairs(whole) if all(map(_is_row, whole)) else None
    if rows is None:
        return CutList(items) if is_cut(value) else items
    return CutList(rows) if is_cut(value) or len(whole) < len(items) else rows


def _is_row(item: Any) -> bool:
    return isinstance(item, list) and len(item) > 1 and is_strings(item[:2]) and not any(map(looks_nested, item))


def _pairs(rows: list[list[Any]]) -> list[Any] | None:
    header = rows[0] if rows else []
    if is_strings(header) and len(set(header)) == len(header) and vocabulary.labels_subtasks(header):
        return [dict(zip(header, row, strict=True)) for row in rows[1:]] if len(set(map(len, rows))) == 1 else None
    if not all(len(row) == 2 or (len(row) == 3 and not isinstance(row[2], str)) for row in rows):  # noqa: PLR2004
        return None
    return [dict(zip(("specialist", "task", "cross_check"), row, strict=False)) for row in rows]


def _named_strings(items: list[str]) -> list[Any] | None:
    """Read ["specialist: task", …]: two at least, each with the name of somebody before its colon."""
    matches = [NAMED.fullmatch(item) for item in items]
    named = [match for match in matches if match and is_name(match[1]) and is_prose(match[2])]
    if len(named) < len(items) or len(items) < 2:  # noqa: PLR2004
        return None
    return [{"specialist": match[1], "task": match[2]} for match in named]


def _holds_subtasks(value: Any) -> bool:
    """Say whether a list holds objects that name a specialist."""
    objects = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return any(vocabulary.specialist_rank(key) == 0 for item in objects for key in item)
