"""Faults: what an endpoint's failure means, whether trying again helps, and how to mend it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx2
import openai
from langchain_core.exceptions import ContextOverflowError

Kind = Literal[
    "rate_limit",
    "quota",
    "timeout",
    "connection",
    "server",
    "auth",
    "not_found",
    "bad_request",
    "context_length",
    "envelope",
]

# A wrong key, an unknown name, no money, nobody there: no other plan or wording will help.
CONFIGURATION: frozenset[Kind] = frozenset({"auth", "not_found", "quota"})
RETRIED: frozenset[Kind] = frozenset({"rate_limit", "timeout", "connection", "server"})

_MEND: dict[Kind, str] = {
    "rate_limit": "The endpoint allows fewer calls at a time; lower max_parallel or raise the limit there.",
    "quota": "The account has no money or quota left; top it up, or use another key or model.",
    "timeout": "Raise call_timeout_s, or use a faster model.",
    "connection": "Is the server running, and is OPENAI_BASE_URL right?",
    "server": "The endpoint itself is in trouble; try again later.",
    "auth": "Check the key (OPENAI_API_KEY for openai models) and that it may use this model.",
    "not_found": "Check the model's name and, for a server of your own, OPENAI_BASE_URL (it ends in /v1 as a rule).",
    "bad_request": "The endpoint refuses this call; what it says above tells why.",
    "context_length": "Set context_window, use a model with a larger window, or shorten the request.",
    "envelope": "This does not look like an OpenAI-compatible endpoint; check OPENAI_BASE_URL.",
}


class BadEnvelope(Exception):
    """An answer with status 200 that is no chat completion: a web page, broken JSON, no choices."""

    def __init__(self, what: str, text: str = "") -> None:
        super().__init__(what)
        self.text = text


@dataclass(frozen=True)
class Fault:
    """What went wrong at an endpoint."""

    kind: Kind
    message: str
    text: str = ""  # what the endpoint sent, for a bad envelope
    retry_after: float | None = None  # seconds

    @property
    def retry(self) -> bool:
        """True when the same call may well succeed a little later."""
        return self.kind in RETRIED

    def told(self, model: str) -> str:
        """Say what happened, where, and how to mend it."""
        return f"{model}: {self.message} {_MEND[self.kind]}"


def fault_of(error: BaseException) -> Fault | None:  # noqa: PLR0911 - one line for each kind
    """Read an exception from a model call as a Fault (None: it is a bug, let it fly)."""
    for one in _causes(error):
        if isinstance(one, BadEnvelope):
            return Fault("envelope", f"{one}.", one.text)
    if isinstance(error, ContextOverflowError) or "exceed_context_size" in str(error):
        return Fault("context_length", "The prompt is longer than the model's context window.")
    status = _status(error)
    if status is not None:
        return _by_status(status, error)
    if isinstance(error, (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException)):
        return Fault("timeout", "No answer in time.")
    if isinstance(error, (openai.APIConnectionError, httpx2.TransportError, ConnectionError)):
        return Fault("connection", f"The connection failed ({_root(error)}).")
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        return Fault("envelope", "The answer is not valid JSON in UTF-8.", getattr(error, "doc", "") or "")
    if isinstance(error, openai.APIError):
        return _by_words(error)
    if isinstance(error, (IndexError, TypeError, AttributeError, ValueError)) and _inside_client(error):
        return Fault("envelope", "The answer is not a chat completion.")
    return None


def never_sent(error: BaseException) -> bool:
    """Tell whether the connection itself could not be made, so that nothing can have been billed."""
    return any(
        isinstance(one, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)) for one in _causes(error)
    )


def _by_status(status: int, error: BaseException) -> Fault:  # noqa: PLR0911 - the same
    said = _said(error)
    if status == 429:  # noqa: PLR2004
        if "insufficient_quota" in f"{getattr(error, 'code', '')} {error}" or "billing" in said.lower():
            return Fault("quota", f"The quota is used up (HTTP 429): {said}")
        return Fault("rate_limit", f"Too many requests (HTTP 429): {said}", retry_after=_retry_after(error))
    if status in (401, 403):
        return Fault("auth", f"The key was refused (HTTP {status}): {said}")
    if status == 404:  # noqa: PLR2004
        return Fault("not_found", f"No such model or path (HTTP 404): {said}")
    if status in (408, 409) or status >= 500:  # noqa: PLR2004
        kind: Kind = "timeout" if status == 408 else "server"  # noqa: PLR2004
        return Fault(kind, f"The endpoint failed (HTTP {status}): {said}", retry_after=_retry_after(error))
    if re.search(r"context[ _](length|window|size)|prompt is too long", str(error), re.IGNORECASE):
        return Fault("context_length", "The prompt is longer than the model's context window.")
    return Fault("bad_request", f"The call was refused (HTTP {status}): {said}")


def _by_words(error: openai.APIError) -> Fault:
    """Read an error that came inside a stream, where no status tells its kind."""
    said = _said(error)
    words = f"{error.code or ''} {error.type or ''} {said}".lower()
    if "quota" in words:
        return Fault("quota", f"The quota is used up: {said}")
    if "rate" in words and "limit" in words:
        return Fault("rate_limit", f"Too many requests: {said}")
    if "context" in words and ("length" in words or "window" in words or "size" in words):
        return Fault("context_length", "The prompt is longer than the model's context window.")
    return Fault("server", f"The endpoint failed in mid answer: {said}")


def _status(error: BaseException) -> int | None:
    for one in (error, getattr(error, "response", None)):
        status = getattr(one, "status_code", None)
        if isinstance(status, int):
            return status
    return None


def _said(error: BaseException, limit: int = 300) -> str:
    body = getattr(error, "body", None)
    text = body.get("message") if isinstance(body, dict) else None
    text = " ".join(str(text or getattr(error, "message", None) or error).split())
    if "<html" in text.lower():
        text = "(a web page)"
    text = text if len(text) <= limit else f"{text[:limit]} …"
    return text if text.endswith((".", "!", "?", "…", ")")) else f"{text}."


def _retry_after(error: BaseException) -> float | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        moment = parsedate_to_datetime(value)
        return max(0.0, moment.timestamp() - parsedate_to_datetime(headers["date"]).timestamp())
    except (ValueError, TypeError, KeyError):
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def _root(error: BaseException) -> str:
    *_, last = _causes(error)
    return str(last) or type(last).__name__


def _inside_client(error: BaseException) -> bool:
    """Tell whether the innermost frames are a client library's: then the answer is at fault, not our code."""
    trace, last = error.__traceback__, ""
    while trace is not None:
        last = trace.tb_frame.f_globals.get("__name__", "")
        trace = trace.tb_next
    return last.startswith(("openai", "langchain", "httpx2", "pydantic", "json"))
