"""Labelled plan: lines that begin with the name of what they give ("Specialist: …", "Task: …"), in Markdown or plain."""

import re

from prompts.reading import vocabulary
from prompts.reading.listing import LabelledText, Listing, Part, Row, part_of, rows_of

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
LONGEST_NAME = 120  # characters of a line in which a second label may stand, behind a name
QUOTES = tuple("\"'“‘`")


def read(text: str) -> Listing | None:
    """Read labelled lines; None where they are no plan, or where a line may or may not belong to a task."""
    texts: list[LabelledText] = []
    goes_on = False  # whether a following line may belong to the last text
    for line in text.split("\n"):
        label = LABEL.match(line)
        part = part_of(label["key"]) if label else None
        if label and part and (part != "task" or texts or label["text"].strip()):
            goes_on = _add(texts, part, label["text"])
        elif not line.strip() or BREAK.match(line) or (label and _other_label(label)):
            goes_on = False
        elif goes_on and line[0] in " \t":
            texts[-1] = texts[-1]._replace(text=f"{texts[-1].text}\n{line.strip()}")
        elif goes_on:
            return None
    if any((line.text.startswith(QUOTES) and line.text.endswith(",")) or BLOCK_MARK.match(line.text) for line in texts):
        return None  # lines of broken JSON or of YAML
    rows = rows_of(texts) or ()
    sure = any(line.part == "specialist" for line in texts)
    if not rows or not (sure or len(rows) > 1):
        return None
    last = Row(rows[-1].subtask, closed=not goes_on)
    return Listing((*(Row(row.subtask, closed=True) for row in rows[:-1]), last))


def _other_label(label: re.Match[str]) -> bool:
    key = label["key"]
    return vocabulary.has_other_meaning(key) or vocabulary.wrapper_rank(key) is not None or bool(label["mark"])


def _add(texts: list[LabelledText], part: Part, text: str) -> bool:
    """Add a labelled text, and what a second label in the same line gives; say whether the next line may go on."""
    if not text.strip():
        return False
    if "specialist" in part:
        for second in SECOND.finditer(text[:LONGEST_NAME]):
            if second.start() and part_of(second[1]) == "task":
                texts.append(LabelledText(part, _unwrapped(text[: second.start()]), closed=True))
                part, text = "task", text[second.end() :]
                break
    texts.append(LabelledText(part, _unwrapped(text), closed=False))
    return True


def _unwrapped(text: str) -> str:
    """Take emphasis, code marks or quotes off a text that stands wholly in them."""
    wrapped = WRAPPED.fullmatch(text.strip())
    return wrapped[2] if wrapped else text.strip()
