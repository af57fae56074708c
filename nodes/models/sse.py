"""SSE: a stream of chat completion chunks, from bytes to JSON. Pure.

No model class is built for a chunk, and what came in one read is one chunk: the openai client and langchain-openai
take 300 µs of CPU for each token otherwise.
"""

import json
from collections.abc import Iterable
from typing import Any

from pydantic_core import from_json

from nodes.models.faults import BadEnvelope

Event = dict[str, Any]  # a chat.completion.chunk

_LATEST = ("model", "usage", "service_tier", "system_fingerprint", "prompt_progress")  # the last that is told counts
EVENT_LIMIT = 12_000_000  # bytes of one event


class Decoder:
    """Turns what is read into events, whichever way it was cut.

    Attributes:
        done: "[DONE]" has come; nothing follows.
    """

    def __init__(self) -> None:
        self.done = False
        self._held = b""

    def decode(self, data: bytes) -> list[Event]:
        """Return the events that are whole with this piece.

        Raises:
            ValueError: an event is no JSON in UTF-8.
            BadEnvelope: an event is JSON, but no chunk, or has no end.
        """
        *whole, self._held = (self._held + data).replace(b"\r\n", b"\n").split(b"\n\n")
        if len(self._held) > EVENT_LIMIT:
            raise BadEnvelope(f"an event of the answer is larger than {EVENT_LIMIT:,} bytes")
        return [event for block in whole if (event := self._event(block)) is not None]

    def rest(self) -> list[Event]:
        """Return the last event, where a server leaves out the blank line after it; half an event is none."""
        try:
            event = self._event(self._held)
        except (ValueError, BadEnvelope):
            return []
        return [] if event is None else [event]

    def _event(self, block: bytes) -> Event | None:
        if block.startswith(b"data:") and b"\n" not in block:  # as nearly all are
            text = block[5:].strip()
        else:
            text = b"\n".join(line[5:] for line in block.split(b"\n") if line.startswith(b"data:")).strip()
        if not text or self.done:
            return None
        if text.startswith(b"[DONE]"):
            self.done = True
            return None
        event = parsed(text)
        if not isinstance(event, dict):
            raise BadEnvelope("The answer is not a chat completion", text.decode("utf-8", "replace"))
        return event


def parsed(text: bytes) -> Any:
    """Read JSON.

    Raises:
        ValueError, RecursionError: it is none.
    """
    try:
        return from_json(text)  # a third of json's time
    except ValueError:  # also for half a character, which json takes
        return json.loads(text)


def events_of(envelope: Event) -> list[Event]:
    """Turn a whole chat completion into the events of one; `envelope` has a choice with a message."""
    choice = envelope["choices"][0]
    message = choice.get("message") or {}
    calls = [{**call, "index": index} for index, call in enumerate(message.get("tool_calls") or [])]
    delta = {**message, **({"tool_calls": calls} if calls else {})}
    head = {key: value for key, value in envelope.items() if key not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    events = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice.get("finish_reason") or "stop"}]},
    ]
    if envelope.get("usage"):
        events.append({**head, "choices": [], "usage": envelope["usage"]})
    return events


def text_of(event: Event) -> str:
    """Return the text that an event adds to the answer; some write it as a list of parts.

    Raises:
        BadEnvelope: it is neither.
    """
    return _content(_delta(event))


def _content(delta: dict[str, Any]) -> str:
    content = delta.get("content") or ""
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise BadEnvelope("The answer's content is no text", str(content))
    return content


def joined(events: Iterable[Event]) -> list[Event]:
    """Make one event of those that follow one another and add nothing but text; a tool call's stay as they are."""
    runs: list[list[Event]] = []
    before = False
    for event in events:
        plain = _plain(event)
        if before and plain:
            runs[-1].append(event)
        else:
            runs.append([event])
        before = plain
    return [run[0] if len(run) == 1 else _one(run) for run in runs]


def _choice(event: Event) -> dict[str, Any]:
    choices = event.get("choices") or [{}]
    return choices[0] if isinstance(choices[0], dict) else {}


def _delta(event: Event) -> dict[str, Any]:
    return _delta_of(_choice(event))


def _delta_of(choice: dict[str, Any]) -> dict[str, Any]:
    delta = choice.get("delta")
    return delta if isinstance(delta, dict) else {}


def _plain(event: Event) -> bool:
    choice = _choice(event)
    delta = _delta_of(choice)
    return not delta.get("tool_calls") and not delta.get("function_call") and not choice.get("logprobs")


def _one(run: list[Event]) -> Event:
    whole: Event = dict(run[0])
    delta: dict[str, Any] = {}
    finish: str | None = None
    content, refusal = [], []
    for event in run:
        choice = _choice(event)
        part = _delta_of(choice)
        for key in _LATEST:
            if value := event.get(key):
                whole[key] = value
        delta |= part
        content.append(_content(part))
        refusal.append(str(part.get("refusal") or ""))
        finish = choice.get("finish_reason") or finish
    delta |= {"content": "".join(content), "refusal": "".join(refusal) or None}
    whole["choices"] = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return whole
