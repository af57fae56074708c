"""Attempts: the requests made for one call, until one is answered: reserve, send, charge, wait, try again."""

import asyncio
import random
import warnings
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_openai import ChatOpenAI
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from nodes.budget import (
    AMPLE_OUTPUT,
    BOUNDED_OUTPUT,
    LEAST_OUTPUT,
    Price,
    affordable_output,
    cost_usd,
    input_bound,
    missing,
    spent,
)
from nodes.models.call import Call, CallFailed, OverBudget, Reply
from nodes.models.concurrency import Slots
from nodes.models.errors import Fault, fault_of, never_sent
from nodes.models.journal import run_journal
from nodes.models.memory import MEMORY
from nodes.models.prices import exact_usd, price_of, remember
from nodes.models.providers import Model, open_model
from nodes.models.schemas import bounded
from nodes.state import Charge, Context

# langchain-openai warns that its own structured-output helper needs another method; we do not use it.
warnings.filterwarnings("ignore", message="This model does not support OpenAI's structured output")

ATTEMPTS = 4  # requests for one call, at most
REPLY_LIMIT = 1_000_000  # characters; a reply that goes on beyond is cut there, and said to be cut
BACKOFF_S = (0.5, 8.0)  # the first pause after a failure, and the longest without a Retry-After


