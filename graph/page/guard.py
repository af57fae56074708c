"""Guard: who may speak to the page. Stands before all of it, its socket included, which takes any origin by itself."""

import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "orchestrator_page"
HEADERS = [
    (
        b"content-security-policy",
        (
            b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            b"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'self'; frame-src 'self'; base-uri 'self'; "
            b"form-action 'none'; object-src 'none'"
        ),
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]


class Guard:
    """Lets through who knows the token, at the address that was printed, and from a page of ours.

    The token comes in the address once; a cookie that no script can read stands for it afterwards.

    Args:
        app: what is guarded.
        token: the secret in the address.
        hosts: host:port under which the page is served. A rebound name of somebody else's is none of them.
    """

    def __init__(self, app: App, token: str, hosts: Iterable[str]) -> None:
        self._app, self._token, self.hosts = app, token, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = query.pop("token", [""])[0]
        if headers.get("host") not in self.hosts or not self._is_ours(headers.get("origin")):
            await _refuse(scope, send, 403)
        elif given and self._knows(given) and scope["type"] == "http" and scope["method"] == "GET":
            path = quote("/" + scope["path"].lstrip("/"))  # two of them would lead to another host
            await _redirect(send, path + (f"?{urlencode(query, doseq=True)}" if query else ""), self._token)
        elif not self._knows(_cookie(headers.get("cookie", ""))):
            await _refuse(scope, send, 401)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _is_ours(self, origin: str | None) -> bool:
        return origin is None or origin.partition("://")[2] in self.hosts

    def _knows(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return unquote(morsel.value) if morsel else ""


async def _refuse(scope: Scope, send: Send, status: int) -> None:
    if scope["type"] == "websocket":  # refused before it is accepted: the client sees 403
        await send({"type": "websocket.close", "code": 1008})
        return
    words = {401: b"Open the whole address that `orchestrate serve` has printed.", 403: b"Not from there."}
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain"), *HEADERS]}
    )
    await send({"type": "http.response.body", "body": words[status]})


async def _redirect(send: Send, path: str, token: str) -> None:
    """Take the token out of the address bar, the history and every Referer."""
    cookie = f"{COOKIE}={quote(token, safe='')}; HttpOnly; SameSite=Strict; Path=/"
    headers = [(b"location", path.encode()), (b"set-cookie", cookie.encode()), *HEADERS]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _with_headers(send: Send) -> Send:
    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            named = {name for name, _ in HEADERS}
            kept = [(name, value) for name, value in message["headers"] if name.lower() not in named]
            message = {**message, "headers": [*kept, *HEADERS]}
        await send(message)

    return sent
