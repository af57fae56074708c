"""Guard: who may speak to the page. Stands before all of it, its socket included, which takes any origin by itself."""

import ipaddress
import secrets
from collections.abc import Collection
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "orchestrator_page"
HEADERS = {
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'self'; "
    "frame-src 'self'; base-uri 'self'; form-action 'none'; object-src 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
DEFAULT_PORT = 80  # which an address leaves out
REFUSED = {401: "Open the whole address that `orchestrate serve` has printed.", 403: "Not from there."}


class Guard:
    """Lets through who knows the token, at an address of ours, and from a page of ours.

    The token comes in the address once; a cookie that no script can read stands for it afterwards.

    Args:
        app: what is guarded.
        token: the secret in the address.
        names: under which the page is reached besides the socket's own address. A rebound name of somebody else's is
            none of them.
    """

    def __init__(self, app: ASGIApp, token: str, names: Collection[str]) -> None:
        self._app, self._token, self._names = app, token, frozenset(name.casefold() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        answer = None if scope["type"] == "lifespan" else self._answer(HTTPConnection(scope))
        if answer is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":  # refused before it is accepted: the client sees 403
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(scope, receive, _with_headers(send))

    def _answer(self, asked: HTTPConnection) -> Response | None:
        """Say what is answered in place of the page (None: nothing)."""
        host, origin = asked.headers.get("host", ""), asked.headers.get("origin")
        if not self._is_ours(host, asked.scope.get("server")) or (origin and origin.partition("://")[2] != host):
            return PlainTextResponse(REFUSED[403], 403)
        given = asked.query_params.get("token", "")
        if given and self._knows(given) and asked.scope.get("method") == "GET":
            path, rest = asked.scope["path"].lstrip("/"), asked.url.remove_query_params("token").query
            taken = RedirectResponse(f"/{quote(path)}?{rest}".removesuffix("?"), 303)  # "//" would be another host
            taken.set_cookie(COOKIE, quote(self._token, safe=""), httponly=True, samesite="strict")
            return taken
        known = self._knows(unquote(asked.cookies.get(COOKIE, "")))
        return None if known else PlainTextResponse(REFUSED[401], 401)

    def _is_ours(self, host: str, server: Any) -> bool:
        """Tell whether that Host is the socket's own address, or one of the names: no other can have been meant for us."""
        try:
            there = urlsplit(f"//{host}")
            asked = (there.hostname or "", there.port or DEFAULT_PORT)
        except ValueError:
            return False
        own = server and (server[0].removeprefix("::ffff:"), server[1])  # how a socket for both kinds names IPv4
        return asked[0] in self._names or asked == own

    def _knows(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def address_of(host: str, port: int) -> str:
    """Write host and port as they stand in an address; IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's own alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _with_headers(send: Send) -> Send:
    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sent