class _FailedAttempt(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass
class Attempts:
    """The requests made for one call, until one is answered."""

    call: Call
    model: Model
    slots: Slots
    wanted: int | None
    charges: list[Charge]
    deadline: float  # on the event loop's clock
    failed: Fault | None = None  # why the last request failed
    tried: int = 0  # requests that have failed

    async def run(self) -> Reply:
        """Send requests until one is answered, or none will be."""
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, _FailedAttempt) and error.fault.retry),
            wait=self._pause,
            stop=stop_after_attempt(ATTEMPTS),
            reraise=True,
        )
        try:
            return await retrying(self._adapted)
        except _FailedAttempt as failed:
            raise CallFailed(failed.fault, self.model.spec, self.charges) from None
        except OverBudget as error:
            if self.failed is not None:  # what went wrong first is what the reader needs to know
                told = f"{self.failed.message} What is left of the money does not allow another try."
                raise CallFailed(replace(self.failed, message=told), self.model.spec, self.charges) from None
            raise OverBudget(str(error), self.charges) from None

    def _pause(self, state: RetryCallState) -> float:
        """Say how long to wait before the next request; the whole fan-out waits when the endpoint is too busy."""
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, _FailedAttempt)  # noqa: S101 - for mypy; nothing else is retried
        self.failed = error.fault
        first, longest = BACKOFF_S
        backoff = min(longest, first * 2 ** (state.attempt_number - 1))
        seconds = error.fault.retry_after if error.fault.retry_after is not None else backoff
        seconds += random.uniform(0, backoff / 2)  # noqa: S311 - jitter, no secret
        if asyncio.get_running_loop().time() + seconds > self.deadline:
            raise CallFailed(error.fault, self.model.spec, self.charges)
        self.tried += 1
        if self.call.on_restart:
            self.call.on_restart()
        if error.fault.kind == "rate_limit":  # then the wait is in the endpoint's line, for all alike
            self.slots.slow_down(seconds, first)
            return 0
        return seconds

    async def _adapted(self) -> Reply:
        """Send one request, without what this endpoint is known not to take; learn from a 400."""
        key = (self.model.endpoint, self.model.spec)
        tried: frozenset[str] = MEMORY.refused.get(key, frozenset())
        while True:
            try:
                reply = await self._request(tried)
            except _FailedAttempt as failed:
                refused = _refused(failed.fault, self._sent(tried), self.call.settings)
                if refused is None:
                    raise
                tried |= {refused}
            else:
                MEMORY.refused[key] = tried
                return reply

    def _sent(self, without: frozenset[str]) -> set[str]:
        """Name the optional things that a request holds."""
        sent = set()
        if self.call.schema and self.model.takes_schema and self.call.settings.structured_output != "text":
            sent.add("schema")
        if self.model.own_server:
            sent |= {"max_tokens", "max_completion_tokens", "stream_options"}
        return sent - without

    async def _request(self, without: frozenset[str]) -> Reply:
        call = self.call
        if self.model.bounded and self.failed:  # the embedded engine may have died, and comes back elsewhere
            self.model = await open_model(self.model.spec, call.settings, call.role, call.endpoints, self.wanted)
        sent = self._sent(without)
        texts = [str(message.text) for message in call.messages] + ([str(call.schema)] if "schema" in sent else [])
        texts += [str(tool) for tool in call.tools]
        texts += [
            str(message.tool_calls)
            for message in call.messages
            if isinstance(message, AIMessage) and message.tool_calls
        ]
        bound = input_bound(texts, "" if call.purse.open else self.model.spec)
        cap = self._cap(bound)
        kept, before = run_journal.get(), len(self.charges)
        async with self.slots.turn(self.tried):
            note = await kept.sent(self._bounded(bound, cap)) if kept else ""
            try:
                return await self._answered(bound, cap, sent)
            finally:
                if kept:
                    await kept.settled(note, self.charges[before:])

    async def _answered(self, bound: int, cap: int | None, sent: set[str]) -> Reply:
        model, call = self.model, self.call
        got = _Got(whole=bool(call.tools))
        try:
            await self._stream(got, _options(model, call, cap, sent))
        except BaseException as error:
            fault = fault_of(error) if isinstance(error, Exception) else None
            if got.parts or _may_be_billed(error, fault):
                self._charge(got, bound, cap, finished=False)
            if fault is None:
                raise
            raise _FailedAttempt(fault) from error
        if isinstance(model.chat, ChatOpenAI) and got.finish is None and got.usage is None:
            self._charge(got, bound, cap, finished=False)
            raise _FailedAttempt(Fault("connection", "The answer broke off."))
        self._charge(got, bound, cap, finished=True)
        return Reply(got.text, got.ended, self.charges, got.message)

    def _cap(self, bound: int) -> int | None:
        """Reserve: the output cap that fits what is left after `bound` tokens of input."""
        call, role = self.call, self.call.role
        purse, kept = spent(call.purse, self.charges), run_journal.get()
        purse = purse if kept is None or purse.open else kept.left(purse, call.subtask_id)
        if purse.open and not self.model.bounded:
            return self.wanted
        wanted = self.wanted or (BOUNDED_OUTPUT if self.model.bounded else AMPLE_OUTPUT)[role]
        more = call.part.draw(missing(purse, self._price(None), bound, wanted))
        call.purse, purse = call.purse.plus(more), purse.plus(more)
        cap = affordable_output(purse, self._price(None), bound, wanted)
        if cap < min(wanted, LEAST_OUTPUT[role]):
            left = ", ".join(
                [f"{purse.tokens} tokens"] * (purse.tokens is not None) + [f"${purse.usd}"] * (purse.usd is not None)
            )
            raise OverBudget(f"This call may take {bound} tokens of input and needs room to answer; left: {left}.")
        return cap

    async def _stream(self, got: "_Got", options: dict[str, Any]) -> None:
        call = self.call
        chat: Any = self.model.chat
        if call.tools and not isinstance(chat, ChatOpenAI):  # each provider's package words tools its own way
            chat = chat.bind_tools(list(call.tools))
        stream = chat.astream(list(call.messages), config=call.config, **options)
        async with aclosing(stream) as chunks:
            async for chunk in chunks:
                text = got.add(chunk)
                if text and call.on_text:
                    call.on_text(text)
                if got.size > REPLY_LIMIT:
                    got.finish = "length"
                    return

    def _price(self, told: str | None) -> Price | None:
        return price_of(self.model.spec, told, self.call.endpoints)

    def _bounded(self, bound: int, cap: int | None) -> Charge:
        """Charge a request at the most it can cost; without a cap on the output, at what is ample."""
        role = self.call.role
        ample = (BOUNDED_OUTPUT if self.model.bounded else AMPLE_OUTPUT)[role]
        received = cap if cap is not None else ample
        usd = cost_usd(self._price(None), bound, received)
        return self._charged(None, bound, received, usd, known=False)

    def _charged(self, model: str | None, sent: int, received: int, usd: float | None, *, known: bool) -> Charge:
        return Charge(
            role=self.call.role,
            subtask_id=self.call.subtask_id,
            round=self.call.round,
            model=model or self.model.spec.partition(":")[2],
            input_tokens=sent,
            output_tokens=received,
            usd=usd,
            known=known,
        )

    def _charge(self, got: "_Got", bound: int, cap: int | None, *, finished: bool) -> None:
        call = self.call
        usage = got.usage if finished else None
        if usage is not None:
            sent, received = usage["input_tokens"], usage["output_tokens"]
            if got.model:
                remember(self.model.spec, got.model)
            usd = exact_usd(self.model.spec, got.model, call.endpoints, usage)
        else:
            sent, received = bound, cap if cap is not None else input_bound([got.text])
            usd = cost_usd(self._price(got.model), sent, received)
        self.charges.append(self._charged(got.model, sent, received, usd, known=usage is not None))


