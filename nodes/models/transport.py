"""Transport: connections for the openai client, by aiohttp.

Measured at 200 calls at once: 1.4 ms of CPU a call, where httpx2's own transport takes 9: it looks through its whole
pool for every request. openai's package has the same transport (openai[aiohttp]), but there a connection that breaks
in mid call counts as one that was never made, so that what it may have cost would not be charged.
"""

import asyncio
import io
import ssl
import time
from collections.abc import AsyncIterator

import aiohttp
import httpx2

CONNECTIONS = 1000  # at once, over all endpoints
READ_LIMIT = 65_536  # bytes handed on at once
BODY_LIMIT = 1_000_000  # bytes sent at once; of more, aiohttp sends piece by piece, so that the loop is not held up
EVERY_S = 0.05  # a stream is read once in it; nobody reads faster
LONG_S = 1.0  # an answer that has taken so long may end a tick late
HEADER_LIMIT = 65_536  # bytes of one header; gateways like to send long ones

# The first that fits; what was sent and then broke off may be on the bill.
_ERRORS: tuple[tuple[type[BaseException], type[httpx2.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx2.ConnectTimeout),
    (aiohttp.ServerTimeoutError, httpx2.ReadTimeout),
    (aiohttp.ClientConnectorError, httpx2.ConnectError),
    (aiohttp.InvalidURL, httpx2.UnsupportedProtocol),
    (aiohttp.ClientResponseError, httpx2.RemoteProtocolError),
    (aiohttp.ClientError, httpx2.ReadError),
    (ConnectionError, httpx2.ReadError),
)


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends an httpx2 request over aiohttp's connections. Belongs to the loop on which it is first used."""

    def __init__(self, verify: ssl.SSLContext | None) -> None:
        self._verify = verify
        self._session: aiohttp.ClientSession | None = None
        self._ticks = _Ticks()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS, ssl=self._verify or True),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                max_line_size=HEADER_LIMIT,
                max_field_size=HEADER_LIMIT,
                skip_auto_headers=("user-agent", "accept", "accept-encoding", "content-type"),
            )
        timeout, body = request.extensions.get("timeout", {}), await request.aread()
        failure = None
        try:
            response = await self._session.request(
                request.method,
                str(request.url),
                headers=[
                    (name.decode("latin-1"), value.decode("latin-1"))
                    for name, value in request.headers.raw
                    if name.lower() != b"transfer-encoding"
                ],
                data=(io.BytesIO(body) if len(body) > BODY_LIMIT else body) or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    sock_connect=timeout.get("connect"), sock_read=timeout.get("read"), connect=timeout.get("pool")
                ),
            )
        except (aiohttp.ClientError, ConnectionError) as error:
            failure = _as_httpx2(error)
        if failure is not None:
            raise failure
        return httpx2.Response(
            response.status, headers=list(response.raw_headers), stream=_Body(response, self._ticks), request=request
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


class _Ticks:
    """The moments at which all streams are read, so that one wake-up of the loop serves them."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def next(self) -> asyncio.Future[None]:
        """Return a future of the next of them; whoever waits for it may end it sooner."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_at((loop.time() // EVERY_S + 1) * EVERY_S, self._tick)
        self._waiting.append(loop.create_future())
        return self._waiting[-1]

    def _tick(self) -> None:
        for waiting in self._waiting:
            _end(waiting)
        self._waiting = []


def _end(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class _Body(httpx2.AsyncByteStream):
    """An answer's body, as it arrives: each piece is all that has come since the last.

    The pieces of a stream come a tick apart; but the first, the last if it is no long stream, and what is more than a piece
    come at once.
    """

    def __init__(self, response: aiohttp.ClientResponse, ticks: _Ticks) -> None:
        self._response = response
        self._ticks = ticks if response.content_type == "text/event-stream" else None
        self._tick: asyncio.Future[None] | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content, failure, began = self._response.content, None, time.monotonic()
        content.on_eof(self._ended)
        try:
            while data := await content.read(READ_LIMIT):
                yield data
                if self._ticks and len(data) < READ_LIMIT and not content.is_eof():
                    self._tick = self._ticks.next()
                    await self._waited(self._tick, is_long=time.monotonic() - began > LONG_S)
        except (aiohttp.ClientError, ConnectionError) as error:
            failure = _as_httpx2(error)
        if failure is not None:
            raise failure

    async def _waited(self, tick: asyncio.Future[None], *, is_long: bool) -> None:
        """Wait for a tick. Of a long answer the socket is not read meanwhile: each token would wake the loop, its end too."""
        connection = self._response.connection if is_long else None
        transport = connection.transport if connection else None
        if transport:
            transport.pause_reading()
        try:
            await tick
        finally:
            if transport:
                transport.resume_reading()

    def _ended(self) -> None:
        if self._tick:
            _end(self._tick)

    async def aclose(self) -> None:
        if self._response.content.at_eof():
            self._response.release()  # the connection is kept
        else:
            self._response.close()


def _as_httpx2(error: BaseException) -> httpx2.TransportError:
    """Translate an error. It is to be raised outside of its except block: aiohttp's own speak of a status 400."""
    kind = next(kind for cause, kind in _ERRORS if isinstance(error, cause))
    return kind(str(error) or type(error).__name__)
