"""Tables: a plan in a Markdown table with columns for the specialist and the task."""

import re

from prompts.reading.listing import Listing, Row, part, rows_of

RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*){0,12}\|?\s*")
BAR = re.compile(r"(?<!\\)\|")


def read(text: str) -> Listing | None:
    """Read the last table that is a plan, None where there is none."""
    lines = text.split("\n")
    rules = [
        number
        for number, line in enumerate(lines)
        if number and "-" in line and RULE.fullmatch(line) and "|" in lines[number - 1]
    ]
    listings = [found for number in rules[-20:] if (found := _table(lines, number)) is not None]
    return listings[-1] if listings else None


def cells(line: str) -> list[str]:
    """Split a row at its bars, but not at escaped ones."""
    line = line.strip()
    line = line.removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [plain(cell) for cell in BAR.split(line)]


def plain(cell: str) -> str:
    """Undo what a cell needs to stand in a table."""
    cell = re.sub(r"<br\s*/?>", "\n", cell.strip()).replace("\\|", "|")
    emphasis = re.fullmatch(r"(\*\*|__|`|\*|_)((?:(?!\1).)+)\1", cell)
    return emphasis[2] if emphasis else cell


def _table(lines: list[str], rule: int) -> Listing | None:
    header = [part(cell) for cell in cells(lines[rule - 1])]
    who = [at for at, kind in enumerate(header) if kind == "who"] or [
        at for at, kind in enumerate(header) if kind == "perhaps who"
    ]
    what = [at for at, kind in enumerate(header) if kind == "what"]
    if len(who) != 1 or len(what) != 1:
        return None
    barred = lines[rule].rstrip().endswith("|")
    rows: list[Row] = []
    cut = False
    for number in range(rule + 1, len(lines)):
        line = lines[number]
        if "|" not in line:
            break
        row = cells(line)
        last = number == len(lines) - 1
        if last and (len(row) != len(header) or (barred and not line.rstrip().endswith("|"))):
            cut = True
            break
        if len(row) != len(header):
            return None  # a bar inside a cell: nobody can tell which
        cross = next((row[at] for at, kind in enumerate(header) if kind == "cross"), "")
        made = rows_of([("who", row[who[0]], True), ("what", row[what[0]], True), ("cross", cross, True)])
        if made is None:
            return None
        rows.append(Row(made[0].subtask, closed=barred or not last))
    return Listing(tuple(rows), cut) if rows else None
