"""Tools: what specialists work with: shipped, brought along, or on MCP servers.

registry: which tools there are, by name; arithmetic, documents, web_search: those that come with us; mcp: those of
servers. A specialist has the tools its file names, and no others.
"""
