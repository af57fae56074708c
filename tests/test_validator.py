"""The validator: what it drops and mends, with the reason on record, and that something is always left to do."""

import json
from typing import Any

import pytest

from graph import Specialist, build_graph, graph
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, TASKS, Team, calls_of, plan_of, synthesis_of

MENU = TASKS["caterer"]


def plan_for(
    team: Team, *pairs: tuple[str, str], roster: tuple[Specialist, ...] = (), **context: Any
) -> dict[str, Any]:
    """Run the graph with a planner who proposes these pairs and insists."""
    team.planner = [plan_of(pairs)]
    made: Any = build_graph(specialists=roster) if roster else graph
    return dict(made.invoke({"request": REQUEST}, context=context)["plan"])


def reasons(plan: dict[str, Any]) -> list[str]:
    return [drop["reason"] for drop in plan["dropped"]]


def test_the_cap_drops_the_least_needed(endpoint: Endpoint, team: Team) -> None:
    """Subtasks beyond max_subtasks are dropped from the end, with the reason."""
    plan = plan_for(team, *TASKS.items(), max_subtasks=1)

    assert [subtask["specialist"] for subtask in plan["subtasks"]] == ["caterer"]
    assert [drop["specialist"] for drop in plan["dropped"]] == ["publicist", "safety officer"]
    assert reasons(plan) == ["over the limit of 1 subtasks; the least needed go"] * 2
    assert len(calls_of(endpoint, "worker")) == 1


DROPS = {
    "placeholder": ("poet", "TBD", "placeholder", "placeholder instead of a task"),
    "to be decided": ("poet", "To be decided", "placeholder", "placeholder instead of a task"),
    "numbered": ("poet", "Subtask 2", "placeholder", "placeholder instead of a task"),
    "one word": ("poet", "Verses", "one_word", "a single word is no task"),
    "the same": ("poet", MENU, "duplicate", "the same as subtask 1"),
    "the same but for case": ("poet", MENU.upper(), "duplicate", "the same as subtask 1"),
    "nearly the same": ("poet", MENU.replace("Write a", "Write the"), "near_duplicate", "nearly the same as subtask 1"),
    "the whole request": ("poet", REQUEST, "whole_request", "asks for the whole request again"),
}


@pytest.mark.parametrize("case", DROPS)
def test_what_is_no_task_of_its_own_is_dropped(endpoint: Endpoint, team: Team, case: str) -> None:
    """Nonsense and duplicates go, each with its reason; the rest is done."""
    who, task, kind, reason = DROPS[case]
    plan = plan_for(team, ("caterer", MENU), (who, task), ("publicist", TASKS["publicist"]))

    assert [(subtask["id"], subtask["specialist"]) for subtask in plan["subtasks"]] == [
        ("S1", "caterer"),
        ("S2", "publicist"),
    ]
    drop = {"specialist": who, "task": task, "kind": kind, "reason": reason}
    assert plan["dropped"] == [drop]


def test_a_cross_check_is_no_duplicate(endpoint: Endpoint, team: Team) -> None:
    """The same task twice is kept where the planner says that it means it."""
    twice = [{"specialist": who, "task": MENU, "cross_check": who == "checker"} for who in ("caterer", "checker")]
    team.planner = [json.dumps({"subtasks": twice})]
    plan = graph.invoke({"request": REQUEST})["plan"]

    assert [(subtask["specialist"], subtask["cross_check"]) for subtask in plan["subtasks"]] == [
        ("caterer", False),
        ("checker", True),
    ]


@pytest.mark.parametrize("name", ["N/A", "???", "12", "x" * 81])
def test_the_nameless_is_named(endpoint: Endpoint, team: Team, name: str) -> None:
    """A specialist without a usable name becomes the generalist; the change is on record, the task is done."""
    plan = plan_for(team, (name, MENU))

    assert [(subtask["specialist"], subtask["task"]) for subtask in plan["subtasks"]] == [("generalist", MENU)]
    assert plan["subtasks"][0]["changes"] == ["unusable specialist name"]
    assert plan["source"] == "repaired"


def test_the_unregistered_is_dropped_where_improvising_is_off(endpoint: Endpoint, team: Team) -> None:
    """With improvise off, a name that is not registered is asked for again, then dropped with the reason."""
    roster = (Specialist("caterer", "feeds people"),)
    pairs = (("CATERER", MENU), ("astrologer", "Cast the horoscope of the day, hour by hour."))
    plan = plan_for(team, *pairs, roster=roster, improvise=False)

    assert [subtask["specialist"].casefold() for subtask in plan["subtasks"]] == ["caterer"]
    assert reasons(plan) == ["'astrologer' is not registered"]
    assert len(calls_of(endpoint, "planner")) == 2


def test_nobody_registered_is_left(endpoint: Endpoint, team: Team) -> None:
    """With every name unregistered, the request itself goes to a registered specialist."""
    roster = (Specialist("caterer", "feeds people"),)
    plan = plan_for(team, ("astrologer", MENU), roster=roster, improvise=False)

    assert [(subtask["specialist"], subtask["task"]) for subtask in plan["subtasks"]] == [("caterer", REQUEST)]
    assert (plan["source"], reasons(plan)) == ("fallback", ["'astrologer' is not registered"])


