"""Worker: one specialist, one subtask. Whatever happens to it becomes an outcome."""

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any

from langgraph.errors import GraphBubbleUp
from langgraph.runtime import RunControl, Runtime

from nodes import specialists
from nodes.assignment import Assignment
from nodes.control import ANEW, Ended, tries
from nodes.errors import NoModel
from nodes.events import heard
from nodes.host import Host, this_process
from nodes.langgraph_private import var_child_runnable_config
from nodes.models import CallFailed, OverBudget, ask
from nodes.pool import Part, pool_of
from nodes.specialists import (
    NoText,
    RemoteFailed,
    Result,
    ToolLoop,
    UsageCounter,
    apart,
    of_failure,
    of_reply,
    run,
    run_remote,
    used_sources,
)
from nodes.state import Charge, Context, WorkerInput
from nodes.times import Times


async def worker(state: WorkerInput, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Do one subtask and report what became of it."""
    subtask, tell = state["subtask"], Times(_from_here(runtime.stream_writer))
    who = {"type": "worker", "id": subtask["id"], "specialist": subtask["specialist"]}
    tell({**who, "status": "started"})
    began, part = time.monotonic(), Part(pool_of(state["pool"]))
    assignment = Assignment(state, host.whoever(subtask["specialist"]), host, tell, part)
    result = await _in_hand(assignment, runtime.control)
    from_task = used_sources((), result.output, subtask.get("excerpts", ""))
    result = replace(result, sources=list(dict.fromkeys([*from_task, *result.sources])))
    part.end(assignment.purse, result.charges)
    whole = result.of(subtask, state["round"], this_process(), round(time.monotonic() - began, 3))
    whole["times"] = tell.as_json()
    tell({**who, **{key: whole[key] for key in ("status", "error", "seconds")}})
    return {"outcomes": [whole]}


def _from_here(write: Callable[[Any], None]) -> Callable[[Any], None]:
    """Let events come from this node, whoever tells them: an agent's tool, or code that is kept apart from the run.

    LangGraph reads from the ambient config where an event belongs.
    """
    if not heard(write):
        return write
    here = var_child_runnable_config.get()

    def tell(event: Any) -> None:
        token = var_child_runnable_config.set(here)
        try:
            write(event)
        finally:
            var_child_runnable_config.reset(token)

    return tell


async def _in_hand(assignment: Assignment, control: RunControl | None) -> Result:
    """Try it with a person's hand on it: each try that is begun anew has the person's advice, and is paid for."""
    charges, result = list[Charge](), Result("failed")
    with closing(tries(control, assignment.name)) as holds:
        for hold in holds:
            if hold.advised is not None:
                assignment.tell({"type": "worker_restart", "id": assignment.name, "why": ANEW})
                assignment = assignment.advised(hold.advised, result.charges)
            result = await _tried(replace(assignment, hold=hold))
            charges += result.charges
    if hold.ended and result.status == "failed":
        text = assignment.tell.written
        result = replace(result, status="partial" if text else "failed", output=text, error=hold.ended)
    return replace(result, charges=charges)


async def _tried(assignment: Assignment) -> Result:
    if not assignment.specialist.ours:
        return await _elsewhere(assignment)
    try:
        call, tools = assignment.call(), assignment.host.tools_of(assignment.specialist)
        if not tools:
            return of_reply(await ask(replace(call, purse=call.purse.plus(call.part.drawn))))
        call.hold.listens = True
        use_tools = await asyncio.to_thread(lambda: specialists.use_tools)  # loaded at its first use
        return await use_tools(ToolLoop(call, assignment.specialist, tools, assignment.tell))
    except (CallFailed, OverBudget) as error:
        return of_failure(error)
    except NoModel as error:
        return Result("failed", error=str(error))


async def _elsewhere(assignment: Assignment) -> Result:
    """Have other people's code do it, here or on another server. Only time bounds it: its calls are its own."""
    specialist, seconds = assignment.specialist, assignment.seconds
    usage = UsageCounter(assignment.host.endpoints, assignment.name, assignment.given["round"])
    await assignment.hold.ready()
    try:
        async with assignment.hold.wanted(), asyncio.timeout(seconds) as bound:
            if not specialist.url:
                returned = await run(specialist.runnable, assignment.task(), usage)
            else:
                begun = partial(usage.unknown, f"{specialist.graph} at {specialist.url}")
                async with apart(usage):  # no thread of ours is named over there: its id means nothing to that server
                    returned = await run_remote(specialist, assignment.task(), assignment.on_text, seconds, begun)
    except (NoText, RemoteFailed, Ended) as error:
        return Result("failed", error=str(error), charges=usage.charges)
    except GraphBubbleUp:
        return Result("failed", error="it stopped to ask a person, which a specialist cannot do", charges=usage.charges)
    except Exception as error:  # noqa: BLE001 - other people's code may raise anything; the reason is kept
        if isinstance(error, TimeoutError) and bound.expired():
            return Result("timed_out", error=f"no result within {seconds:g} s", charges=usage.charges)
        return Result("failed", error=f"{type(error).__name__}: {error}"[:1000], charges=usage.charges)
    return Result("done", returned.text, charges=usage.charges, data=returned.data)
