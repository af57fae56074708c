"""Task: one subtask of a draft, with its words folded once."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nodes.plan.words import words
from nodes.text import bare, folded_letters, split, stem, unspaced

READ_LIMIT = 4_000  # characters of a task that are compared; exact copies are compared whole

_SECOND_LOOK = words("second_look")
_STOP = words("stop")
_STOP_STEMS = frozenset(map(stem, _STOP))
# Scripts without spaces have no words to leave out, but pieces; the longest first.
_STOP_PIECES = re.compile("|".join(sorted(filter(unspaced, _STOP), key=len, reverse=True)))


@dataclass(frozen=True)
class Task:
    """One subtask as it was proposed."""

    specialist: str
    text: str
    cross_check: bool = False

    @classmethod
    def of(cls, subtask: dict[str, Any]) -> "Task":
        """Read a subtask of a draft."""
        return cls(
            str(subtask.get("specialist") or ""), str(subtask.get("task") or ""), subtask.get("cross_check") is True
        )

    @cached_property
    def folded_letters(self) -> str:
        """Return the text folded, with its punctuation."""
        return folded_letters(self.text)

    @cached_property
    def bare(self) -> str:
        """Return the text folded, without punctuation."""
        return bare(self.folded_letters)

    @cached_property
    def second_look(self) -> bool:
        """Tell whether it checks another on purpose: it says so, in a field or in words."""
        return self.cross_check or any(phrase in self.bare[:READ_LIMIT] for phrase in _SECOND_LOOK)

    @cached_property
    def words(self) -> list[str]:
        """Return its words as they stand (the characters, in a script without spaces)."""
        text = self.bare[:READ_LIMIT]
        return list(text.replace(" ", "")) if unspaced(text) else text.split()

    @cached_property
    def content(self) -> frozenset[str]:
        """Return the words that say what the work is, without endings (pairs of characters, without spaces)."""
        text = self.bare[:READ_LIMIT]
        if unspaced(text):
            return frozenset(split(_STOP_PIECES.sub(" ", text)))
        return frozenset(map(stem, text.split())) - _STOP_STEMS
