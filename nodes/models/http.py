"""HTTP: one client for all endpoints, which keeps bad answers and secrets from going further.

The clients of openai and anthropic are built on httpx2, and google's takes one; a transport is the place it offers for
looking at answers. Ours
- takes the caller's key out of every answer (endpoints like to repeat it in errors),
- turns an answer that is no chat completion into BadEnvelope, with its text kept,
- reads a whole completion as a stream of one, for servers that ignore "stream".
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Self
from urllib.request import getproxies, proxy_bypass_environment  # type: ignore[attr-defined] # documented, untyped

import httpx2

from nodes.memory import MEMORY
from nodes.models.faults import BadEnvelope
from nodes.models.loop import engine_loop
from nodes.models.sse import events_of, parsed
from nodes.models.transport import AiohttpTransport

HIDDEN = b"[key]"
KEY_HEADERS = (b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key")
ENVELOPE_LIMIT = 12_000_000  # bytes of an answer that is not a stream; more is refused unread
ENVELOPE = "envelope"  # the extension of a response that holds its completion, so that nobody parses it again
# What no longer holds of a body that was decoded.
_OF_THE_BODY = (b"content-encoding", b"content-length", b"transfer-encoding")


def http_client() -> httpx2.AsyncClient:
    """Return the engine loop's client, made once: its connections are kept."""
    return MEMORY.kept(httpx2.AsyncClient, id(engine_loop()), _client)


def _client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=Guard(Route(getproxies())),
        timeout=httpx2.Timeout(None, connect=10.0),  # a call is bounded as a whole, in nodes/models/ask.py
        follow_redirects=False,  # a prompt goes where its sender sent it, or nowhere
    )


class Route(httpx2.AsyncBaseTransport):
    """Sends each request straight or through the proxy that HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say.

    A client with a transport of its own does not look at them by itself.
    """

    def __init__(self, proxies: Mapping[str, str]) -> None:
        self._proxies = dict(proxies)
        self._transports: dict[tuple[str, str | None], httpx2.AsyncBaseTransport] = {}  # by scheme and proxy
        self._making = asyncio.Lock()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        way = request.url.scheme, self._proxy(request.url.scheme, request.url.host)
        if way not in self._transports:
            async with self._making:
                if way not in self._transports:  # 50 to 100 ms for https: the certificates are read
                    self._transports[way] = await asyncio.to_thread(_transport, *way)
        return await self._transports[way].handle_async_request(request)

    def _proxy(self, scheme: str, host: str) -> str | None:
        proxy = self._proxies.get(scheme) or self._proxies.get("all")
        if not proxy or host in ("localhost", "127.0.0.1", "::1"):
            return None
        if any(proxy_bypass_environment(name, self._proxies) for name in (host, f"[{host}]")):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"

    async def aclose(self) -> None:
        """Close the connections."""
        for transport in self._transports.values():
            await transport.aclose()


def _transport(scheme: str, proxy: str | None) -> httpx2.AsyncBaseTransport:
    plain = scheme == "http" and not (proxy or "").startswith("https")
    if proxy is None:
        return AiohttpTransport(None if plain else httpx2.create_ssl_context())
    limits = httpx2.Limits(max_connections=1000)
    return httpx2.AsyncHTTPTransport(verify=not plain, limits=limits, proxy=proxy)


