"""Hub: a loopback stand-in for huggingface.co, for the real client."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from graph.local import Weights

Mode = Literal["well", "gone", "down", "slow", "portal", "changed"]


@dataclass
class Hub:
    """One file, what to do to those who ask for it, and what they asked.

    `cuts`: after how many bytes to close the connection, one number for each download to spoil.
    `flipped`: the position of a byte that arrives wrong. `redirects`: send downloads to another host, as the hub does.
    """

    content: bytes
    mode: Mode = "well"
    cuts: list[int] = field(default_factory=list)
    flipped: int | None = None
    redirects: bool = True
    ignores_ranges: bool = False
    address: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # (method and path, Range)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def weights(self) -> Weights:
        """The catalogue entry of the file."""
        return Weights(
            name="test",
            repository="someone/Tiny-GGUF",
            revision="0123456789abcdef0123456789abcdef01234567",
            file="tiny.gguf",
            size=len(self.content),
            sha256=hashlib.sha256(self.content).hexdigest(),
            licence="Apache-2.0",
        )

    @property
    def downloads(self) -> list[str | None]:
        """The Range header of each request for the file's content."""
        return [span for asked, span in self.asked if asked.startswith("GET /blob")]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve `hub` at hub.address until the block ends."""

    class Handler(_Handler):
        pass

    Handler.hub = hub
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield hub
        finally:
            hub.released.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_parts: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._respond()

    def do_GET(self) -> None:
        self._respond()

    def _respond(self) -> None:
        hub = self.hub
        hub.asked.append((f"{self.command} {self.path}", self.headers.get("Range")))
        hub.headers.append({name.lower(): value for name, value in self.headers.items()})
        if hub.mode == "slow":
            self.close_connection = True
            with suppress(OSError):
                for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 40:
                    self.wfile.write(bytes([letter]))
                    if hub.released.wait(0.5):
                        break
        elif hub.mode == "down":
            self._send(503, b"try later")
        elif hub.mode == "portal":
            self._send(200, b"<html>log in</html>")
        elif self.path == "/blob":
            self._send_content()
        elif hub.mode == "gone" or self.path != f"/{hub.weights.repository}/resolve/{hub.weights.revision}/tiny.gguf":
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        else:
            self._send_location()

    def _send_location(self) -> None:
        hub = self.hub
        found = {
            "X-Repo-Commit": hub.weights.revision,
            "X-Linked-Size": str(len(hub.content) + (hub.mode == "changed")),
            "X-Linked-ETag": f'"{hub.weights.sha256}"',
        }
        if hub.redirects:
            self._send(302, b"", found | {"Location": hub.address.replace("127.0.0.1", "localhost") + "/blob"})
        elif self.command == "HEAD":
            self._send(200, hub.content, found)
        else:
            hub.asked.append(("GET /blob", self.headers.get("Range")))
            self._send_content()

    def _send_content(self) -> None:
        hub = self.hub
        content = bytearray(hub.content)
        if hub.flipped is not None:
            content[hub.flipped] ^= 1
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if span is None or hub.ignores_ranges:
            self._send(200, bytes(content))
            return
        start = int(span[1])
        self._send(206, bytes(content[start:]), {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            if self.path == "/blob" and self.hub.cuts:
                body = body[: self.hub.cuts.pop(0)]
                self.close_connection = True
            self.wfile.write(body)
