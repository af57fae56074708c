"""JSON plan: the forms in which models write a plan as JSON, read as subtasks."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from prompts.reading import vocabulary
from prompts.reading.cut import CutDict, CutList, CutStr, is_cut
from prompts.reading.frame import frame_of, why_of
from prompts.reading.subtask_object import (
    NotAPlan,
    cross_check_of,
    flawed,
    is_name,
    is_prose,
    is_strings,
    looks_nested,
    missing,
    refuse_schema,
    specialist_of,
    subtask,
    task_key,
    task_of,
)
from prompts.replies import Subtask

DEPTH = 12
NODES = 4000  # values looked at in one reply
REFUSAL = vocabulary.phrases("refusal")
NAMED = re.compile(r"\A([^:：\n]{1,60})[:：]\s?(.+)", re.DOTALL)
SEVERAL = frozenset(("tasks", "subtasks", "todos", "assignments"))  # keys whose list is a task each, not a task's lines


@dataclass(frozen=True)
class JsonPlan:
    """The subtasks of one value, and what is said of all; cut when the text ended in it; single: one bare subtask."""

    subtasks: tuple[Subtask, ...]
    cut: bool = False
    single: bool = False
    frame: dict[str, Any] = field(default_factory=dict)
    why: str = ""


class JsonPlanReader:
    """Reads the plans in one reply's values.

    Args:
        strictly: leave out a last subtask whose own bracket is missing (the endpoint said the reply was cut).
        nested: reads a string as JSON again, None when it holds none.
    """

    def __init__(self, nested: Callable[[str], Any | None], *, strictly: bool) -> None:
        self.nested = nested
        self.strictly = strictly
        self.nodes = 0

    def read(self, value: Any, level: int = 0) -> JsonPlan:
        """Read a value as a plan, or raise NotAPlan with the reason."""
        self.nodes += 1
        if level > DEPTH or self.nodes > NODES:
            raise NotAPlan("it is nested too deeply")
        if isinstance(value, str):
            inner = self.nested(value)
            if inner is None:
                raise NotAPlan("it is a string, not a list of subtasks")
            plan = self.read(inner, level + 1)
            return replace(plan, cut=plan.cut or isinstance(value, CutStr))
        if isinstance(value, dict):
            return self._object(value, level)
        if isinstance(value, list):
            return self._list(value, level)
        raise NotAPlan("it is neither an object nor a list")

    def _object(self, value: dict[str, Any], level: int) -> JsonPlan:
        refuse_schema(value)
        for form in (self._columns, self._wrapped, self._direct, self._mapping, self._inside):
            plan = form(value, level)
            if plan is None or not plan.subtasks:
                continue
            plan = replace(plan, cut=plan.cut or isinstance(value, CutDict))
            if plan.single:
                return plan
            if {"specialist", "task"} <= {vocabulary.key_form(key) for key in value}:
                raise NotAPlan("a subtask stands outside the list")
            return replace(plan, frame=plan.frame or frame_of(value), why=plan.why or why_of(value))
        raise NotAPlan(missing(value))

    def _unfinished(self, value: dict[str, Any]) -> bool:
        return isinstance(value, CutDict) and (self.strictly or not value.settled)

    def _direct(self, value: dict[str, Any], _: int = 0) -> JsonPlan | None:
        """Read {specialist, task}: one subtask."""
        who, what, key = specialist_of(value), task_of(value), str(task_key(value))
        if self._unfinished(value) or not who or not what:
            return None
        flag = cross_check_of(value)
        tasks = value[key]
        if isinstance(tasks, list) and len(tasks) > 1 and vocabulary.key_form(key) in SEVERAL:
            return JsonPlan(tuple(subtask(who, task, cross_check=flag) for task in tasks))
        return JsonPlan((subtask(who, what, cross_check=flag),), single=True)

    def _columns(self, value: dict[str, Any], _: int = 0) -> JsonPlan | None:
        """Read {"specialists": [...], "tasks": [...]}."""
        lists = [(key, column) for key, column in value.items() if is_strings(column)]
        ranked = [[column for key, column in lists if vocabulary.specialist_rank(key) == rank] for rank in (0, 1)]
        names = ranked[0] or ranked[1]
        tasks = [column for key, column in lists if vocabulary.task_rank(key) is not None]
        if len(names) != 1 or len(tasks) != 1:
            return None
        who, what = ([text for text in column if not is_cut(text)] for column in (names[0], tasks[0]))
        cut = isinstance(value, CutDict)
        if len(who) != len(what) and not cut:
            raise NotAPlan(f"it lists {len(who)} specialists and {len(what)} tasks")
        return JsonPlan(tuple(subtask(name, text) for name, text in zip(who, what, strict=False)), cut)

    def _wrapped(self, value: dict[str, Any], level: int) -> JsonPlan | None:
        """Read {"subtasks": …}, {"plan": {…}}, a tool call's arguments: the best known key that holds a plan."""
        ranked = [
            (rank, place) for place, key in enumerate(value) if (rank := vocabulary.wrapper_rank(key)) is not None
        ]
        values = list(value.values())
        single: JsonPlan | None = None
        for _, place in sorted(ranked):
            inner = values[place]
            if not inner or not (isinstance(inner, dict | list) or looks_nested(inner)):
                continue
            plan = (self._names(inner) if isinstance(inner, dict) else None) or self._try(inner, level)
            if plan and not plan.single:
                return plan
            single = single or plan
        return single and replace(single, single=False)

    def _inside(self, value: dict[str, Any], level: int) -> JsonPlan | None:
        """Read a plan under a key we do not know; several are parts of one."""
        plans = []
        for key, inner in value.items():
            if not isinstance(inner, dict | list) or not inner or vocabulary.key_form(key) in vocabulary.NO_PLAN:
                continue
            if is_strings(inner) and not is_cut(inner):
                continue  # notes, more likely than a plan
            plan = (self._owned(key, inner) if isinstance(inner, dict) else None) or self._try(inner, level)
            if plan:
                plans.append(plan)
            elif _holds_subtasks(inner) and not is_cut(inner):
                return None  # half a plan is none
        subtasks = tuple(subtask for plan in plans for subtask in plan.subtasks)
        return JsonPlan(subtasks, any(plan.cut for plan in plans)) if plans else None

    def _try(self, value: Any, level: int) -> JsonPlan | None:
        try:
            return self.read(value, level + 1)
        except NotAPlan:
            return None

    def _owned(self, owner: str, value: dict[str, Any]) -> JsonPlan | None:
        """Read "caterer": {"task": …} where the key is the specialist."""
        what = task_of(value)
        if self._unfinished(value) or not what or specialist_of(value, sure=True) or not is_name(owner):
            return None
        return JsonPlan((subtask(owner, what, cross_check=cross_check_of(value)),))

    def _mapping(self, value: dict[str, Any], _: int = 0) -> JsonPlan | None:
        """Read a bare {specialist: task, …}: two at least, and nothing that is not one."""
        if any(isinstance(text, str) and REFUSAL.search(text[:300]) for text in value.values()):
            return None
        dangling = isinstance(value, CutDict) and not value.settled
        return self._names(value) if len(value) > 1 or dangling else None

    def _names(self, value: dict[str, Any]) -> JsonPlan | None:
        """Read {specialist: task} and {specialist: [task, …]}."""
        made: list[Subtask] = []
        for name, work in value.items():
            if not is_name(name):
                return None
            if is_cut(work):
                continue
            texts = work if isinstance(work, list) else [work]
            if not all(map(is_prose, texts)):
                return None
            made += [subtask(name, text) for text in texts]
        return JsonPlan(tuple(made), isinstance(value, CutDict)) if made else None

    def _list(self, value: list[Any], level: int) -> JsonPlan:
        items = [item for item in value if item is not None]
        cut = isinstance(value, CutList)
        if _is_table(items):
            rows = [dict(zip(items[0], row, strict=False)) for row in items[1:] if not is_cut(row)]
            return replace(self._list(rows, level + 1), cut=is_cut(items[-1]))
        if _is_pairs(items):
            return self._pairs(items, cut=cut)
        if items and is_strings(items) and not any(map(looks_nested, items)):
            return self._strings(items, cut=cut)
        return self._items(items, level, cut=cut)

    def _items(self, items: list[Any], level: int, *, cut: bool) -> JsonPlan:
        """Read a list of objects; an item that is nearly a subtask stays beside whole ones, for the validator to drop."""
        made: list[Subtask] = []
        whole, first_fault = False, ""
        for number, item in enumerate(items, 1):
            try:
                plan = self._item(item, level)
            except NotAPlan as fault:
                if cut and number == len(items):
                    break
                poor = flawed(item)
                if poor is None:
                    raise NotAPlan(f"item {number}: {fault}") from None
                made.append(poor)
                first_fault = first_fault or f"item {number}: {fault}"
            else:
                whole = True
                made += plan.subtasks
                cut = cut or plan.cut
        if made and not whole:
            raise NotAPlan(first_fault)
        if not made:
            raise NotAPlan(
                "it was cut off before its first subtask was complete" if cut else "the list of subtasks is empty"
            )
        return JsonPlan(tuple(made), cut)

    def _item(self, item: Any, level: int) -> JsonPlan:
        if isinstance(item, list) or looks_nested(item):
            return self.read(item, level + 1)
        if not isinstance(item, dict):
            raise NotAPlan("it is not an object with a specialist and a task")
        refuse_schema(item)
        plan = self._direct(item)
        if plan:
            return replace(plan, cut=isinstance(item, CutDict))
        if len(item) == 1 and not isinstance(item, CutDict):
            ((name, inner),) = item.items()
            plan = self._names(item) or (self._owned(name, inner) if isinstance(inner, dict) else None)
            if plan:
                return plan
        if any(isinstance(inner, dict | list) or looks_nested(inner) for inner in item.values()):
            return self.read(item, level + 1)
        raise NotAPlan(missing(item))

    def _pairs(self, items: list[list[Any]], *, cut: bool) -> JsonPlan:
        """Read [[specialist, task], …]; a third member that is true asks for a cross-check."""
        whole = [item for item in items if not isinstance(item, CutList) or (item.settled and not self.strictly)]
        rows = [item for item in whole if len(item) > 1 and not is_cut(item[1])]
        if rows and all(len(row[0]) > 80 or len(row[0].split()) > 8 for row in rows):  # noqa: PLR2004
            raise NotAPlan("its pairs do not begin with a specialist")
        if not rows:
            raise NotAPlan("it was cut off before its first subtask was complete")
        return JsonPlan(tuple(subtask(row[0], row[1], cross_check=row[2:3] == [True]) for row in rows), cut)

    def _strings(self, items: list[str], *, cut: bool) -> JsonPlan:
        """Read ["specialist: task", …]: two at least, each with the name of somebody before its colon."""
        matches = [NAMED.fullmatch(item) for item in items if not is_cut(item)]
        named = [match for match in matches if match and is_name(match[1]) and is_prose(match[2])]
        if len(named) != len(matches) or len(items) < 2:  # noqa: PLR2004
            raise NotAPlan("item 1: it is not an object with a specialist and a task")
        return JsonPlan(tuple(subtask(match[1], match[2]) for match in named), cut)


def _holds_subtasks(value: Any) -> bool:
    """Say whether a list holds objects that name a specialist."""
    objects = [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
    return any(vocabulary.specialist_rank(key) == 0 for item in objects for key in item)


def _is_pairs(items: list[Any]) -> bool:
    """Say whether a list is made of [specialist, task] pairs."""
    if not items or not all(isinstance(row, list) for row in items):
        return False
    whole = [row for row in items if not is_cut(row)]
    return (bool(whole) or is_strings(items[-1])) and all(
        len(row) in {2, 3}
        and is_strings(row[:2])
        and not any(map(looks_nested, row))
        and not (len(row) == 3 and isinstance(row[2], str))  # noqa: PLR2004
        for row in whole
    )


def _is_table(items: list[Any]) -> bool:
    """Say whether a list is rows under a row of column names."""
    if len(items) < 2 or not is_strings(items[0]) or not all(isinstance(row, list) for row in items):  # noqa: PLR2004
        return False
    names = items[0]
    whole = all(is_cut(row) or len(row) == len(names) for row in items)
    return whole and len(set(names)) == len(names) and vocabulary.labels_subtasks(names)
