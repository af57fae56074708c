"""Turn: what the endpoint shall say next, and how that looks on the wire."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Body = dict[str, Any]

FAULTS = frozenset(
    "429 429-retry-after quota 400 400-response-format 401 403 404 408 409 500 502-html 503 reset reset-mid eof-mid "
    "cut-mid error-mid hang drip invalid-json missing-choices null-choices invalid-utf8 empty empty-body html-200 "
    "content-filter length context-length huge".split()
)


@dataclass(frozen=True)
class Turn:
    """One answer of the endpoint: a text, a refusal, tool calls, or a fault (one of FAULTS)."""

    text: str = ""
    delay: float = 0.0  # seconds before the first byte
    held: Callable[[], bool] | None = None  # nothing is sent while this is true
    chunk: int = 20  # characters in one streamed chunk
    chunk_delay: float = 0.0  # seconds before each chunk
    finish_reason: str = "stop"
    usage: Body | Literal["auto"] | None = "auto"  # None: not reported
    refusal: str | None = None
    tool_calls: list[Body] | None = None  # {"name", "args": dict (or str, sent as it is), "id"?}
    model: str | None = None  # None: the one asked for; "": left out of the reply
    fault: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str | bytes | None = None  # sent as it is, instead of everything above

    def __post_init__(self) -> None:
        """Refuse a fault nobody performs."""
        if self.fault is not None and self.fault not in FAULTS:
            raise ValueError(f"unknown fault {self.fault!r}; known: {sorted(FAULTS)}")


def prompt_of(body: Body) -> str:
    """Every message's content in one text."""
    return "\n".join(_text(message) for message in body.get("messages") or [])


def system_of(body: Body) -> str:
    """Join the contents of the system (or developer) messages."""
    roles = {"system", "developer"}
    return "\n".join(_text(message) for message in body.get("messages") or [] if message.get("role") in roles)


def last_of(body: Body) -> str:
    """Give the last message's content."""
    return _text(body["messages"][-1]) if body.get("messages") else ""


def _text(message: Body) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


def envelope(turn: Turn, body: Body, number: int) -> Body:
    """Give the whole reply as one JSON object, as without streaming."""
    message: Body = {"role": "assistant", "content": turn.text or (None if turn.tool_calls else "")}
    if turn.refusal is not None:
        message |= {"content": None, "refusal": turn.refusal}
    if turn.tool_calls:
        message["tool_calls"] = _calls(turn, number)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(turn)}
    reply = _outer(turn, body, number, "chat.completion") | {"choices": [choice]}
    usage = usage_of(turn, body)
    return reply if usage is None else reply | {"usage": usage}


def chunks(turn: Turn, body: Body, number: int) -> Iterator[Body]:
    """Give the reply in the pieces that are streamed: role, content, finish, usage."""
    outer = _outer(turn, body, number, "chat.completion.chunk")
    for delta in _deltas(turn, number):
        yield outer | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]}
    yield outer | {"choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": _finish(turn)}]}
    usage = usage_of(turn, body)
    if usage is not None and (body.get("stream_options") or {}).get("include_usage"):
        yield outer | {"choices": [], "usage": usage}


def _deltas(turn: Turn, number: int) -> Iterator[Body]:
    yield {"role": "assistant", "content": None if turn.refusal is not None or turn.tool_calls else ""}
    if turn.refusal is not None:
        yield from ({"refusal": piece} for piece in _pieces(turn.refusal, turn.chunk))
        return
    yield from ({"content": piece} for piece in _pieces(turn.text, turn.chunk))
    for index, call in enumerate(_calls(turn, number)):
        arguments = call["function"]["arguments"]
        call["function"]["arguments"] = ""
        yield {"tool_calls": [{"index": index, **call}]}
        for piece in _pieces(arguments, turn.chunk):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def usage_of(turn: Turn, body: Body) -> Body | None:
    """Give what the reply reports as used: about four bytes a token unless the turn says otherwise."""
    if turn.usage != "auto":
        return turn.usage
    said = (turn.refusal or turn.text) + "".join(_arguments(call) for call in turn.tool_calls or [])
    asked, answered = -(-len(prompt_of(body).encode()) // 4), -(-len(said) // 4)
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _outer(turn: Turn, body: Body, number: int, kind: str) -> Body:
    outer: Body = {"id": f"chatcmpl-{number}", "object": kind, "created": int(time.time())}
    model = body.get("model", "") if turn.model is None else turn.model
    return outer | {"model": model} if model else outer


def _finish(turn: Turn) -> str:
    return "tool_calls" if turn.tool_calls and turn.finish_reason == "stop" else turn.finish_reason


def _calls(turn: Turn, number: int) -> list[Body]:
    return [
        {
            "id": call.get("id", f"call_{number}_{index}"),
            "type": "function",
            "function": {"name": call["name"], "arguments": _arguments(call)},
        }
        for index, call in enumerate(turn.tool_calls or [])
    ]


def _arguments(call: Body) -> str:
    arguments = call.get("args", {})
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))
