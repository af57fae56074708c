"""Team: who can be given work, what they work with, and what was handed over with the request. Read once, at start."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import prompts
from graph import settings
from nodes.documents import Document, Documents, read_documents
from nodes.errors import BadSettings
from nodes.specialists import (
    ARITHMETIC_TOOLS,
    Roster,
    Specialist,
    SpecialistError,
    Toolbox,
    document_tools,
    folded,
    from_entry_points,
    mcp_tools,
    named,
    read_folder,
    takes_tasks,
    unknown_tools,
)

BUILT_IN = Path(prompts.__file__).parent / "specialists"

Attached = Iterable[str | Path | Document]


@dataclass(frozen=True)
class Team:
    """What a graph is built with."""

    roster: Roster
    toolbox: Toolbox
    documents: Documents | None


def assemble(
    specialists: Iterable[Specialist] = (),
    specialists_dir: str | Path | None = None,
    tools: Iterable[Any] = (),
    mcp_config: str | Path | Mapping[str, Any] | None = None,
    documents: Attached = (),
) -> Team:
    """Read and check all that a graph is given.

    Of two specialists with one name the later wins: built-in, then the folder's, then Python's.

    Raises:
        SpecialistError: a specialist's file is no good, or names a tool that nobody offers.
        BadSettings: a specialist, a tool, an MCP server or a document is no good.
    """
    folder = Path(specialists_dir) if specialists_dir is not None else settings.specialists_dir()
    own = [*(read_folder(folder, settings.variable) if folder is not None else ()), *map(_checked, specialists)]
    named_so = {folded(one.name) for one in own}
    shipped = [one for one in read_folder(BUILT_IN, settings.variable) if folded(one.name) not in named_so]
    roster = Roster.of([*own, *(replace(one, built_in=True) for one in shipped)])
    handed_over = read_documents(documents)
    toolbox = _toolbox(roster, tools, mcp_config if mcp_config is not None else settings.mcp_config(), handed_over)
    return Team(roster, toolbox, handed_over)


def _toolbox(
    roster: Roster, tools: Iterable[Any], config: str | Path | Mapping[str, Any] | None, documents: Documents | None
) -> Toolbox:
    box = Toolbox(named(ARITHMETIC_TOOLS, "the shipped estimator"))
    box = box.with_tools(named(document_tools(documents), "the shipped reader"))
    box = box.with_tools(from_entry_points()).with_tools(named(tools, "build_graph(tools=…)"))
    missing = unknown_tools(roster.members.values(), box)
    if missing and config is not None:  # servers are asked only when somebody needs what they have
        box = box.with_tools(mcp_tools(config, settings.variable, set(missing)))
        missing = unknown_tools(roster.members.values(), box)
    if missing:
        known = ", ".join(sorted(box.tools)) or "none"
        faults = [f"{one.where}: unknown tool {name!r}; known: {known}" for name, who in missing.items() for one in who]
        raise SpecialistError("\n".join(faults))
    return box


def _checked(one: Specialist) -> Specialist:
    """Check a specialist that was made in Python.

    Raises:
        BadSettings: it is no Specialist, or can be given no task.
    """
    if not isinstance(one, Specialist):
        raise BadSettings(f"expected graph.Specialist(name, description, …), got {type(one).__name__}")
    if one.runnable is not None and not takes_tasks(one.runnable):
        told = "a LangChain runnable, compiled graph, agent or function from task to text"
        raise BadSettings(f"{one.where}: runnable must be {told}, got {type(one.runnable).__name__}")
    if bool(one.url) != bool(one.graph):
        raise BadSettings(f"{one.where}: a graph on another server needs both url and graph")
    if (one.runnable is not None or one.url) and one.tools:
        raise BadSettings(f"{one.where}: tools are for a specialist with instructions; a runnable brings its own")
    return one
