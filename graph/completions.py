"""Completions: the conversation for clients that speak OpenAI's chat completions; docs/clients.md says what they get."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

import httpx
from langgraph_sdk.client import LangGraphClient
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from graph.inside import client_inside
from graph.view import View
from nodes.errors import BadSettings

GRAPH = "orchestrator_chat"
KEY = "conversation"  # metadata of a thread: the hash of all that has been said on it
YES = ("approve", "approved", "yes", "ok", "okay", "go ahead")
ASKED = "{asked}\n\nAnswer “approve” to go on. Anything else you write sends it back, with your words."
ELSEWHERE = "The conversation so far:\n\n{earlier}\n\nThe message to answer:\n\n{last}"
MODES: Any = ["messages-tuple", "custom", "values"]


class Refused(Exception):
    """What is not answered: why, with the status and the code that OpenAI has for it."""

    def __init__(self, message: str, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = "server_error" if httpx.codes.is_server_error(status) else "invalid_request_error"
        self.body = {"error": {"message": message, "type": kind, "param": None, "code": code}}


class Message(BaseModel):
    """One message, as a client sends it."""

    role: str
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """Its text alone."""
        parts = [{"text": self.content}] if isinstance(self.content, str) else self.content or []
        return "\n".join(str(part.get("text") or "") for part in parts).strip()


class Asked(BaseModel):
    """What a client asks for; what else it sends (temperature, tools …) is not heeded: the settings are the run's."""

    model: str
    messages: list[Message] = Field(min_length=1)
    n: Literal[1] | None = 1
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


@dataclass
class Turn:
    """One completion: what is said, by whom, under which settings; `spend` is there once the run has ended."""

    asked: Asked
    context: dict[str, Any]
    client: LangGraphClient
    thread: str = ""
    spend: dict[str, Any] = field(default_factory=dict)

    async def sent(self) -> dict[str, Any]:
        """Find the thread on which the conversation goes on, or make one; give what is sent there."""
        *earlier, last = [message for message in self.asked.messages if message.role in ("user", "assistant")]
        threads = await self.client.threads.search(metadata={KEY: _key(earlier)}, limit=1) if earlier else []
        if not threads:
            self.thread = (await self.client.threads.create())["thread_id"]
            return self._first(earlier, last)
        self.thread, interrupts = threads[0]["thread_id"], threads[0].get("interrupts") or {}
        if not any(interrupts.values()):
            return {"input": {"messages": [{"type": "human", "content": last.content}]}}
        yes = last.text.lower().strip(" .!") in YES
        said = {"type": "approve"} if yes else {"type": "reject", "message": last.text}
        waiting: list[Any] = [asked for ones in interrupts.values() for asked in ones]
        decided = {
            interrupt["id"]: {"decisions": [said] * len(interrupt["value"]["action_requests"])} for interrupt in waiting
        }
        return {"command": {"resume": decided}}

    def _first(self, earlier: list[Message], last: Message) -> dict[str, Any]:
        """Write a thread's first message: what the client says beforehand, and what was said elsewhere, belong to it."""
        content = last.content
        if last.text and (isinstance(content, str) or all(part.get("type") == "text" for part in content or ())):
            before = "\n\n".join(f"{message.role}: {message.text}" for message in earlier)
            text = ELSEWHERE.format(earlier=before, last=last.text) if earlier else last.text
            beforehand = [
                message.text
                for message in self.asked.messages
                if message.role in ("system", "developer") and message.text
            ]
            content = "\n\n".join([*beforehand, text])
        return {"input": {"messages": [{"type": "human", "content": content}]}}

    async def deltas(self, sent: dict[str, Any]) -> AsyncGenerator[dict[str, str]]:
        """Run it; give each piece of the answer, and each line of how far it has come as reasoning.

        Raises:
            Refused: the server could not run it.
        """
        view, spoken, speaking, state = View(), "", None, dict[str, Any]()
        where: Any = {**sent, "context": self.context, "stream_mode": MODES, "on_disconnect": "cancel"}
        running = self.client.runs.stream(self.thread, GRAPH, **where, multitask_strategy="reject")
        async for event, data, *_ in running:
            piece: Any = ""
            if event == "custom":
                for line in view.take(data):
                    yield {"reasoning_content": f"{line}\n"}
            elif event == "messages" and data[0]["type"] != "human":
                anew = spoken and data[0]["id"] != speaking  # what has been sent cannot be taken back
                speaking, piece = data[0]["id"], ("\n\n---\n\n" if anew else "") + data[0]["content"]
            elif event == "values":
                state, piece = data, _waiting(data)
            elif event == "error":
                status = 400 if data.get("error") == BadSettings.__name__ else httpx.codes.INTERNAL_SERVER_ERROR
                raise Refused(f"{data.get('error')}: {data.get('message')}", status)
            if piece:
                spoken += piece
                yield {"content": piece}
        self.spend = state.get("spend") or {}
        known = {KEY: _key([*self.asked.messages, Message(role="assistant", content=spoken)])}
        await self.client.threads.update(self.thread, metadata=known)

    @property
    def usage(self) -> dict[str, int]:
        """What the run's calls took, in OpenAI's words."""
        read, written = (int(self.spend.get(f"{side}_tokens") or 0) for side in ("input", "output"))
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}

    def written(self, kind: str, **choice: Any) -> dict[str, Any]:
        """Write a completion, or a chunk of one."""
        made = {"id": f"chatcmpl-{self.thread}", "object": kind, "created": int(time.time()), "model": self.asked.model}
        return {**made, "choices": [{"index": 0, "finish_reason": None, **choice}] if choice else []}


