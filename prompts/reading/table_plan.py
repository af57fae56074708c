"""Table plan: a plan in a Markdown table with columns for the specialist and the task."""

import re

from prompts.reading.listing import LabelledText, Listing, Part, Row, part_of, rows_of

RULE = re.compile(
    r"\A\s{0,40}+\|?\s{0,40}+:?-{1,400}+:?\s{0,40}+(?:\|\s{0,40}+:?-{1,400}+:?\s{0,40}+){0,12}\|?\s{0,40}+"
)
BAR = re.compile(r"(?<!\\)\|")
EMPHASIS = re.compile(r"(\*\*|__|`|\*|_)((?:(?!\1).)+)\1")
LONGEST_RULE = 2_000  # characters


def read(text: str) -> Listing | None:
    """Read the one table that is a plan, None where there is none or several: nobody can tell which is meant."""
    lines = text.split("\n")
    rules = [
        number
        for number, line in enumerate(lines)
        if number and "-" in line and "|" in lines[number - 1] and RULE.fullmatch(line[:LONGEST_RULE])
    ]
    listings = [listing for number in rules[:20] if (listing := _table(lines, number)) is not None]
    return listings[0] if len(listings) == 1 else None


def _cells(line: str) -> list[str]:
    """Split a row at its bars, but not at escaped ones."""
    line = line.strip().removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [_text(cell) for cell in BAR.split(line)]


def _text(cell: str) -> str:
    """Undo what a cell needs to stand in a table."""
    cell = re.sub(r"<br\s{0,9}/?>", "\n", cell.strip()).replace("\\|", "|")
    emphasis = EMPHASIS.fullmatch(cell)
    return emphasis[2] if emphasis else cell


def _columns(header: list[str]) -> dict[Part, int] | None:
    """Say which column gives which part; None where that is not clear."""
    parts = [part_of(cell) for cell in header]
    who: Part = "specialist" if "specialist" in parts else "perhaps specialist"
    if parts.count(who) != 1 or parts.count("task") != 1:
        return None
    return {part: parts.index(part) for part in (who, "task", "cross-check") if part in parts}


def _table(lines: list[str], rule: int) -> Listing | None:
    header = _cells(lines[rule - 1])
    columns = _columns(header)
    if columns is None:
        return None
    barred = lines[rule].rstrip().endswith("|")
    rows: list[Row] = []
    for number, line in enumerate(lines[rule + 1 :], rule + 1):
        if "|" not in line:
            break
        cells = _cells(line)
        last = number == len(lines) - 1
        if last and (len(cells) != len(header) or (barred and not line.rstrip().endswith("|"))):
            return Listing(tuple(rows), cut=True) if rows else None
        if len(cells) != len(header):
            return None  # a bar inside a cell: nobody can tell which
        made = rows_of(LabelledText(part, cells[at], barred or not last) for part, at in columns.items())
        if made is None:
            return None
        rows += made
    return Listing(tuple(rows)) if rows else None
