"""Retry: what failed is done again and nothing else; and what a resume finds that has changed meanwhile."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph import AllWorkersFailed, BadRequest, BadSettings, NoModel, Specialist, build_graph
from graph.build import whole
from graph.report.text import markdown
from graph.retry import retry
from graph.run import billed_state, resume, snapshot_of, start, tell_so_far
from graph.store import Run, Store, open_store
from graph.view import View
from nodes.control import Control
from nodes.state import Charge
from tests.endpoint import Endpoint
from tests.minds import REQUEST, TASKS, Team, calls_of
from tests.turn import Turn

BROKEN = Turn(fault="400")
CATERER = Specialist("caterer", "feeds people", instructions="Start from who eats.")


async def nobody(_asked: dict[str, Any]) -> Any:
    """Decide nothing."""
    raise AssertionError


def values_of(graph: Any, config: Any) -> Any:
    """Give all that a run knows."""
    return whole(graph).get_state(config).values


class Keeper:
    """Starts and resumes one run, each time as a new process would: with a graph and a store of its own."""

    def __init__(self, where: Path) -> None:
        """Keep it there."""
        self.where, self.events, self.id = where, list[dict[str, Any]](), ""

    def _with_store(self, work: Callable[[Store], Any]) -> Any:
        async def opened() -> Any:
            async with open_store(self.where) as store:
                return await work(store)

        self.events.clear()
        return asyncio.run(opened())

    def start(self, given: dict[str, Any] | None = None, **made: Any) -> Any:
        """Begin it, and give its final state."""

        async def begun(store: Store) -> Any:
            graph = build_graph(checkpointer=store.saver, **made)
            self.id, state = await start(graph, store, REQUEST, given or {}, self.events.append, nobody)
            return state

        return self._with_store(begun)

    def resume(self, *, made: dict[str, Any] | None = None, **how: Any) -> Any:
        """Go on with it, and give its final state."""

        async def gone_on(store: Store) -> Any:
            graph, run = build_graph(checkpointer=store.saver, **(made or {})), await store.find(self.id)
            return await resume(graph, store, run, self.events.append, nobody, **how)

        return self._with_store(gone_on)

    def shown(self) -> tuple[Run, Any]:
        """Give the run as it is listed, and its state as it is shown."""

        async def found(store: Store) -> Any:
            run = await store.find(self.id)
            snapshot = await snapshot_of(build_graph(checkpointer=store.saver), run)
            return run, await billed_state(store, run, snapshot)

        return self._with_store(found)  # type: ignore[no-any-return]

    def said(self, kind: str) -> list[dict[str, Any]]:
        """List the events of a kind."""
        return [event for event in self.events if event["type"] == kind]


@pytest.fixture
def keeper(endpoint: Endpoint, tmp_path: Path) -> Keeper:
    """Give one who keeps runs in this test's folder."""
    return Keeper(tmp_path / "runs.db")


def counts(endpoint: Endpoint) -> tuple[int, int, int]:
    """Count the calls of planner, workers and synthesiser so far."""
    planner, worker, synthesiser = (len(calls_of(endpoint, role)) for role in ("planner", "worker", "synthesiser"))
    return planner, worker, synthesiser


def test_what_failed_is_done_again(endpoint: Endpoint, team: Team, keeper: Keeper) -> None:
    """A retry does the failed subtask under its id and then the synthesis, and the bill holds both tries."""
    team.workers = {"publicist": BROKEN}
    first = keeper.start()
    team.workers = {}
    again = keeper.resume(retry=True)

    assert (first["complete"], again["complete"], counts(endpoint)) == (False, True, (1, 4, 2))
    assert [(outcome["id"], outcome["status"]) for outcome in again["outcomes"]] == [
        ("S1", "done"),
        ("S2", "done"),
        ("S3", "done"),
    ]
    assert again["answer"] == "Everything is planned. [S1] [S2] [S3]"
    assert again["spend"]["calls"] >= first["spend"]["calls"] + 2


