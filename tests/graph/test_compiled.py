"""The compiled graph: which loop and which threads its runs take."""

import asyncio
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypedDict

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from graph import Context, Specialist, build_graph, graph
from graph.run import start
from graph.store import Store, open_store
from tests.endpoint import Endpoint
from tests.minds import REQUEST, Team, calls_of, many_tasks, plan_of
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


async def invoked(store: Store) -> Any:
    """Invoke it; it is not kept."""
    return await graph.ainvoke({"request": REQUEST})


async def invoked_and_kept(store: Store) -> Any:
    """Invoke it, and keep it in a store."""
    return await build_graph(store.saver).ainvoke({"request": REQUEST}, {"configurable": {"thread_id": "one"}})


async def followed(store: Store) -> Any:
    """Run it as the command line does."""
    return (await start(build_graph(store.saver), store, REQUEST, {}, lambda _: None, nobody))[1]


async def nobody(asked: Any) -> Any:
    """Decide nothing."""
    raise AssertionError(asked)


@pytest.mark.usefixtures("endpoint")
@pytest.mark.parametrize("way", [invoked, invoked_and_kept, followed])
def test_a_run_by_itself_leaves_the_callers_loop_alone(way: Callable[[Store], Any]) -> None:
    """The loop takes the run's beginning and its end, and no step in between."""

    async def run() -> set[str]:
        here, taken = asyncio.get_running_loop(), set[str]()
        make = here.create_task

        def noted(work: Any, **kwargs: Any) -> Any:
            taken.add(work.__qualname__)
            return make(work, **kwargs)

        async with open_store(":memory:") as store:
            here.create_task = noted  # type: ignore[method-assign,assignment]
            state = await way(store)
            here.create_task = make  # type: ignore[method-assign]
        assert state["complete"]
        return taken

    assert asyncio.run(run()) <= {"Orders._look", "on_engine"}


@pytest.mark.usefixtures("endpoint")
def test_other_peoples_code_in_a_run_that_is_followed_stays_on_its_loop(team: Team) -> None:
    team.planner = [plan_of({"caterer": "Write the menu."})]

    async def run() -> list[bool]:
        here, seen = asyncio.get_running_loop(), list[bool]()
        async with open_store(":memory:") as store:
            kept = build_graph(store.saver, [where(seen, here)])
            await start(kept, store, REQUEST, {}, lambda _: None, nobody)
        return seen

    assert asyncio.run(run()) == [True]


def test_what_a_listener_raises_ends_the_run(endpoint: Endpoint) -> None:
    """Whoever cannot be told of it gets no bill for the rest."""

    def listen(event: Any) -> None:
        if event["type"] == "plan":
            raise BrokenPipeError("nobody reads")

    async def run() -> str:
        async with open_store(":memory:") as store:
            with pytest.raises(BrokenPipeError):
                await start(build_graph(store.saver), store, REQUEST, {}, listen, nobody)
            return (await store.runs())[0].status

    assert asyncio.run(run()) == "interrupted"
    assert calls_of(endpoint, "synthesiser") == []


@pytest.mark.usefixtures("endpoint")
def test_messages_that_come_together_wake_a_reader_once(team: Team) -> None:
    """Twenty workers' streams are read at the same moments; each message by itself would be a wake-up, 20 µs and more."""
    tasks = many_tasks(20)
    team.planner = [plan_of(tasks)]
    team.workers = dict.fromkeys(tasks, Turn("One word follows another. " * 20, chunk_delay=0.02))

    async def run() -> tuple[int, int]:
        here, woken, messages = asyncio.get_running_loop(), 0, 0
        wake, thread = here.call_soon_threadsafe, threading.get_ident()

        def noted(*args: Any, **kwargs: Any) -> Any:
            nonlocal woken
            woken += threading.get_ident() != thread
            return wake(*args, **kwargs)

        here.call_soon_threadsafe = noted  # type: ignore[method-assign,assignment]
        async for _ in graph.astream({"request": REQUEST}, context=Context(max_subtasks=20), stream_mode="messages"):
            messages += 1
        return woken, messages

    woken, messages = asyncio.run(run())

    assert messages > 100
    assert woken < messages / 2


def test_a_cancelled_run_asks_nothing_more(endpoint: Endpoint, team: Team) -> None:
    team.planner = [Turn(plan_of(many_tasks(3)), delay=1.5)]

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(graph.ainvoke({"request": REQUEST}), 0.5)
        await asyncio.sleep(2)

    asyncio.run(run())

    assert len(endpoint.requests) == 1
