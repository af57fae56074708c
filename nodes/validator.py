"""Validator: no model call. Makes a draft fit to be run, sized to the money, or sends it back with all its faults."""

from typing import Any

from langgraph.runtime import Runtime

from nodes.errors import BudgetTooSmall
from nodes.host import Host
from nodes.plan import TASK_LIMIT, Finding, check, sized
from nodes.specialists import Roster
from nodes.state import Context, Draft, DropKind, Dropped, Plan, Replan, State

GENERALIST = "generalist"
_STAND_ALONE = (
    "\n\nYou see nobody else's work. Where this task refers to it, make the most reasonable assumption from the goal, "
    "state it, and go on."
)


async def validator(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Check, repair and size a draft; or ask for a better one while attempts remain."""
    settings, draft = Context(**state["settings"]), state["draft"]
    findings = check(draft["subtasks"], state["request"], host.roster, improvise=settings.improvise)
    faults = [*draft["faults"], *(finding.told for finding in findings)]
    kept, dropped = _repaired(draft, findings, host.roster)
    unusable = not kept or draft["faults"] or any(finding.serious for finding in findings)
    if unusable and not draft["final"] and draft["round"] == 1:
        told = faults or ["The reply holds no subtasks."]
        return {
            "phase": "planner",
            "replan": Replan(
                attempt=draft["attempt"] + 1,
                faults=told,
                reply=draft["reply"],
                message=None,
                subtasks=draft["subtasks"] if kept else [],
            ),
        }
    source = draft["source"] if draft["attempt"] == 1 or draft.get("kept") else "retried"
    if findings and source == "native" and any(finding.fix in ("stand_alone", "cut", "rename") for finding in findings):
        source = "repaired"
    kept, dropped = _new_only(kept, dropped, state)
    if not kept and draft["round"] == 1:
        kept, source = [_fallback(state["request"], host, settings)], "fallback"
    kept, over = kept[: settings.max_subtasks], kept[settings.max_subtasks :]
    dropped += [
        _dropped(one, "over_limit", f"over the limit of {settings.max_subtasks} subtasks; the least needed go")
        for one in over
    ]
    plan = _sized(kept, dropped, state, settings, host)
    if not plan["subtasks"] and draft["round"] == 1:  # the money does not reach the first one: the request itself does
        whole = _fallback(state["request"], host, settings)
        plan, source = _sized([whole], plan["dropped"], state, settings, host), "fallback"
    if not plan["subtasks"] and draft["round"] == 1:
        raise BudgetTooSmall(
            "the plan cost more than was to be expected, and what is left cannot pay for one worker and the answer; "
            "raise the budget"
        )
    if not plan["subtasks"]:  # no follow-up can be run: the answer is written from what there is
        lost = [_dropped(dict(one), "follow_up", f"follow-up: {one['reason']}") for one in plan["dropped"]]
        return {
            "plan": {**state["plan"], "dropped": [*state["plan"]["dropped"], *lost]},
            "phase": "synthesiser",
            "replan": None,
        }
    plan |= {"round": draft["round"], "source": source}
    runtime.stream_writer({"type": "plan", "plan": plan})
    plans = [*state.get("plans", []), state["plan"]] if draft["round"] > 1 else []
    return {"plan": plan, "plans": plans, "phase": "approval", "replan": None}


def _repaired(draft: Draft, findings: list[Finding], roster: Roster) -> tuple[list[dict[str, Any]], list[Dropped]]:
    """Drop and mend what the findings say."""
    kept, dropped = list[dict[str, Any]](), list[Dropped]()
    for index, subtask in enumerate(draft["subtasks"]):
        mine = [finding for finding in findings if finding.index == index]
        drop = next((finding for finding in mine if finding.fix == "drop"), None)
        if drop:
            dropped.append(_dropped(subtask, drop.kind, drop.reason))  # type: ignore[arg-type]
            continue
        known = roster.find(str(subtask["specialist"]))
        fixed = {**subtask, "specialist": known.name} if known else dict(subtask)
        for finding in mine:
            if finding.fix == "rename":
                fixed["specialist"] = GENERALIST
            elif finding.fix == "stand_alone":
                fixed["task"] += _STAND_ALONE
            elif finding.fix == "cut":
                fixed["task"] = f"{fixed['task'][:TASK_LIMIT]} [the rest of this task was cut: too long]"
        changes = [finding.reason for finding in mine if finding.fix in ("rename", "stand_alone", "cut")]
        kept.append({**fixed, "changes": changes} if changes else fixed)
    return kept, dropped


def _new_only(
    kept: list[dict[str, Any]], dropped: list[Dropped], state: State
) -> tuple[list[dict[str, Any]], list[Dropped]]:
    """In a follow-up round, drop what repeats finished work."""
    again = {subtask.get("id") for subtask in kept}  # a retry is no repetition of itself
    finished = [dict(one) for one in state.get("outcomes", []) if one["status"] == "done" and one["id"] not in again]
    if state["draft"]["round"] == 1 or not finished:
        return kept, dropped
    findings = check([*finished, *kept], state["request"], Roster(), improvise=True)
    repeats = {each.index - len(finished) for each in findings if each.kind in ("duplicate", "near_duplicate")}
    new = [one for at, one in enumerate(kept) if at not in repeats]
    return new, [
        *dropped,
        *(_dropped(kept[at], "repeats_finished", "repeats a finished subtask") for at in sorted(repeats) if at >= 0),
    ]


def _fallback(request: str, host: Host, settings: Context) -> dict[str, Any]:
    """One subtask: the request itself."""
    names = list(host.roster.members)
    return {"specialist": GENERALIST if settings.improvise or not names else names[0], "task": request}


def _dropped(subtask: dict[str, Any], kind: DropKind, reason: str) -> Dropped:
    return Dropped(specialist=str(subtask["specialist"]), task=str(subtask["task"]), kind=kind, reason=reason)


def _sized(kept: list[dict[str, Any]], dropped: list[Dropped], state: State, settings: Context, host: Host) -> Plan:
    return sized(
        kept,
        dropped,
        request=state["request"],
        charges=state.get("charges", []),
        outcomes=state.get("outcomes", []),
        settings=settings,
        host=host,
    )
