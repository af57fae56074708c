"""SSE: whichever way a stream is cut, the same comes of it."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.models.faults import BadEnvelope
from nodes.models.received import Telling
from nodes.models.sse import Decoder, joined, text_of

TEXT = "Größe 🎉 and\nlines"
EVENTS: list[dict[str, Any]] = [
    {"model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
    *({"model": "m", "choices": [{"index": 0, "delta": {"content": sign}, "finish_reason": None}]} for sign in TEXT),
    {"model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
]


def stream(end: str) -> bytes:
    lines = (f"data: {json.dumps(event, ensure_ascii=False)}{end}{end}" for event in EVENTS)
    return f": a comment{end}{end}{''.join(lines)}data: [DONE]{end}{end}".encode()


@given(st.sampled_from(["\n", "\r\n"]), st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_any_cut(end: str, sizes: list[int]) -> None:
    """However the bytes arrive, the same events come, and the end is seen."""
    data, decoder, events, at = stream(end), Decoder(), list[dict[str, Any]](), 0
    while at < len(data):
        size = sizes[len(events) % len(sizes)]
        events += decoder.decode(data[at : at + size])
        at += size

    assert events == EVENTS
    assert decoder.done


def test_text_is_joined() -> None:
    """Events of text become one, with the end, the model and the usage that they tell."""
    (event,) = joined(EVENTS)

    assert (text_of(event), event["choices"][0]["finish_reason"], event["model"]) == (TEXT, "stop", "m")
    assert event["usage"] == {"prompt_tokens": 3, "completion_tokens": 2}


def test_tool_calls_are_not_joined() -> None:
    """The pieces of a tool call stay apart: LangChain puts them together."""
    pieces = [
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}}]} for part in ("{", "}")
    ]

    assert joined([*pieces, *EVENTS[:3]]) == [*pieces, *joined(EVENTS[:3])]


def test_half_an_event() -> None:
    """An event that the end of the stream cuts is none; a whole one without its blank line is."""
    decoders = [Decoder(), Decoder()]
    for decoder, data in zip(decoders, (b'data: {"choices": []}', b'data: {"choi'), strict=True):
        decoder.decode(data)

    assert [decoder.rest() for decoder in decoders] == [[{"choices": []}], []]


def test_no_chunk() -> None:
    """JSON that is no object is told as no answer."""
    with pytest.raises(BadEnvelope):
        Decoder().decode(b'data: "hello"\n\n')


def test_halves_of_pairs() -> None:
    """A listener gets a sign whole that a gateway has sent in halves, and no half that is alone."""
    told = list[str]()

    async def telling() -> None:
        telling = Telling(told.append)
        for piece in ("a \ud83d", "\ude00 b \ud83d", "c \ud83d"):
            telling.add(piece)
            await asyncio.sleep(0)
        telling.close()

    asyncio.run(telling())

    assert told == ["a ", "😀 b \ufffdc \ufffd"]
