"""Tools: what workers can be given to work with, by name, and from where."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools import tool as made_of

from nodes.errors import BadSettings
from nodes.specialists.registry import Specialist

ENTRY_POINTS = "orchestrator_workers.tools"  # an installed package offers a tool, or a list of tools, in this group
MODEL_CALLS = 12  # of one worker with tools, at most; the last is made without them
LEAST_RESULT = 2_000  # bytes that a tool's result is expected to need, where money is counted
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # what endpoints take as a function's name


@dataclass(frozen=True)
class Tool:
    """A tool, and what code must know of it.

    Attributes:
        tool: LangChain's.
        source: where it comes from, for messages.
        timeout: seconds for one call (None: the specialist's tool_timeout).
        changes_world: it asks a person first.
    """

    tool: BaseTool
    source: str
    timeout: float | None = None
    changes_world: bool = False


@dataclass(frozen=True)
class Toolbox:
    """All tools that specialists' files may name."""

    tools: Mapping[str, Tool] = field(default_factory=dict)

    def of(self, specialist: Specialist) -> dict[str, Tool]:
        """Return the tools of one specialist, by the names that the model calls them; those alone can be called."""
        own = {self.tools[name].tool.name: self.tools[name] for name in specialist.tools}
        asking = {self.tools[name].tool.name for name in specialist.asks}
        return {
            name: Tool(tool.tool, tool.source, tool.timeout, tool.changes_world or name in asking)
            for name, tool in own.items()
        }

    def with_tools(self, more: Mapping[str, Tool]) -> "Toolbox":
        """Add tools; of two with one name the added wins."""
        return Toolbox({**self.tools, **more})


def tools_by_name(tools: Iterable[Any], source: str) -> dict[str, Tool]:
    """Take LangChain tools or plain functions with a docstring.

    Marks on a tool, in its metadata: {"changes_world": True} asks a person first, {"timeout_s": 5} bounds a call.

    Raises:
        BadSettings: it is no tool, its name is no good, or two have one name.
    """
    tools_found: dict[str, Tool] = {}
    for given in tools:
        tool = _tool(given, source)
        if not _NAME.fullmatch(tool.name):
            raise BadSettings(f"{source}: a tool cannot be named {tool.name!r}; letters, digits, _ and -, 64 at most")
        if tool.name in tools_found:
            raise BadSettings(f"{source}: two tools are named {tool.name!r}")
        marks = tool.metadata or {}
        timeout = marks.get("timeout_s")
        if timeout is not None and (not isinstance(timeout, (int, float)) or timeout <= 0):
            raise BadSettings(f"{source}: tool {tool.name!r}: timeout_s must be seconds above 0, got {timeout!r}")
        tools_found[tool.name] = Tool(tool, source, timeout, changes_world(marks))
    return tools_found


def _tool(given: Any, source: str) -> BaseTool:
    if isinstance(given, BaseTool):
        return given
    if isinstance(given, Callable) and not isinstance(given, type):  # type: ignore[arg-type]
        try:
            made: BaseTool = made_of(given)
        except ValueError as error:
            raise BadSettings(f"{source}: {getattr(given, '__name__', given)!r} cannot be a tool: {error}") from None
        return made
    raise BadSettings(f"{source}: expected a LangChain tool or a function with a docstring, got {type(given).__name__}")


def changes_world(marks: Mapping[str, Any]) -> bool:
    """Tell from a tool's marks whether it changes the outside world; an MCP server's own annotations count too.

    Source: ToolAnnotations in the Model Context Protocol, https://modelcontextprotocol.io/specification
    """
    hints = {**marks, **(marks.get("annotations") or {})}
    return (
        bool(hints.get("changes_world")) or hints.get("destructiveHint") is True or hints.get("readOnlyHint") is False
    )


def from_entry_points() -> dict[str, Tool]:
    """Take the tools that installed packages offer.

    Raises:
        BadSettings: one cannot be loaded, or is no tool.
    """
    tools_found: dict[str, Tool] = {}
    for point in entry_points(group=ENTRY_POINTS):
        source = f"entry point {point.name!r} ({point.value})"
        try:
            offered = point.load()
        except Exception as error:  # an installed package's code may raise anything
            raise BadSettings(f"{source} cannot be loaded: {type(error).__name__}: {error}") from error
        tools_found |= tools_by_name(offered if isinstance(offered, (list, tuple)) else [offered], source)
    return tools_found


def unknown_tools(specialists: Iterable[Specialist], known: Toolbox) -> dict[str, list[Specialist]]:
    """Name the tools that specialists have and nobody offers."""
    missing: dict[str, list[Specialist]] = {}
    for specialist in specialists:
        for name in specialist.tools:
            if name not in known.tools:
                missing.setdefault(name, []).append(specialist)
    return missing
