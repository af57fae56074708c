"""Markdown: texts of a model as plain lines, and where in an answer something can be put in. Pure."""

import re

from prompts import parsing

READ = 2_000  # characters of one text that are made plain
LINE = 300  # characters of it that are shown
NEAR_HEADING = 400  # characters between a heading and the list that it is the heading of

_RULE = re.compile(r"^[\s|:+*=_–—-]+$", re.MULTILINE)  # of a table, or between sections
_START = re.compile(
    r"^[ \t]{0,8}(?:#{1,6}[ \t]|>[ \t]?|[-*+•][ \t](?:\[[ xX]\][ \t])?|\d{1,3}[.)][ \t]|\|)", re.MULTILINE
)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,300})\]\([^()\n]{0,500}\)")
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]{0,200}>")
_STRESS = re.compile(r"[*`]{1,3}(?=\S)|(?<=\S)[*`]{1,3}|__(?=\w)|(?<=\w)__|~~")
_BARS = re.compile(r"[ \t]?\|[ \t]?")

_HEADING = re.compile(r"^#{1,6}[ \t]\S.*$", re.MULTILINE)
_ITEM = re.compile(r"^[ \t]{0,8}(?:[-*+•][ \t]|\d{1,3}[.)][ \t]|\|)")


def without_markdown(text: str) -> str:
    """Give a text as one line without Markdown, shortened."""
    head = _RULE.sub("", text[:READ])
    for pattern, instead in ((_LINK, r"\1"), (_TAG, ""), (_START, ""), (_STRESS, ""), (_BARS, ", ")):
        head = pattern.sub(instead, head)
    return shortened(head.strip(" \n\t,"), LINE)


def shortened(text: str, limit: int = 160) -> str:
    """Give a text as one line, cut at a word where it is too long."""
    return parsing.shortened(" ".join(text[: 2 * READ].split()), limit)


def items(text: str) -> str:
    """Give the lines of a text that stand in a list or a table."""
    return "\n".join(line for line in text.splitlines() if _ITEM.match(line))


def with_sections(answer: str, sections: list[str]) -> str:
    """Put sections into an answer: before its closing checklist, or at its end."""
    if not sections:
        return answer
    at = _closing_list(answer)
    parts = [answer[:at].rstrip(), *sections, answer[at:].lstrip("\n")]
    return "\n\n".join(part for part in parts if part)


def _closing_list(answer: str) -> int:
    """Find where the list that an answer ends with begins, its heading included; the answer's end if there is none."""
    headings = [match for match in _HEADING.finditer(answer) if answer[: match.start()].strip()]
    start = headings[-1].end() if headings else 0
    lines = answer[start:].splitlines(keepends=True)
    places, at = list[int](), start
    for line in lines:
        places.append(at)
        at += len(line)
    items = [number for number, line in enumerate(lines) if _ITEM.match(line)]
    if not items:
        return len(answer)
    if headings and places[items[0]] - start <= NEAR_HEADING:
        return headings[-1].start()
    first = items[-1]
    while first and (_ITEM.match(lines[first - 1]) or lines[first - 1][:1] in " \t\n"):
        first -= 1
    while first < items[-1] and not lines[first].strip():
        first += 1
    before = next((number for number in range(first - 1, -1, -1) if lines[number].strip()), None)
    if before is not None and lines[before].rstrip("* \n\t").endswith((":", "：")):
        first = before
    return places[first]
