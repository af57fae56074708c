"""Diagnosis: which fault an exception from a model call tells of.

LangChain names failures alike for all providers (langchain_core.exceptions.ModelError and its children); beside those
stand the errors of openai, httpx and httpx2, which come through where LangChain does not rename them.
"""

import json
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import httpx2
import openai
from langchain_core import exceptions as langchain

from nodes.models.faults import BadEnvelope, Fault, Kind

_TIMEOUTS = (TimeoutError, langchain.ModelTimeoutError, openai.APITimeoutError, httpx2.TimeoutException)
_CONNECTIONS = (ConnectionError, langchain.ModelConnectionError, openai.APIConnectionError, httpx2.TransportError)
_KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Kind], ...] = (
    ((*_TIMEOUTS, httpx.TimeoutException), "timeout"),  # before connections: clients derive them from those
    ((*_CONNECTIONS, httpx.TransportError), "connection"),
    (langchain.ModelRateLimitError, "rate_limit"),
    ((langchain.ModelAuthenticationError, langchain.ModelPermissionDeniedError), "auth"),
    (langchain.ModelNotFoundError, "not_found"),
    (langchain.ModelInvalidRequestError, "bad_request"),
    (langchain.ModelAPIError, "server"),
)

_OVERFLOW = re.compile(
    r"context[ _](length|window|size)|exceed_context_size|prompt is too long|input is too long|request_too_large"
    r"|(token count|tokens?) [^.]{0,40}exceeds? the max|too many (input )?tokens",
    re.IGNORECASE,
)
_AUTH = re.compile(
    r"(api[ _-]?key|x-api-key|credentials?)[^.]{0,30}(not (valid|set|found)|invalid|required|missing|expired)"
    r"|(invalid|incorrect|missing)[^.]{0,20}api[ _-]?key|authentication",
    re.IGNORECASE,
)
_QUOTA = re.compile(
    r"insufficient_quota|credit balance|insufficient (balance|credits)|billing_error|per ?day", re.IGNORECASE
)
_TOOLS = r"(tools?\b(?!\[|\.\w)|tool[ _-]?(use|calls?|calling|choice)|function[ _-]?call(s|ing)?\b)"
_NO_TOOLS = re.compile(
    # "does not support tools", "function calling is not enabled", "requires --enable-auto-tool-choice",
    # "Unrecognized request argument supplied: tools"; not: a schema that is wrong, a result without its call.
    rf"(not|n't|no endpoints found that) (currently )?(support|allow|accept)\b[^.]{{0,40}}{_TOOLS}"
    rf"|{_TOOLS}[^.]{{0,40}}\b(not (yet |currently )?(supported|enabled|available|allowed|permitted)|unsupported|requires? --)"
    rf"|(unsupported|unrecognized|unknown|unexpected)[^.]{{0,40}}{_TOOLS}",
    re.IGNORECASE,
)
_SECRET = re.compile(r"\b(sk-|AIza|xai-|gsk_)[\w-]{12,}")


