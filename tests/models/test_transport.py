"""The transport: when a stream is read."""

import asyncio
import time
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]  # to see when it is paused
from typing import Any

import httpx2
import pytest

from nodes.models import transport
from nodes.models.transport import EVERY_S, AiohttpTransport
from tests.endpoint import Endpoint
from tests.turn import Turn

TEXT = "One word follows another. " * 40


def pieces_of(endpoint: Endpoint, turn: Turn, times: int = 1) -> list[bytes]:
    """Ask for an answer as a stream, and read it in the pieces that the transport hands on; so many times."""
    endpoint.mind = lambda _: turn
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}

    async def read() -> list[bytes]:
        pieces = list[bytes]()
        async with httpx2.AsyncClient(transport=AiohttpTransport(None)) as client:
            for _ in range(times):
                async with client.stream("POST", f"{endpoint.url}/chat/completions", json=body) as response:
                    pieces += [piece async for piece in response.aiter_raw()]
        return pieces

    return asyncio.run(read())


@pytest.mark.parametrize("long", [0.0, 0.1, 1000.0])
def test_what_comes_between_two_ticks_is_one_piece(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, long: float
) -> None:
    monkeypatch.setattr(transport, "LONG_S", long)
    began = time.monotonic()
    pieces = pieces_of(endpoint, Turn(TEXT, chunk=10, chunk_delay=0.003))
    ticks = (time.monotonic() - began) / EVERY_S

    assert len(pieces) <= ticks + 3
    assert b"".join(pieces).count(b"data: ") > 100
    assert pieces[-1].endswith(b"data: [DONE]\n\n")


def test_a_long_stream_is_read_at_the_ticks_alone(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its connection is kept: two answers, one after the other, take one."""
    monkeypatch.setattr(transport, "LONG_S", 0.0)
    paused, pause = list[object](), _SelectorSocketTransport.pause_reading

    def noted(self: Any) -> None:
        paused.append(self)
        pause(self)

    monkeypatch.setattr(_SelectorSocketTransport, "pause_reading", noted)
    pieces = pieces_of(endpoint, Turn(TEXT, chunk=10, chunk_delay=0.003), times=2)

    assert len(paused) > 5
    assert len(set(map(id, paused))) == 1
    assert b"".join(pieces).count(b"data: [DONE]") == 2


def test_no_end_waits_for_a_tick(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "EVERY_S", 1000.0)
    first, *rest = pieces_of(endpoint, Turn(TEXT, chunk_delay=0.003))

    assert len(rest) == 1
    assert (first + rest[0]).endswith(b"data: [DONE]\n\n")


def test_what_is_more_than_a_piece_waits_for_no_tick(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "EVERY_S", 0.2)
    began = time.monotonic()
    pieces = pieces_of(endpoint, Turn("x" * 2_000_000, chunk=100_000))

    assert len(pieces) > 30
    assert time.monotonic() - began < len(pieces) * 0.2 / 2
