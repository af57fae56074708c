"""Planner: one model call that turns a request into subtasks."""

import asyncio
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime

from nodes.budget import is_counted, load_encodings, totals
from nodes.errors import BadSettings, BudgetTooSmall, NoModel, NoPlan
from nodes.events import heard, under_way
from nodes.host import Host
from nodes.models import Call, CallFailed, OverBudget, Reply, ask, plan_schema, settle
from nodes.plan import PlanStream, asked_for_plan, planner_purse
from nodes.slate import clean
from nodes.state import Charge, Context, Draft, Replan, State
from prompts import fence, render
from prompts.parsing import is_refusal, off_loop, parse_plan
from prompts.replies import BadReply

_QUOTED = 2_000  # characters of a bad envelope that the model is shown again
_SHOWN = 300  # characters of a refusal that a person is shown

_REFUSED = "The reply was a refusal. The request is to be split into work, not answered."
_FILTERED = "The reply was stopped by a content filter."


async def planner(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Ask for a plan, the first time or again, and hand on what came as a draft for the validator.

    Raises:
        NoModel: no answer can be had from the model; nothing has been given to a worker.
        NoPlan: the model refuses the request, each time it was asked.
        BudgetTooSmall: the first call does not fit the budget.
        BadSettings: improvise is off, and there is nobody to choose from.
    """
    settings, replan = Context.of(state["settings"]), state.get("replan")
    if replan is None:
        settings = await settle(settings, host.endpoints)
    if is_counted(settings):
        await asyncio.to_thread(load_encodings, settings)
    if not settings.improvise and not host.roster.names(improvise=False):
        raise BadSettings(
            "improvise is off, and no specialist is registered; set ORCHESTRATOR_SPECIALISTS_DIR to a folder of "
            "specialist files, give build_graph(specialists=[…]), or leave improvise on"
        )
    attempt = replan["attempt"] if replan else 1
    final = attempt >= settings.max_plan_attempts
    runtime.stream_writer({"type": "planning", "attempt": attempt})
    before = state.get("charges", [])
    read, charges = await _draft(_call(state, settings, host, runtime), replan, before)
    draft = Draft(round=1, attempt=attempt, source="native", subtasks=[], faults=[], reply="", final=final)
    draft.update(read)
    if draft["final"] and not draft["subtasks"]:
        if replan and replan.get("subtasks"):  # the plan that was sent back is mended in code instead
            draft |= {"subtasks": replan["subtasks"], "frame": replan.get("frame", {}), "faults": []}
            draft |= {"source": "repaired", "kept": True}
        elif draft.get("refused"):
            raise NoPlan(_refusal(draft), totals([*before, *charges]))
    update: dict[str, Any] = {"draft": draft, "charges": charges, "settings": settings.model_dump()}
    if replan is None:
        update |= clean(state, settings, [*before, *charges])
    count = len(draft["subtasks"])
    update["stop_reason"] = under_way(f"the planner drafted {count} subtask{'s' * (count != 1)} (attempt {attempt})")
    return update


def _call(state: State, settings: Context, host: Host, runtime: Runtime[Context]) -> Call:
    replan, stream = state.get("replan"), PlanStream()

    def on_text(piece: str) -> None:
        for subtask in stream.feed(piece):
            runtime.stream_writer({"type": "drafted", **subtask})

    def on_restart(why: str) -> None:
        nonlocal stream
        stream = PlanStream()
        runtime.stream_writer({"type": "planning_restart", "why": why})

    return Call(
        endpoints=host.endpoints,
        settings=settings,
        role="planner",
        messages=_messages(state["request"], settings, host, replan),
        purse=planner_purse(state["request"], settings, host, state.get("charges", []), state.get("outcomes", [])),
        on_text=on_text if heard(runtime.stream_writer) else None,
        on_restart=on_restart,
        on_reading=lambda report: runtime.stream_writer({"type": "reading", **report}),
        schema=plan_schema(None if settings.improvise else host.roster.names(improvise=False)),
    )


def _messages(request: str, settings: Context, host: Host, replan: Replan | None) -> list[BaseMessage]:
    system, asked = asked_for_plan(request, settings, host)
    messages: list[BaseMessage] = [SystemMessage(system), HumanMessage(asked)]
    if replan is None:
        return messages
    again = (
        render("planner_again", most=settings.max_subtasks, faults=replan["faults"])
        if replan["message"] is None
        else render("planner_rejected", most=settings.max_subtasks, message=fence("message", replan["message"]))
    )
    return [*messages, AIMessage(replan["reply"] or "(no text)"), HumanMessage(again)]


async def _draft(call: Call, replan: Replan | None, before: list[Charge]) -> tuple[Draft, list[Charge]]:
    """Ask, and give what came as a draft (a bad reply as its faults), with what it cost."""
    try:
        reply = await ask(call)
        return await _draft_of(reply), reply.charges
    except BadReply as bad:
        charges: list[Charge] = bad.charges  # type: ignore[assignment]
        if is_refusal(bad.text) and (replan is None or is_refusal(replan["reply"])):
            return Draft(faults=[_REFUSED], reply=bad.text, refused=True), charges
        return Draft(faults=[bad.fault], reply=bad.text), charges
    except CallFailed as error:
        if error.fault.kind == "envelope":  # a bad reply like any other; what is behind it may come right
            return Draft(faults=[error.fault.message], reply=error.fault.text[:_QUOTED]), error.charges
        raise NoModel(f"The planner got no answer. {error}", totals([*before, *error.charges])) from None
    except OverBudget as error:
        if replan is None:
            raise BudgetTooSmall(str(error)) from None
        return Draft(faults=[str(error)], final=True), []


def _refusal(draft: Draft) -> str:
    """Say why there is no plan, in the model's own words where it has written any."""
    way_out = "Word the request otherwise, or choose another planner_model."
    said = " ".join(draft["reply"].split())[:_SHOWN]
    if draft["faults"] == [_FILTERED]:
        return f"The planner's reply was stopped by the endpoint's content filter. {way_out}"
    return f"The planner refused this request{f' (“{said}”)' if said else ''}. {way_out}"


async def _draft_of(reply: Reply) -> Draft:
    refusals = {"refusal": _REFUSED, "content_filter": _FILTERED}
    if reply.finish in refusals:
        return Draft(faults=[refusals[reply.finish]], reply=reply.text, refused=True)
    try:
        parsed = await off_loop(parse_plan, reply.text, truncated=reply.finish == "length")
    except BadReply as bad:
        raise BadReply(bad.fault, bad.text or reply.text, reply.charges) from None
    return Draft(
        source=parsed.source,
        frame=parsed.frame,
        why=parsed.why,
        subtasks=[subtask.model_dump() for subtask in parsed.subtasks],
        faults=["The reply was cut off before its end; write a shorter one."] if parsed.truncated else [],
        reply=reply.text,
    )
