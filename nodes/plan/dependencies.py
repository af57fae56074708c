"""Dependencies: a task that needs what another subtask makes, which no worker can see. Only what is certain counts."""

import re
from collections.abc import Iterator, Sequence

from nodes.plan.task import READ_LIMIT, Task
from nodes.plan.words import words
from nodes.text import folded_letters, unspaced

_AHEAD = 60  # characters before a mention in which "leave" or "not" turns it round


def _any(kind: str) -> str:
    """Write a pattern for the words of one kind; whole words, where spaces are written."""
    alternatives = sorted(words(kind), key=len, reverse=True)
    spaced = "|".join(re.escape(word) for word in alternatives if not unspaced(word))
    return "|".join([rf"(?<!\w)(?:{spaced})(?!\w)", *filter(unspaced, alternatives)])


_OF = "|".join(sorted(words("of"), key=len, reverse=True))
_OWNS = "|".join(sorted(words("owns"), key=len, reverse=True))
_NUMBER = rf"(?:(?:{_any('number')}) ?|(?<!\w)s)([1-9]\d{{0,3}})(?!\d)"
_RESULT_OF = re.compile(rf"(?:{_any('result')})(?: (?:{_OF}))?")  # whose it is comes next
_OWN_RESULT = re.compile(rf"(?:{_OWNS}) ?(?:{_any('result')})")  # whose it is comes before
_NUMBERED = re.compile(rf"{_RESULT_OF.pattern} {_NUMBER}|{_NUMBER} ?{_OWN_RESULT.pattern}")
_CUES = frozenset(phrase.split()[-1].strip("'") for kind in ("result", "others") for phrase in words(kind))
_JOINED_CUES = tuple(filter(unspaced, _CUES))
_OTHERS, _APART = re.compile(_any("others")), re.compile(_any("apart"))


def dependencies(plan: Sequence[Task], request: Task) -> dict[int, str]:
    """Find the tasks that need another one's result, as {its position: the words that say so}."""
    names = [_as_written(task.specialist) for task in plan]
    # A name that the request has is not surely the specialist's.
    theirs = tuple({name for name in names if len(name.strip()) > 1 and name.strip() not in request.folded_letters})
    quotes = dict[int, str]()
    for position, task in enumerate(plan):
        if not any(cue in task.folded_letters for cue in _JOINED_CUES) and _CUES.isdisjoint(task.words):
            continue  # the patterns are slow
        text = f" {task.folded_letters[:READ_LIMIT]}"
        for start, end in _mentions(text, position, names[position], theirs):
            if not _APART.search(text, max(0, start - _AHEAD), start):
                quotes.setdefault(position, text[max(0, start - _AHEAD // 2) : end + _AHEAD // 2].strip())
    return quotes


def _as_written(name: str) -> str:
    """Fold a name as it stands in a text: after a space, in a script that has them."""
    written = " ".join(folded_letters(name[:100]).split())
    return written if unspaced(written) else f" {written}"


def _mentions(text: str, position: int, own: str, theirs: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    yield from (others.span() for others in _OTHERS.finditer(text))
    for numbered in _NUMBERED.finditer(text):
        if int(numbered[1] or numbered[2]) != position + 1:
            yield numbered.span()
    for result in _RESULT_OF.finditer(text):
        if text.startswith(theirs, result.end()) and not text.startswith(own, result.end()):
            yield result.span()
    for result in _OWN_RESULT.finditer(text):
        if text.endswith(theirs, 0, result.start()) and not text.endswith(own, 0, result.start()):
            yield result.span()
