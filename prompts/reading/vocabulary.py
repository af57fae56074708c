"""Vocabulary: the words that models use for the parts of a plan, in several languages and spellings."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz import fuzz

from prompts.words import words_beside

_BY_LANGUAGE = words_beside(__file__)
_TYPO = 88  # rapidfuzz ratio: one slip in a long word, not another word
_LONGEST_KEY = 80  # characters of a key that are looked at


def key_form(key: str) -> str:
    """Fold case, width, and every separator: "Sub-Task" and "subTask" are one."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", key[:_LONGEST_KEY]).casefold())


def _listed(kind: str) -> list[str]:
    """List the words of one kind, language by language."""
    lists = [words.get(kind, []) for words in _BY_LANGUAGE.values()]
    return [word for words in lists for word in (words.split() if isinstance(words, str) else words)]


def _ranked(kind: str) -> dict[str, int]:
    return {key_form(word): rank for rank, word in reversed(list(enumerate(_listed(kind))))}


def phrases(*kinds: str) -> re.Pattern[str]:
    """Make the pattern that finds any word of some kinds in a text."""
    words = [word for kind in kinds for word in _listed(kind)]
    spelt = [
        re.escape(word.removesuffix("*")) + ("" if word.endswith("*") else r"\b") for word in words if _latin(word)
    ]
    others = [re.escape(word) for word in words if not _latin(word)]
    return re.compile("|".join([rf"\b(?:{'|'.join(spelt)})", *others]), re.IGNORECASE)


def _latin(word: str) -> bool:
    return ord(word[0]) < 0x250  # noqa: PLR2004  # the other scripts' words have endings or no spaces


_SPECIALIST = set(_ranked("specialist")) | {
    key_form(word + end) for word in _BY_LANGUAGE["en"]["specialist"].split() for end in _listed("specialist_endings")
}
_PERHAPS_SPECIALIST = set(_listed("perhaps_specialist"))
_TASK = _ranked("task")
_WRAPPER = _ranked("wrapper")
_CROSS_CHECK = set(_listed("cross_check"))
_OTHER = set(_ranked("other"))
NO_PLAN = set(_listed("no_plan"))
GENERIC = set(_listed("generic"))


@lru_cache(maxsize=512)
def specialist_rank(key: str) -> int | None:
    """Rank a key that names who does the work: 0 sure, 1 perhaps; None: it does not."""
    word = key_form(key)
    if word in _SPECIALIST or (word.endswith("s") and word[:-1] in _SPECIALIST):
        return 0
    if word.removesuffix("s") in _PERHAPS_SPECIALIST:
        return 1
    return 0 if len(word) > 7 and fuzz.ratio(word, "specialist") >= _TYPO else None  # noqa: PLR2004


@lru_cache(maxsize=512)
def task_rank(key: str) -> int | None:
    """Rank a key that names the work, the surest lowest; None: it does not."""
    word = key_form(key)
    forms = [word, *(word.removesuffix(end) for end in ("s", "description", "details", "text", "prompt", "name"))]
    return next((_TASK[form] for form in forms if form in _TASK), None)


@lru_cache(maxsize=512)
def wrapper_rank(key: str) -> int | None:
    """Rank a key that may hold the subtasks, the surest lowest; None: it may not."""
    word = key_form(key)
    return -1 if word in _WRAPPER and "final" in word else _WRAPPER.get(word)


def labels_subtasks(labels: Iterable[str]) -> bool:
    """Say whether some of these labels name who does the work, and some the work."""
    ranks = [(specialist_rank(label), task_rank(label)) for label in labels]
    return all(any(rank[side] is not None for rank in ranks) for side in (0, 1))


def asks_cross_check(key: str) -> bool:
    """Say whether a key asks for a second opinion."""
    return key_form(key) in _CROSS_CHECK


def has_other_meaning(key: str) -> bool:
    """Say whether a key is known to be neither who nor what."""
    return key_form(key) in _OTHER


def names_a_part(key: str) -> bool:
    """Say whether a key has a meaning in a plan, so that it is no specialist's name: also "1", "S2", "task_3"."""
    word = key_form(key)
    stem = word.rstrip("0123456789")
    counts = word != stem and (len(stem) <= 1 or stem in {"phase", "item", "no", "nr"})
    ranks = [rank(form) for form in (key, stem) for rank in (specialist_rank, task_rank, wrapper_rank)]
    return counts or ranks != [None] * len(ranks) or asks_cross_check(key) or has_other_meaning(key)
