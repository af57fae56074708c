"""Faults: the endpoint's ways to answer, from a good reply to every failure a real server has shown."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle

from tests.turn import Body, Turn, chunks, envelope
from tests.wire import Peer

JSON, EVENTS, HTML = "application/json", "text/event-stream; charset=utf-8", "text/html; charset=utf-8"
DONE = b"data: [DONE]\n\n"
NOT_UTF8 = b"\xff\xfe\xc3"
BROKEN = {"error": {"message": "Provider returned error", "code": 502}}  # as gateways say it in a 200
HUGE = 10_000_000  # characters
MID = {"reset-mid", "eof-mid", "cut-mid", "error-mid", "invalid-json"}  # these go wrong after half of the reply
SETTLE = 0.02  # seconds for written bytes to leave before the connection breaks

Error = tuple[int, str, str | None, str | None, str]  # status, type, code, param, message
RATE: Error = (429, "requests", "rate_limit_exceeded", None, "Rate limit reached. Please try again in 20ms.")
ERRORS: dict[str, Error] = {
    "429": RATE,
    "429-retry-after": RATE,
    "quota": (429, "insufficient_quota", "insufficient_quota", None, "You exceeded your current quota, please check."),
    "400": (400, "invalid_request_error", None, None, "Invalid request."),
    "400-response-format": (
        400,
        "invalid_request_error",
        None,
        "response_format",
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
    ),
    "401": (
        401,
        "invalid_request_error",
        "invalid_api_key",
        None,
        "Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com/account/api-keys.",
    ),
    "403": (403, "invalid_request_error", "unsupported_country_region_territory", None, "Country not supported."),
    "404": (
        404,
        "invalid_request_error",
        "model_not_found",
        None,
        "The model '{model}' does not exist or you do not have access to it.",
    ),
    "408": (408, "server_error", "request_timeout", None, "Request timed out."),
    "409": (409, "invalid_request_error", "conflict", None, "The resource was changed by another request."),
    "500": (500, "server_error", None, None, "The server had an error while processing your request."),
    "503": (503, "server_error", "overloaded", None, "The engine is currently overloaded, please try again later."),
    "context-length": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
        "This model's maximum context length is 8192 tokens. Please reduce the length of the messages.",
    ),
    "stream-options": (
        400,
        "invalid_request_error",
        None,
        "stream_options",
        "Unrecognized request argument supplied: stream_options",
    ),
    "max-tokens": (
        400,
        "invalid_request_error",
        "unsupported_parameter",
        "max_tokens",
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    ),
    "unknown-url": (404, "invalid_request_error", "unknown_url", None, "Unknown request URL: {path}."),
    "bad-body": (400, "invalid_request_error", None, None, "We could not parse the JSON body of your request."),
    "mind": (400, "mind_error", "mind_error", None, "The test's mind raised {why}."),
    "said": (0, "server_error", None, None, "{why}"),
}

Page = tuple[int, str, bytes]
PAGES: dict[str, Page] = {
    "502-html": (502, HTML, b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"),
    "html-200": (200, HTML, b"<!DOCTYPE html><html><body><form>Please log in.</form></body></html>"),
}


def refuse(peer: Peer, name: str, headers: dict[str, str] | None = None, *, status: int = 0, **holes: str) -> None:
    """Answer with an error as OpenAI words it."""
    usual, kind, code, param, message = ERRORS[name]
    if name == "429-retry-after":
        headers = {"retry-after": "1", **(headers or {})}
    error = {"message": message.format(**holes), "type": kind, "param": param, "code": code}
    peer.send_json(status or usual, {"error": error}, headers)


async def perform(turn: Turn, body: Body, number: int, key: str, peer: Peer) -> None:
    """Answer with the turn; `key` is what the client showed, for the errors that repeat it."""
    if turn.headers:
        turn = replace(turn, headers={name.lower(): value for name, value in turn.headers.items()})
    if turn.delay:
        await peer.pause(turn.delay)
    while turn.held is not None and turn.held():
        await peer.pause(0.02)
    fault = turn.fault or ""
    if turn.body is not None:
        raw = turn.body.encode() if isinstance(turn.body, str) else turn.body
        peer.send(turn.status, raw, {"content-type": JSON, **turn.headers})
    elif fault in ERRORS:
        refuse(peer, fault, turn.headers, key=key, model=str(body.get("model")))
    elif fault in PAGES:
        status, kind, page = PAGES[fault]
        peer.send(status, page, {"content-type": kind, **turn.headers})
    elif turn.status >= 300:
        refuse(peer, "said", turn.headers, status=turn.status, why=turn.text or "The test said so.")
    elif fault == "hang":
        await asyncio.Event().wait()
    elif fault == "reset":
        peer.reset()
    elif body.get("stream"):
        await _stream(_bent(turn), body, number, peer)
    else:
        await _whole(_bent(turn), body, number, peer)


def _bent(turn: Turn) -> Turn:
    """Bend the text for the faults that lie in the content alone."""
    half = turn.text[: len(turn.text) // 2]
    match turn.fault:
        case "empty":
            turn = replace(turn, text="")
        case "content-filter":
            turn = replace(turn, text=half, finish_reason="content_filter")
        case "length":
            turn = replace(turn, text=half, finish_reason="length")
        case "drip":
            turn = replace(turn, text=turn.text or "...", chunk=1)
        case "huge":
            text = turn.text or "All work and no play makes Jack a dull boy. "
            turn = replace(turn, text=(text * (HUGE // len(text) + 1))[:HUGE], chunk=max(turn.chunk, 65_536))
        case fault if fault in MID:
            turn = replace(turn, chunk=max(1, min(turn.chunk, len(half))))
    return turn


async def _whole(turn: Turn, body: Body, number: int, peer: Peer) -> None:
    raw = _raw(turn, envelope(turn, body, number))
    sent = {"reset-mid": len(raw) // 2, "eof-mid": len(raw) // 2, "cut-mid": len(raw) // 2, "drip": 0}
    peer.send(turn.status, raw, {"content-type": JSON, **turn.headers}, upto=sent.get(turn.fault or ""))
    if turn.fault == "drip":
        for place in range(len(raw)):
            await peer.pause(turn.chunk_delay or 1)
            peer.write(raw[place : place + 1])
    elif turn.fault == "reset-mid":
        await peer.pause(SETTLE)
        peer.reset()
    elif turn.fault in {"eof-mid", "cut-mid"}:
        peer.close()


def _raw(turn: Turn, reply: Body) -> bytes:
    match turn.fault:
        case "missing-choices":
            del reply["choices"]
        case "null-choices":
            reply["choices"] = None
        case "error-mid":
            reply = BROKEN
    raw = json.dumps(reply, ensure_ascii=False).encode()
    match turn.fault:
        case "invalid-json":
            return raw[: len(raw) // 2]
        case "invalid-utf8":
            return raw.replace(b'"content": "', b'"content": "' + NOT_UTF8, 1)
        case "empty-body":
            return b""
    return raw


async def _stream(turn: Turn, body: Body, number: int, peer: Peer) -> None:
    # Told, for a client that sends its next request before it sees the end of this connection would lose that one.
    closes = {"connection": "close"} if turn.fault == "eof-mid" else {}
    peer.start(turn.status, {"content-type": EVENTS, **closes, **turn.headers})
    if turn.fault == "drip":
        for piece in cycle(piece for piece in chunks(turn, body, number) if _unfinished(piece)):
            await peer.pause(turn.chunk_delay or 1)
            peer.chunk(_event(piece))
    events = _events(turn, list(chunks(turn, body, number)))
    for event in events:
        if turn.chunk_delay:
            await peer.pause(turn.chunk_delay)
        peer.chunk(event)
    if turn.fault == "reset-mid":
        await peer.pause(SETTLE)
        peer.reset()
    elif turn.fault == "cut-mid":
        peer.close()
    else:
        peer.end()
        if turn.fault == "eof-mid":
            peer.close()


def _events(turn: Turn, pieces: list[Body]) -> Sequence[bytes]:
    half = [_event(piece) for piece in pieces[: len(pieces) // 2]]
    match turn.fault:
        case "reset-mid" | "eof-mid" | "cut-mid":
            return half
        case "error-mid":
            return [*half, _event(BROKEN)]
        case "invalid-json":
            return [*half, b'data: {"id":"chatcmpl-1","choi\n\n', DONE]
        case "empty-body":
            return []
        case "missing-choices":
            pieces = [{key: value for key, value in piece.items() if key != "choices"} for piece in pieces]
        case "null-choices":
            pieces = [{**piece, "choices": None} for piece in pieces]
    events = [*map(_event, pieces), DONE]
    if turn.fault == "invalid-utf8":
        events[1] = events[1].replace(b'"content":"', b'"content":"' + NOT_UTF8, 1)
    return events


def _unfinished(piece: Body) -> bool:
    return bool(piece["choices"]) and piece["choices"][0]["finish_reason"] is None


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
