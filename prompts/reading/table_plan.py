"""Table plan: a plan in a Markdown table with columns for the specialist and the task."""

import re

from prompts.reading import vocabulary
from prompts.reading.cut import CutList

RULE = re.compile(
    r"\A\s{0,40}+\|?\s{0,40}+:?-{1,400}+:?\s{0,40}+(?:\|\s{0,40}+:?-{1,400}+:?\s{0,40}+){0,12}\|?\s{0,40}+"
)
BAR = re.compile(r"(?<!\\)\|")
EMPHASIS = re.compile(r"(\*\*|__|`|\*|_)((?:(?!\1).)+)\1")
LONGEST_RULE = 2_000  # characters


def read(text: str, *, cut: bool) -> list[list[str]] | None:
    """Give the rows of the one table of subtasks, None where there is none or several: nobody can tell which is meant."""
    lines = text.split("\n")
    rules = [
        number
        for number, line in enumerate(lines)
        if number and "-" in line and "|" in lines[number - 1] and RULE.fullmatch(line[:LONGEST_RULE])
    ]
    tables = [rows for number in rules[:20] if (rows := _rows(lines, number, cut=cut)) is not None]
    return tables[0] if len(tables) == 1 else None


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


def _rows(lines: list[str], rule: int, *, cut: bool) -> list[list[str]] | None:
    """Read the rows around a rule, the header first; a last one that may be half-written is marked."""
    header, barred = _cells(lines[rule - 1]), lines[rule].rstrip().endswith("|")
    if not vocabulary.labels_subtasks(header):
        return None
    rows = [header]
    for number, line in enumerate(lines[rule + 1 :], rule + 1):
        if "|" not in line:
            break
        cells, last = _cells(line), number == len(lines) - 1
        half = len(cells) != len(header) or (barred and not line.rstrip().endswith("|"))
        if last and (half or (cut and not barred)):
            rows.append(CutList(cells))
        elif len(cells) != len(header):
            return None  # a bar inside a cell: nobody can tell which
        else:
            rows.append(cells)
    return rows
