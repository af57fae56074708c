"""Sequel: one model call that says what a further message asks of the run before it, and answers it where that can."""

import asyncio
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes.budget import load_encodings, purse_of, totals
from nodes.earlier import kept, shown
from nodes.errors import BudgetTooSmall, NoModel
from nodes.events import under_way
from nodes.host import Host
from nodes.models import Call, CallFailed, OverBudget, ask, on_engine, sequel_schema, settle
from nodes.plan import planner_purse, planner_room
from nodes.slate import clean
from nodes.state import Charge, Context, Earlier, Plan, State, final_draft
from nodes.synthesis import AnswerStream, Listener
from prompts import fence, render
from prompts.parsing import off_loop, parse_sequel
from prompts.replies import BadReply, Sequel

PROMPT = 12_000  # bytes of the prompt besides what is shown of the run, at most
SHARE = 3  # of a budget, what is shown of the run may take this part at most


async def sequel(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Answer a message from the run before it, or draft what it changes, or hand it to the planner as a new request.

    Raises:
        NoModel: no answer can be had from the model; nothing has been given to a worker.
        BudgetTooSmall: the call does not fit the budget.
    """
    settings, earlier = await on_engine(settle(Context.of(state["settings"]), host.endpoints)), _earlier(state)
    if not purse_of(settings).open:
        await asyncio.to_thread(load_encodings, settings)
    runtime.stream_writer({"type": "planning", "attempt": 1})
    listener, before = Listener(runtime.stream_writer), state.get("charges", []) if state.get("replan") else []
    try:
        read, text, charges = await _asked(_call(state, settings, host, listener, before))
    except CallFailed as error:
        raise NoModel(f"The planner got no answer. {error}", totals([*before, *error.charges])) from None
    except OverBudget as error:
        raise BudgetTooSmall(str(error)) from None
    charges = [*before, *charges]
    if read.kind == "answer":
        listener.end(read.answer, read.answer)
        return clean(state, settings, charges, earlier["outcomes"]) | _answered(earlier, read, charges)
    if listener.spoken:
        listener.restart()
    if read.kind == "change":
        return clean(state, settings, charges, kept(earlier, read.keep)) | _changed(earlier, read, text)
    new = {"request": read.request or f"{earlier['request']}\n\n{earlier['message']}", "phase": "planner"}
    return clean(state, settings, charges) | new | {"earlier": None, "stop_reason": under_way("it is a new request")}


def _call(state: State, settings: Context, host: Host, listener: Listener, before: list[Charge]) -> Call:
    earlier, stream = _earlier(state), AnswerStream()
    names = None if settings.improvise else host.roster.names(improvise=False)

    def restarted(why: str) -> None:
        nonlocal stream
        stream = AnswerStream()
        listener.restart(why)

    purse = planner_purse(state["request"], settings, host, before, [])
    roster = host.roster.listed(improvise=settings.improvise)
    system = render("sequel", most=settings.max_subtasks, improvise=settings.improvise, roster=roster)
    messages = [SystemMessage(system), HumanMessage(shown(earlier, planner_room(settings, host, PROMPT, purse, SHARE)))]
    if replan := state.get("replan"):
        said = fence("message", replan["message"] or "")
        again = render("planner_rejected", most=settings.max_subtasks, message=said)
        messages += [AIMessage(replan["reply"]), HumanMessage(again)]
    return Call(
        endpoints=host.endpoints,
        settings=settings,
        role="planner",
        messages=messages,
        purse=purse,
        schema=sequel_schema(names),
        on_text=(lambda piece: listener.answer(stream.feed(piece))) if listener.heard else None,
        on_restart=restarted,
    )


async def _asked(call: Call) -> tuple[Sequel, str, list[Charge]]:
    """Ask once; what cannot be read is planned anew, the message put behind the request."""
    reply = await ask(call)
    try:
        return await off_loop(parse_sequel, reply.text, truncated=reply.finish != "stop"), reply.text, reply.charges
    except BadReply:
        return Sequel(kind="new"), reply.text, reply.charges


def _answered(earlier: Earlier, read: Sequel, charges: list[Charge]) -> dict[str, Any]:
    """End the run: nothing was planned, every result stands."""
    names = [outcome["id"] for outcome in earlier["outcomes"]]
    why = "The results of the run before hold the answer."
    plan = Plan(round=1, source="native", frame=earlier["frame"], why=why, note="", subtasks=[], dropped=[], kept=names)
    ended = {"answer": read.answer, "complete": True, "stop_reason": None, "spend": totals(charges), "phase": "end"}
    return {"request": earlier["request"], "plan": plan, **ended}


def _changed(earlier: Earlier, read: Sequel, text: str) -> dict[str, Any]:
    """Draft the change for the validator; its ids count on, for the person has seen the old ones."""
    last = max((int(outcome["id"][1:]) for outcome in earlier["outcomes"]), default=0)
    subtasks = [{**subtask.model_dump(), "id": f"S{number}"} for number, subtask in enumerate(read.subtasks, last + 1)]
    draft = final_draft(1, subtasks, frame=read.frame, why=read.why, reply=text)
    stays = [outcome["id"] for outcome in kept(earlier, read.keep)]
    last_step = f"{len(read.subtasks)} to be done, kept of the run before: {', '.join(stays) or 'nothing'}"
    return {"request": read.request, "draft": draft, "phase": "validator", "stop_reason": under_way(last_step)}


def _earlier(state: State) -> Earlier:
    earlier = state["earlier"]
    assert earlier is not None  # noqa: S101 - the way here is taken with one alone
    return earlier
