"""Asking: the only place that calls a model. Render, reserve, call, charge, parse."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from nodes.memory import MEMORY
from nodes.models import gates
from nodes.models.attempts import Attempts
from nodes.models.call import Call, CallFailed, Reply
from nodes.models.charging import Bill
from nodes.models.chats import OpenAIChat
from nodes.models.concurrency import slots_of
from nodes.models.errors import Fault
from nodes.models.journal import run_journal
from nodes.models.loop import on_engine
from nodes.models.prices import seen
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
    most = min(settings.max_parallel, model.slots or settings.max_parallel)
    async with _first_ahead(call, spec), slots.hold(most, call.on_waiting), AsyncExitStack() as stack:
        if not model.bounded:  # the embedded engine is this machine's own
            await gates.hold(stack, model.endpoint, most)
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


@asynccontextmanager
async def _first_ahead(call: Call, spec: str) -> AsyncIterator[None]:
    """Under a ceiling in USD, let one call to a model that has never answered go ahead of its siblings.

    A gateway may send a dearer model than was asked for; what the first reply shows holds for all that are not sent yet.
    """
    if call.purse.usd is None or seen(spec, call.endpoints):
        yield
        return
    turn = MEMORY.kept(asyncio.Lock, (call.endpoints.environment(), spec), asyncio.Lock)
    waits = turn.locked() and call.on_waiting is not None
    if waits and call.on_waiting:
        call.on_waiting(True)  # noqa: FBT003 - it is the whole message
    async with turn:
        if waits and call.on_waiting:
            call.on_waiting(False)  # noqa: FBT003 - the same
        if not seen(spec, call.endpoints):
            yield
            return
    yield