def fault_of(error: BaseException) -> Fault | None:
    """Read an exception from a model call as a Fault (None: it is a bug of ours, let it fly).

    Its causes are looked through: packages wrap what their HTTP client raises, and each in its own way.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, BadEnvelope):
            return Fault("envelope", f"{cause}.", cause.text)
    if any(isinstance(cause, langchain.ContextOverflowError) for cause in causes):
        return Fault("context_length", "The prompt is longer than the model's context window.")
    for cause in causes:
        if (status := _status(cause)) is not None:
            return _by_status(status, cause)
    return next((fault for cause in causes if (fault := _by_class(cause, error))), None) or _by_place(error)


def never_sent(error: BaseException) -> bool:
    """Tell whether the connection itself could not be made, so that nothing can have been billed."""
    unmade = ("ConnectError", "ConnectTimeout", "PoolTimeout")
    return any(
        isinstance(cause, (httpx.TransportError, httpx2.TransportError)) and type(cause).__name__ in unmade
        for cause in _causes(error)
    )


def _by_status(status: int, error: BaseException) -> Fault:  # noqa: PLR0911 - one line for each kind
    said, words, after = _said(error), _words(error), _retry_after(error)
    if status < 400:  # noqa: PLR2004
        return Fault("redirect", f"The endpoint sends its callers elsewhere (HTTP {status}): {_elsewhere(error)}.")
    if status == 429:  # noqa: PLR2004
        # Google words both alike, and gives a time for those that pass.
        if _QUOTA.search(words) or ("billing" in words.lower() and after is None):
            return Fault("quota", f"The quota is used up (HTTP 429): {said}")
        return Fault("rate_limit", f"Too many requests (HTTP 429): {said}", retry_after=after)
    if status == 402:  # noqa: PLR2004
        return Fault("quota", f"The account has no money left (HTTP 402): {said}")
    if status in (401, 403):
        return Fault("auth", f"The key was refused (HTTP {status}): {said}")
    if _NO_TOOLS.search(said):
        return Fault("no_tools", f"Tools are not taken (HTTP {status}): {said}")
    if status == 404:  # noqa: PLR2004
        return Fault("not_found", f"No such model or path (HTTP 404): {said}")
    if status in (408, 409) or status >= 500:  # noqa: PLR2004
        kind: Kind = "timeout" if status == 408 else "server"  # noqa: PLR2004
        return Fault(kind, f"The endpoint failed (HTTP {status}): {said}", retry_after=after)
    return _refused(f"The call was refused (HTTP {status}): {said}", words)


def _refused(message: str, words: str) -> Fault:
    """Read why a call was refused that no status of its own explains."""
    if _OVERFLOW.search(words):
        return Fault("context_length", "The prompt is longer than the model's context window.")
    if _QUOTA.search(words):
        return Fault("quota", message)
    if _AUTH.search(words):
        return Fault("auth", message)
    return Fault("bad_request", message)


def _by_class(cause: BaseException, error: BaseException) -> Fault | None:  # noqa: PLR0911 - the same
    kind = next((kind for classes, kind in _KINDS if isinstance(cause, classes)), None)
    if kind == "timeout":
        return Fault(kind, "No answer in time.")
    if kind == "connection":
        return Fault(kind, f"The connection failed ({_root(error)}).")
    if kind == "bad_request":
        return _refused(f"The call was refused: {_said(cause)}", _words(cause))
    if kind is not None:
        return Fault(kind, f"The endpoint failed: {_said(cause)}", retry_after=_retry_after(cause))
    if isinstance(cause, (json.JSONDecodeError, UnicodeDecodeError)):
        return Fault("envelope", "The answer is not valid JSON in UTF-8.", getattr(cause, "doc", "") or "")
    if isinstance(cause, openai.APIError) or isinstance(getattr(cause, "body", None), dict):
        return _by_words(cause)
    return None


def _by_words(error: BaseException) -> Fault:
    """Read an error that came inside a stream, where no status tells its kind."""
    said, words = _said(error), _words(error).lower()
    if "quota" in words or _QUOTA.search(words):
        return Fault("quota", f"The quota is used up: {said}")
    if "rate" in words and "limit" in words:
        return Fault("rate_limit", f"Too many requests: {said}")
    if "invalid_request_error" in words or "authentication_error" in words or _OVERFLOW.search(words):
        return _refused(f"The call was refused in mid answer: {said}", words)
    return Fault("server", f"The endpoint failed in mid answer: {said}")


def _by_place(error: BaseException) -> Fault | None:
    """Blame whoever's code raised it: a provider's package (then the answer is at fault, or the package), or ours."""
    if isinstance(error, langchain.ModelError):
        return Fault("server" if error.is_retryable else "bad_request", f"The endpoint failed: {_said(error)}")
    trace, module = error.__traceback__, ""
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        trace = trace.tb_next
    if module.partition(".")[0] in ("", "nodes", "prompts", "graph"):
        return None
    said = f"{type(error).__name__}: {_said(error)}"
    if _AUTH.search(said):  # Anthropic's package raises a TypeError when there is no key
        return Fault("auth", said)
    if isinstance(error, NotImplementedError):
        return Fault("no_tools", "LangChain's class for this model cannot pass tools on.")
    if isinstance(error, (LookupError, TypeError, AttributeError, ValueError)):
        return Fault("envelope", f"The answer is not a chat completion ({said[:200]})")
    return Fault("package", said)


def _status(error: BaseException) -> int | None:
    """Find the HTTP status of an error (None: it has none, or came inside an answer that began well)."""
    statuses = (getattr(error, "status_code", None), getattr(getattr(error, "response", None), "status_code", None))
    for status in (*statuses, getattr(error, "code", None)):  # google-genai's are in "code"
        if isinstance(status, int) and 300 <= status < 600:  # noqa: PLR2004
            return status
    return None


def _body(error: BaseException) -> dict[str, Any]:
    for body in (getattr(error, "body", None), getattr(error, "details", None)):
        first = body[0] if isinstance(body, list) and body else body
        if isinstance(first, dict):
            inner = first.get("error")
            return inner if isinstance(inner, dict) else first
    return {}


def _words(error: BaseException) -> str:
    """Gather what an error says of its kind: code, type, text."""
    return f"{getattr(error, 'code', '')} {getattr(error, 'type', '')} {_body(error)} {error}"


def _said(error: BaseException, limit: int = 300) -> str:
    text = _body(error).get("message") or getattr(error, "message", None) or str(error) or type(error).__name__
    text = _SECRET.sub("[key]", " ".join(str(text).split()))
    if "<html" in text.lower():
        text = "(a web page)"
    text = text if len(text) <= limit else f"{text[:limit]} …"
    return text if text.endswith((".", "!", "?", "…", ")")) else f"{text}."


def _headers(error: BaseException) -> Any:
    return getattr(getattr(error, "response", None), "headers", None) or {}


def _elsewhere(error: BaseException) -> str:
    return str(_headers(error).get("location") or "to no address")[:200]


def _retry_after(error: BaseException) -> float | None:
    headers = _headers(error)
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after")
        if value is None:  # Google's stands in the body: {"retryDelay": "38s"}
            delay = re.search(r"retryDelay\W+(\d+(?:\.\d+)?)s", str(_body(error).get("details", "")))
            return float(delay.group(1)) if delay else None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        moment = parsedate_to_datetime(value)
        return max(0.0, moment.timestamp() - parsedate_to_datetime(headers["date"]).timestamp())
    except (ValueError, TypeError, KeyError):
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Go from an error to what it was raised from, into groups as well."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            for member in cause.exceptions:
                yield from _causes(member)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _root(error: BaseException) -> str:
    *_, last = _causes(error)
    return _SECRET.sub("[key]", str(last)) or type(last).__name__
