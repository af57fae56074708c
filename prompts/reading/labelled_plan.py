"""Labelled plan: lines that begin with the name of what they give ("Specialist: …", "Task: …"), in Markdown or plain."""

import re
from typing import Any

from prompts.reading import vocabulary
from prompts.reading.cut import is_cut, objects

GAP = r"[ \t]{0,40}+"
LEAD = rf"\A{GAP}(?:>{GAP})?(?:(?:[-*+•‣▪–]|\d{{1,3}}[.)、:]|\(\d{{1,3}}\)|[A-Za-z][.)])[ \t]{{1,40}}+)?(?:\[[ xX]\][ \t]{{1,9}}+)?(?:#{{1,6}}[ \t]{{1,9}}+)?"
LABEL = re.compile(
    rf"{LEAD}(?P<mark>\*\*|__|\*|`)?(?P<key>[^\W\d][\w -]{{0,40}}?)(?:[ \t]{{1,9}}(?:#[ \t]{{0,9}})?\d{{1,3}})?[ \t]{{0,9}}"
    rf"(?:(?P=mark){GAP}[:：]|[:：]{GAP}(?P=mark)|(?(mark)(?!)|[:：])){GAP}(?P<text>.*)"
)
SECOND = re.compile(
    r"[ \t]{0,9}+(?:[|;,，；/]|[-–—→]{1,3}>?|\*\*)?[ \t]{0,9}+(?:\*\*|__)?(?<!\w)([^\W\d](?:[\w-]| (?!\s)){0,20}?)(?:\*\*|__)? ?[:：](?:\*\*|__)?[ \t]{0,9}"
)
BREAK = re.compile(r"\A\s{0,40}(?:#{1,6}\s|-{3,200}\s{0,40}$|```|~~~)")
BLOCK_MARK = re.compile(r"[|>][+-]?(?:\n|$)")  # YAML's: what follows is laid out by rules that lines do not show
WRAPPED = re.compile(r"(\*\*|__|`|\*|\"|')((?:(?!\1).)+)\1", re.DOTALL)
LONGEST = 16_000  # characters of a text that is read line by line
LONGEST_NAME = 120  # characters of a line in which a second label may stand, behind a name
QUOTES = tuple("\"'“‘`")


def read(text: str, *, cut: bool) -> Any:
    """Give the objects of labelled lines; None where they are none, or a line may or may not belong to a task."""
    pairs: list[tuple[str, str]] = []
    goes_on = False  # whether a following line may belong to the last text
    for line in text.split("\n"):
        label = LABEL.match(line)
        part = _part_of(label["key"]) if label else None
        if label and part and (part != "task" or pairs or label["text"].strip()):
            goes_on = _add(pairs, part, label["text"])
        elif not line.strip() or BREAK.match(line) or (label and _other_label(label)):
            goes_on = False
        elif goes_on and line[0] in " \t":
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\n{line.strip()}")
        elif goes_on:
            return None
    if len(text) > LONGEST or any(
        (said.startswith(QUOTES) and said.endswith(",")) or BLOCK_MARK.match(said) for _, said in pairs
    ):
        return None  # lines of broken JSON or of YAML
    value = objects(pairs, cut=cut and goes_on)
    rows = value if isinstance(value, list) else [value]
    whole = all(is_cut(row) or vocabulary.labels_subtasks(row) for row in rows)
    return rows if whole and ("specialist" in dict(pairs) or len(rows) > 1) else None


def _part_of(label: str) -> str | None:
    """Say which part of a subtask a label names; "name" is perhaps its specialist."""
    rank = vocabulary.specialist_rank(label)
    if rank is not None:
        return ("specialist", "name")[rank]
    if vocabulary.asks_cross_check(label):
        return "cross_check"
    return None if vocabulary.task_rank(label) is None else "task"


def _other_label(label: re.Match[str]) -> bool:
    key = label["key"]
    return vocabulary.has_other_meaning(key) or vocabulary.wrapper_rank(key) is not None or bool(label["mark"])


def _add(pairs: list[tuple[str, str]], part: str, text: str) -> bool:
    """Add a labelled text, and what a second label in the same line gives; say whether the next line may go on."""
    if not text.strip():
        return False
    if part in ("specialist", "name"):
        for second in SECOND.finditer(text[:LONGEST_NAME]):
            if second.start() and _part_of(second[1]) == "task":
                pairs.append((part, _unwrapped(text[: second.start()])))
                part, text = "task", text[second.end() :]
                break
    pairs.append((part, _unwrapped(text)))
    return True


def _unwrapped(text: str) -> str:
    """Take emphasis, code marks or quotes off a text that stands wholly in them."""
    wrapped = WRAPPED.fullmatch(text.strip())
    return wrapped[2] if wrapped else text.strip()
