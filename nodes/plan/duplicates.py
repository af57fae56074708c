"""Duplicates: tasks that are nearly the same work, and a task that is the whole request again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import takewhile

from nodes.plan.task import Task
from nodes.text import unspaced

SAME_WORK = 0.53  # of the weight of the words of two tasks
LIGHT = 0.3  # weight of a word that the request says, or that most tasks share; 1 is any other's
_TELLING = 12  # tasks; a word that more of them have finds no duplicates, or a thousand tasks took a thousand squared
_CLOSEST = 3  # tasks that one is compared with
_FRAME = 0.4  # of the words of a task: the rest of the sentence, where one thing is put for another
_COVERED = 0.6  # of the request's words: a task with fewer is a part of it
_ADDED = 3  # words that a task may add to the request, word for word, and still be the request


def near_duplicates(plan: Sequence[Task], request: Task) -> dict[int, int]:
    """Find the tasks that are nearly the same work as an earlier one, as {its position: the earlier one's}."""
    counts = Counter(word for task in plan for word in task.content)
    many = max(2, len(plan) / 2)
    weights = {word: LIGHT if word in request.content or count > many else 1.0 for word, count in counts.items()}

    def weigh(words: Iterable[str]) -> float:
        return sum(map(weights.__getitem__, words))

    masses = [weigh(task.content) for task in plan]
    having, duplicates = defaultdict[str, list[int]](list), dict[int, int]()
    for position, task in enumerate(plan):
        telling = [word for word in task.content if 1 < counts[word] <= _TELLING]
        near = Counter(earlier for word in telling for earlier in having[word]).most_common(_CLOSEST)
        for earlier, _ in near:
            shared = task.content & plan[earlier].content
            alike = 2 * weigh(shared) >= SAME_WORK * (masses[position] + masses[earlier])
            if alike and not _parallel(task, plan[earlier]):
                duplicates[position] = earlier
                break
        for word in telling:
            having[word].append(position)
    return duplicates


def _parallel(task: Task, other: Task) -> bool:
    """Tell apart one task for Berlin and one for Vienna: the same sentence, with one thing put for another."""
    if not (task.content - other.content and other.content - task.content):
        return False
    mine, others = task.words, other.words
    start = _common(mine, others)
    end = _common(mine[start:][::-1], others[start:][::-1])
    shorter = min(len(mine), len(others))
    return start > 0 and start + end < shorter and start + end >= _FRAME * shorter


def _common(words: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(words, other, strict=False)))


def is_whole_request(task: Task, request: Task) -> bool:
    """Tell whether a task of a plan of several is the request again: word for word, or with nothing of its own."""
    own, asked = task.content, request.content
    if len(asked) <= 1:  # of "Write a poem" every task is a paraphrase
        return task.bare == request.bare
    if request.bare in task.bare and len(own - asked) <= _ADDED:
        return unspaced(task.bare) or len(request.bare) > _COVERED * len(task.bare)
    return own <= asked and len(own) >= _COVERED * len(asked)
