"""Neighbours: who answers on the usual ports."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from graph.local import LocalServer, find_servers

MODELS = json.dumps({"object": "list", "data": [{"id": "llama3.2:3b"}, {"id": "qwen3:4b"}]})


@contextmanager
def answering(text: str, status: int = 200) -> Iterator[int]:
    """Answer everything with `text` on the port given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/v1/models" else 404)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_parts: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_finds_who_speaks_openai() -> None:
    """Of many servers only those are found that list models the way OpenAI does."""
    others = ["<html>", "[]", "null", '{"data": 5}', '{"data": [1]}', '{"data": []}', '{"models": []}']
    with ExitStack() as stack:
        ports = {str(number): stack.enter_context(answering(text)) for number, text in enumerate(others)}
        ports["locked"] = stack.enter_context(answering(MODELS, 401))
        ports["Ollama"] = stack.enter_context(answering(MODELS))
        servers = asyncio.run(find_servers(timeout_s=5, ports=ports))

    assert [LocalServer("Ollama", f"http://127.0.0.1:{ports['Ollama']}/v1", ("llama3.2:3b", "qwen3:4b"))] == servers


def test_waits_no_longer_than_told() -> None:
    """A server that says nothing, and a port nobody listens on, cost the time given and no more."""
    with socket.create_server(("127.0.0.1", 0)) as silent, answering(MODELS) as port:
        ports = {"silent": silent.getsockname()[1], "nobody": 9, "LM Studio": port}
        began = time.monotonic()
        servers = asyncio.run(find_servers(ports=ports))

    assert [neighbour.name for neighbour in servers] == ["LM Studio"]
    assert time.monotonic() - began < 1
