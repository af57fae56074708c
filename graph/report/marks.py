"""Marks: what [S1] and [D1] in an answer lead to, and where they stand. Pure."""

import re
from collections.abc import Collection

from graph.sanitise import escaped, one_line
from nodes.state import State

PREFIX = "run-"  # of every anchor that is ours; text from outside keeps no anchor at all
_MARKED = re.compile(r"\[([SDG]\d{1,6})\](?![(:])")
_ENTRY = re.compile(r"^- .*\[[DG]\d{1,6}\]")  # a line that tells an entry
_BEFORE = 60  # characters before a mark, besides its name's, in which its specialist may just have been named


def names_of(state: State) -> dict[str, str]:
    """Give the specialists by the ids of their subtasks."""
    return {outcome["id"]: outcome["specialist"] for outcome in state.get("outcomes", [])}


def linked(answer: str, state: State) -> str:
    """Turn [S1] into a link to that worker's own text, under its name unless that was just said; [D1], [G1] likewise."""
    names = names_of(state)
    entries = {entry.get("id") for entry in [*state.get("disagreements", []), *state.get("gaps", [])]}

    def link(match: re.Match[str]) -> str:
        mark = match.group(1)
        if mark in names:
            named = _was_named(answer[: match.start()], names[mark])
            return f"[{mark if named else f'{escaped(names[mark])} ({mark})'}](#{PREFIX}{mark})"
        return f"[{mark}](#{PREFIX}{mark})" if mark in entries else match.group()

    return _MARKED.sub(link, answer)


def _was_named(before: str, name: str) -> bool:
    near = one_line(before[-(len(name) + _BEFORE) :]).casefold()
    return one_line(name).casefold() in near


def anchored(markup: str) -> tuple[str, dict[str, list[str]]]:
    """Give each mark in an answer's HTML an anchor of its own, so that a worker's text can lead back to it.

    Returns:
        The HTML, and the anchors by what they mark.
    """
    places: dict[str, list[str]] = {}

    def anchor(match: re.Match[str]) -> str:
        mark = match.group(1)
        place = f"{PREFIX}{mark}-{len(places.setdefault(mark, [])) + 1}"
        places[mark].append(place)
        return f'<a class="mark" id="{place}" href="#{PREFIX}{mark}"'

    return re.sub(rf'<a href="#{PREFIX}([SDG]\d{{1,6}})"', anchor, markup), places


def without_repeats(answer: str, headings: Collection[str]) -> str:
    """Leave out what code has put under these headings into an answer: the report tells each entry in its own place."""
    lines, kept, at = answer.split("\n"), list[str](), 0
    while at < len(lines):
        if not (lines[at].startswith("## ") and lines[at][3:].strip() in headings):
            kept.append(lines[at])
            at += 1
            continue
        at += 1
        while at < len(lines) and (not lines[at].strip() or lines[at].startswith("  ") or _ENTRY.match(lines[at])):
            at += 1
        if at < len(lines) and re.match(r"[-*] ", lines[at]):  # a list of its own goes on there
            kept.append("")
    return "\n".join(kept)