@pytest.mark.parametrize("task", ["TBD", "Verses"])
def test_there_is_always_a_worker(endpoint: Endpoint, team: Team, task: str) -> None:
    """A plan of which nothing can be used becomes one subtask: the request itself."""
    plan = plan_for(team, ("poet", task))

    assert [(subtask["specialist"], subtask["task"]) for subtask in plan["subtasks"]] == [("generalist", REQUEST)]
    assert plan["source"] == "fallback"
    assert len(plan["dropped"]) == 1


def test_a_dependent_task_is_mended_in_the_end(endpoint: Endpoint, team: Team) -> None:
    """A task that needs another is sent back; if it comes again, it is told to assume what it cannot see."""
    leaning = "Write the leaflet from the caterer's results."
    plan = plan_for(team, ("caterer", MENU), ("publicist", leaning))
    mended = plan["subtasks"][1]

    assert len(calls_of(endpoint, "planner")) == 2
    assert mended["task"].startswith(f"{leaning}\n\nYou see nobody else's work.")
    assert mended["changes"] == ["needed another subtask's result"]


def test_an_overlong_task_is_cut_in_the_end(endpoint: Endpoint, team: Team) -> None:
    """A task beyond the limit is sent back; if it comes again, it is cut, and says so."""
    plan = plan_for(team, ("caterer", "Cook " + "and cook " * 600))

    assert len(calls_of(endpoint, "planner")) == 2
    assert plan["subtasks"][0]["task"].endswith("[the rest of this task was cut: too long]")
    assert plan["subtasks"][0]["changes"] == ["longer than 4,000 characters"]


def test_follow_ups_repeat_no_finished_work(endpoint: Endpoint, team: Team) -> None:
    """A follow-up that repeats a finished subtask is dropped with the reason; what is new is done."""
    rain = ("meteorologist", "Say what to do if it rains, with the latest hour for deciding.")
    team.synthesiser = [
        synthesis_of(
            "",
            gaps=[{"subtask_id": None, "what": "rain", "why": "nobody"}],
            follow_ups=[("cook", MENU), rain],
        ),
        synthesis_of("Two. [S1] [S2] [S3] [S4]"),
    ]
    state = graph.invoke({"request": REQUEST})

    assert [(subtask["id"], subtask["specialist"]) for subtask in state["plan"]["subtasks"]] == [
        ("S4", "meteorologist")
    ]
    assert state["plan"]["dropped"] == [
        {"specialist": "cook", "task": MENU, "kind": "repeats_finished", "reason": "repeats a finished subtask"}
    ]
    assert state["answer"].startswith("Two. [S1] [S2] [S3] [S4]")
    assert state["complete"] is True


def test_follow_ups_with_nothing_new_end_the_run(endpoint: Endpoint, team: Team) -> None:
    """When every follow-up repeats finished work, the answer is written at once and no worker is asked again."""
    rainless = [{"id": "G1", "subtask_id": None, "what": "rain", "why": "nobody"}]
    team.synthesiser = [
        synthesis_of("", gaps=rainless, follow_ups=[("cook", MENU, "G1")]),
        synthesis_of("Enough. [S1] [S2] [S3] [G1]", gaps=rainless),
    ]
    state = graph.invoke({"request": REQUEST})

    assert state["answer"].startswith("Enough. [S1] [S2] [S3] [G1]")
    assert [drop["kind"] for drop in state["plan"]["dropped"]] == ["follow_up"]
    assert (len(calls_of(endpoint, "worker")), len(calls_of(endpoint, "synthesiser"))) == (3, 2)


def test_follow_ups_of_failed_work_are_done(endpoint: Endpoint, team: Team) -> None:
    """A follow-up that repeats work which failed is no repetition: it is tried again."""
    again = (("cook", MENU),)
    team.synthesiser = [
        synthesis_of("One. [S2] [S3]", gaps=[{"subtask_id": None, "what": "rain", "why": "nobody"}], follow_ups=again),
        synthesis_of("Two. [S2] [S3] [S4]"),
    ]
    team.workers = {"caterer": Turn(fault="400")}
    state = graph.invoke({"request": REQUEST})

    assert [(outcome["id"], outcome["status"]) for outcome in state["outcomes"]] == [
        ("S1", "failed"),
        ("S2", "done"),
        ("S3", "done"),
        ("S4", "done"),
    ]


def test_the_cost_ahead_is_told(endpoint: Endpoint, team: Team) -> None:
    """The plan says what the rest of the run can cost: calls, tokens, USD, and whether anything caps it."""
    plan = plan_for(team, *TASKS.items(), worker_max_output_tokens=1000)

    assert plan["at_most"]["calls"] == 4
    assert plan["at_most"]["tokens"] > 3000
    assert plan["at_most"]["usd"] > 0
    assert plan["at_most"]["capped"] is True
