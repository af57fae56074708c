"""The compiled graph: which loop and which threads its runs take."""

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, TypedDict

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from graph import Context, Specialist, build_graph, graph
from tests.endpoint import Endpoint
from tests.minds import REQUEST, Team, many_tasks, plan_of
from tests.turn import Turn


@pytest.fixture
def saver() -> Iterator[SqliteSaver]:
    """A checkpointer that has no async side."""
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@pytest.mark.usefixtures("endpoint")
def test_invoke_takes_no_thread_for_each_worker(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.planner = [plan_of(many_tasks(20))]
    graph.invoke({"request": REQUEST}, context=Context(max_subtasks=20))  # what a process begins once is there
    begun, start = list[str](), threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        begun.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noted)

    state = graph.invoke({"request": REQUEST}, context=Context(max_subtasks=20))

    assert len(state["outcomes"]) == 20
    assert begun == []


def test_ctrl_c_ends_an_invoked_run(endpoint: Endpoint, team: Team) -> None:
    """Nothing more is asked after it."""
    interrupting = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    team.planner = [Turn(plan_of(many_tasks(3)), delay=1.5)]
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        graph.invoke({"request": REQUEST})
    interrupting.join()
    time.sleep(2)

    assert len(endpoint.requests) == 1


@pytest.mark.usefixtures("endpoint")
def test_a_kept_run_is_invoked_with_a_checkpointer_that_has_no_async_side(saver: SqliteSaver) -> None:
    kept = build_graph(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "one"}}

    waiting = kept.invoke({"request": REQUEST}, config, context=Context(approve_plan=True))
    state = kept.invoke(Command(resume={"decisions": [{"type": "approve"}]}), config)

    assert "__interrupt__" in waiting
    assert state["complete"]


class Around(TypedDict):
    """The state of a graph around ours."""

    answer: str


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("told", [True, False], ids=["config given", "config in the air"])
def test_a_part_of_a_graph_is_kept_by_its_checkpointer(saver: SqliteSaver, *, told: bool) -> None:
    def ask(state: Around, config: RunnableConfig) -> dict[str, str]:
        assert not state["answer"]
        return {"answer": graph.invoke({"request": REQUEST}, config if told else None)["answer"]}

    around = StateGraph(Around).add_node("ask", ask).add_edge(START, "ask").add_edge("ask", END)
    config: Any = {"configurable": {"thread_id": "one"}}

    state = around.compile(checkpointer=saver).invoke({"answer": ""}, config)

    assert state["answer"]
    spaces = {saved.config["configurable"]["checkpoint_ns"].partition(":")[0] for saved in saver.list(config)}
    assert "ask" in spaces


def where(seen: list[bool], here: asyncio.AbstractEventLoop) -> Specialist:
    """A specialist in Python that notes whether it works on the caller's loop."""

    async def work(task: str) -> str:
        seen.append(asyncio.get_running_loop() is here)
        return f"Done: {task}"

    return Specialist("caterer", "food", runnable=work)


class Loops(AsyncCallbackHandler):
    """Notes on which loop it is told of a run."""

    def __init__(self) -> None:
        self.seen: set[asyncio.AbstractEventLoop] = set()

    async def on_chain_start(self, *_: Any, **__: Any) -> None:
        """Note the loop."""
        self.seen.add(asyncio.get_running_loop())


@pytest.mark.usefixtures("endpoint")
def test_other_peoples_code_stays_on_the_callers_loop(team: Team) -> None:
    """What is lent may belong to it: specialists in Python, and callbacks."""
    team.planner = [plan_of({"caterer": "Write the menu."})]
    loops = Loops()

    async def run() -> tuple[list[bool], asyncio.AbstractEventLoop]:
        here, seen = asyncio.get_running_loop(), list[bool]()
        await build_graph(specialists=[where(seen, here)]).ainvoke({"request": REQUEST})
        await graph.ainvoke({"request": REQUEST}, {"callbacks": [loops]})
        await graph.with_config(callbacks=[loops]).ainvoke({"request": REQUEST})
        return seen, here

    seen, here = asyncio.run(run())

    assert seen == [True]
    assert loops.seen == {here}


@pytest.mark.usefixtures("endpoint")
def test_a_run_by_itself_leaves_the_callers_loop_alone() -> None:
    """The loop takes the run's beginning and its end, and no step in between."""

    async def run() -> int:
        here, taken = asyncio.get_running_loop(), 0
        make = here.create_task

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal taken
            taken += 1
            return make(*args, **kwargs)

        here.create_task = counted  # type: ignore[method-assign]
        await graph.ainvoke({"request": REQUEST})
        return taken

    assert asyncio.run(run()) == 0


def test_a_cancelled_run_asks_nothing_more(endpoint: Endpoint, team: Team) -> None:
    team.planner = [Turn(plan_of(many_tasks(3)), delay=1.5)]

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(graph.ainvoke({"request": REQUEST}), 0.5)
        await asyncio.sleep(2)

    asyncio.run(run())

    assert len(endpoint.requests) == 1
