"""Assistants: three ready ones for a LangGraph server, each the orchestrator under other settings."""

from typing import Any

import httpx
from langgraph_sdk import get_client

from nodes.errors import BadSettings

READY: dict[str, tuple[str, dict[str, Any]]] = {
    "thrifty": (
        "Three subtasks at most, one round, a ceiling of 60,000 tokens: a quick answer at a small price.",
        {"max_subtasks": 3, "max_rounds": 1, "budget_tokens": 60_000},
    ),
    "thorough": (
        "Up to eight subtasks and three rounds, so that gaps are filled and disagreements settled.",
        {"max_subtasks": 8, "max_rounds": 3},
    ),
    "asks first": ("Shows the plan and what it may cost, and waits for your word before any work.", {"approve_plan": True}),
}  # fmt: skip


async def make_ready(url: str, graph: str) -> list[str]:
    """Make those that are not there yet, and give the names of all.

    Raises:
        BadSettings: no such server answers, or it has no such graph.
    """
    client = get_client(url=url)
    try:
        known = await client.assistants.search(graph_id=graph, limit=1000)
        for name, (description, context) in READY.items():
            if name not in {assistant["name"] for assistant in known}:
                await client.assistants.create(graph, context=context, name=name, description=description)
    except httpx.HTTPError as error:
        raise BadSettings(f"{url} has made no assistants of {graph!r}: {error}. `make dev` serves one") from None
    finally:
        await client.aclose()
    return list(READY)
