"""Shapes: the forms in which models write a plan as JSON, read as subtasks."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from prompts.reading import vocabulary
from prompts.reading.frame import frame_of, why_of
from prompts.reading.near_json import CutDict, CutList, CutStr
from prompts.reading.subtask_object import (
    REFUSED,
    NotAPlan,
    flag_of,
    flawed,
    holds_objects,
    is_name,
    is_pairs,
    is_prose,
    is_strings,
    is_table,
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


@dataclass(frozen=True)
class Reading:
    """The subtasks of one value, and what is said of all; cut when the text ended in it; single: one bare subtask."""

    subtasks: tuple[Subtask, ...]
    cut: bool = False
    single: bool = False
    frame: dict[str, Any] = field(default_factory=dict)
    why: str = ""


class Shapes:
    """Reads the plans in one reply's values.

    Args:
        strictly: leave out a last subtask whose own bracket is missing (the endpoint said the reply was cut).
        nested: reads a string as JSON again, None when it holds none.
    """

    def __init__(self, nested: Callable[[str], Any | None], *, strictly: bool) -> None:
        self.nested = nested
        self.strictly = strictly
        self.nodes = 0

    def read(self, value: Any, level: int = 0) -> Reading:
        """Read a value as a plan, or raise NotAPlan with the reason."""
        self.nodes += 1
        if level > DEPTH or self.nodes > NODES:
            raise NotAPlan("it is nested too deeply")
        if isinstance(value, str):
            inner = self.nested(value)
            if inner is None:
                raise NotAPlan("it is a string, not a list of subtasks")
            reading = self.read(inner, level + 1)
            return replace(reading, cut=reading.cut or isinstance(value, CutStr))
        if isinstance(value, dict):
            return self._object(value, level)
        if isinstance(value, list):
            return self._list(value, level)
        raise NotAPlan("it is neither an object nor a list")

    def _object(self, value: dict[str, Any], level: int) -> Reading:
        refuse_schema(value)
        for attempt in (self._columns, self._wrapped, self._direct, self._mapping, self._inside):
            reading = attempt(value, level)
            if reading is not None and reading.subtasks:
                if not reading.single and {"specialist", "task"} <= {vocabulary.plain(key) for key in value}:
                    raise NotAPlan("a subtask stands outside the list")
                reading = replace(reading, cut=reading.cut or isinstance(value, CutDict))
                if reading.single:
                    return reading
                return replace(reading, frame=reading.frame or frame_of(value), why=reading.why or why_of(value))
        raise NotAPlan(missing(value))

    def _direct(self, value: dict[str, Any], _: int = 0) -> Reading | None:
        """Read {specialist, task}: one subtask."""
        if isinstance(value, CutDict) and (self.strictly or not value.settled):
            return None
        who, what = specialist_of(value), task_of(value)
        if not who or not what:
            return None
        several = value[str(task_key(value))]
        if (
            isinstance(several, list)
            and len(several) > 1
            and vocabulary.plain(str(task_key(value))) in {"tasks", "subtasks", "todos", "assignments"}
        ):
            return Reading(tuple(subtask(who, one, flag_of(value)) for one in several))
        return Reading((subtask(who, what, flag_of(value)),), single=True)

    def _columns(self, value: dict[str, Any], _: int = 0) -> Reading | None:
        """Read {"specialists": [...], "tasks": [...]}."""
        who = [one for key, one in value.items() if vocabulary.specialist(key) == 0 and is_strings(one)]
        what = [one for key, one in value.items() if vocabulary.task(key) is not None and is_strings(one)]
        if len(who) != 1 or len(what) != 1:
            return None
        whole = [[one for one in column if not isinstance(one, CutStr)] for column in (who[0], what[0])]
        cut = isinstance(value, CutDict)
        if len(whole[0]) != len(whole[1]) and not cut:
            raise NotAPlan(f"it lists {len(whole[0])} specialists and {len(whole[1])} tasks")
        return Reading(tuple(subtask(name, text) for name, text in zip(*whole, strict=False)), cut)

    def _wrapped(self, value: dict[str, Any], level: int) -> Reading | None:
        """Read {"subtasks": …}, {"plan": {…}}, a tool call's arguments: the best known key that holds a plan."""
        ranked = sorted(
            (rank, place) for place, key in enumerate(value) if (rank := vocabulary.wrapper(key)) is not None
        )
        values = list(value.values())
        singles: Reading | None = None
        for _, place in ranked:
            inner = values[place]
            if not inner or not (isinstance(inner, dict | list) or looks_nested(inner)):
                continue
            reading = self._try(inner, level, names=True)
            if reading and not reading.single:
                return reading
            singles = singles or reading
        return singles and replace(singles, single=False)

    def _inside(self, value: dict[str, Any], level: int) -> Reading | None:
        """Read a plan under a key we do not know; several are parts of one."""
        found = []
        for key, inner in value.items():
            if isinstance(inner, dict | list) and inner and vocabulary.plain(key) not in vocabulary.SKIPPED:
                reading = self._try(inner, level, owner=key)
                if reading:
                    found.append(reading)
                elif holds_objects(inner) and not isinstance(inner, CutDict | CutList):
                    return None  # half a plan is none
        if not found:
            return None
        return Reading(tuple(one for reading in found for one in reading.subtasks), any(one.cut for one in found))

    def _try(self, value: Any, level: int, *, names: bool = False, owner: str = "") -> Reading | None:
        if isinstance(value, dict) and names:
            mapped = self._names(value)
            if mapped:
                return mapped
        if isinstance(value, dict) and owner:
            mapped = self._owned(owner, value)
            if mapped:
                return mapped
        try:
            return self.read(value, level + 1)
        except NotAPlan:
            return None

    def _owned(self, owner: str, value: dict[str, Any]) -> Reading | None:
        """Read "caterer": {"task": …} where the key is the specialist."""
        what = task_of(value)
        if isinstance(value, CutDict) and (self.strictly or not value.settled):
            return None
        if not what or specialist_of(value, sure=True) or not is_name(owner):
            return None
        return Reading((subtask(owner, what, flag_of(value)),))

    def _mapping(self, value: dict[str, Any], _: int = 0) -> Reading | None:
        """Read a bare {specialist: task, …}: two at least, and nothing that is not one."""
        if any(isinstance(text, str) and REFUSED.search(text[:300]) for text in value.values()):
            return None
        dangling = isinstance(value, CutDict) and not value.settled
        if len(value) < 2 and not dangling:  # noqa: PLR2004
            return None
        return self._names(value)

    def _names(self, value: dict[str, Any]) -> Reading | None:
        """Read {specialist: task} and {specialist: [task, …]}."""
        made: list[Subtask] = []
        cut = isinstance(value, CutDict)
        for name, work in value.items():
            if not is_name(name):
                return None
            if isinstance(work, CutStr | CutList | CutDict):
                continue
            texts = [work] if isinstance(work, str) else work
            if not is_strings(texts) or not all(is_prose(text) for text in texts):
                return None
            made += [subtask(name, text) for text in texts]
        return Reading(tuple(made), cut) if made else None

    def _list(self, value: list[Any], level: int) -> Reading:
        items = [item for item in value if item is not None]
        cut = isinstance(value, CutList)
        if is_table(items):
            return self._table(items, level)
        if is_pairs(items):
            return self._pairs(items, cut=cut)
        made: list[Subtask] = []
        whole, first_fault = False, ""
        for number, item in enumerate(items, 1):
            last = number == len(items)
            try:
                reading = self._item(item, level)
            except NotAPlan as fault:
                if cut and last:
                    break
                poor = flawed(item)
                if poor is None:
                    raise NotAPlan(f"item {number}: {fault}") from None
                made.append(poor)
                first_fault = first_fault or f"item {number}: {fault}"
                continue
            whole = True
            made += reading.subtasks
            cut = cut or reading.cut
        if made and not whole:
            raise NotAPlan(first_fault)
        if not made:
            raise NotAPlan(
                "the list of subtasks is empty" if not cut else "it was cut off before its first subtask was complete"
            )
        return Reading(tuple(made), cut)

    def _item(self, item: Any, level: int) -> Reading:
        if isinstance(item, dict):
            refuse_schema(item)
            direct = self._direct(item)
            if direct:
                return Reading(direct.subtasks, isinstance(item, CutDict))
            if len(item) == 1 and not isinstance(item, CutDict):
                mapped = self._names(item)
                if mapped:
                    return mapped
                ((name, inner),) = item.items()
                if isinstance(inner, dict) and (owned := self._owned(name, inner)):
                    return owned
            if any(
                (isinstance(one, dict | list | str) and not isinstance(one, str)) or looks_nested(one)
                for one in item.values()
            ):
                return self.read(item, level + 1)
            raise NotAPlan(missing(item))
        if isinstance(item, list) or looks_nested(item):
            return self.read(item, level + 1)
        raise NotAPlan("it is not an object with a specialist and a task")

    def _pairs(self, items: list[list[Any]], *, cut: bool) -> Reading:
        whole = [item for item in items if not isinstance(item, CutList) or (item.settled and not self.strictly)]
        rows = [item for item in whole if len(item) >= 2 and not isinstance(item[1], CutStr)]  # noqa: PLR2004
        if all(len(row[0]) > 80 or len(row[0].split()) > 8 for row in rows):  # noqa: PLR2004
            raise NotAPlan("its pairs do not begin with a specialist")
        made = tuple(subtask(row[0], row[1], len(row) > 2 and row[2] is True) for row in rows)  # noqa: PLR2004
        if not made:
            raise NotAPlan("it was cut off before its first subtask was complete")
        return Reading(made, cut)

    def _table(self, items: list[Any], level: int) -> Reading:
        """Read rows under a row of column names."""
        header = items[0]
        rows = [dict(zip(header, row, strict=False)) for row in items[1:] if not isinstance(row, CutList)]
        reading = self._list(rows, level + 1)
        return Reading(reading.subtasks, isinstance(items[-1], CutList))
