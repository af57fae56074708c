"""The transport: when a stream is read."""

import asyncio
import ssl
import time
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]  # to see when it is paused
from asyncio.sslproto import _SSLProtocolTransport
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from nodes.models import transport
from nodes.models.transport import EVERY_S, AiohttpTransport
from tests.endpoint import Endpoint
from tests.turn import Turn
from tests.wire import Peer, Request, Server

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


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a key, and a certificate for 127.0.0.1 that it has signed itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, *form) + signed.public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize("cut", [False, True])
def test_a_long_stream_over_https(certificate: Path, monkeypatch: pytest.MonkeyPatch, *, cut: bool) -> None:
    """It is paused as another is, comes whole on a connection that is kept, and one that breaks off is told."""
    monkeypatch.setattr(transport, "LONG_S", 0.0)
    certified = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certified.load_cert_chain(certificate)
    paused, pause = list[object](), _SSLProtocolTransport.pause_reading

    def noted(self: Any) -> None:
        paused.append(self)
        pause(self)

    async def answer(_: Request, peer: Peer) -> None:
        peer.start(200, {"content-type": "text/event-stream"})
        for number in range(100):
            peer.chunk(b"data: %d\n\n" % number)
            await peer.pause(0.003)
        peer.close() if cut else peer.end()

    async def read(address: str) -> list[bytes]:
        pieces = list[bytes]()
        trusted = ssl.create_default_context(cafile=str(certificate))
        async with httpx2.AsyncClient(transport=AiohttpTransport(trusted)) as client:
            for _ in range(2):
                async with client.stream("POST", address, json={}) as response:
                    pieces += [piece async for piece in response.aiter_raw()]
        return pieces

    monkeypatch.setattr(_SSLProtocolTransport, "pause_reading", noted)
    with Server(answer, certified) as server, pytest.raises(httpx2.ReadError) if cut else nullcontext():
        assert b"".join(asyncio.run(read(server.address))).count(b"data: ") == 200

    assert len(paused) > 2
    assert len(set(map(id, paused))) == 1


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
