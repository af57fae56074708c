"""Endpoint: an OpenAI-compatible server in a process of its own, fast enough not to be what is measured.

A minimal asyncio protocol that sends bytes made beforehand. A call takes as long as its path says; a reply that is
streamed is spread evenly over it, one event a token, written every TICK_S (at 100 tokens a second that is every token);
one that is not comes whole at its end.
"""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter, deque
from itertools import count
from types import TracebackType
from typing import Any, Self

from bench.limits import raise_file_limit
from bench.replies import CALL_ID, JOIN, SHORT, reply_to

CALL_MS = 200  # what a plan and a join take, and work unless the path says otherwise
TICK_S = 0.01
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
# What only one kind of request holds: a key of the schema that it asks for, outside any string (where quotes are escaped).
MARKS = (
    (b'"disagreements":', "synthesis"),
    (b'"subtasks":', "plan"),
    (b'"sections":', "sections"),
    (JOIN.encode(), "join"),
)

_serials = count(1)
_seen: Counter[str] = Counter()  # calls since the last look: by role, how many were streamed, and their bodies' bytes
_first: list[float] = []  # time.monotonic() of the first of them
_bodies: deque[bytes] = deque(maxlen=16)  # of the last of them


class Connection(asyncio.Protocol):
    """One client's connection: requests one after another."""

    def __init__(self) -> None:
        self.buffer = b""
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep where to write."""
        self.transport = transport
        self.loop = asyncio.get_running_loop()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop a reply that nobody waits for."""
        if self.timer is not None:
            self.timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self.buffer += data
        head, mark, body = self.buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        length = int(lower[at + 15 :].partition(b"\r\n")[0]) if at >= 0 else 0
        if len(body) >= length:
            self.buffer = body[length:]
            self.answer(head.split(b" ", 2)[1].decode(), body[:length])

    def answer(self, path: str, body: bytes) -> None:
        """Begin the reply to one request."""
        if not path.endswith("/chat/completions"):
            self.tell_seen()
            return
        began = self.loop.time()
        workers, pieces, milliseconds = (int(part) for part in path.split("/")[1].split("-"))
        role = next((role for mark, role in MARKS if mark in body), "work")
        streamed = b'"stream":true' in body or b'"stream": true' in body
        _first.append(time.monotonic())
        _seen.update({role: 1, "streamed": int(streamed), "bytes": len(body)})
        _bodies.append(body)
        self.reply = reply_to(role, workers, pieces)
        self.call_id = b"chatcmpl-%013x" % next(_serials)
        seconds = (milliseconds if role == "work" else CALL_MS) / 1000
        if not streamed:
            self.timer = self.loop.call_at(began + seconds, self.send_whole)
            return
        self.events = self.reply.stream.replace(CALL_ID, self.call_id)
        self.transport.write(STREAM_HEAD)
        self.began, self.seconds, self.sent = began, seconds, 0
        self.timer = self.loop.call_at(began + TICK_S, self.send_more)

    def send_whole(self) -> None:
        """Send a reply that was not asked for as a stream."""
        self.transport.write(self.reply.whole.replace(CALL_ID, self.call_id))

    def send_more(self) -> None:
        """Send the events that are due."""
        ends, passed = self.reply.ends, self.loop.time() - self.began
        due = len(ends) if passed >= self.seconds else int(len(ends) * passed / self.seconds)
        start = ends[self.sent - 1] if self.sent else 0
        if due > self.sent:
            self.transport.write(self.events[start : ends[due - 1]])
            self.sent = due
        if due < len(ends):
            following = self.began + min(self.seconds, (int(passed / TICK_S) + 1) * TICK_S)
            self.timer = self.loop.call_at(following, self.send_more)

    def tell_seen(self) -> None:
        """Tell what came since the last look, and forget it."""
        told = {"seen": _seen, "first": _first[0] if _first else None, "cpu": time.process_time()}
        body = json.dumps({**told, "bodies": [body.decode() for body in _bodies]}).encode()
        _seen.clear()
        _first.clear()
        _bodies.clear()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self.transport.write(head + body)


class Endpoint:
    """The endpoint's process, for the length of a with block."""

    def __enter__(self) -> Self:
        """Start it."""
        self.process = subprocess.Popen(  # in a session of its own: Ctrl-C is for who measures
            [sys.executable, "-m", "bench.endpoint"], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.process.terminate()
        self.process.communicate()

    def url(self, workers: int, pieces: int = SHORT, milliseconds: int = CALL_MS) -> str:
        """Return the base URL under which plans have so many subtasks, and work so many pieces and milliseconds."""
        return f"{self.address}/{workers}-{pieces}-{milliseconds}/v1"

    def seen(self) -> dict[str, Any]:
        """Return what came since the last look.

        `seen` (calls by role), `first` (time.monotonic()), `bodies` (of the last 16); and `cpu`, its own seconds in all.
        """
        with urllib.request.urlopen(f"{self.address}/seen") as answer:  # noqa: S310 - our own process
            return dict(json.load(answer))


async def serve() -> None:
    """Serve on a free port of loopback, and print the address."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    raise_file_limit()
    asyncio.run(serve())
