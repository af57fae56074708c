"""Assembly: who can be given work, what they work with, and what was handed over with the request. Read once, at start."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import prompts
from graph import settings
from graph.fetch import fetch_document, is_address
from nodes.documents import Document, Documents, read_documents
from nodes.errors import BadSettings
from nodes.host import READER
from nodes.specialists import (
    ARITHMETIC_TOOLS,
    Roster,
    Specialist,
    SpecialistError,
    Toolbox,
    bare_name,
    document_tools,
    from_entry_points,
    mcp_tools,
    read_folder,
    takes_tasks,
    tools_by_name,
    unknown_tools,
    web_search_tool,
)

SPECIALISTS_KEPT = "orchestrator_specialists"  # the metadata of a run under which their fingerprints are
BUILT_IN = Path(prompts.__file__).parent / "specialists"

Attached = Iterable[str | Path | Document]


@dataclass(frozen=True)
class Assembly:
    """What a graph is built with.

    Attributes:
        roster: who can be given work.
        toolbox: what they work with.
        documents: what was handed over with the request.
        lent: other people's code is among it: tools, MCP servers, specialists that are no model of ours.
    """

    roster: Roster
    toolbox: Toolbox
    documents: Documents | None
    lent: bool

    def fingerprints(self) -> dict[str, str]:
        """Tell one state of each specialist of the user's own from another, by name."""
        own = (specialist for specialist in self.roster.members.values() if not specialist.built_in)
        return {specialist.name: _fingerprint(specialist) for specialist in own}


def assemble(
    specialists: Iterable[Specialist] = (),
    specialists_dir: str | Path | None = None,
    tools: Iterable[Any] = (),
    mcp_config: str | Path | Mapping[str, Any] | None = None,
    documents: Attached = (),
) -> Assembly:
    """Read and check all that a graph is given.

    Of two specialists with one name the later wins: built-in, then the folder's, then Python's.

    Raises:
        SpecialistError: a specialist's file is no good, or names a tool that nobody offers.
        BadSettings: a specialist, a tool, an MCP server or a document is no good.
    """
    folder = Path(specialists_dir) if specialists_dir is not None else settings.path("SPECIALISTS_DIR")
    own = [*(read_folder(folder, settings.variable) if folder is not None else ()), *map(_checked, specialists)]
    named_so = {bare_name(specialist.name) for specialist in own}
    handed_over = read_documents(fetch_document(str(given)) if is_address(given) else given for given in documents)
    box = _shipped_tools(handed_over)
    shipped = [
        replace(specialist, built_in=True)
        for specialist in read_folder(BUILT_IN, settings.variable)
        if bare_name(specialist.name) not in named_so and box.tools.keys() >= set(specialist.tools)
    ]
    roster = Roster.of([*own, *shipped])
    toolbox = _toolbox(box, roster, tools, mcp_config if mcp_config is not None else settings.path("MCP_CONFIG"))
    lent = toolbox.tools != box.tools or not all(who.ours for who in roster.members.values())
    return Assembly(roster, toolbox, handed_over, lent)


def _fingerprint(specialist: Specialist) -> str:
    """Sum up all that makes a difference to the work; the key and the place of its file do not."""
    values = {field.name: getattr(specialist, field.name) for field in fields(specialist)} | {"key": "", "origin": ""}
    made = type(values.pop("runnable"))
    return sha256(repr((made.__qualname__, sorted(values.items()))).encode()).hexdigest()[:12]


def _shipped_tools(documents: Documents | None) -> Toolbox:
    box = Toolbox(tools_by_name(ARITHMETIC_TOOLS, "the shipped estimator"))
    box = box.with_tools(tools_by_name(document_tools(documents), READER))
    engine = settings.search_engine()
    if engine is not None:
        box = box.with_tools(tools_by_name([web_search_tool(engine)], "the shipped web search"))
    return box


def _toolbox(
    box: Toolbox, roster: Roster, tools: Iterable[Any], config: str | Path | Mapping[str, Any] | None
) -> Toolbox:
    box = box.with_tools(from_entry_points()).with_tools(tools_by_name(tools, "build_graph(tools=…)"))
    missing = unknown_tools(roster.members.values(), box)
    if missing and config is not None:  # servers are asked only when somebody needs what they have
        box = box.with_tools(mcp_tools(config, settings.variable, set(missing)))
        missing = unknown_tools(roster.members.values(), box)
    if missing:
        known = ", ".join(sorted(box.tools)) or "none"
        faults = [
            f"{specialist.where}: unknown tool {name!r}; known: {known}"
            for name, who in missing.items()
            for specialist in who
        ]
        raise SpecialistError("\n".join(faults))
    return box


def _checked(specialist: Specialist) -> Specialist:
    """Check a specialist that was made in Python.

    Raises:
        BadSettings: it is no Specialist, or can be given no task.
    """
    if not isinstance(specialist, Specialist):
        raise BadSettings(f"expected graph.Specialist(name, description, …), got {type(specialist).__name__}")
    if specialist.runnable is not None and not takes_tasks(specialist.runnable):
        accepted = "a LangChain runnable, compiled graph, agent or function from task to text"
        raise BadSettings(f"{specialist.where}: runnable must be {accepted}, got {type(specialist.runnable).__name__}")
    if bool(specialist.url) != bool(specialist.graph):
        raise BadSettings(f"{specialist.where}: a graph on another server needs both url and graph")
    if (specialist.runnable is not None or specialist.url) and specialist.tools:
        raise BadSettings(
            f"{specialist.where}: tools are for a specialist with instructions; a runnable brings its own"
        )
    return specialist
