"""Web search: one tool over Tavily or a SearXNG server, seen against servers on loopback that speak their formats."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from graph import build_graph, settings
from nodes.specialists import SearchEngine, web_search_tool
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, Team, plan_of
from tests.specialists.test_tools import results_in

FOUND = [
    {"title": "Street closures", "url": "https://council.example/closures", "content": "Apply twelve weeks before."}
]


@contextmanager
def search_server(status: int = 200, results: Any = FOUND) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve searches; gives the address, and what was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({"path": urlsplit(self.path).path, **parse_qs(urlsplit(self.path).query)})
            self._answer()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append({"path": self.path, "key": self.headers["authorization"], **body})
            self._answer()

        def _answer(self) -> None:
            said = json.dumps({"results": results}).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def searched(engine: SearchEngine, query: str = "street party rules") -> str:
    """Search once."""
    return str(asyncio.run(web_search_tool(engine).ainvoke({"query": query})))


def test_searxng() -> None:
    """A SearXNG server is asked for JSON; title, address and excerpt come back."""
    with search_server() as (url, asked):
        said = searched(SearchEngine(url))

    assert said == "Street closures\nhttps://council.example/closures\nApply twelve weeks before."
    assert asked == [{"path": "/search", "q": ["street party rules"], "format": ["json"]}]


def test_tavily() -> None:
    """Tavily is asked with the key in its header, and shows the same form."""
    with search_server() as (url, asked):
        said = searched(SearchEngine(url, "tvly-key"))

    assert said.splitlines()[1] == "https://council.example/closures"
    assert (asked[0]["path"], asked[0]["key"]) == ("/search", "Bearer tvly-key")


@pytest.mark.parametrize(
    ("status", "results", "words"),
    [
        (403, [], "format json"),
        (500, [], "HTTP 500"),
        (200, "nothing", "no list of results"),
        (200, [{"a": 1}], "no list"),
    ],
)
def test_bad_answers(status: int, results: Any, words: str) -> None:
    """What goes wrong is said in words that help."""
    with search_server(status, results) as (url, _), pytest.raises(ValueError, match=words):
        searched(SearchEngine(url))


def test_nothing_found() -> None:
    """No result is told as such."""
    with search_server(results=[]) as (url, _):
        said = searched(SearchEngine(url), "xyzzy")

    assert said == "Nothing was found for 'xyzzy'."


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"TAVILY_API_KEY": "k"}, SearchEngine("https://api.tavily.com", "k")),
        (
            {"TAVILY_API_KEY": "k", "ORCHESTRATOR_SEARXNG_URL": "http://127.0.0.1:8888"},
            SearchEngine("http://127.0.0.1:8888"),
        ),
    ],
)
def test_one_variable(
    environment: dict[str, str], expected: SearchEngine | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One environment variable sets it up; no key in its text."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    engine = settings.search_engine()

    assert engine == expected
    assert "'k'" not in repr(engine)


def test_researcher_is_offered_where_there_is_a_search(
    endpoint: Endpoint, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner is told of a researcher only where the web can be searched; its searches are in its outcome."""
    team.planner = [plan_of({"researcher": "Find out how early a street closure must be applied for."})]
    call = {"name": "web_search", "args": {"query": "street closure"}}
    team.workers = {"researcher": lambda body: "Found it." if results_in(body) else Turn("", tool_calls=[call])}
    with search_server() as (url, asked):
        monkeypatch.setenv("ORCHESTRATOR_SEARXNG_URL", url)
        state = build_graph().invoke({"request": REQUEST})

    assert [search["q"] for search in asked] == [["street closure"]]
    assert [use["tool"] for use in state["outcomes"][0]["tools"]] == ["web_search"]
    assert "- researcher: " in str(endpoint.requests[0].body["messages"][0]["content"])