def _waiting(state: dict[str, Any]) -> str:
    """Say what a run waits for ("": it does not)."""
    waiting = [
        asked["description"]
        for interrupt in state.get("__interrupt__") or ()
        for asked in interrupt["value"]["action_requests"]
    ]
    return ASKED.format(asked="\n\n".join(waiting)) if waiting else ""


def _key(said: list[Message]) -> str:
    """Tell one conversation from another, whatever a client makes of blanks."""
    words = [[message.role, message.text.split()] for message in said if message.role in ("user", "assistant")]
    return sha256(json.dumps(words).encode()).hexdigest()


async def _models(client: LangGraphClient) -> dict[str, dict[str, Any]]:
    """List what can be asked for: the conversation, and the same under each assistant's settings."""
    known: Any = await client.assistants.search(limit=1000)
    named = {"-".join(assistant["name"].split()): assistant.get("context") or {} for assistant in known}
    return {name: context for name, context in named.items() if name != "orchestrator"}


async def _listed(request: Request) -> Response:
    known = await _models(client_inside(request))
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "orchestrator"} for name in known]
    return JSONResponse({"object": "list", "data": listed})


async def _completed(request: Request) -> Response:
    client = client_inside(request)
    kind = request.headers.get("content-type", "").partition(";")[0]
    if "json" not in kind:  # a page of any origin may send plain text, whatever parameters it has, unasked
        raise Refused("the content type is application/json", httpx.codes.UNSUPPORTED_MEDIA_TYPE)
    try:
        asked = Asked.model_validate_json(await request.body())
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise Refused(f"this is no request for a chat completion: {faults}") from None
    if asked.messages[-1].role != "user":
        raise Refused("the last message is not the user's, so there is nothing to answer")
    known = await _models(client)
    if asked.model not in known:
        raise Refused(f"unknown model {asked.model!r}; known: {', '.join(known)}", 404, "model_not_found")
    turn = Turn(asked, {**known[asked.model], **(asked.context or {})}, client)
    deltas = turn.deltas(await turn.sent())
    if asked.stream:
        return StreamingResponse(_events(turn, deltas), media_type="text/event-stream")
    message = {"role": "assistant", "content": await _read(request, deltas)}
    whole = turn.written("chat.completion", message=message, finish_reason="stop")
    return JSONResponse({**whole, "usage": turn.usage})


async def _read(request: Request, deltas: AsyncGenerator[dict[str, str]]) -> str:
    """Take the whole answer.

    Raises:
        Refused: the client has gone, and the run is ended: nobody would read it, and clients ask again by themselves.
    """

    async def read() -> str:
        async with aclosing(deltas):
            return "".join([delta.get("content", "") async for delta in deltas])

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    both = [asyncio.create_task(read()), asyncio.create_task(gone())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if both[0].done():
            return str(both[0].result())
        raise Refused("the client has gone", httpx.codes.REQUEST_TIMEOUT)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _events(turn: Turn, deltas: AsyncGenerator[dict[str, str]]) -> AsyncIterator[str]:
    """Write the chunks of a completion as server-sent events."""
    kind = "chat.completion.chunk"
    yield _event(turn.written(kind, delta={"role": "assistant", "content": ""}))
    try:
        async with aclosing(deltas):
            async for delta in deltas:
                yield _event(turn.written(kind, delta=delta))
        yield _event(turn.written(kind, delta={}, finish_reason="stop"))
        if (turn.asked.stream_options or {}).get("include_usage"):
            yield _event({**turn.written(kind), "usage": turn.usage})
    except (Refused, httpx.HTTPStatusError) as error:
        yield _event(_refusal(error).body)
    yield "data: [DONE]\n\n"


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else 500  # the server's own word
    return Refused(str(error), status, "invalid_api_key" if status == httpx.codes.UNAUTHORIZED else None)


async def _refused(_: Request, error: Exception) -> Response:
    refusal = _refusal(error)
    # OpenAI's clients send again what failed at a server, unless they are told that nothing is won by it.
    return JSONResponse(refusal.body, refusal.status, {"x-should-retry": "false"} if refusal is error else None)


routes = [Route("/v1/models", _listed), Route("/v1/chat/completions", _completed, methods=["POST"])]
refusals = {Refused: _refused, httpx.HTTPStatusError: _refused}