def test_only_one_with_another_model(endpoint: Endpoint, keeper: Keeper) -> None:
    """One subtask is done again with another model, whatever became of it; the others keep their results."""
    keeper.start()
    again = keeper.resume(only=["S3"], settings={"worker_model": "openai:gpt-4o-mini"})
    (last,) = calls_of(endpoint, "worker")[3:]

    assert (last.body["model"], again["complete"], counts(endpoint)) == ("gpt-4o-mini", True, (1, 4, 2))
    assert again["settings"]["synthesiser_model"] == "openai:gpt-4o"


def test_seen_once_more(keeper: Keeper) -> None:
    """A run of which a part was done again is shown with all its tasks, and reported with each of them once."""
    keeper.start()
    again = keeper.resume(only=["S3"])
    view = View()
    tell_so_far(again, lambda event: list(view.take(event)), Control())  # type: ignore[arg-type]

    assert [bool(worker.task) for worker in view.workers.values()] == [True] * 3
    assert {worker.status for worker in view.workers.values()} == {"done"}
    assert markdown(again).count("| [S3](#run-S3) |") == 1


@pytest.mark.parametrize("how", [{}, {"retry": True, "settings": {"worker_model": "openai:llama4"}}])
def test_a_model_is_named_later(
    endpoint: Endpoint, keeper: Keeper, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any]
) -> None:
    """A run that nobody had named a model for goes on once one is named, in the environment or with the resume."""
    monkeypatch.delenv("ORCHESTRATOR_MODEL")
    endpoint.models = ["qwen3", "llama4"]
    with pytest.raises(NoModel, match="name one in ORCHESTRATOR_MODEL"):
        keeper.start()
    keeper.id = keeper.said("run")[0]["id"]
    monkeypatch.setenv("ORCHESTRATOR_MODEL", "openai:qwen3")
    state = keeper.resume(**how)

    assert (state["complete"], state["settings"]["planner_model"]) == (True, "openai:qwen3")
    assert state["settings"]["worker_model"] == how.get("settings", {}).get("worker_model", "openai:qwen3")


def test_what_was_dropped_is_done(endpoint: Endpoint, keeper: Keeper) -> None:
    """A subtask that was over the limit is done by a retry, under a new id."""
    first = keeper.start({"max_subtasks": 2})
    again = keeper.resume(retry=True)

    assert [drop["specialist"] for drop in first["plan"]["dropped"]] == ["safety officer"]
    assert [outcome["specialist"] for outcome in again["outcomes"]] == list(TASKS)
    assert (again["outcomes"][2]["id"], again["complete"], counts(endpoint)) == ("S3", True, (1, 3, 2))


@pytest.mark.parametrize("how", [{}, {"retry": True}])
def test_nothing_to_do(endpoint: Endpoint, keeper: Keeper, how: dict[str, Any]) -> None:
    """A resume that has nothing to do says so, and calls nobody."""
    keeper.start()
    before = counts(endpoint)
    state = keeper.resume(**how)

    assert (state["complete"], counts(endpoint)) == (True, before)
    assert "nothing to do" in keeper.said("nothing_to_do")[0]["text"]


def test_an_unknown_subtask(endpoint: Endpoint, keeper: Keeper) -> None:
    """A subtask that is not there is told with those that are."""
    keeper.start()
    with pytest.raises(BadRequest, match="no subtask 'S9' in this run; there are: S1, S2, S3"):
        keeper.resume(only=["S9"])


