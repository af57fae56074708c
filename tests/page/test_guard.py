"""Guard: another origin, another Host, a missing token and a socket from elsewhere are turned away before the page."""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from graph.page.guard import COOKIE, Guard

HOST = "127.0.0.1:8080"
TOKEN = "the-token"
OURS = {"host": HOST, "cookie": f"{COOKIE}={TOKEN}"}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer whoever is let through."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
    await send({"type": "http.response.body", "body": b"the page"})


def asked(headers: dict[str, str], path: str = "/", method: str = "GET", token: str = TOKEN) -> httpx.Response:
    """Ask for a page."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Guard(app, token, ["localhost", "Plans.example.org"]))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(ask())


def socket(headers: dict[str, str]) -> str:
    """Open a socket; give what was said to that."""
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "path": "/_nicegui_ws/socket.io/", "query_string": b"", "headers": raw}
    scope["server"] = ("127.0.0.1", 8080)
    asyncio.run(Guard(app, TOKEN, [])(scope, receive, send))
    return str(said[0]["type"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OURS, 200),
        ({**OURS, "origin": f"http://{HOST}"}, 200),
        ({**OURS, "host": "localhost:8080"}, 200),
        ({**OURS, "host": "plans.example.org", "origin": "https://plans.example.org"}, 200),  # a proxy's
        ({**OURS, "host": "plans.example.org", "origin": "https://evil.example"}, 403),
        ({**OURS, "host": "localhost:8080", "origin": f"http://{HOST}"}, 403),  # two addresses are two origins
        ({**OURS, "host": "10.0.0.7:8080"}, 403),  # not where this socket is
        ({**OURS, "host": "127.0.0.1:81"}, 403),
        ({**OURS, "host": "127.0.0.1:x"}, 403),
        ({**OURS, "host": ""}, 403),
        ({"host": HOST}, 401),
        ({"host": HOST, "cookie": f"{COOKIE}=wrong"}, 401),
        ({**OURS, "host": "evil.example:8080"}, 403),  # a name that was rebound to this machine
        ({**OURS, "origin": "https://evil.example"}, 403),
        ({**OURS, "origin": "null"}, 403),
        ({**OURS, "origin": f"http://{HOST}.evil.example"}, 403),
    ],
)
def test_who_is_let_through(headers: dict[str, str], status: int) -> None:
    """A page of ours with the token is; nobody else is."""
    assert asked(headers).status_code == status


def test_the_token_in_the_address() -> None:
    """It is taken once, out of the address, and a cookie stands for it that no script and no other site can use."""
    taken = asked({"host": HOST}, f"/run/3f2a?token={TOKEN}&x=1")
    posted = asked({"host": HOST}, f"/?token={TOKEN}", "POST")
    wrong = asked({"host": HOST}, "/?token=wrong")

    assert (taken.status_code, taken.headers["location"]) == (303, "/run/3f2a?x=1")
    assert taken.headers["set-cookie"] == f"{COOKIE}={TOKEN}; HttpOnly; Path=/; SameSite=strict"
    assert (posted.status_code, wrong.status_code) == (401, 401)


def test_a_password_of_any_signs() -> None:
    """A password with signs that mean something in an address or a cookie opens the page as any other does."""
    password = "a&b#c;d e%f"
    taken = asked({"host": HOST}, f"/?token={quote(password, safe='')}", token=password)
    cookie = taken.headers["set-cookie"].partition(";")[0]

    assert asked({"host": HOST, "cookie": cookie}, token=password).status_code == 200


def test_nobody_is_led_elsewhere() -> None:
    """A path that begins as another host's address does is a path of ours."""
    taken = asked({"host": HOST}, f"http://{HOST}//evil.example?token={TOKEN}")

    assert (taken.status_code, taken.headers["location"]) == (303, "/evil.example")


def test_nothing_is_loaded_from_elsewhere() -> None:
    """The page may load scripts, styles and pictures from itself alone."""
    policy = asked(OURS).headers["content-security-policy"]

    assert "default-src 'self'" in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    ("server", "host", "status"),
    [
        (("::1", 8080), "[::1]:8080", 200),
        (("192.168.1.5", 8080), "192.168.1.5:8080", 200),  # --host 0.0.0.0: the address that was connected to
        (("::ffff:192.168.1.5", 8080), "192.168.1.5:8080", 200),
        (("192.168.1.5", 80), "192.168.1.5", 200),
        (("192.168.1.5", 8080), "127.0.0.1:8080", 403),
        (("192.168.1.5", 8080), "evil.example:8080", 403),
    ],
)
def test_at_which_address(server: tuple[str, int], host: str, status: int) -> None:
    """Whatever it listens on, it answers under the address of the socket itself."""

    async def ask() -> int:
        async def there(scope: Any, receive: Any, send: Any) -> None:
            await Guard(app, TOKEN, [])({**scope, "server": server}, receive, send)

        async with httpx.AsyncClient(transport=httpx.ASGITransport(there), base_url=f"http://{HOST}") as client:
            return (await client.get("/", headers={**OURS, "host": host})).status_code

    assert asyncio.run(ask()) == status


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (OURS, "websocket.accept"),
        ({"host": HOST}, "websocket.close"),
        ({**OURS, "origin": "https://evil.example"}, "websocket.close"),
        ({**OURS, "host": "evil.example"}, "websocket.close"),
    ],
)
def test_sockets(headers: dict[str, str], said: str) -> None:
    """A socket is guarded as a page is."""
    assert socket(headers) == said
