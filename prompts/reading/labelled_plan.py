"""Labelled plan: lines that begin with the name of what they give ("Specialist: …"), in Markdown, YAML or plain."""

import json
import re
from typing import Any

from prompts.reading import vocabulary
from prompts.reading.cut import CutList, objects
from prompts.reading.subtask_object import is_name, is_prose

GAP = r"[ \t]{0,40}+"
LEAD = rf"\A{GAP}(?:>{GAP})?(?:(?:[-*+•‣▪–]|\d{{1,3}}[.)、:]|\(\d{{1,3}}\)|[A-Za-z][.)])[ \t]{{1,40}}+)?(?:\[[ xX]\][ \t]{{1,9}}+)?(?:#{{1,6}}[ \t]{{1,9}}+)?"
LABEL = re.compile(
    rf"{LEAD}(?P<mark>\*\*|__|\*|`|\")?(?P<key>[^\W\d][^:：*`\"|\n]{{0,60}}?)(?:[ \t]{{1,9}}(?:#[ \t]{{0,9}})?\d{{1,3}})?[ \t]{{0,9}}"
    rf"(?:(?P=mark){GAP}[:：]|[:：]{GAP}(?P=mark)|(?(mark)(?!)|[:：])){GAP}(?P<text>.*)"
)
# A label behind a name, in the same line.
SECOND = re.compile(r"[ \t]{0,9}[|;,，；/–—-]?[ \t]{1,9}(?:\*\*)?([^\W\d]\w{0,20})(?:\*\*)?[:：](?:\*\*)?[ \t]{0,9}")
WRAPPED = re.compile(r"(\*\*|__|`|\*|\"|')((?:(?!\1).)+)\1")
BLOCK = re.compile(r"[|>][+-]?(?:\n|\Z)")  # YAML's mark of a text that follows in lines of its own
LONGEST = 16_000  # characters of a text that is read line by line
LONGEST_NAME = 120  # characters of a line in which a second label may stand


def read(text: str, *, cut: bool) -> Any:
    """Give the objects of labelled lines; None where they are none, or a line may or may not belong to a task."""
    pairs: list[tuple[str, str]] = []
    column: int | None = None  # where the label begins whose text may go on in deeper lines
    mapped = labelled = False  # whether names stand for "specialist", below "subtasks:"; whether labels have come
    lines = text.split("\n") if len(text) <= LONGEST else []
    for line in lines[:-1] if cut else lines:
        deeper = column is not None and len(line) - len(line.lstrip()) > column
        label = None if deeper and BLOCK.match(pairs[-1][1]) else LABEL.match(line)
        given = _given(label, mapped=mapped and not labelled and line[:1] == " ") if label else []
        other = label is not None and _is_other(label["key"])
        if label and given:
            pairs += given
            labelled = labelled or _part_of(label["key"]) is not None
            column = label.start("key")
        elif column is None or other or not line.strip() or line.startswith("#"):
            column = None
        elif line[0] in " \t" and pairs[-1][0] == "task":
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\n{line.strip()}")
        else:
            return None
        mapped = mapped or (
            label is not None and not label["text"] and vocabulary.wrapper_rank(label["key"]) is not None
        )
    value = objects([(part, _laid_out(said)) for part, said in pairs])
    rows = value if isinstance(value, list) else [value]
    whole = [row for row in rows if vocabulary.labels_subtasks(row)]
    if len(whole) < len(rows) - cut or not ((labelled and "specialist" in dict(pairs)) or len(rows) > 1):
        return None
    return CutList(whole) if cut else whole


def _is_other(label: str) -> bool:
    return vocabulary.has_other_meaning(label) or vocabulary.wrapper_rank(label) is not None


def _given(label: re.Match[str], *, mapped: bool) -> list[tuple[str, str]]:
    """Give a labelled text, and what a second label in the same line gives; [] where it is no part of a subtask."""
    key, text = label["key"], label["text"].strip()
    part = _part_of(key)
    if mapped and part is None and is_name(key) and is_prose(text):
        return [("specialist", key), ("task", text)]
    if part is None or not text:
        return []
    for second in SECOND.finditer(text[:LONGEST_NAME]) if part in ("specialist", "name") else ():
        if _part_of(second[1]) == "task":
            return [(part, text[: second.start()]), ("task", text[second.end() :])]
    return [(part, text)]


def _part_of(label: str) -> str | None:
    """Say which part of a subtask a label names; "name" is perhaps its specialist."""
    rank = vocabulary.specialist_rank(label)
    if rank is not None:
        return ("specialist", "name")[rank]
    if vocabulary.asks_cross_check(label):
        return "cross_check"
    return None if vocabulary.task_rank(label) is None else "task"


def _laid_out(text: str) -> str:
    """Undo YAML's blocks and quotes, and take off emphasis or code marks that a text stands wholly in."""
    block = BLOCK.match(text)
    if block:
        return text[block.end() :].replace("\n", " " if text[0] == ">" else "\n")
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            pass
    wrapped = WRAPPED.fullmatch(text.strip())
    return wrapped[2] if wrapped else text.strip()
