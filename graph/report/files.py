"""Files: a report in the format that a file's name asks for."""

from collections.abc import Callable
from typing import cast

from graph.report.page import html
from graph.report.text import markdown
from graph.sanitise import as_json
from nodes.state import State


def _docx(state: State) -> bytes:
    from graph.report.word import docx

    return docx(state)


FORMATS: dict[str, Callable[[State], str | bytes]] = {
    "html": html,
    "md": markdown,
    "docx": _docx,
    "json": lambda state: as_json(state) + "\n",
}


def written(state: object, kind: str) -> bytes:
    """Write a run in one of FORMATS.

    Raises:
        BadSettings: the extra for this format is not installed.
    """
    made = FORMATS[kind](cast("State", state))
    return made.encode() if isinstance(made, str) else made
