"""Received: what has arrived of one answer, from whichever provider."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessageChunk

from nodes.models.finish import Finish, finish_of, worst
from nodes.models.sse import Event, text_of
from nodes.models.streamed_chat import StreamedChat
from nodes.models.transport import EVERY_S
from nodes.models.usage import joined

PACE = 0.9  # a little less than a tick, so that what is read at the next one is told at once
REPLY_LIMIT = 1_000_000  # characters; a reply that goes on beyond is cut there, and said to be cut


@dataclass
class Received:
    """What has arrived of one answer.

    Attributes:
        spec: the model that was asked, as provider:name.
        keep_message: the message is needed beside its text: it goes into the next call.
    """

    spec: str
    keep_message: bool = False
    parts: list[str] = field(default_factory=list)
    size: int = 0
    usage: dict[str, Any] | None = None
    finish: Finish | None = None
    model: str | None = None
    refusal: str = ""
    message: AIMessageChunk | None = None
    _events: list[Event] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text, or the refusal's."""
        return _paired("".join(self.parts) or self.refusal)

    @property
    def written(self) -> str:
        """All that the model wrote: its text, and its tool calls."""
        calls = self.message.tool_call_chunks if self.message is not None else ()
        return "".join([self.text, *(call["args"] or "" for call in calls)])

    @property
    def ended(self) -> Finish:
        """How it ended."""
        if self.full:
            return "length"
        return "refusal" if self.refusal else self.finish or "stop"

    @property
    def broke_off(self) -> bool:
        """True when nothing told how it ended."""
        return self.finish is None and not self.full

    @property
    def full(self) -> bool:
        """True when no more is read: the limit is reached, and the answer counts as cut off."""
        return self.size > REPLY_LIMIT

    def take(self, events: list[Event]) -> str:
        """Add events as they were read, and return their text; the rest of them is read at the end, all at once."""
        text = "".join(map(text_of, events))[: REPLY_LIMIT + 1 - self.size]
        self._events += events
        self.parts.append(text)
        self.size += len(text)
        return text

    def close(self, chat: StreamedChat) -> None:
        """Read the rest of the events that were taken."""
        for chunk in chat.chunks(self._events):
            self._read(chunk.message, chunk.generation_info or {})
        self._events = []

    def add(self, chunk: AIMessageChunk) -> str:
        """Add a chunk of LangChain's, and return its text."""
        text = str(chunk.text)
        self.parts.append(text)
        self.size += len(text)
        self._read(chunk, {})
        return text

    def _read(self, message: Any, more: dict[str, Any]) -> None:
        metadata = {**message.response_metadata, **more}
        self.finish = worst(self.finish, finish_of(metadata))
        named = metadata.get("model_name") or metadata.get("model")
        self.model = named if named and isinstance(named, str) else self.model
        self.refusal += str(message.additional_kwargs.get("refusal") or "")
        if message.usage_metadata:
            self.usage = joined(self.spec, self.usage, message.usage_metadata)
        if isinstance(message, AIMessageChunk) and (self.keep_message or message.tool_call_chunks):
            self.message = message if self.message is None else self.message + message


class Telling:
    """Tells a listener of text as it arrives, joined, once in EVERY_S at the most. Used on one loop."""

    def __init__(self, listen: Callable[[str], None]) -> None:
        self._listen = listen
        self._parts: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._free = 0.0  # from then on, on the loop's clock

    def add(self, text: str) -> None:
        """Tell of a piece: at once after a silence, else with what comes soon."""
        if not text:
            return
        self._parts.append(text)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._free:
                self._tell()
            else:
                self._timer = loop.call_at(self._free, self._tell)

    def close(self) -> None:
        """Tell the rest."""
        self._tell(last=True)

    def _tell(self, *, last: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text = "".join(self._parts)
        half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" and not last else ""  # of a pair: waits for the other
        self._parts, text = [half] if half else [], _paired(text.removesuffix(half))
        if text:
            self._free = asyncio.get_running_loop().time() + PACE * EVERY_S
            self._listen(text)


def _paired(text: str) -> str:
    """Join the halves of surrogate pairs; a half that is alone is no text, and no stream or page takes it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