def test_in_plain_langgraph(endpoint: Endpoint, team: Team) -> None:
    """Whoever has only the compiled graph does the same with an update of its state."""
    team.workers = {"publicist": BROKEN}
    graph: Any = build_graph(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "party"}}
    graph.invoke({"request": REQUEST}, config)
    team.workers = {}
    update = retry(values_of(graph, config))
    assert update is not None
    graph.update_state(config, update.values, as_node=update.as_node)
    state = graph.invoke(None, config)

    assert (state["complete"], counts(endpoint)) == (True, (1, 4, 2))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Let a test set the clock, as a new process finds it: it remembers no earlier time."""
    real = time.time_ns

    def set_to(hours: float) -> None:
        monkeypatch.setattr(time, "time_ns", lambda: real() + int(hours * 3600e9))
        checkpoint_ids._last_v6_timestamp = None

    yield set_to
    checkpoint_ids._last_v6_timestamp = None


def test_the_clock_went_back(endpoint: Endpoint, team: Team, keeper: Keeper, clock: Callable[[float], None]) -> None:
    """A run that is resumed after the clock went back is finished once, and found finished."""
    team.workers = dict.fromkeys(TASKS, BROKEN)
    clock(+1)
    with pytest.raises(AllWorkersFailed):
        keeper.start()
    (keeper.id,) = [event["id"] for event in keeper.said("run")]
    team.workers = {}
    clock(0)
    state = keeper.resume()
    clock(0)
    again = keeper.resume()

    assert (state["complete"], again["answer"], keeper.shown()[1]["complete"]) == (True, state["answer"], True)
    assert counts(endpoint) == (1, 6, 1)


def test_a_specialist_is_gone(endpoint: Endpoint, team: Team, keeper: Keeper) -> None:
    """A run whose specialist is not there any more is refused before anything is paid."""
    team.workers = {"caterer": BROKEN}
    keeper.start(specialists=[CATERER])
    before = counts(endpoint)
    with pytest.raises(BadSettings, match="began with the specialist 'caterer', who is not here now"):
        keeper.resume(retry=True)
    kept = keeper.resume(retry=True, made={"specialists": [CATERER]})

    assert (before, kept["outcomes"][0]["id"], keeper.said("specialists_changed")) == ((1, 3, 1), "S1", [])


def test_a_specialist_has_changed(endpoint: Endpoint, team: Team, keeper: Keeper) -> None:
    """A specialist that is another by now is named, and the run goes on with it."""
    team.workers = {"caterer": BROKEN}
    keeper.start(specialists=[CATERER])
    team.workers = {}
    mended = Specialist("caterer", "feeds people", instructions="Start from what grows in May.")
    state = keeper.resume(retry=True, made={"specialists": [mended]})

    assert (state["complete"], keeper.said("specialists_changed")[0]["names"]) == (True, ["caterer"])


def test_killed_after_the_last_checkpoint(endpoint: Endpoint, keeper: Keeper) -> None:
    """A run that was killed when all was done is listed as complete, and the call a kill had lost is on its bill."""
    state = keeper.start()
    lost = Charge(
        role="worker", subtask_id="S1", round=1, model="gpt-4o", input_tokens=90, output_tokens=9, usd=0.1, known=False
    )

    async def killed() -> None:
        async with open_store(keeper.where) as store:
            await store.note(keeper.id, "a note", json.dumps([lost]))
            await store.set_status(keeper.id, "running")

    asyncio.run(killed())
    run, shown = keeper.shown()
    resumed = keeper.resume()

    assert (run.status, shown["spend"]["calls"]) == ("complete", state["spend"]["calls"] + 1)
    assert (resumed["spend"]["calls"], keeper.shown()[1]["spend"]["calls"]) == (state["spend"]["calls"] + 1,) * 2


def test_as_a_command(endpoint: Endpoint, team: Team) -> None:
    """On a finished thread the same update is one input: a Command that goes to the validator."""
    team.workers = {"publicist": BROKEN}
    graph: Any = build_graph(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "party"}}
    graph.invoke({"request": REQUEST}, config)
    team.workers = {}
    update = retry(values_of(graph, config))
    assert update is not None
    state = graph.invoke(Command(update=update.values, goto="validator"), config)

    assert (state["complete"], counts(endpoint)) == (True, (1, 4, 2))
