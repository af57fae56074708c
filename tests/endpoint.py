"""Endpoint: an OpenAI-compatible Chat Completions server that answers what a test tells it to."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import count
from types import TracebackType
from typing import Self

from tests.faults import perform, refuse
from tests.turn import FAULTS, Body, Turn, last_of, prompt_of, system_of
from tests.wire import Peer, Request, Server

__all__ = ["FAULTS", "Call", "Endpoint", "Mind", "Turn", "last_of", "prompt_of", "system_of"]

Mind = Callable[[Body], Turn | str]


@dataclass(frozen=True)
class Call:
    """One POST as it came in; times are monotonic seconds."""

    number: int  # from 1, in the order of arrival
    path: str
    headers: dict[str, str]  # names in lower case
    body: Body
    started: float
    finished: float | None = None  # None: still being answered
    gone: bool = False  # the client went away before the answer was complete


class Endpoint:
    """Serve /v1/chat/completions and /v1/models for the length of a with block.

    `mind` gets each request's body and gives the turn to answer with; it runs in the server's thread, one call at a
    time. What it raises is answered with a 400 (so that nobody retries) and raised again at the end of the block.
    """

    def __init__(self, mind: Mind, *, models: Iterable[str] = ("gpt-4o", "gpt-4o-mini")) -> None:
        """Take the mind, and the names for GET /v1/models."""
        self.mind = mind
        self.models = list(models)
        self.takes_json_schema = True
        self.takes_stream_options = True
        self.takes_max_tokens = True
        self.key: str | None = None  # None: any key will do
        self._lock = threading.Lock()
        self._serials = count(1)
        self._open: set[int] = set()
        self._server = Server(self._handle)
        self.reset()

    def __enter__(self) -> Self:
        """Start to listen."""
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut every connection and stop."""
        self._server.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"{self._server.address}/v1"

    @property
    def requests(self) -> list[Call]:
        """Every POST so far, in the order of arrival (a copy)."""
        with self._lock:
            return list(self._calls.values())

    @property
    def lookups(self) -> list[str]:
        """The paths of every GET so far (a copy)."""
        with self._lock:
            return list(self._lookups)

    @property
    def errors(self) -> list[Exception]:
        """What the mind raised; the first one is raised again at the end of the with block."""
        return self._server.errors

    def reset(self) -> None:
        """Forget the requests and errors so far; what is in flight stays so."""
        with self._lock:
            self._calls: dict[int, Call] = {}  # by serial number, which a reset does not restart
            self._lookups: list[str] = []
            self.most_in_flight = len(self._open)
            self._server.errors.clear()

    @property
    def in_flight(self) -> int:
        """How many calls are being answered now."""
        return len(self._open)

    async def _handle(self, request: Request, peer: Peer) -> None:
        if request.method == "POST":
            await self._post(request, peer)
        else:
            with self._lock:
                self._lookups.append(request.path)
            self._get(request, peer)

    def _get(self, request: Request, peer: Peer) -> None:
        cards = {name: {"id": name, "object": "model", "created": 0, "owned_by": "tests"} for name in self.models}
        place, _, name = request.path.partition("/v1/models")
        if self._wrong_key(request):
            refuse(peer, "401", key=_key_of(request))
        elif request.method != "GET" or place or (name and not name.startswith("/")):
            refuse(peer, "unknown-url", path=request.path)
        elif not name:
            peer.send_json(200, {"object": "list", "data": list(cards.values())})
        elif name[1:] in cards:
            peer.send_json(200, cards[name[1:]])
        else:
            refuse(peer, "404", model=name[1:])

    async def _post(self, request: Request, peer: Peer) -> None:
        try:
            body = json.loads(request.body)
        except ValueError:
            refuse(peer, "bad-body")
            return
        serial, gone = next(self._serials), True
        with self._lock:
            number = len(self._calls) + 1
            self._calls[serial] = Call(number, request.path, request.headers, body, time.monotonic())
            self._open.add(serial)
            self.most_in_flight = max(self.most_in_flight, len(self._open))
        try:
            await self._answer(request, body, number, peer)
            gone = False
        finally:
            with self._lock:
                self._open.discard(serial)
                if serial in self._calls:
                    self._calls[serial] = replace(self._calls[serial], finished=time.monotonic(), gone=gone)

    async def _answer(self, request: Request, body: Body, number: int, peer: Peer) -> None:
        asks_schema = (body.get("response_format") or {}).get("type") == "json_schema"
        if self._wrong_key(request):
            refuse(peer, "401", key=_key_of(request))
        elif request.path != "/v1/chat/completions":
            refuse(peer, "unknown-url", path=request.path)
        elif asks_schema and not self.takes_json_schema:
            refuse(peer, "400-response-format")
        elif "stream_options" in body and not self.takes_stream_options:
            refuse(peer, "stream-options")
        elif "max_tokens" in body and not self.takes_max_tokens:
            refuse(peer, "max-tokens")
        else:
            try:
                said = self.mind(body)
                turn = Turn(text=said) if isinstance(said, str) else said
            except Exception as error:  # noqa: BLE001 - kept, and raised at the end of the with block
                self.errors.append(error)
                refuse(peer, "mind", why=repr(error))
                return
            await perform(turn, body, number, _key_of(request), peer)

    def _wrong_key(self, request: Request) -> bool:
        return self.key is not None and _key_of(request) != self.key


def _key_of(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")
