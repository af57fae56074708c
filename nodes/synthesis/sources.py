"""Sources: the list at an answer's end of what its results draw on, each with the subtasks that use it. Pure."""

from collections.abc import Sequence

from nodes.state import Outcome
from nodes.synthesis.language import Words
from nodes.synthesis.markdown import items, without_markdown

SHOWN = 40


def listed_sources(outcomes: Sequence[Outcome], answer: str, words: Words) -> list[str]:
    """Write the section; nothing where there are no sources, or where the answer lists every one of them itself."""
    users: dict[str, list[str]] = {}
    for outcome in outcomes:
        for source in outcome.get("sources", []) if outcome["status"] in ("done", "partial") else []:
            users.setdefault(source, []).append(outcome["id"])
    listed = items(answer).casefold()
    if all(source.rstrip("/").casefold() in listed for source in users):
        return []
    lines = [f"- {_shown(source)} {' '.join(f'[{name}]' for name in ids)}" for source, ids in users.items()]
    return [f"## {words['sources']}\n\n" + "\n".join(lines[:SHOWN])]


def _shown(source: str) -> str:
    return source if source.startswith(("http://", "https://")) else without_markdown(source)
