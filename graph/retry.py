"""Retry: what of a run is done again, written as an update of its state."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from graph import settings
from nodes.control import STOPPED
from nodes.errors import BadRequest
from nodes.host import this_process
from nodes.specialists import Result
from nodes.state import DropKind, Dropped, Plan, State, final_draft, plans_of
from prompts import render

# Dropped for want of room or money, not because there was something wrong with them.
FOR_WANT_OF_ROOM: frozenset[DropKind] = frozenset({"over_limit", "over_budget", "follow_up"})
KEPT_OF_SUBTASK = ("id", "specialist", "task", "cross_check", "settles")


class Update(NamedTuple):
    """For `graph.update_state(config, update.values, as_node=update.as_node)`; then `graph.invoke(None, config)`."""

    values: dict[str, Any]
    as_node: str


def retry(
    state: State,
    only: Collection[str] = (),
    given: Mapping[str, Any] | None = None,
    advice: Mapping[str, str] | None = None,
) -> Update | None:
    """Say how a run does again what failed or was dropped, and then the synthesis.

    Args:
        state: the run's values, as `graph.build.whole(graph).get_state(config).values` has them.
        only: subtask ids, such as "S3", whatever became of them, beside what is planned and has no outcome yet (empty:
            that, and all that failed, timed out, ran over their budget, were stopped, or dropped for want of room or money).
        given: settings that are others from now on, such as {"worker_model": "openai:gpt-5.5"}.
        advice: a person's words on subtasks that are done again, such as {"S3": "Prices in euros."}.

    Returns:
        None if there is nothing to do again.

    Raises:
        BadRequest: `only` names a subtask that is not in the run.
        BadSettings: a setting is no good.
    """
    common = {"settings": settings.amended(state["settings"], given)} if given else {}
    if not state.get("plan"):
        return Update({**common, "phase": "planner"}, "validator") if given else None
    ids = _chosen(state, only)
    dropped = (
        []
        if only
        else [drop for plan in plans_of(state) for drop in plan["dropped"] if drop["kind"] in FOR_WANT_OF_ROOM]
    )
    if not ids and not dropped:
        again = state.get("phase") == "synthesiser" or not state.get("answer")
        return Update({**common, "phase": "synthesiser", "failed_in": ""}, "synthesiser") if again else None
    return Update({**common, **_back_to_the_validator(state, ids, dropped, advice or {})}, "synthesiser")


def write_up(state: State) -> Update | None:
    """Say how a run that rests is written up as it stands: what is finished becomes the answer, which names the rest.

    Args:
        state: the run's values, as `graph.get_state(config).values` has them.

    Returns:
        None if it has its whole answer already.

    Raises:
        BadRequest: nothing is finished that an answer could be written from.
    """
    if state.get("phase", "end") == "end" and state.get("answer"):
        return None
    done = {outcome["id"]: outcome for outcome in state.get("outcomes", [])}
    if not any(outcome["output"] for outcome in done.values()):
        raise BadRequest("nothing is finished yet, so there is nothing to write up; resume the run, or wait")
    plan = state["plan"]
    stopped = Result("failed", error=STOPPED)
    undone = (subtask for subtask in plan["subtasks"] if subtask["id"] not in done)
    # As if follow-ups had been asked for already: none are.
    no_more = final_draft(plan["round"] + 1, [], frame=plan.get("frame"))
    outcomes = [*done.values(), *(stopped.of(subtask, plan["round"], this_process()) for subtask in undone)]
    return Update({"draft": no_more, "outcomes": outcomes, "phase": "synthesiser", "failed_in": ""}, "worker")


def _chosen(state: State, only: Collection[str]) -> list[str]:
    """List the ids of the subtasks that are done again, in plan order."""
    known = {subtask["id"]: subtask for plan in plans_of(state) for subtask in plan["subtasks"]}
    unknown = sorted(set(only) - set(known))
    if unknown:
        raise BadRequest(f"there is no subtask {unknown[0]!r} in this run; there are: {', '.join(known) or 'none'}")
    outcomes = state.get("outcomes", [])
    enough = {
        outcome["id"]
        for outcome in outcomes
        if only or (outcome["status"] in ("done", "partial") and outcome["error"] != STOPPED)
    }
    return [name for name in known if name in only or name not in enough]


def _back_to_the_validator(
    state: State, ids: Collection[str], dropped: Collection[Dropped], advice: Mapping[str, str]
) -> dict[str, Any]:
    """Draft a further round of these subtasks; those that had an outcome keep their ids, and what they cost stays charged."""
    planned = {subtask["id"]: dict(subtask) for plan in plans_of(state) for subtask in plan["subtasks"]}
    subtasks: list[dict[str, Any]] = [
        {key: planned[name][key] for key in KEPT_OF_SUBTASK if key in planned[name]} for name in ids
    ]
    for subtask in subtasks:
        if words := advice.get(subtask["id"]):
            subtask["handed"] = render("advice", advice=words)
    if state.get("phase") == "validator":  # follow-ups that are asked for and not planned yet
        subtasks += [subtask for subtask in state["draft"]["subtasks"] if subtask.get("id") not in ids]
    subtasks += [{"specialist": drop["specialist"], "task": drop["task"], "cross_check": False} for drop in dropped]
    plan = state["plan"]
    before = [outcome for outcome in state.get("outcomes", []) if outcome["id"] in ids]
    return {
        "phase": "validator",
        "draft": final_draft(plan["round"] + 1, subtasks, frame=plan.get("frame")),
        "plan": _without(plan, dropped),
        "plans": [_without(earlier, dropped) for earlier in state.get("plans", [])],
        "outcomes": [{**outcome, "charges": []} for outcome in before],
        "charges": [charge for outcome in before for charge in outcome["charges"]],
    }


def _without(plan: Plan, dropped: Collection[Dropped]) -> Plan:
    return {**plan, "dropped": [drop for drop in plan["dropped"] if drop not in dropped]}
