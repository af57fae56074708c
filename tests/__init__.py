"""The tests, and the servers they use in place of the real services.

models, specialists, plan, synthesis, prompts, graph mirror the rooms of the code. Servers on loopback: endpoint, hub,
mcp_server, collector (PostgreSQL and Redis are in deploy/services.py). minds, turn, dialects: what they say; faults, wire: how they fail.
"""
