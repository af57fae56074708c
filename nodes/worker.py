"""Worker: one specialist, one subtask. Whatever happens to it becomes an outcome."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import Runtime

from nodes import specialists
from nodes.budget import Purse, owing
from nodes.control import ANEW, Control, Ended, Hold
from nodes.errors import NoModel
from nodes.events import heard
from nodes.host import Host, this_process
from nodes.langgraph_private import var_child_runnable_config
from nodes.models import Call, CallFailed, Clock, OverBudget, ask
from nodes.pool import Part, pool_of
from nodes.specialists import (
    NoText,
    RemoteFailed,
    Result,
    Returned,
    Specialist,
    ToolLoop,
    UsageCounter,
    apart,
    of_failure,
    of_reply,
    run,
    run_remote,
    used_sources,
)
from nodes.state import Charge, Context, Outcome, WorkerInput
from nodes.times import Times
from prompts import fence, render


async def worker(state: WorkerInput, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Do one subtask and report what became of it."""
    subtask = state["subtask"]
    tell = Times(_from_here(runtime.stream_writer))
    tell({"type": "worker", "id": subtask["id"], "specialist": subtask["specialist"], "status": "started"})
    began, part = time.monotonic(), Part(pool_of(state["pool"]))
    specialist, control = host.whoever(subtask["specialist"]), runtime.control
    if isinstance(control, Control):
        result = await _in_hand(control, state, specialist, host, tell, part)
    else:
        result = await _tried(state, specialist, host, tell, part, Hold())
    from_task = used_sources((), result.output, subtask.get("excerpts", ""))
    result = replace(result, sources=list(dict.fromkeys([*from_task, *result.sources])))
    part.end(Purse(subtask["allowance"]["usd"], subtask["allowance"]["tokens"]), result.charges)
    whole = Outcome(
        id=subtask["id"],
        specialist=subtask["specialist"],
        task=subtask["task"],
        round=state["round"],
        seconds=round(time.monotonic() - began, 3),
        process=this_process(),
        times=tell.as_json(),
        **vars(result),  # type: ignore[typeddict-item]
    )
    tell({"type": "worker", **{key: whole[key] for key in ("id", "specialist", "status", "error", "seconds")}})
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


async def _in_hand(
    control: Control, state: WorkerInput, specialist: Specialist, host: Host, tell: Callable[[Any], None], part: Part
) -> Result:
    """Try a subtask with a person's hand on it: each try that is begun anew has the person's advice, and is paid for."""
    name, charges, result = state["subtask"]["id"], list[Charge](), Result("failed")
    with closing(control.tries(name)) as tries:
        for hold in tries:
            if hold.advised is not None:
                tell({"type": "worker_restart", "id": name, "why": ANEW})
                state = _advised(state, hold.advised, result.charges)
            written = list[str]()
            result = await _tried(state, specialist, host, _noting(tell, written), part, hold)
            charges += result.charges
    text = "".join(written).strip()
    if hold.ended and result.status == "failed":
        result = replace(result, status="partial" if text else "failed", output=text, error=hold.ended)
    return replace(result, charges=charges)


def _noting(tell: Callable[[Any], None], written: list[str]) -> Callable[[Any], None]:
    """Keep what a worker has written since it last began: all there is of it, if it is stopped."""

    def told(event: Any) -> None:
        if event["type"] == "worker_text":
            written.append(event["text"])
        elif event["type"] in ("worker_restart", "worker_tool"):
            written.clear()
        tell(event)

    return told


def _advised(state: WorkerInput, advice: str, charges: Sequence[Charge]) -> WorkerInput:
    """Put a person's advice into the task, and take off its allowance what was spent, of what it drew from the pool too."""
    subtask = state["subtask"]
    left = owing(Purse(subtask["allowance"]["usd"], subtask["allowance"]["tokens"]), charges)
    told = render("advice", advice=advice)
    task = f"{subtask['task']}\n\n{told}" if advice else subtask["task"]
    return {**state, "subtask": {**subtask, "task": task, "allowance": {"usd": left.usd, "tokens": left.tokens}}}


async def _tried(
    state: WorkerInput, specialist: Specialist, host: Host, tell: Callable[[Any], None], part: Part, hold: Hold
) -> Result:
    if not specialist.ours:
        return await _elsewhere(state, specialist, host, tell, hold)
    try:
        call, tools = _call(state, specialist, host, tell, part, hold), host.tools_of(specialist)
        if not tools:
            return of_reply(await ask(replace(call, purse=call.purse.plus(part.drawn))))
        hold.listens = True
        use_tools = await asyncio.to_thread(lambda: specialists.use_tools)  # loaded at its first use
        return await use_tools(ToolLoop(call, specialist, tools, tell))
    except (CallFailed, OverBudget) as error:
        return of_failure(error)
    except NoModel as error:
        return Result("failed", error=str(error))