class Guard(httpx2.AsyncBaseTransport):
    """A transport that looks at each answer before the client does."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request.

        Raises:
            BadEnvelope: status 200, but no chat completion.
        """
        response = await self._inner.handle_async_request(request)
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        if response.status_code >= 300:  # noqa: PLR2004 - a redirect is an answer like a refusal: it is not followed
            body = _without_key(await _body_of(response), _keys(request, least=4))
            return _replaced(response, request, body, kind)
        if kind == "text/event-stream" or not request.url.path.endswith("/chat/completions"):
            return _streamed(response, request)
        body = _without_key(await _body_of(response), _keys(request))
        if body.lstrip().startswith(b"data:"):  # a stream under another name
            return _replaced(response, request, body, "text/event-stream")
        envelope = _envelope(body)
        if b'"stream":true' in request.content or b'"stream": true' in request.content:
            lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events_of(envelope))
            return _replaced(response, request, f"{lines}data: [DONE]\n\n".encode(), "text/event-stream")
        return _replaced(response, request, body, kind, {ENVELOPE: envelope})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def _body_of(response: httpx2.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > ENVELOPE_LIMIT:
                raise BadEnvelope(f"the answer is larger than {ENVELOPE_LIMIT:,} bytes")
    finally:
        await response.aclose()
    return b"".join(parts)


def _keys(request: httpx2.Request, least: int = 12) -> list[bytes]:
    """Find the keys that a request shows.

    "test" or "ollama", as local servers are given, is no secret, and would take ordinary words out of every answer; in
    an error's text, where endpoints repeat keys, shorter ones are taken out too.
    """
    shown = [value for name, value in request.headers.raw if name.lower() in KEY_HEADERS]
    keys = [header.removeprefix(b"Bearer ").strip() for header in shown]
    return [key for key in keys if len(key) >= least or (key.startswith(b"sk-") and len(key) > least // 2)]


def _without_key(body: bytes, keys: list[bytes]) -> bytes:
    for key in keys:
        body = body.replace(key, HIDDEN)
    return body


class _Redacted(httpx2.AsyncByteStream):
    """A stream without the caller's key, also where the key comes in two pieces.

    An iterator that goes on where it was left: the openai client reads on behind its last event, so that the
    connection can be kept.
    """

    def __init__(self, response: httpx2.Response, keys: list[bytes]) -> None:
        self._response, self._keys = response, keys
        self._parts = response.aiter_bytes()
        self._held = b""
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        try:
            self._held += await anext(self._parts)
        except StopAsyncIteration:
            self._ended = True
            return self._held
        for key in self._keys:
            self._held = self._held.replace(key, HIDDEN)
        kept = max((_begun(self._held, key) for key in self._keys), default=0)
        ready, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return ready

    async def aclose(self) -> None:
        await self._response.aclose()


def _begun(data: bytes, key: bytes) -> int:
    """Tell how many bytes at the end of the data may be the beginning of the key."""
    return next((size for size in range(min(len(key) - 1, len(data)), 0, -1) if data.endswith(key[:size])), 0)


def _streamed(response: httpx2.Response, request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(
        response.status_code,
        headers=_headers(response),
        stream=_Redacted(response, _keys(request)),
        request=request,
        extensions=response.extensions,
    )


def _headers(response: httpx2.Response, *left_out: bytes) -> list[tuple[bytes, bytes]]:
    return [pair for pair in response.headers.raw if pair[0].lower() not in (*_OF_THE_BODY, *left_out)]


def _replaced(
    response: httpx2.Response,
    request: httpx2.Request,
    body: bytes,
    kind: str,
    extensions: Mapping[str, Any] | None = None,
) -> httpx2.Response:
    said = (b"content-type", (kind or "application/octet-stream").encode())
    return httpx2.Response(
        response.status_code,
        headers=[*_headers(response, said[0]), said],
        stream=httpx2.ByteStream(body),  # as `content` it costs thrice as much
        request=request,
        extensions=extensions,
    )


def _envelope(body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace")
    try:
        envelope = parsed(body)
    except (ValueError, RecursionError):
        what = "a web page" if "<html" in text[:2000].lower() else "nothing" if not text.strip() else "no valid JSON"
        raise BadEnvelope(f"The endpoint answered with {what} (status 200)", text) from None
    error = envelope.get("error") if isinstance(envelope, dict) else None
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        raise BadEnvelope(f"The endpoint answered with an error (status 200): {error['message'][:300]}", text)
    choices = envelope.get("choices") if isinstance(envelope, dict) else None
    message = (
        choices[0].get("message") if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    )
    if not isinstance(message, dict) or not _calls_are_objects(message):
        raise BadEnvelope("The endpoint's answer has no choices (status 200)", text)
    return dict(envelope)


def _calls_are_objects(message: dict[str, Any]) -> bool:
    calls = message.get("tool_calls") or []
    return isinstance(calls, list) and all(isinstance(call, dict) for call in calls)
