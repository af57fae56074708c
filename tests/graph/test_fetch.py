"""Fetch: documents attached by their address, bounded and never from inside a network. Servers here are on loopback."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from graph import BadSettings, fetch
from graph.fetch import fetch_document, is_address

PAGE = b"<html><head><title>x</title><style>p{}</style></head><body><h1>Rules</h1><p>Quiet after ten.</p><script>evil()</script></body></html>"
Page = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(pages: dict[str, Page]) -> Iterator[str]:
    """Serve pages by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def anywhere(_address: object) -> bool:
    """Allow loopback too, where the tests' servers are."""
    return True


def test_page_as_text() -> None:
    """Of a page its text is read; scripts and styles are not."""
    with serving({"/rules": (200, {"content-type": "text/html; charset=utf-8"}, PAGE)}) as url:
        document = fetch_document(f"{url}/rules", anywhere)

    assert (document.name, document.text) == ("127.0.0.1-rules", "Rules\n\nQuiet after ten.")


def test_a_head_without_an_end() -> None:
    """HTML lets "</head>" be left out; the page is read all the same."""
    page = b"<!doctype html><head><title>x</title><style>p{}</style><body><p>Quiet after ten."
    with serving({"/rules": (200, {"content-type": "text/html"}, page)}) as url:
        document = fetch_document(f"{url}/rules", anywhere)

    assert document.text == "Quiet after ten."


def test_redirects_are_followed_and_checked() -> None:
    """A page that leads on is followed, and so is each address on the way looked at."""
    pages: dict[str, Page] = {
        "/a": (302, {"location": "/b.csv"}, b""),
        "/b.csv": (200, {"content-type": "text/csv"}, b"what,how many\nchairs,80\n"),
        "/inside": (301, {"location": "http://[::1]:1/secret"}, b""),
        "/loop": (302, {"location": "/loop"}, b""),
    }
    with serving(pages) as url:
        document = fetch_document(f"{url}/a", anywhere)
        with pytest.raises(BadSettings, match="inside a network"):
            fetch_document(f"{url}/inside", lambda address: address.version == 4)
        with pytest.raises(BadSettings, match="leads on more than 4 times"):
            fetch_document(f"{url}/loop", anywhere)

    assert document.text == "what | how many\nchairs | 80"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8080/x", "http://[::1]/", "http://10.0.0.8/", "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data", "http://0.0.0.0/", "http://100.64.0.1/", "http://[::ffff:127.0.0.1]/",
        "http://2130706433/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
    ],
)  # fmt: skip
def test_no_address_inside_a_network(url: str) -> None:
    """Nothing on this machine or in its network is fetched, however it is written."""
    with pytest.raises(BadSettings, match=r"inside a network|not to be found"):
        fetch_document(url)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ((404, {}, b""), "HTTP 404"),
        ((200, {"content-type": "image/png"}, b"\x89PNG"), "image/png is not read"),
        ((200, {"content-type": "text/plain"}, b"   "), "no text in it"),
        ((200, {"content-type": "text/plain"}, bytes(range(256)) * 9), "it is no text"),
        ((200, {"content-type": "text/plain"}, b"x" * 5_000), "more than 4,000 bytes"),
        ((302, {"location": "ftp://example.org/x"}, b""), "no http:// or https:// address"),
        ((302, {"location": "http://[x/"}, b""), "is no address"),
        ((302, {"location": "http://x:99999/"}, b""), "is no address"),
        ((304, {}, b""), "HTTP 304"),
    ],
)
def test_what_cannot_be_attached(page: Page, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says why."""
    monkeypatch.setattr(fetch, "FILE_LIMIT", 4_000)
    with serving({"/x": page}) as url, pytest.raises(BadSettings, match=words):
        fetch_document(f"{url}/x", anywhere)


def test_headers_that_drip(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is bounded in time, not each read alone."""
    monkeypatch.setattr(fetch, "SECONDS", 0.3)

    def drip(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, suppress(OSError):
            for sign in b"HTTP/1.1 200 OK\r\nx-slow: " + b"y" * 100:
                peer.sendall(bytes([sign]))
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(BadSettings, match="not here within"):
            fetch_document(f"http://127.0.0.1:{listener.getsockname()[1]}/x", anywhere)

    assert time.monotonic() - began < 3


def test_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not here in time is given up."""
    monkeypatch.setattr(fetch, "SECONDS", -1.0)
    page: Page = (200, {"content-type": "text/plain"}, b"late")
    with serving({"/x": page}) as url, pytest.raises(BadSettings, match="not here within"):
        fetch_document(f"{url}/x", anywhere)


def test_what_is_an_address() -> None:
    """An address is told from a file's path."""
    assert [is_address(given) for given in ("https://x.org/a", "HTTP://x.org", "notes.md", "C:/x", 3)] == [
        True, True, False, False, False,
    ]  # fmt: skip
