"""Conversation: what passes between a model and its tools, and what that has cost."""

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from nodes.models import Reply
from nodes.state import Charge

NOTED = "orchestrator"  # where a message carries what it cost and how it ended


def noted_on(message: AIMessage) -> dict[str, Any]:
    """Read what a reply cost and how it ended."""
    return {"charges": [], "finish": "stop", **message.response_metadata.get(NOTED, {})}


def broken_calls(reply: Reply) -> dict[int, str]:
    """Find calls whose arguments are not whole: LangChain mends what was cut off, and would have half of it done."""
    broken = {}
    for at, chunk in enumerate(reply.message.tool_call_chunks if reply.message is not None else ()):
        text = (chunk["args"] or "").strip()
        try:
            whole = not text or isinstance(json.loads(text), dict)
        except ValueError:
            whole = False
        if not whole:
            broken[at] = text
    return broken


def calls_of(message: BaseMessage) -> list[Any]:
    """List the tool calls in a message."""
    return list(message.tool_calls) if isinstance(message, AIMessage) else []


def charges_of(messages: Sequence[BaseMessage]) -> list[Charge]:
    """Add up what a conversation has cost, tools that call a model included."""
    charges = list[Charge]()
    for message in messages:
        charges += message.additional_kwargs.get("charges", []) if isinstance(message, ToolMessage) else []
        charges += noted_on(message)["charges"] if isinstance(message, AIMessage) else []
    return charges


def written(*messages: BaseMessage) -> list[str]:
    """Give all that a conversation sends, calls included."""
    return [
        f"{message.text}{json.dumps(calls_of(message), default=str) if calls_of(message) else ''}"
        for message in messages
    ]


def clipped(text: str, limit: int) -> str:
    """Cut a text to so many characters, and say that it was cut."""
    return text if len(text) <= limit else f"{text[:limit]} [… {len(text) - limit:,} characters left out]"