def _call(
    state: WorkerInput, specialist: Specialist, host: Host, tell: Callable[[Any], None], part: Part, hold: Hold
) -> Call:
    settings, subtask = Context(**state["settings"]), state["subtask"]
    name = subtask["id"]
    if specialist.temperature is not None:
        settings = settings.model_copy(update={"worker_temperature": specialist.temperature})
    caps = [cap for cap in (subtask["max_output_tokens"], specialist.max_output_tokens) if cap is not None]

    def on_waiting(waiting: bool) -> None:  # noqa: FBT001 - the one thing there is to tell
        hold.waits = waiting
        tell({"type": "worker_waiting", "id": name, "waiting": waiting})

    return Call(
        endpoints=host.endpoints,
        settings=settings,
        role="worker",
        messages=_messages(state, specialist, host),
        purse=Purse(subtask["allowance"]["usd"], subtask["allowance"]["tokens"]),
        part=part,
        cap=min(caps) if caps else None,
        spec=specialist.model,
        subtask_id=name,
        round=state["round"],
        clock=Clock(_seconds(settings, specialist)),
        hold=hold,
        config={"metadata": {"subtask_id": name}},  # tells the tokens of `messages` mode apart
        on_text=_on_text(name, tell) if hold.control or heard(tell) else None,
        on_restart=lambda why: tell({"type": "worker_restart", "id": name, "why": why}),
        on_waiting=on_waiting,
    )


def _seconds(settings: Context, specialist: Specialist) -> float:
    return min(settings.worker_timeout_s, specialist.timeout or settings.worker_timeout_s)


def _on_text(name: str, tell: Callable[[Any], None]) -> Callable[[str], None]:
    return lambda text: tell({"type": "worker_text", "id": name, "text": text})


async def _elsewhere(
    state: WorkerInput, specialist: Specialist, host: Host, tell: Callable[[Any], None], hold: Hold
) -> Result:
    """Have other people's code do it, here or on another server. Only time bounds it: its calls are its own."""
    usage = UsageCounter(host.endpoints, state["subtask"]["id"], state["round"])
    task, seconds = _with_material(state), _seconds(Context(**state["settings"]), specialist)
    on_text = _on_text(state["subtask"]["id"], tell)
    await hold.ready()
    try:
        async with hold.wanted(), asyncio.timeout(seconds) as bound:
            if specialist.url:
                async with apart(usage):  # no thread of ours is named over there: its id means nothing to that server
                    given: Returned = await run_remote(specialist, task, on_text, seconds)
            else:
                given = await run(specialist.runnable, task, usage)
    except (NoText, RemoteFailed, Ended) as error:
        return Result("failed", error=str(error), charges=usage.charges)
    except GraphBubbleUp:
        return Result("failed", error="it stopped to ask a person, which a specialist cannot do", charges=usage.charges)
    except Exception as error:  # noqa: BLE001 - other people's code may raise anything; the reason is kept
        if isinstance(error, TimeoutError) and bound.expired():
            return Result("timed_out", error=f"no result within {seconds:g} s", charges=usage.charges)
        return Result("failed", error=f"{type(error).__name__}: {error}"[:1000], charges=usage.charges)
    charges = [_unknown(state, specialist)] if specialist.url else usage.charges
    return Result("done", given.text, charges=charges, data=given.data)


def _unknown(state: WorkerInput, specialist: Specialist) -> Charge:
    """Charge what another server's run has cost it: something, and nobody tells us what."""
    return Charge(
        role="worker",
        subtask_id=state["subtask"]["id"],
        round=state["round"],
        model=f"{specialist.graph} at {specialist.url}",
        input_tokens=0,
        output_tokens=0,
        usd=None,
        known=False,
    )


def _messages(state: WorkerInput, specialist: Specialist, host: Host) -> list[BaseMessage]:
    subtask, frame, documents = state["subtask"], bool(state.get("frame")), host.documents is not None
    who = {"specialist": subtask["specialist"], "instructions": specialist.instructions}
    system = render("worker", **who, frame=frame, documents=documents)
    return [SystemMessage(system), HumanMessage(f"{fence('goal', state['request'])}\n\n{_fenced_task(state)}")]


def _fenced_task(state: WorkerInput) -> str:
    subtask, frame = state["subtask"], state.get("frame")
    parts = [fence("frame", render("frame", frame=frame))] if frame else []
    parts.append(fence("task", subtask["task"]))
    if subtask.get("excerpts"):
        parts.append(fence("documents", subtask["excerpts"]))
    return "\n\n".join(parts)


def _with_material(state: WorkerInput) -> str:
    """Give other people's code the task: bare where it is all there is."""
    more = state.get("frame") or state["subtask"].get("excerpts")
    return _fenced_task(state) if more else state["subtask"]["task"]
