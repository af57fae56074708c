"""HTTP: where requests go, and what answers are kept from going further."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from graph import graph
from nodes.models.http import Route
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, Team, completion
from tests.models.test_ask import TEXT, asked, failed
from tests.wire import Peer, Request, Server


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Give the address of another server, and the paths it is asked for."""
    paths: list[str] = []

    async def handle(request: Request, peer: Peer) -> None:
        paths.append(request.path)
        peer.send_json(200, json.loads(completion("You should not be here.")))

    with Server(handle) as server:
        yield server.address, paths


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(endpoint: Endpoint, elsewhere: tuple[str, list[str]], status: int) -> None:
    """A prompt goes where its sender sent it or nowhere; where it was to go is told, with the way out."""
    address, paths = elsewhere
    error = failed(endpoint, Turn(body="", status=status, headers={"location": f"{address}/v1/chat/completions"}))

    assert (error.fault.kind, len(endpoint.requests), paths) == ("redirect", 1, [])
    assert address in str(error)
    assert "set OPENAI_BASE_URL to where the endpoint really is" in str(error)


@pytest.mark.parametrize("location", [{}, {"location": "/v1/chat/completions"}, {"location": "::nowhere::"}])
def test_a_redirect_in_a_circle(endpoint: Endpoint, location: dict[str, str]) -> None:
    """An endpoint that sends its callers back to itself, or to no address at all, is asked once."""
    error = failed(endpoint, Turn(body="{}", status=308, headers=location))

    assert (error.fault.kind, len(endpoint.requests)) == ("redirect", 1)


def test_a_worker_that_is_redirected(endpoint: Endpoint, team: Team) -> None:
    """A redirect in the middle of a run is one worker's outcome; the others' work is kept."""
    team.workers = {"caterer": Turn(body="", status=307, headers={"location": "http://127.0.0.1:9/"})}
    state = asyncio.run(graph.ainvoke({"request": REQUEST}))

    assert [outcome["status"] for outcome in state["outcomes"]] == ["failed", "done", "done"]
    assert "sends its callers elsewhere (HTTP 307)" in state["outcomes"][0]["error"]


ODD = {
    "calls that are no list": '{"choices": [{"message": {"content": "a", "tool_calls": 3}}]}',
    "choices that are no list": '{"choices": {"0": {}}}',
    "a message that is a text": '{"choices": [{"message": "a"}]}',
    "an error in a 200": '{"error": {"message": "out of order", "code": 502}}',
}


@pytest.mark.parametrize("what", ODD)
def test_odd_envelopes(endpoint: Endpoint, what: str) -> None:
    """Status 200 with an odd envelope is asked for once more, and then one clear error."""
    error = failed(endpoint, Turn(body=ODD[what]))

    assert (error.fault.kind, len(endpoint.requests)) == ("envelope", 2)


PROXY = "http://127.0.0.1:3128"
WAYS = [
    ({}, "https", "api.openai.com", None),
    ({"https": PROXY}, "https", "api.openai.com", PROXY),
    ({"https": PROXY}, "http", "api.openai.com", None),
    ({"all": "127.0.0.1:3128"}, "http", "api.openai.com", PROXY),
    ({"all": PROXY}, "http", "127.0.0.1", None),
    ({"all": PROXY}, "http", "localhost", None),
    ({"all": PROXY, "no": "::1,.example.org"}, "http", "::1", None),
    ({"all": PROXY, "no": "[::1],10.0.0.0/8"}, "https", "api.openai.com", PROXY),
    ({"all": PROXY, "no": "::1,.example.org"}, "https", "models.example.org", None),
    ({"all": PROXY, "no": "fe80::1"}, "https", "fe80::1", None),
    ({"all": PROXY, "no": "[fe80::1]"}, "https", "fe80::1", None),
    ({"all": PROXY, "no": "*"}, "https", "api.openai.com", None),
]


@pytest.mark.parametrize(("proxies", "scheme", "host", "proxy"), WAYS)
def test_ways(proxies: dict[str, str], scheme: str, host: str, proxy: str | None) -> None:
    """HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY mean what they mean elsewhere."""
    assert Route(proxies)._proxy(scheme, host) == proxy


def test_no_proxy_with_an_ipv6_address(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ::1 in NO_PROXY and a proxy set, calls are made."""
    from nodes import memory
    from nodes.models import http

    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1,::1")
    monkeypatch.setattr(http, "MEMORY", memory.Memory())  # a client made under these variables

    assert asked(endpoint, TEXT).text == TEXT
