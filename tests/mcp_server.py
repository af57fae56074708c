"""MCP server: a real one, as a process of its own; over stdio, or over HTTP when given a port."""

import sys

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations

server = FastMCP("larder", host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 0, log_level="ERROR")


@server.tool()
def stock(item: str) -> str:
    """Say how much of an item is in the larder."""
    return f"{item}: 12 jars"


@server.tool(annotations=ToolAnnotations(readOnlyHint=False, destructiveHint=True))
def throw_away(item: str) -> str:
    """Throw an item away."""
    return f"{item} is gone"


@server.tool()
def broken(item: str) -> str:
    """Raise."""
    raise ValueError(f"the shelf with {item} has collapsed")


if __name__ == "__main__":
    server.run("streamable-http" if len(sys.argv) > 1 else "stdio")
