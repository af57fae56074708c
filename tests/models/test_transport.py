"""The transport: when a stream is read."""

import asyncio
import time

import httpx2
import pytest

from nodes.models import transport
from nodes.models.transport import EVERY_S, AiohttpTransport
from tests.endpoint import Endpoint
from tests.turn import Turn

TEXT = "One word follows another. " * 40


def pieces_of(endpoint: Endpoint, turn: Turn) -> list[bytes]:
    """Read an answer that is asked for as a stream, in the pieces that the transport hands on."""
    endpoint.mind = lambda _: turn
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}

    async def read() -> list[bytes]:
        async with (
            httpx2.AsyncClient(transport=AiohttpTransport(None)) as client,
            client.stream("POST", f"{endpoint.url}/chat/completions", json=body) as response,
        ):
            return [piece async for piece in response.aiter_raw()]

    return asyncio.run(read())


def test_what_comes_between_two_ticks_is_one_piece(endpoint: Endpoint) -> None:
    began = time.monotonic()
    pieces = pieces_of(endpoint, Turn(TEXT, chunk=10, chunk_delay=0.003))
    ticks = (time.monotonic() - began) / EVERY_S

    assert len(pieces) <= ticks + 3
    assert b"".join(pieces).count(b"data: ") > 100


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
