"""Placeholders: words that stand where a task or a specialist's name should be, without being one."""

import re

from nodes.plan.task import Task
from nodes.plan.words import words
from nodes.text import folded, length_in_words, unspaced

_HOLLOW = frozenset(word for phrase in words("hollow") for word in folded(phrase).split())
_FILLER = words("filler")
_NAMELESS = words("nameless")
_PIECES = re.compile("|".join(sorted(filter(unspaced, _HOLLOW), key=len, reverse=True)))
_NUMBER = re.compile(r"[\divx]{1,4}|s\d{1,3}|[a-f]|no|nr")
_BRACKETED = re.compile(r"<[^<>]*>|\[[^\[\]]*\]|\{[^{}]*\}|[^\w<\[{]*")
_STANDS_IN = re.compile(r"tb[dac]\b|(?:todo|to do|fixme) ?[:\-–—]|lorem ipsum\b|\{\{")
_FULL_TASK = 8  # words after "TBD:" that make a task of it in spite of it
_LETTER = re.compile(r"[^\W\d_]")


def is_placeholder(task: Task) -> bool:
    """Tell whether a text stands for a task instead of being one."""
    if not task.bare or _BRACKETED.fullmatch(task.text.strip()):
        return True
    if unspaced(task.bare):
        rest = _PIECES.sub("", task.bare).strip()
        return not rest or bool(_NUMBER.fullmatch(rest))
    parts = task.bare.split()
    if _STANDS_IN.match(task.folded_letters.strip()) and len(parts) <= _FULL_TASK:
        return True
    hollow = all(word in _HOLLOW or word in _FILLER or _NUMBER.fullmatch(word) for word in parts)
    return hollow and not _FILLER.issuperset(parts)


def is_one_word(task: Task) -> bool:
    """Tell whether a task is one word, or its specialist's name: a title at best."""
    if unspaced(task.bare):
        return length_in_words(task.bare) < 1.5  # noqa: PLR2004
    return len(set(task.bare.split())) == 1 or task.bare == folded(task.specialist)


def is_nameless(name: str) -> bool:
    """Tell whether a name names no profession and no role."""
    bare = folded(name)
    return not _LETTER.search(bare) or all(word in _NAMELESS or _NUMBER.fullmatch(word) for word in bare.split())
