"""MCP: tools of Model Context Protocol servers, named in a config file in the common form.

    {"mcpServers": {"files": {"command": "npx", "args": ["…"], "env": {"KEY": "${KEY}"}},
                    "search": {"type": "http", "url": "https://…/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}}}}

A tool is called by its own name, or as mcp__<server>__<tool> where two servers have one of that name. Each call opens a
session of its own: a server that dies costs one call, and nothing is shared between runs.
"""

import asyncio
import json
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from nodes.errors import BadSettings, install_command
from nodes.models import wait_on_engine
from nodes.specialists.tools.toolbox import Tool, changes_world

START_S = 30.0  # to start all servers, and to be told of their tools
FORM = '{"mcpServers": {"name": {"command": "…", "args": […]} or {"type": "http", "url": "…"}}}'
_TRANSPORTS = ("stdio", "sse", "streamable_http")
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_KEYS = frozenset({"type", "transport", "command", "args", "env", "cwd", "url", "headers"})

Lookup = Callable[[str], str | None]


def mcp_tools(config: str | Path | Mapping[str, Any], lookup: Lookup, wanted: Collection[str]) -> dict[str, Tool]:
    """Ask the servers for their tools.

    Args:
        config: a file's path, or what it would hold.
        lookup: environment variables, for ${NAME} and ${NAME:-default} in the config.
        wanted: the names that specialists' files hold; where they name servers (mcp__server__tool) only, no other
            server is started.

    Raises:
        BadSettings: the config is no good, or a server does not answer; says which.
    """
    servers = read_config(config, lookup)
    if wanted and all(name.startswith("mcp__") for name in wanted):
        servers = {
            name: server
            for name, server in servers.items()
            if any(tool_name.startswith(f"mcp__{name}__") for tool_name in wanted)
        }
    try:
        from langchain_mcp_adapters.client import MultiServerMCPClient
    except ImportError:
        raise BadSettings(
            f"MCP servers are set up, and {', '.join(sorted(wanted))} may be theirs; that needs the extra `mcp`: "
            f"{install_command('orchestrator-workers[mcp]')}"
        ) from None
    client = MultiServerMCPClient(servers)  # type: ignore[arg-type]
    return _by_name(wait_on_engine(_listed(client, list(servers))))


def _by_name(listed: Mapping[str, list[Any]]) -> dict[str, Tool]:
    """Name each tool by itself and by its server; by its server alone where two servers have one of that name."""
    tools_found: dict[str, Tool] = {}
    names = [tool.name for tools in listed.values() for tool in tools]
    for server, tools in listed.items():
        for tool in tools:
            offered = Tool(tool, f"MCP server {server!r}", changes_world=changes_world(tool.metadata or {}))
            full = f"mcp__{server}__{tool.name}"
            if names.count(tool.name) == 1:
                tools_found[tool.name] = offered
            else:  # both may be offered specialist's: the model must be able to tell them apart
                offered = Tool(
                    tool.model_copy(update={"name": full}), offered.source, changes_world=offered.changes_world
                )
            tools_found[full] = offered
    return tools_found


def read_config(config: str | Path | Mapping[str, Any], lookup: Lookup) -> dict[str, dict[str, Any]]:
    """Read the servers' connections.

    Raises:
        BadSettings: says what is wrong where.
    """
    where = "mcp_config" if isinstance(config, Mapping) else str(config)
    content: Any = config if isinstance(config, Mapping) else _config_at(Path(config))
    servers = content.get("mcpServers") if isinstance(content, Mapping) else None
    if not isinstance(servers, Mapping) or not all(isinstance(server, Mapping) for server in servers.values()):
        raise BadSettings(f"{where}: expected {FORM}")
    return {str(name): _connection(f"{where}: server {name!r}", server, lookup) for name, server in servers.items()}


def _config_at(path: Path) -> Any:
    try:
        return json.loads(path.expanduser().read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadSettings(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise BadSettings(f"{path}: no valid JSON: {error}") from None


def _connection(where: str, entry: Mapping[str, Any], lookup: Lookup) -> dict[str, Any]:
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise BadSettings(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(sorted(_KEYS))}")
    given: dict[str, Any] = _filled(where, dict(entry), lookup)
    named = given.pop("type", None) or given.pop("transport", None) or ("http" if "url" in given else "stdio")
    transport = "streamable_http" if named == "http" else str(named).replace("-", "_")
    if transport not in _TRANSPORTS:
        raise BadSettings(f"{where}: unknown type {named!r}; known: http, {', '.join(_TRANSPORTS)}")
    needed = "command" if transport == "stdio" else "url"
    if not isinstance(given.get(needed), str) or not given[needed]:
        raise BadSettings(f"{where}: {needed} is missing; expected {FORM}")
    if transport == "stdio":
        given.setdefault("args", [])
    return {**given, "transport": transport}


def _filled(where: str, value: Any, lookup: Lookup) -> Any:
    """Put variables in."""
    if isinstance(value, dict):
        return {key: _filled(where, item, lookup) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(where, item, lookup) for item in value]
    if not isinstance(value, str):
        return value

    def content(variable: re.Match[str]) -> str:
        said = lookup(variable.group(1)) or variable.group(2)
        if said is None:
            raise BadSettings(f"{where}: the environment variable {variable.group(1)} is not set")
        return said

    return _VARIABLE.sub(content, value)


async def _listed(client: Any, servers: list[str]) -> dict[str, list[Any]]:
    async def of(server: str) -> list[Any]:
        try:
            async with asyncio.timeout(START_S):
                return list(await client.get_tools(server_name=server))
        except TimeoutError:
            raise BadSettings(f"MCP server {server!r} named no tools within {START_S:g} s") from None
        except BaseExceptionGroup as group:
            raise BadSettings(f"MCP server {server!r} cannot be used: {_first(group)}") from None
        except Exception as error:  # its client raises whatever the transport does
            raise BadSettings(f"MCP server {server!r} cannot be used: {type(error).__name__}: {error}") from error

    return dict(zip(servers, await asyncio.gather(*(of(server) for server in servers)), strict=True))


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
