"""Cut: the marks on values that the text ended in, and the limit on the work that one reply may cost."""

from typing import Any


class Broken(Exception):
    """Text that is not near enough to JSON."""


class OutOfWork(Exception):
    """The text asks for more work than any honest reply does."""


class WorkLimit:
    """What is left of the work one reply may cost (1 is about a microsecond)."""

    def __init__(self, left: int = 30_000) -> None:
        self.left = left

    def spend(self, units: int) -> None:
        """Take units, or raise OutOfWork."""
        self.left -= units
        if self.left < 0:
            raise OutOfWork


class CutDict(dict[str, Any]):
    """An object the text ended in."""


class CutList(list[Any]):
    """An array the text ended in."""


class CutStr(str):
    """A string the text ended in: half-written."""

    __slots__ = ()


def is_cut(value: Any) -> bool:
    """Say whether the text ended in a value."""
    return isinstance(value, CutDict | CutList | CutStr)


def objects(pairs: list[tuple[str, Any]], *, cut: bool = False) -> Any:
    """Make a dict of pairs; a list of dicts where a key comes twice (several objects that lost their braces)."""
    made: list[dict[str, Any]] = [{}]
    for key, value in pairs:
        if key in made[-1]:
            made.append({})
        made[-1][key] = value
    if cut:
        made = CutList([*made[:-1], CutDict(made[-1])])
    return made[0] if len(made) == 1 else made
