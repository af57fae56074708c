"""Dialects: small servers that speak Anthropic's and Google's wire formats, streams and errors included."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from tests.wire import Peer, Request, Server

Body = dict[str, Any]
EVENTS = {"content-type": "text/event-stream"}


@dataclass(frozen=True)
class Answer:
    """What to say next: a text with its end, or an error before it (status) or in the middle of it (breaks)."""

    text: str = ""
    end: str = ""  # how it ended, in the provider's words ("": as whole replies do)
    usage: tuple[int, int] = (40, 12)
    status: int = 200
    error: Body = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False  # the error comes inside the stream, after the text
    stops: bool = False  # the stream ends after the text, with no word of its end
    model: str = ""
    calls: tuple[Body, ...] = ()  # tool calls: {"name", "args"}


Mind = Callable[[Body], Answer]


class Dialect:
    """A server for the length of a with block; `requests` holds (path, headers, body) of each POST."""

    def __init__(self, mind: Mind, events: Callable[[Answer, Body], Iterable[tuple[str, Body]]]) -> None:
        """Take what answers, and how an answer is written."""
        self.mind, self.events = mind, events
        self.requests: list[tuple[str, dict[str, str], Body]] = []
        self._server = Server(self._handle)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        self._server.__exit__(*ended)

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return self._server.address

    async def _handle(self, request: Request, peer: Peer) -> None:
        body = json.loads(request.body or b"{}")
        self.requests.append((request.path, request.headers, body))
        answer = self.mind(body)
        if answer.status >= 300:
            peer.send_json(answer.status, answer.error, answer.headers)
            return
        peer.start(200, EVENTS)
        for name, event in self.events(answer, body):
            head = f"event: {name}\n" if name else ""
            peer.chunk(f"{head}data: {json.dumps(event)}\n\n".encode())
        peer.end()


def anthropic_events(answer: Answer, body: Body) -> Iterator[tuple[str, Body]]:
    """Write an answer as Anthropic's Messages API streams it."""
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": answer.model or body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": answer.usage[0], "output_tokens": 1},
    }
    yield "message_start", {"type": "message_start", "message": message}
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield "content_block_start", start
    for piece in (answer.text[at : at + 10] for at in range(0, len(answer.text), 10)):
        delta = {"type": "text_delta", "text": piece}
        yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    if answer.breaks:
        yield "error", {"type": "error", "error": answer.error}
    if answer.breaks or answer.stops:
        return
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    for at, call in enumerate(answer.calls, 1):
        block = {"type": "tool_use", "id": f"toolu_{at}", "name": call["name"], "input": {}}
        yield "content_block_start", {"type": "content_block_start", "index": at, "content_block": block}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call["args"])}
        yield "content_block_delta", {"type": "content_block_delta", "index": at, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": at}
    end = answer.end or ("tool_use" if answer.calls else "end_turn")
    usage = {"input_tokens": answer.usage[0], "output_tokens": answer.usage[1]}
    yield (
        "message_delta",
        {"type": "message_delta", "delta": {"stop_reason": end, "stop_sequence": None}, "usage": usage},
    )
    yield "message_stop", {"type": "message_stop"}


def google_events(answer: Answer, body: Body) -> Iterator[tuple[str, Body]]:
    """Write an answer as Google's streamGenerateContent does; its usage is cumulative in every event."""
    del body
    pieces = [answer.text[at : at + 10] for at in range(0, len(answer.text), 10)] or [""]
    for number, piece in enumerate(pieces, 1):
        last = number == len(pieces) and not answer.stops and not answer.breaks
        parts: list[Body] = [{"text": piece}] if piece else []
        parts += (
            [{"functionCall": {"name": call["name"], "args": call["args"]}} for call in answer.calls] if last else []
        )
        candidate: Body = {"index": 0, "content": {"role": "model", "parts": parts}}
        if last:
            candidate["finishReason"] = answer.end or "STOP"
        received = answer.usage[1] * number // len(pieces)
        yield (
            "",
            {
                "candidates": [candidate],
                "modelVersion": answer.model or "gemini-3.8-flash",
                "usageMetadata": {
                    "promptTokenCount": answer.usage[0],
                    "candidatesTokenCount": received,
                    "totalTokenCount": answer.usage[0] + received,
                },
            },
        )
    if answer.breaks:
        yield "", {"error": answer.error}
