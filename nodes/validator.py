"""Validator: no model call. Makes a draft fit to be run, sized to the money, or sends it back with all its faults."""

from typing import Any

from langgraph.runtime import Runtime

from nodes.errors import BudgetTooSmall
from nodes.events import under_way
from nodes.host import Host
from nodes.plan import GENERALIST, Repaired, check, checked_frame, repaired, sized
from nodes.state import Context, Draft, Plan, Replan, Source, State

_NOTE = 400  # characters of the reason why there is no plan


async def validator(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Check a draft, repair it and size it to the money; or ask for a better one while attempts remain.

    Raises:
        BudgetTooSmall: what is left cannot pay for one worker and the answer.
    """
    settings, draft = Context.of(state["settings"]), state["draft"]
    frame, overspent = checked_frame(draft.get("frame") or state.get("plan", {}).get("frame") or {})
    findings = check(draft["subtasks"], state["request"], host.roster, improvise=settings.improvise)
    mended = repaired(draft["subtasks"], findings, host.roster)
    faults = [*draft["faults"], *overspent, *(finding.fault for finding in findings)]
    unusable = not mended.subtasks or draft["faults"] or overspent or any(finding.serious for finding in findings)
    if unusable and not draft["final"] and draft["round"] == 1:
        return _sent_back(draft, faults or ["The reply holds no subtasks."], usable=bool(mended.subtasks))
    if state.get("outcomes"):
        again = {subtask.get("id") for subtask in mended.subtasks}  # a retry is no repetition of itself
        done = [outcome for outcome in state.get("outcomes", []) if outcome["status"] == "done"]
        mended.drop_repeats([dict(outcome) for outcome in done if outcome["id"] not in again], state["request"])
    mended.keep_only(settings.max_subtasks)
    plan = sized(mended, frame, state, settings, host)
    if draft["round"] > 1 and not plan["subtasks"]:
        return _without_round(state["plan"], plan)
    plan |= {"source": _source(draft, mended), "why": draft.get("why", ""), "note": " ".join(overspent)}
    if not plan["subtasks"]:
        plan = _fallback(plan, faults, frame, state, settings, host)
    plan |= {"round": draft["round"], "frame": frame}
    if draft["round"] == 1 and state.get("outcomes"):
        plan["kept"] = [outcome["id"] for outcome in state["outcomes"]]
    runtime.stream_writer({"type": "plan", "plan": plan})
    plans = [*state.get("plans", []), state["plan"]] if draft["round"] > 1 else []
    last = under_way(f"{len(plan['subtasks'])} planned, {len(plan['dropped'])} dropped")
    phase = "approval" if settings.approve_plan and not _as_edited(plan, draft) else "worker"
    return {"plan": plan, "plans": plans, "phase": phase, "replan": None, "stop_reason": last}


def _as_edited(plan: Plan, draft: Draft) -> bool:
    """Tell whether a plan is what a person has made of it, and so approved."""
    return bool(draft.get("edited") and not plan["dropped"] and not plan.get("note"))


def _sent_back(draft: Draft, faults: list[str], *, usable: bool) -> dict[str, Any]:
    """Ask the planner again, with every fault; what could be used is kept for the case that nothing better comes."""
    replan = Replan(
        attempt=draft["attempt"] + 1,
        faults=faults,
        reply=draft["reply"],
        message=None,
        subtasks=draft["subtasks"] if usable else [],
        frame=draft.get("frame", {}),
    )
    last = under_way(f"the plan was sent back to the planner: {' '.join(faults)}")
    return {"phase": "planner", "replan": replan, "stop_reason": last}


def _source(draft: Draft, mended: Repaired) -> Source:
    if draft["attempt"] > 1 and not draft.get("kept"):
        return "retried"
    return "repaired" if mended.mended and draft["source"] == "native" else draft["source"]


def _without_round(before: Plan, plan: Plan) -> dict[str, Any]:
    """Go back for the answer: no follow-up can be run, so it is written from what there is."""
    lost = [{**drop, "kind": "follow_up", "reason": f"follow-up: {drop['reason']}"} for drop in plan["dropped"]]
    return {"plan": {**before, "dropped": [*before["dropped"], *lost]}, "phase": "synthesiser", "replan": None}


def _fallback(
    plan: Plan, faults: list[str], frame: dict[str, Any], state: State, settings: Context, host: Host
) -> Plan:
    """Make the request itself the one subtask: of the plan nothing is left, or the money reaches none of it."""
    names = host.roster.names(improvise=False)
    whole = {"specialist": names[0] if names and not settings.improvise else GENERALIST, "task": state["request"]}
    unpaid = any(drop["kind"] == "over_budget" for drop in plan["dropped"])
    reason = "the budget does not reach its first subtask" if unpaid else " ".join(faults) or "it held no subtasks"
    plan = sized(Repaired([whole], plan["dropped"]), frame, state, settings, host)
    if not plan["subtasks"]:
        raise BudgetTooSmall(
            "the plan cost more than was to be expected, and what is left cannot pay for one worker and the answer; "
            "raise the budget"
        )
    plan |= {"source": "fallback", "why": "", "note": f"There is no usable plan: {reason}"[:_NOTE]}
    return plan
