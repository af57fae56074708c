"""Request: what is sent beside the messages, and what an endpoint's refusal says of it. Pure."""

from typing import Any

from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI

from nodes.budget import input_bound
from nodes.models.call import Call
from nodes.models.faults import Fault
from nodes.models.providers import Model
from nodes.models.schemas import bounded
from nodes.state import Context


def optional_fields(model: Model, call: Call) -> set[str]:
    """Name the fields of a request that an endpoint may refuse and that can be left out."""
    fields = set()
    if call.schema and model.takes_schema and call.settings.structured_output != "text":
        fields.add("schema")
    if model.own_server:
        fields |= {"max_tokens", "max_completion_tokens", "stream_options"}
    return fields


def sent_texts(call: Call) -> list[str]:
    """Give what a call's messages say, tool calls included."""
    texts = [str(message.text) for message in call.messages]
    made = (message.tool_calls for message in call.messages if isinstance(message, AIMessage))
    return texts + [str(calls) for calls in made if calls]


def bound_of(model: Model, call: Call, fields: set[str]) -> int:
    """Bound the tokens of input that a request takes."""
    texts = sent_texts(call) + ([str(call.schema)] if "schema" in fields else [])
    texts += [str(tool) for tool in call.tools]
    return input_bound(texts, "" if call.purse.open else model.spec)


def options_of(model: Model, call: Call, cap: int | None, fields: set[str]) -> dict[str, Any]:
    """Give what a chat model is called with beside the messages."""
    if not isinstance(model.chat, ChatOpenAI):
        return {model.cap_option: cap} if cap is not None and model.cap_option else {}
    body: dict[str, Any] = {}
    options: dict[str, Any] = {}
    if "schema" in fields and call.schema:
        schema = bounded(call.schema, call.settings.max_subtasks) if model.bounded else call.schema
        # As extra_body it goes through langchain-openai and the openai client untouched: their own helpers raise on
        # a reply that is cut off or filtered, and lose its text and usage.
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": call.role, "strict": True, "schema": schema},
        }
    if model.bounded:
        body["return_progress"] = True  # then the engine sees at once that a caller has gone
    if cap is not None:
        if not model.own_server or "max_completion_tokens" in fields:
            options["max_tokens"] = cap
        if "max_tokens" in fields:
            body["max_tokens"] = cap  # the older name too: Ollama knows no other
    if model.own_server and "stream_options" not in fields:
        options["stream_usage"] = False
    if call.tools:
        options["tools"] = list(call.tools)
    return {**options, **({"extra_body": body} if body else {})}


def refused(fault: Fault, fields: set[str], settings: Context) -> str | None:
    """Guess from a 400 which field the endpoint does not take (None: nothing that we could leave out)."""
    if fault.kind != "bad_request":
        return None
    words = fault.message.lower()
    if "max_completion_tokens" in fields and "max_completion_tokens" in words and "instead" not in words:
        return "max_completion_tokens"
    for name in ("max_tokens", "stream_options"):
        if name in fields and name in words:
            return name
    if "schema" in fields and settings.structured_output == "auto":
        return "schema"
    return None
