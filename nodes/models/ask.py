"""Asking: the only place that calls a model. Render, reserve, call, charge, parse."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import TypeVar

from nodes.control import Ended, told_of
from nodes.memory import MEMORY
from nodes.models import gates
from nodes.models.attempts import Attempts
from nodes.models.call import Call, CallFailed, Reply
from nodes.models.charging import Bill
from nodes.models.chats import OpenAIChat
from nodes.models.concurrency import slots_of
from nodes.models.faults import Fault
from nodes.models.loop import engine_loop, on_engine, post
from nodes.models.notes import run_journal
from nodes.models.prices import seen
from nodes.models.providers import open_model
from nodes.pace import my_turn
from nodes.providers import provider_of
from nodes.state import Charge

T = TypeVar("T")


async def ask(call: Call) -> Reply:
    """Make one call, its retries included, on the engine loop.

    Raises:
        CallFailed: no usable answer in the time and the number of requests allowed.
        OverBudget: the call cannot be paid for.
        NoModel: the model's name or key is no good.
    """
    return await on_engine(_ask(_told_here(call)))


def _told_here(call: Call) -> Call:
    """Have whoever follows a call be told on the loop that asks: one wake-up tells of all that comes at once."""
    here = asyncio.get_running_loop()
    if here is engine_loop():
        return call

    def told(listen: Callable[[T], None] | None) -> Callable[[T], None] | None:
        return listen and (lambda what: post(here, partial(copy_context().run, listen, what)))

    return replace(
        call,
        home=here,
        on_text=told(call.on_text),
        on_restart=told(call.on_restart),
        on_waiting=told(call.on_waiting),
        on_reading=told(call.on_reading),
    )


async def _ask(call: Call) -> Reply:
    await my_turn()
    settings, kept = call.settings, run_journal.get()
    charges = kept.taken_over() if kept and call.role == "planner" else list[Charge]()
    spec = call.spec or settings.model(call.role)
    cap = call.cap or settings.max_output_tokens(call.role)
    model = await open_model(spec, settings, call.role, call.endpoints, cap)
    if model.bounded and call.on_reading and isinstance(model.chat, OpenAIChat):
        model.chat.hear(call.on_reading)
    bill, most = Bill(call, model, cap, charges), min(settings.max_parallel, model.slots or settings.max_parallel)
    try:
        async with call.hold.wanted():
            await call.hold.ready(call.on_waiting)
            return await _in_turn(bill, most)
    except Ended as ended:
        raise CallFailed(Fault("ended", str(ended)), spec, charges) from None
    except gates.GateShut as shut:
        raise CallFailed(Fault("gate", str(shut)), spec, charges) from None


async def _in_turn(bill: Bill, most: int) -> Reply:
    """Make a call when there is a slot; while a person holds up the run, or a sibling is ahead, it takes nobody's."""
    call, ahead = bill.call, None
    while True:
        await call.hold.ready(call.on_waiting)
        async with slots_of(bill.model.endpoint).hold(most, call.on_waiting), AsyncExitStack() as stack:
            if call.hold.may_begin():
                ahead = None if ahead else _first_ahead(bill, stack)  # nobody waits twice
                if ahead is None:
                    if not bill.model.bounded:  # the embedded engine is this machine's own
                        await gates.hold(stack, bill.model.endpoint, most)
                    return await _timed(bill)
        if ahead and not ahead.is_set():
            await told_of(ahead.wait(), call.on_waiting)


async def _timed(bill: Bill) -> Reply:
    """Make a call in its time; what it waits for a slot is no part of that."""
    call = bill.call
    limit = call.settings.call_timeout_s
    limit = limit if call.clock is None else min(limit, call.clock.left)
    began = time.monotonic()
    try:
        async with asyncio.timeout(limit) as bound:
            return await Attempts(bill, slots_of(bill.model.endpoint), bound.when() or began + limit).run()
    except TimeoutError:
        fault = Fault("timeout", f"No answer within {limit:g} s.")
        raise CallFailed(fault, bill.model.spec, bill.charges) from None
    finally:
        if call.clock is not None:
            call.clock.used += time.monotonic() - began


def _first_ahead(bill: Bill, stack: AsyncExitStack) -> asyncio.Event | None:
    """Under a ceiling in USD, let one call to a model that has never answered go ahead of its siblings.

    A gateway may send a dearer model than was asked for; what the first reply shows holds for all that are not sent yet.
    However the first call ends, all others go then: they are not to wait out an endpoint that is away one by one.

    Returns: the end of the call that is ahead (None: this one may go; where it is the first, it is ahead).
    """
    call, spec = bill.call, bill.model.spec
    if call.purse.usd is None or seen(spec, call.endpoints):
        return None
    key, under_way = (call.endpoints.environment(provider_of(spec)[0]), spec), MEMORY.of(asyncio.Event)
    if key in under_way:
        return under_way[key]
    under_way[key] = over = asyncio.Event()
    stack.callback(over.set)
    stack.callback(under_way.pop, key)
    return None
