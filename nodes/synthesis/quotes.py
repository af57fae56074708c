"""Quotes: do these words stand in that text? Pure."""

import re
from bisect import bisect_right

from rapidfuzz import fuzz

from nodes.text import folded

NEAR = 92  # of 100, RapidFuzz's partial_ratio of the folded quote in the folded text
LEAST = 8  # folded characters; a shorter quote must stand there exactly, as whole words
# Folded characters; a longer quote must stand there exactly. Near matching of 500 in STRETCH takes 10 ms, of 2,000 it
# took 140 ms, and nothing else in the process runs meanwhile.
LONGEST = 500
STRETCH = 20_000
_WORD = re.compile(r"[^\W_]+")


class Source:
    """A text that is quoted from, folded once."""

    def __init__(self, text: str) -> None:
        self.text = folded(text)
        self.numbers = _numbers(text)

    def has(self, quote: str) -> bool:
        """Tell whether a quote stands here: exactly once white space and punctuation are folded, or nearly."""
        said = folded(quote)
        if not said:
            return False
        if f" {said} " in f" {self.text} " or (len(said) >= LEAST and said in self.text):
            return True
        if not LEAST <= len(said) <= LONGEST or not _numbers(quote) <= self.numbers:
            return False  # a changed figure is another claim, however alike the words are
        step = STRETCH - 2 * len(said)
        return any(_nearly(said, self.text[at : at + STRETCH]) for at in range(0, max(1, len(self.text)), step))


def place_of(quote: str, text: str) -> tuple[int, int] | None:
    """Say where a quote stands in a text, from its first character to behind its last (None: it does not)."""
    words = [(word.start(), word.end(), folded(word.group())) for word in _WORD.finditer(text)]
    joined, ends, length = " ".join(word for _, _, word in words), list[int](), 0
    for _, _, word in words:
        length += len(word) + 1
        ends.append(length)
    said = folded(quote)
    at = f" {joined} ".find(f" {said} ") if said else -1
    if at < 0 and len(said) >= LEAST:
        at = joined.find(said)
    until = at + len(said)
    if at < 0 and LEAST <= len(said) <= LONGEST and len(joined) <= STRETCH:
        near = fuzz.partial_ratio_alignment(said, joined, score_cutoff=NEAR)
        at, until = (near.dest_start, near.dest_end) if near else (-1, 0)
    if at < 0:
        return None
    first, last = bisect_right(ends, at), min(bisect_right(ends, max(at, until - 1)), len(words) - 1)
    return words[first][0], words[last][1]


def _nearly(said: str, text: str) -> bool:
    match = fuzz.partial_ratio_alignment(said, text, score_cutoff=NEAR)
    return match is not None and _numbers(said) <= _numbers(text[max(0, match.dest_start - 4) : match.dest_end + 4])


def _numbers(text: str) -> set[str]:
    """Figures as digits alone: 19:00 and 19.00 are one figure, not two."""
    return {re.sub(r"\D", "", number) for number in re.findall(r"\d+(?:[.,:]\d+)*", text)}
