"""Tool calls as text: for models and servers that have no form of their own for them.

The model writes nothing but JSON, {"tool": "name", "args": {…}}, one object or several; it is given results in turn.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage

from prompts.parsing import visible

TEXT_LIMIT = 50_000  # characters; a longer reply is a result, not a call
_FENCED = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)
_TAGGED = re.compile(r"</?tool_call>")


def read_calls(text: str, number: int) -> list[ToolCall]:
    """Read a reply that is tool calls and nothing else (none: it is something else).

    JSON that stands within other text is part of that text: a quoted document must not call anything.

    Args:
        text: the whole reply.
        number: of the reply in this conversation, for the calls' ids.
    """
    bare = _TAGGED.sub("\n", visible(text)[0]).strip()
    if not bare or len(bare) > TEXT_LIMIT:
        return []
    fenced = _FENCED.match(bare)
    written = _objects((fenced.group(1) if fenced else bare).strip())
    calls = []
    for at, call in enumerate(written or []):
        name, args = call.get("tool", call.get("name")), call.get("args", call.get("arguments", {}))
        if not isinstance(name, str) or not isinstance(args, dict):
            return []
        calls.append(ToolCall(name=name, args=args, id=f"text_{number}_{at}", type="tool_call"))
    return calls


def _objects(text: str) -> list[dict[str, Any]] | None:
    decoder, objects, at = json.JSONDecoder(strict=False), list[dict[str, Any]](), 0
    while at < len(text):
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(entry, dict) for entry in values):
            return None
        objects += values
        at = end + len(text[end:]) - len(text[end:].lstrip(" \t\r\n,"))
    return objects


def as_text(messages: Iterable[BaseMessage]) -> list[BaseMessage]:
    """Word a conversation without any tool calls but as text."""
    worded: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, AIMessage) and message.tool_calls:
            calls = "\n".join(
                json.dumps({"tool": call["name"], "args": call["args"]}, ensure_ascii=False)
                for call in message.tool_calls
            )
            worded.append(AIMessage(calls))
        elif isinstance(message, ToolMessage):
            worded.append(HumanMessage(str(message.text)))
        else:
            worded.append(message)
    return worded


def described(schemas: Sequence[dict[str, Any]]) -> str:
    """List tools for a prompt: name, what each is for, and its arguments as JSON schema."""
    functions = [schema["function"] for schema in schemas]
    return "\n".join(
        f"- {function['name']}: {' '.join(str(function.get('description', '')).split())} "
        f"Arguments: {json.dumps(function.get('parameters', {}).get('properties', {}), ensure_ascii=False)}"
        for function in functions
    )
