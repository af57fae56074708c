"""Clients: what the server says to those that speak MCP (the answer as text, no state's repr) and OpenAI's completions."""

import json
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from graph import completions
from graph.inside import client_inside

MOST = 1000  # assistants that are looked through for a tool's name
WAITS = "This waits for a person's word, which cannot be given here: {asked}"


class AnswersAsText:
    """Calls tools for the server's own MCP endpoint; all else there stays the server's."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a tool's call, or pass the request on as it came."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"].rstrip("/") != "/mcp":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        asked = _asked(body)
        assistant = await _assistant(request, asked["params"].get("name")) if asked else None
        if asked is None or assistant is None:  # what is wrong with it the server says itself
            await self.app(scope, _again(body), send)
            return
        result = await _called(request, assistant, asked["params"])
        await JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": result})(scope, receive, send)


def _asked(body: bytes) -> dict[str, Any] | None:
    """Read a call of a tool (None: it is something else)."""
    try:
        asked = json.loads(body)
    except ValueError:
        return None
    call = isinstance(asked, dict) and asked.get("method") == "tools/call" and asked.get("id") is not None
    return asked if call and isinstance(asked.get("params"), dict) else None


def _again(body: bytes) -> Receive:
    """Give a body that has been read to the next reader."""
    parts = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(parts, {"type": "http.disconnect"})

    return receive


async def _assistant(request: Request, name: object) -> str | None:
    """Find the only assistant that is listed under a tool's name (None: there is none, or none for who asks)."""
    try:
        known = await client_inside(request).assistants.search(limit=MOST)
    except httpx.HTTPStatusError:
        return None
    ids = [assistant["assistant_id"] for assistant in known if "_".join(assistant["name"].split()) == name]
    return ids[0] if len(ids) == 1 else None


async def _called(request: Request, assistant: str, params: dict[str, Any]) -> dict[str, Any]:
    """Run it, and write its answer, or why there is none, as a tool's result."""
    given, context = params.get("arguments") or {}, params.get("context")
    running = client_inside(request).runs
    state: Any = await running.wait(None, assistant, input=given, context=context, raise_error=False)
    text, wrong = _text(state)
    return {"content": [{"type": "text", "text": text}], **({"isError": True} if wrong else {})}


def _text(state: dict[str, Any]) -> tuple[str, bool]:
    """Give what a run came to as text, and whether that is an error."""
    if error := state.get("__error__"):
        return f"{error.get('error')}: {error.get('message')}", True
    if waiting := state.get("__interrupt__"):
        return WAITS.format(asked=json.dumps([asked["value"] for asked in waiting], ensure_ascii=False)), True
    if messages := state.get("messages"):
        return str(messages[-1]["content"]), False
    return str(state.get("answer", "")), False


app = Starlette(
    middleware=[Middleware(AnswersAsText)], routes=completions.routes, exception_handlers=completions.refusals
)
