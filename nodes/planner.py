"""Planner: one model call that turns a request into subtasks."""

import asyncio
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.runtime import Runtime
from langgraph.types import Overwrite

from nodes.budget import load_encodings, purse_of
from nodes.errors import BadSettings, BudgetTooSmall, NoModel
from nodes.host import Host
from nodes.models import Call, CallFailed, OverBudget, Reply, ask, on_engine, plan_schema, settle
from nodes.plan import planner_purse, told_documents
from nodes.state import Charge, Context, Draft, Replan, State
from prompts import fence, render
from prompts.parsing import off_loop, parse_plan
from prompts.replies import BadReply

QUOTED = 2_000  # characters of a bad envelope that the model is shown again
LEAST_SUBTASKS = 3  # what the prompt asks for where the settings allow it

# What a second request on the same thread must not see of the first.
_CLEAN: dict[str, Any] = {
    "plan": {},
    "plans": [],
    "answer": "",
    "disagreements": [],
    "gaps": [],
    "rejected": [],
    "failed_in": "",
    "complete": False,
    "stop_reason": None,
    "spend": {},
    "replan": None,
    "phase": None,
}


async def planner(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Ask for a plan, the first time or again, and hand on what came as a draft for the validator.

    Raises:
        NoModel: no answer can be had from the model; nothing has been given to a worker.
        BudgetTooSmall: the first call does not fit the budget.
        BadSettings: improvise is off, and there is nobody to choose from.
    """
    settings, replan = Context(**state["settings"]), state.get("replan")
    if replan is None:
        settings = await on_engine(settle(settings, host.endpoints))
    if not purse_of(settings).open:
        await asyncio.to_thread(load_encodings, settings)
    if not settings.improvise and not host.roster.names(improvise=False):
        raise BadSettings(
            "improvise is off, and no specialist is registered; set ORCHESTRATOR_SPECIALISTS_DIR to a folder of "
            "specialist files, give build_graph(specialists=[…]), or leave improvise on"
        )
    charges: list[Charge] = []
    draft = Draft(
        round=1, attempt=replan["attempt"] if replan else 1, source="native", subtasks=[], faults=[], reply=""
    )
    draft["final"] = draft["attempt"] >= settings.max_plan_attempts
    runtime.stream_writer({"type": "planning", "attempt": draft["attempt"]})
    try:
        reply = await ask(
            Call(
                endpoints=host.endpoints,
                settings=settings,
                role="planner",
                messages=_messages(state["request"], settings, host, replan),
                purse=planner_purse(
                    state["request"],
                    settings,
                    host,
                    state.get("charges", []) if replan else [],
                    state.get("outcomes", []),
                ),
                on_restart=lambda: runtime.stream_writer({"type": "planning_restart"}),
                on_reading=lambda report: runtime.stream_writer({"type": "reading", **report}),
                schema=plan_schema(None if settings.improvise else host.roster.names(improvise=False)),
            )
        )
        charges = reply.charges
        draft.update(await _read(reply))
    except BadReply as bad:
        charges = bad.charges  # type: ignore[assignment]
        draft.update({"faults": [bad.fault], "reply": bad.text})
        draft.update(_earlier(replan, draft))
    except CallFailed as error:
        if error.fault.kind == "envelope":  # a bad reply like any other; what is behind it may come right
            charges = error.charges
            draft.update({"faults": [error.fault.message], "reply": error.fault.text[:QUOTED]})
            draft.update(_earlier(replan, draft))
            return _update(draft, charges, settings, replan)
        raise NoModel(f"The planner got no answer. {error}") from None
    except OverBudget as error:
        if replan is None:
            raise BudgetTooSmall(str(error)) from None
        draft.update({"faults": [str(error)], "final": True})
        draft.update(_earlier(replan, draft))
    return _update(draft, charges, settings, replan)


def _earlier(replan: Replan | None, draft: Draft) -> Draft:
    """Fall back on the plan that was sent back, when the last attempt gave none: it is mended in code instead."""
    if replan is None or not draft["final"] or not replan.get("subtasks"):
        return Draft()
    return Draft(subtasks=replan["subtasks"], faults=[], source="repaired", kept=True)


def _update(draft: Draft, charges: list[Charge], settings: Context, replan: Replan | None) -> dict[str, Any]:
    update: dict[str, Any] = {"draft": draft, "charges": charges, "settings": settings.model_dump()}
    if replan is None:
        update |= {**_CLEAN, "outcomes": Overwrite([]), "charges": Overwrite(charges)}
    return update


def _messages(request: str, settings: Context, host: Host, replan: Replan | None) -> list[BaseMessage]:
    bounds = {"least": min(LEAST_SUBTASKS, settings.max_subtasks), "most": settings.max_subtasks}
    told = host.roster.told(improvise=settings.improvise)
    documents = told_documents(request, settings, host)
    system = render("planner", **bounds, roster=told, improvise=settings.improvise)
    if documents:
        system = f"{system}\n\n{render('planner_documents')}"
    messages: list[BaseMessage] = [SystemMessage(system), HumanMessage(f"{fence('request', request)}{documents}")]
    if replan is None:
        return messages
    again = (
        render("planner_again", **bounds, faults=replan["faults"])
        if replan["message"] is None
        else render("planner_rejected", **bounds, message=fence("message", replan["message"]))
    )
    return [*messages, AIMessage(replan["reply"] or "(no text)"), HumanMessage(again)]


async def _read(reply: Reply) -> Draft:
    faults = {
        "refusal": "The reply was a refusal. The request is to be split into work, not answered.",
        "content_filter": "The reply was stopped by a content filter.",
    }
    if reply.finish in faults:
        raise BadReply(faults[reply.finish], reply.text, reply.charges)
    try:
        parsed = await off_loop(parse_plan, reply.text, truncated=reply.finish == "length")
    except BadReply as bad:
        raise BadReply(bad.fault, bad.text or reply.text, reply.charges) from None
    faults_seen = ["The reply was cut off before its end; write a shorter one."] if parsed.truncated else []
    return Draft(
        source=parsed.source,
        subtasks=[one.model_dump() for one in parsed.subtasks],
        faults=faults_seen,
        reply=reply.text,
    )
