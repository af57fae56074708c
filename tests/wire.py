"""Wire: a small raw HTTP/1.1 server on loopback, in a thread of its own; it can also misbehave."""

import asyncio
import json
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self, cast
from urllib.parse import unquote

LINGER_NOT = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST instead of FIN


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are lower case, the path has no query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Peer(asyncio.Protocol):
    """One client connection: takes requests off the wire one by one, and writes the answers.

    What is written leaves at the next pause, or when the handler is done: so whatever the handler records of a request
    is there before its client can know of the answer.
    """

    def __init__(self, server: "Server") -> None:
        """Keep the server, whose handler answers each request."""
        self.server = server
        self.buffer = bytearray()
        self.held: list[bytes] = []
        self.head: tuple[str, str, dict[str, str]] | None = None
        self.task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the server's peers."""
        self.transport = cast("asyncio.Transport", transport)
        # asyncio sets this by itself only for sockets made with IPPROTO_TCP; without it each stream waits 40 ms
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the server's peers; whoever was still answering is cancelled at once."""
        self.server.peers.discard(self)
        if self.task:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        """Collect bytes; a whole request starts its answer."""
        self.buffer += data
        if self.task is None:
            self._next()

    def _next(self) -> None:
        request = self._take()
        if request:
            self.task = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            await self.server.handle(request, self)
            self.flush()
        except Exception as error:  # noqa: BLE001 - kept, and raised at the end of the with block
            self.server.errors.append(error)
            self.transport.abort()
        finally:
            self.task = None
        if not self.transport.is_closing():
            self._next()

    def _take(self) -> Request | None:
        if self.head is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
            del self.buffer[: end + 4]
            method, target, _ = first.split(" ", 2)
            pairs = (line.split(":", 1) for line in lines)
            self.head = method, unquote(target.split("?", 1)[0]), {name.lower(): value.strip() for name, value in pairs}
        method, path, headers = self.head
        chunked = headers.get("transfer-encoding") == "chunked"
        body = self._take_chunks() if chunked else self._take_bytes(int(headers.get("content-length", 0)))
        if body is None:
            return None
        self.head = None
        return Request(method, path, headers, body)

    def _take_bytes(self, length: int) -> bytes | None:
        if len(self.buffer) < length:
            return None
        body = bytes(self.buffer[:length])
        del self.buffer[:length]
        return body

    def _take_chunks(self) -> bytes | None:
        body, start = bytearray(), 0
        while (line := self.buffer.find(b"\r\n", start)) >= 0:
            size = int(self.buffer[start:line].split(b";")[0], 16)
            start, end = line + 4 + size, line + 2 + size
            if len(self.buffer) < start:
                return None
            if size == 0:
                del self.buffer[:start]
                return bytes(body)
            body += self.buffer[line + 2 : end]
        return None

    def write(self, *parts: bytes) -> None:
        """Write bytes as they are."""
        self.held += parts

    def flush(self) -> None:
        """Let go of what is written."""
        if self.held:
            self.transport.write(b"".join(self.held))
            self.held.clear()

    async def pause(self, seconds: float) -> None:
        """Let go of what is written, and wait."""
        self.flush()
        await asyncio.sleep(seconds)

    def send(self, status: int, body: bytes, headers: Mapping[str, str], *, upto: int | None = None) -> None:
        """Write a whole answer with its length; `upto` stops after so many bytes of the body."""
        self.write(_head(status, {**headers, "content-length": str(len(body))}), body[:upto])

    def send_json(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        """Write a whole answer as JSON."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        self.send(status, body, {"content-type": "application/json", **(headers or {})})

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Begin an answer whose length is not known yet (chunked)."""
        self.write(_head(status, {**headers, "transfer-encoding": "chunked"}))

    def chunk(self, *parts: bytes) -> None:
        """Write parts of a chunked answer, each as one chunk."""
        self.write(*(b"%x\r\n%b\r\n" % (len(part), part) for part in parts))

    def end(self) -> None:
        """End a chunked answer as it should be."""
        self.write(b"0\r\n\r\n")

    def close(self) -> None:
        """Close once everything written is sent (FIN)."""
        self.flush()
        self.transport.close()

    def reset(self) -> None:
        """Break the connection (RST); what is held is lost."""
        self.held.clear()
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.transport.abort()


class Server:
    """A server for the length of a with block; `errors` holds what the handler raised, and is raised at the end."""

    def __init__(
        self, handle: Callable[[Request, Peer], Awaitable[None]], certified: ssl.SSLContext | None = None
    ) -> None:
        """Answer each request with `handle`, which is cancelled when its client goes away; `certified`: over https."""
        self.handle = handle
        self.certified = certified
        self.peers: set[Peer] = set()
        self.errors: list[Exception] = []
        self.address = ""

    def __enter__(self) -> Self:
        """Listen on a port the kernel chooses."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = f"{'https' if self.certified else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(listener),), daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut every connection, end the thread, and let out what the handler raised."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self.errors and error is None:
            raise self.errors[0]

    async def _serve(self, listener: socket.socket) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: Peer(self), sock=listener, backlog=1024, ssl=self.certified)
        self._ready.set()
        await self._stop.wait()
        server.close()
        for peer in list(self.peers):
            peer.transport.abort()
        while self.peers:  # noqa: ASYNC110 - the loop's next turns close them
            await asyncio.sleep(0)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    known = status in HTTPStatus._value2member_map_  # Anthropic's 529 is its own
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase if known else ''}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