def _options(model: Model, call: Call, cap: int | None, sent: set[str]) -> dict[str, Any]:
    if not isinstance(model.chat, ChatOpenAI):
        scripted = model.endpoint == "scripted"
        return {"max_tokens": cap} if cap is not None and scripted else {}
    body: dict[str, Any] = {}
    options: dict[str, Any] = {}
    if "schema" in sent and call.schema:
        schema = bounded(call.schema, call.settings.max_subtasks) if model.bounded else call.schema
        # As extra_body it goes through langchain-openai and the openai client untouched: their own helpers raise on
        # a reply that is cut off or filtered, and lose its text and usage.
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": call.role, "strict": True, "schema": schema},
        }
    if model.bounded:
        body["return_progress"] = True  # then the engine sees at once that a caller has gone
    if cap is not None:
        if not model.own_server or "max_completion_tokens" in sent:
            options["max_tokens"] = cap
        if "max_tokens" in sent:
            body["max_tokens"] = cap  # the older name too: Ollama knows no other
    if model.own_server and "stream_options" not in sent:
        options["stream_usage"] = False
    if call.tools:
        options["tools"] = list(call.tools)
    return {**options, **({"extra_body": body} if body else {})}


def _refused(fault: Fault, sent: set[str], settings: Context) -> str | None:
    """Guess from a 400 what the endpoint does not take (None: nothing that we could leave out)."""
    if fault.kind != "bad_request":
        return None
    words = fault.message.lower()
    if "max_completion_tokens" in sent and "max_completion_tokens" in words and "instead" not in words:
        return "max_completion_tokens"
    for name in ("max_tokens", "stream_options"):
        if name in sent and name in words:
            return name
    if "schema" in sent and settings.structured_output == "auto":
        return "schema"
    return None


def _may_be_billed(error: BaseException, fault: Fault | None) -> bool:
    """Tell whether a failed request may have cost something: it was sent, and no error status came back."""
    if fault is None:
        return isinstance(error, (asyncio.CancelledError, TimeoutError))
    if fault.kind == "connection":
        return not never_sent(error)
    return fault.kind in ("envelope", "timeout") and getattr(error, "status_code", None) is None


@dataclass
class _Got:
    """What has arrived of one answer."""

    parts: list[str] = field(default_factory=list)
    size: int = 0
    usage: dict[str, Any] | None = None
    finish: str | None = None
    model: str | None = None
    refusal: str = ""
    message: AIMessageChunk | None = None
    whole: bool = False  # the message is needed beside its text: it goes into the next call

    @property
    def text(self) -> str:
        text = "".join(self.parts) or self.refusal
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    @property
    def ended(self) -> str:
        if self.refusal:
            return "refusal"
        return {"length": "length", "max_tokens": "length", "content_filter": "content_filter"}.get(
            self.finish or "stop", "stop"
        )

    def add(self, chunk: Any) -> str:
        text = str(chunk.text)
        self.parts.append(text)
        self.size += len(text)
        told = chunk.response_metadata
        self.finish = told.get("finish_reason") or told.get("stop_reason") or self.finish
        self.model = told.get("model_name") or told.get("model") or self.model
        self.refusal += chunk.additional_kwargs.get("refusal") or ""
        if chunk.usage_metadata:
            self.usage = _joined(self.usage, dict(chunk.usage_metadata))
        if isinstance(chunk, AIMessageChunk) and (self.whole or chunk.tool_call_chunks):
            self.message = chunk if self.message is None else self.message + chunk
        return text


def _joined(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """Usage over the chunks of one answer: some providers send it in parts, most once at the end."""
    if old is None:
        return new
    return {**old, **new, **{key: old[key] + new[key] for key in ("input_tokens", "output_tokens") if key in new}}
