"""Attempts: the requests made for one call, until one is answered: reserve, send, charge, wait, try again."""

import asyncio
import random
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Any

from langchain_openai import ChatOpenAI

from nodes.events import called_back
from nodes.memory import MEMORY
from nodes.models import gates
from nodes.models.call import Call, CallFailed, OverBudget, Reply
from nodes.models.charging import Bill
from nodes.models.concurrency import Slots
from nodes.models.diagnosis import fault_of, never_sent
from nodes.models.faults import BadEnvelope, Fault
from nodes.models.notes import run_journal
from nodes.models.providers import open_model
from nodes.models.received import Received, Telling
from nodes.models.request import bound_of, optional_fields, options_of, refused
from nodes.models.spans import Cost, priced
from nodes.models.streamed_chat import StreamedChat
from nodes.providers import provider_of
from nodes.state import Charge

ATTEMPTS = 4  # requests for one call, at most
WHOLE = "whole"  # what an endpoint refuses that lets a connection go before a long reply comes whole
BACKOFF_S = (0.5, 8.0)  # the first pause after a failure, and the longest without a Retry-After


class _FailedAttempt(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass
class Attempts:
    """The requests made for one call, until one is answered.

    Attributes:
        deadline: on the event loop's clock.
        failed: why the last request failed.
        tried: requests that have failed.
        asked_again: after a reply with nothing in it.
    """

    bill: Bill
    slots: Slots
    deadline: float
    failed: Fault | None = None
    tried: int = 0
    asked_again: bool = False

    @property
    def call(self) -> Call:
        """What is asked."""
        return self.bill.call

    @property
    def _key(self) -> tuple[str, str]:
        return self.bill.model.endpoint, self.bill.model.spec

    async def run(self) -> Reply:
        """Send requests until one is answered, or none will be.

        Raises:
            CallFailed: none was.
            OverBudget: the first cannot be paid for.
        """
        empty: Reply | None = None
        while True:
            try:
                reply = await self._adapted()
            except _FailedAttempt as failed:
                await self._after(failed.fault)
            except OverBudget as error:
                if empty is not None:
                    return empty
                raise self._too_dear(error) from None
            else:
                if (
                    reply.text.strip()
                    or reply.finish != "stop"
                    or _calls_tools(reply)
                    or not self._once_more("It answered with nothing.")
                ):
                    return reply
                empty = reply

    async def _after(self, fault: Fault) -> None:
        """Wait after a failed request, where another may go better.

        Raises:
            CallFailed: it would not.
        """
        broken = fault.kind == "envelope" and "<html" not in fault.text[:2000].lower()  # a web page stays one
        if broken and self._once_more(fault.message):
            return
        if not fault.retry or self.tried + 1 >= ATTEMPTS:
            raise CallFailed(fault, self.bill.model.spec, self.bill.charges) from None
        await self._pause(fault)

    async def _pause(self, fault: Fault) -> None:
        """Wait before the next request; the whole fan-out waits when the endpoint is too busy."""
        if fault.kind in ("connection", "timeout", "server"):
            MEMORY.refused[self._key] = MEMORY.refused.get(self._key, frozenset()) | {WHOLE}
        self.failed = fault
        first, longest = BACKOFF_S
        backoff = min(longest, first * 2**self.tried)
        seconds = fault.retry_after if fault.retry_after is not None else backoff
        seconds += random.uniform(0, backoff / 2)  # noqa: S311 - jitter, no secret
        if asyncio.get_running_loop().time() + seconds > self.deadline:
            raise CallFailed(fault, self.bill.model.spec, self.bill.charges) from None
        self.tried += 1
        self._restart(fault.message)
        if fault.kind == "rate_limit":  # then the wait is in the endpoint's line, for all alike
            self.slots.slow_down(seconds, first)
        else:
            await asyncio.sleep(seconds)

    def _once_more(self, why: str) -> bool:
        """Tell whether a reply with nothing in it is asked for again: once; the planner asks again by itself."""
        if self.asked_again or self.call.role == "planner":
            return False
        self.asked_again = True
        self._restart(why)
        return True

    def _restart(self, why: str) -> None:
        if self.call.on_restart:
            self.call.on_restart(why)

    def _too_dear(self, error: OverBudget) -> CallFailed | OverBudget:
        if self.failed is None:
            return OverBudget(str(error), self.bill.charges)
        # What went wrong first is what the reader needs to know.
        message = f"{self.failed.message} What is left of the money does not allow another try."
        return CallFailed(replace(self.failed, message=message), self.bill.model.spec, self.bill.charges)

    async def _adapted(self) -> Reply:
        """Send one request, without what this endpoint is known not to take; learn from a 400."""
        key = self._key
        without: frozenset[str] = MEMORY.refused.get(key, frozenset())
        if self.call.tools and "tools" in without:  # nothing is sent: the tools belong in the prompt here
            raise CallFailed(Fault("no_tools", "Tools are not taken."), self.bill.model.spec, self.bill.charges)
        while True:
            fields = optional_fields(self.bill.model, self.call) - without
            try:
                reply = await self._request(fields)
            except _FailedAttempt as failed:
                if self.call.tools and failed.fault.kind == "no_tools":
                    MEMORY.refused[key] = without | {"tools"}
                field = refused(failed.fault, fields, self.call.settings)
                if field is None:
                    raise
                without |= {field}
            else:
                MEMORY.refused[key] = MEMORY.refused.get(key, frozenset()) | without
                return reply

    async def _request(self, fields: set[str]) -> Reply:
        bill, call = self.bill, self.call
        if bill.model.bounded and self.failed:  # the embedded engine may have died, and comes back elsewhere
            bill.model = await open_model(bill.model.spec, call.settings, call.role, call.endpoints, bill.wanted)
        bound = bound_of(bill.model, call, fields)
        cap = bill.reserve(bound)
        journal, before = run_journal.get(), len(bill.charges)
        async with self.slots.turn(self.tried), AsyncExitStack() as stack:
            if gates.WATCHES:
                await gates.watch(stack, gates.Sending(call, bill.at_most(bound, cap), self.tried, bill.charges))
            note = await journal.sent(bill.at_most(bound, cap)) if journal else ""
            try:
                return await self._answered(bound, cap, fields)
            finally:
                if journal:
                    await journal.settled(note, bill.charges[before:])

    async def _answered(self, bound: int, cap: int | None, fields: set[str]) -> Reply:
        bill, received = self.bill, Received(self.bill.model.spec, keep_message=bool(self.call.tools))

        def cost(error: BaseException | None) -> Charge | None:
            if error is None or received.parts or _may_be_billed(error, _fault(error)):
                return bill.charge(received, bound, cap, finished=error is None and not self._broke_off(received))
            return None

        try:
            await self._receive(received, options_of(bill.model, self.call, cap, fields), cost)
        except BaseException as error:
            bill.add(cost(error), received.model)
            fault = _fault(error)
            if fault is None:
                raise
            raise _FailedAttempt(fault) from error
        if self._broke_off(received):
            bill.add(cost(None), received.model)
            raise _FailedAttempt(Fault("connection", "The answer broke off."))
        bill.add(cost(None), received.model or provider_of(bill.model.spec)[1])
        return Reply(received.text, received.ended, bill.charges, received.message)

    def _broke_off(self, received: Received) -> bool:
        model = self.bill.model
        tells_end = model.tells_end or (isinstance(model.chat, ChatOpenAI) and received.usage is None)
        return tells_end and received.broke_off

    async def _receive(self, received: Received, options: dict[str, Any], cost: Cost) -> None:
        """Send the request and read its answer, by LangChain's way where its callbacks listen: traces, `messages`."""
        call, chat = self.call, self.bill.model.chat
        telling = Telling(call.on_text) if call.on_text else None
        try:
            if isinstance(chat, StreamedChat) and chat.has_chunks(options) and not called_back():
                options["whole"] = self._whole
                await _read_events(received, chat, list(call.messages), options, telling)
            else:
                config = priced(call, cost) if called_back() else call.config
                await _read_chunks(received, chat, call, {**options, "config": config}, telling)
        finally:
            if telling:
                telling.close()

    @property
    def _whole(self) -> bool:
        """Tell whether the reply need not be streamed (nodes/models/streamed_chat.py says why).

        A second try is streamed: a gateway may have taken the silence of the first for a dead connection; and so is every
        later call to an endpoint where that has happened.
        """
        again = self.failed is not None or self.asked_again or WHOLE in MEMORY.refused.get(self._key, ())
        return self.call.on_text is None and not again and not self.bill.model.bounded


async def _read_events(
    received: Received, chat: StreamedChat, messages: list[Any], options: dict[str, Any], telling: Telling | None
) -> None:
    try:
        async with aclosing(chat.reads(messages, **options)) as reads:
            async for events in reads:
                text = received.take(events)
                if telling:
                    telling.add(text)
                if received.full:
                    break
        if not received.parts:
            raise BadEnvelope("The endpoint answered with nothing (status 200)")
    finally:
        received.close(chat)


async def _read_chunks(
    received: Received, chat: Any, call: Call, options: dict[str, Any], telling: Telling | None
) -> None:
    if call.tools and not isinstance(chat, ChatOpenAI):  # each provider's package words tools its own way
        chat = chat.bind_tools(list(call.tools))
    async with aclosing(chat.astream(list(call.messages), **options)) as chunks:
        async for chunk in chunks:
            text = received.add(chunk)
            if telling:
                telling.add(text)
            if received.full:
                return


def _calls_tools(reply: Reply) -> bool:
    return reply.message is not None and bool(reply.message.tool_calls or reply.message.invalid_tool_calls)


def _fault(error: BaseException) -> Fault | None:
    return fault_of(error) if isinstance(error, Exception) else None


def _may_be_billed(error: BaseException, fault: Fault | None) -> bool:
    """Tell whether a failed request may have cost something: it was sent, and no error status came back."""
    if fault is None:
        return isinstance(error, (asyncio.CancelledError, TimeoutError))
    if fault.kind == "connection":
        return not never_sent(error)
    return fault.kind in ("envelope", "timeout") and getattr(error, "status_code", None) is None
