"""Repair: json-repair as the last resort for JSON, believed only where the text itself bears it out."""

import re
from collections import Counter
from typing import Any

import json_repair

from prompts.reading import vocabulary
from prompts.replies import Subtask

SHORTENED = re.compile(r"[,\[}]\s*(?:\.{3}|…)")  # "…" where an item should be: the plan is not all there
CAP = 8_000  # characters; json-repair is super-linear on hostile text
QUOTES = "\"'“”‘’`"
KEY = re.compile(r"""["'“‘„`]?([^\W\d][\w -]{0,40})["'”’“`]?\s*[:：]""")


def repaired(text: str) -> Any | None:
    """Give what json-repair makes of a text, None where it makes nothing of it."""
    if (
        len(text) > CAP
        or text.count("\\") > CAP // 8
        or text.count("[") + text.count("{") > 400  # noqa: PLR2004
        or SHORTENED.search(text)
    ):
        return None
    try:
        return json_repair.loads(text, skip_json_loads=True)
    except (
        ValueError,
        RecursionError,
        IndexError,
        TypeError,
        KeyError,
        AttributeError,
    ):  # it is fed what nobody foresaw
        return None


def borne_out(subtasks: tuple[Subtask, ...], text: str) -> bool:
    """Say whether each string stands in the text between quotes, in order, and no subtask of the text is missing.

    The closing quote must end the value: a comma, a bracket or the end follows it. So a half-written
    string, or one that json-repair cut short at an inner quote, is found out.
    """
    squashed = squash(text)
    pos = 0
    for one in subtasks:
        ends = [_find(squashed, squash(part), pos) for part in (one.specialist, one.task)]
        if None in ends:
            return False
        pos = min(end for end in ends if end is not None)
    found = [match[1].strip() for match in KEY.finditer(text)]
    who = sum(vocabulary.specialist(name) == 0 for name in found)
    what = Counter(name for name in found if vocabulary.task(name) is not None).most_common(1)
    return bool(what) and who == what[0][1] == len(subtasks)


def squash(text: str) -> str:
    """Drop backslashes and fold white space: what escaping and layout may change."""
    return " ".join(text.replace("\\n", " ").replace("\\t", " ").replace("\\", "").split())


def _find(text: str, part: str, pos: int) -> int | None:
    pattern = re.compile(
        rf"[:：=]\s?[{QUOTES}]\s?{re.escape(part)}\s?[{QUOTES}]\s?(?:[,}}\]:]|\Z|[{QUOTES}]\w+[{QUOTES}]\s?:)"
    )
    match = pattern.search(text, pos)
    return match.end() if match else None
