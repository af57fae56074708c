"""Rows: what readers of plans that are not JSON give back."""

from collections.abc import Iterable
from dataclasses import dataclass

from prompts.reading import vocabulary
from prompts.reading.subtask_object import NotAPlan, subtask
from prompts.replies import Subtask


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


def part(key: str) -> str | None:
    """Sort a label or tag: "who", "perhaps who", "what", "cross", None."""
    rank = vocabulary.specialist(key)
    if rank == 0:
        return "who"
    if vocabulary.cross_check(key):
        return "cross"
    if vocabulary.task(key) is not None:
        return "what"
    return "perhaps who" if rank == 1 else None


def rows_of(fields: Iterable[tuple[str, str, bool]]) -> tuple[Row, ...] | None:
    """Make rows of (part, text, closed) in reading order; None unless every row has both its parts.

    A row is over when a part comes a second time. Where sure names of specialists are used, "name" and "type" are not.
    """
    fields = list(fields)
    sure = any(kind == "who" for kind, _, _ in fields)
    found: list[dict[str, tuple[str, bool]]] = []
    for kind, text, closed in fields:
        kind = "who" if kind == "perhaps who" and not sure else kind  # noqa: PLW2901
        if kind == "perhaps who":
            continue
        if not found or kind in found[-1]:
            found.append({})
        found[-1][kind] = (text, closed)
    rows = []
    for row in found:
        if "who" not in row or "what" not in row:
            return None
        try:
            made = subtask(
                row["who"][0],
                row["what"][0],
                row.get("cross", ("", True))[0].strip(" *\"'").casefold() in {"true", "yes", "1"},
            )
        except NotAPlan:
            return None
        rows.append(Row(made, row["who"][1] and row["what"][1]))
    return tuple(rows) or None
