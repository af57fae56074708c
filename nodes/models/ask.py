"""Asking: the only place that calls a model. Render, reserve, call, charge, parse."""

import asyncio
import time

from nodes.models.attempts import Attempts
from nodes.models.call import Call, CallFailed, Reply
from nodes.models.charging import Bill
from nodes.models.chats import OpenAIChat
from nodes.models.concurrency import slots_of
from nodes.models.errors import Fault
from nodes.models.journal import run_journal
from nodes.models.loop import on_engine
from nodes.models.providers import open_model
from nodes.state import Charge


async def ask(call: Call) -> Reply:
    """Make one call, its retries included, on the engine loop.

    Raises:
        CallFailed: no usable answer in the time and the number of requests allowed.
        OverBudget: the call cannot be paid for.
        NoModel: the model's name or key is no good.
    """
    return await on_engine(_ask(call))


async def _ask(call: Call) -> Reply:
    settings, kept = call.settings, run_journal.get()
    charges = kept.taken_over() if kept and call.role == "planner" else list[Charge]()
    spec = call.spec or settings.model(call.role)
    wanted = call.cap or settings.max_output_tokens(call.role)
    model = await open_model(spec, settings, call.role, call.endpoints, wanted)
    if model.bounded and call.on_reading and isinstance(model.chat, OpenAIChat):
        model.chat.hear(call.on_reading)
    slots = slots_of(model.endpoint)
    async with slots.hold(min(settings.max_parallel, model.slots or settings.max_parallel), call.on_waiting):
        limit = settings.call_timeout_s if call.clock is None else min(settings.call_timeout_s, call.clock.left)
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit) as bound:
                bill = Bill(call, model, wanted, charges)
                attempts = Attempts(bill, slots, bound.when() or began + limit)
                return await attempts.run()
        except TimeoutError:
            fault = Fault("timeout", f"No answer within {limit:g} s.")
            raise CallFailed(fault, spec, charges) from None
        finally:
            if call.clock is not None:
                call.clock.used += time.monotonic() - began
