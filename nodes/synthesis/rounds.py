"""Rounds: what the plans and the ledger of earlier rounds hand on to the next synthesis. Pure."""

from collections.abc import Iterable
from typing import Any

from nodes.state import State, plans_of
from nodes.synthesis import gaps
from nodes.synthesis.ledger import Ledger


def ledger_so_far(state: State) -> Ledger:
    """Begin with what earlier rounds have found; what code finds missing now is in it, what has been filled is not."""
    ledger = Ledger(state["request"], state["outcomes"], state.get("disagreements", []), state.get("gaps", []))
    ledger.rejected = [*state.get("rejected", [])]
    replaced, known = settled(state, plans_of(state)), [*ledger.gaps.values()]
    undone = gaps.undone(
        [outcome for outcome in state["outcomes"] if outcome["id"] not in replaced],
        [drop for plan in plans_of(state) for drop in plan["dropped"]],
    )
    ledger.add(undone)
    # What code found in an earlier round and does not find any more has been done since.
    still = {(gap["subtask_id"], gap["what"]) for gap in undone}
    done = {gap["id"] for gap in known if gap.get("kind") and (gap["subtask_id"], gap["what"]) not in still}
    ledger.fill(done | settled(state, [state["plan"]]))
    return ledger


def settled(state: State, plans: Iterable[Any]) -> set[str]:
    """Give the ids of entries, gaps and subtasks that finished follow-ups of these plans were to settle."""
    done = {outcome["id"] for outcome in state["outcomes"] if outcome["status"] == "done"}
    return {
        name
        for plan in plans
        for subtask in plan["subtasks"]
        if subtask["id"] in done
        for name in subtask.get("settles", [])
    }


def frame_of(state: State) -> dict[str, Any]:
    """Give what the planner fixed for all tasks: the first round's."""
    frame: dict[str, Any] = next((plan["frame"] for plan in plans_of(state) if plan.get("frame")), {})
    return frame


def is_fallback(state: State) -> bool:
    """Tell whether no plan could be made, and the request itself was the only task."""
    return any(plan.get("source") == "fallback" for plan in plans_of(state))
