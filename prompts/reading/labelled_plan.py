"""Labelled plan: lines that begin with the name of what they give ("Specialist: …", "Task: …"), in Markdown or plain."""

import re
from typing import Any

from prompts.reading import vocabulary
from prompts.reading.cut import CutList, objects

GAP = r"[ \t]{0,40}+"
LEAD = rf"\A{GAP}(?:>{GAP})?(?:(?:[-*+•‣▪–]|\d{{1,3}}[.)、:]|\(\d{{1,3}}\)|[A-Za-z][.)])[ \t]{{1,40}}+)?(?:\[[ xX]\][ \t]{{1,9}}+)?(?:#{{1,6}}[ \t]{{1,9}}+)?"
LABEL = re.compile(
    rf"{LEAD}(?P<mark>\*\*|__|\*|`)?(?P<key>[^\W\d][\w -]{{0,40}}?)(?:[ \t]{{1,9}}(?:#[ \t]{{0,9}})?\d{{1,3}})?[ \t]{{0,9}}"
    rf"(?:(?P=mark){GAP}[:：]|[:：]{GAP}(?P=mark)|(?(mark)(?!)|[:：])){GAP}(?P<text>.*)"
)
# A label behind a name, in the same line.
SECOND = re.compile(r"[ \t]{0,9}[|;,，；/–—-]?[ \t]{1,9}(?:\*\*)?([^\W\d]\w{0,20})(?:\*\*)?[:：](?:\*\*)?[ \t]{0,9}")
WRAPPED = re.compile(r"(\*\*|__|`|\*|\"|')((?:(?!\1).)+)\1")
LONGEST = 16_000  # characters of a text that is read line by line
LONGEST_NAME = 120  # characters of a line in which a second label may stand


def read(text: str, *, cut: bool) -> Any:
    """Give the objects of labelled lines; None where they are none, or a line may or may not belong to a task."""
    pairs: list[tuple[str, str]] = []
    goes_on = False  # whether the line before gave a text
    lines = text.split("\n") if len(text) <= LONGEST else []
    for line in lines[:-1] if cut else lines:
        label = LABEL.match(line)
        part = _part_of(label["key"]) if label else None
        if label and part and label["text"].strip():
            pairs += _parts(part, label["text"])
            goes_on = True
        elif goes_on and line.strip() and not line.startswith("#") and not (label and _is_other(label["key"])):
            return None
        else:
            goes_on = False
    value = objects(pairs)
    rows = value if isinstance(value, list) else [value]
    whole = [row for row in rows if vocabulary.labels_subtasks(row)]
    if len(whole) < len(rows) - cut or not ("specialist" in dict(pairs) or len(rows) > 1):
        return None
    return CutList(whole) if cut else whole


def _is_other(label: str) -> bool:
    return vocabulary.has_other_meaning(label) or vocabulary.wrapper_rank(label) is not None


def _part_of(label: str) -> str | None:
    """Say which part of a subtask a label names; "name" is perhaps its specialist."""
    rank = vocabulary.specialist_rank(label)
    if rank is not None:
        return ("specialist", "name")[rank]
    if vocabulary.asks_cross_check(label):
        return "cross_check"
    return None if vocabulary.task_rank(label) is None else "task"


def _parts(part: str, text: str) -> list[tuple[str, str]]:
    """Give a labelled text, and what a second label in the same line gives."""
    for second in SECOND.finditer(text[:LONGEST_NAME]) if part in ("specialist", "name") else ():
        if _part_of(second[1]) == "task":
            return [(part, _unwrapped(text[: second.start()])), ("task", _unwrapped(text[second.end() :]))]
    return [(part, _unwrapped(text))]


def _unwrapped(text: str) -> str:
    """Take emphasis, code marks or quotes off a text that stands wholly in them."""
    wrapped = WRAPPED.fullmatch(text.strip())
    return wrapped[2] if wrapped else text.strip()
