"""Tools: what specialists work with: shipped, brought along, or on MCP servers.

toolbox: which tools there are, by name; arithmetic, document_search, web_search: those that come with us; mcp: those of
servers. A specialist has the tools its file names, and no others.
"""
