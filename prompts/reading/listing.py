"""Listing: what readers of plans that are not JSON give back."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from prompts.reading import vocabulary
from prompts.reading.subtask_object import NotAPlan, is_yes, subtask
from prompts.replies import Subtask

Part = Literal["specialist", "perhaps specialist", "task", "cross-check"]


class LabelledText(NamedTuple):
    """A text and the part of a subtask that it gives; closed when it is surely written to its end."""

    part: Part
    text: str
    closed: bool


@dataclass(frozen=True)
class Row:
    """One subtask; closed when the text itself shows that it was written to its end."""

    subtask: Subtask
    closed: bool


@dataclass(frozen=True)
class Listing:
    """The subtasks of one list; cut when the text ended in it."""

    rows: tuple[Row, ...]
    cut: bool = False


def part_of(label: str) -> Part | None:
    """Say which part of a subtask a label or tag names."""
    rank = vocabulary.specialist_rank(label)
    if rank == 0:
        return "specialist"
    if vocabulary.asks_cross_check(label):
        return "cross-check"
    if vocabulary.task_rank(label) is not None:
        return "task"
    return "perhaps specialist" if rank == 1 else None


def rows_of(texts: Iterable[LabelledText]) -> tuple[Row, ...] | None:
    """Make rows of labelled texts in reading order; None unless every row has both its parts.

    A row is over when a part comes a second time. Where sure names of specialists are used, "name" and "type" are not.
    """
    texts = list(texts)
    sure = any(text.part == "specialist" for text in texts)
    rows: list[dict[Part, LabelledText]] = []
    for text in texts:
        if text.part == "perhaps specialist" and sure:
            continue
        part: Part = "specialist" if text.part == "perhaps specialist" else text.part
        if not rows or part in rows[-1]:
            rows.append({})
        rows[-1][part] = text
    try:
        return tuple(map(_row, rows)) or None
    except (KeyError, NotAPlan):
        return None


def _row(parts: dict[Part, LabelledText]) -> Row:
    who, what = parts["specialist"], parts["task"]
    cross_check = "cross-check" in parts and is_yes(parts["cross-check"].text)
    return Row(subtask(who.text, what.text, cross_check=cross_check), who.closed and what.closed)
