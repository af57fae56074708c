"""Tools: what specialists work with: shipped, brought along, or on MCP servers."""
