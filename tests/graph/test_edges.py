"""Edges: every way that a drawing shows can be taken, and no other is."""

from itertools import pairwise
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph import AllWorkersFailed, build_graph
from tests.endpoint import Endpoint
from tests.minds import REQUEST, TASKS, Team, join_all, plan_of, sequel_of, synthesis_of
from tests.turn import Turn

Edges = set[tuple[str, str]]
END = "__end__"
GAP = {"id": "G1", "subtask_id": None, "what": "the price", "why": "nobody gave one"}
PRICE = ("accountant", "Work out what everything costs in euros, item by item.", "G1")
ASKING = synthesis_of("", gaps=[GAP], follow_ups=[PRICE])
AGAIN = synthesis_of("", gaps=[GAP], follow_ups=[("caterer", TASKS["caterer"], "G1")])  # repeats what is done
FAILS = dict.fromkeys(TASKS, Turn(fault="400"))
MENU = {"caterer": "Write a menu for 80 guests that costs no more than 150 euros, with quantities."}
CHANGE, NEW = sequel_of("change", request=REQUEST, keep=["S2", "S3"], tasks=MENU), sequel_of("new", request=REQUEST)
EDIT = {
    "type": "edit",
    "edited_action": {"name": "run_plan", "args": {"subtasks": [{"specialist": "x", "task": "y z."}]}},
}
APPROVE, REJECT = {"type": "approve"}, {"type": "reject", "message": "Otherwise, please."}


def ran(graph: Any, sent: Any, *decisions: Any, **context: Any) -> Any:
    """Run it, deciding what it asks by turns; what a run of failed workers raises is passed over."""
    config: Any = {"configurable": {"thread_id": "one"}}
    state = {}
    for given in (
        sent,
        *(Command(resume={"decisions": [word]}) if isinstance(word, dict) else None for word in decisions),
    ):
        try:
            state = graph.invoke(given, config, context=context or None)
        except AllWorkersFailed:
            continue
    return state


def taken(graph: Any) -> Edges:
    """Read off a thread's history which step followed which."""
    history = [*graph.get_state_history({"configurable": {"thread_id": "one"}})][::-1]
    steps = [snapshot.next or (END,) for snapshot in history]
    return {(before, after) for old, new in pairwise(steps) for before in old for after in new}


RUNS: dict[str, tuple[dict[str, Any], tuple[Any, ...], bool]] = {
    "plain": ({}, (), False),
    "sent back": ({"planner": ["no plan", plan_of(TASKS)]}, (), False),
    "follow-ups": ({"synthesiser": [ASKING, join_all]}, (), False),
    "follow-ups that cannot be run": ({"synthesiser": [AGAIN, join_all]}, (), False),
    "edited": ({}, (EDIT,), True),
    "rejected": ({}, (REJECT, APPROVE), True),
    "no follow-ups wanted": ({"synthesiser": [ASKING, join_all]}, (APPROVE, REJECT), True),
    "workers tried again": ({"workers": FAILS}, (None,), False),
    "synthesis tried again": ({"synthesiser": [Turn(fault="400")]}, (None,), False),
}
AFTER: dict[str, tuple[str, tuple[Any, ...], bool]] = {
    "answered": (sequel_of("answer", answer="As it says. [S1]"), (), False),
    "a change": (CHANGE, (), False),
    "a change rejected": (CHANGE, (REJECT, APPROVE), True),
    "a new request": (NEW, (), False),
}


def test_every_edge_can_be_taken(endpoint: Endpoint, team: Team) -> None:
    """Runs of every kind take all edges that are drawn, and no others; where there is a choice, each has a label."""
    seen: Edges = set()
    for lines, decisions, approve in RUNS.values():
        endpoint.mind = Team(**lines)
        graph = build_graph(InMemorySaver())
        ran(graph, {"request": REQUEST}, *decisions, approve_plan=approve)
        seen |= taken(graph)
    before = build_graph().invoke({"request": REQUEST})
    for said, decisions, approve in AFTER.values():
        endpoint.mind = Team(sequel=[said])
        graph = build_graph(InMemorySaver())
        ran(graph, {"request": "And now?", "after": before}, *decisions, approve_plan=approve)
        seen |= taken(graph)
    drawn = build_graph().get_graph().edges

    assert seen == {(edge.source, edge.target) for edge in drawn}
    assert [edge for edge in drawn if edge.conditional and not edge.data] == []
