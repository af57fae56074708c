"""The SQLite saver: what of a run's steps is written, and what a run that is left has kept."""

import asyncio
from collections import Counter
from contextlib import aclosing
from typing import Any

import pytest

from graph import build_graph
from graph.store import Store, open_store
from graph.store import connection as module
from tests.endpoint import Endpoint
from tests.minds import REQUEST, TASKS, Team, calls_of, specialist_of
from tests.turn import Turn

KEPT: Any = {"configurable": {"thread_id": "one"}}


async def tasks_in(store: Store) -> int:
    """Count what tasks have written that no step's end has made worthless."""
    return int((await store.rows("select count(*) from writes"))[0][0])


@pytest.mark.usefixtures("endpoint")
def test_a_step_that_ends_at_once_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end holds what its tasks have come to."""
    monkeypatch.setattr(module, "HELD_S", 5.0)

    async def run() -> tuple[Any, int, list[Any]]:
        async with open_store(":memory:") as store:
            kept = build_graph(store.saver)
            state = await kept.ainvoke({"request": REQUEST}, KEPT)
            steps = [saved async for saved in kept.aget_state_history(KEPT)]
            return state, await tasks_in(store), [step.next for step in reversed(steps)]

    state, tasks, steps = asyncio.run(run())

    assert state["complete"]
    assert tasks == 0
    assert steps == [("__start__",), ("planner",), ("validator",), ("worker",) * 3, ("synthesiser",), ()]


def test_a_task_that_is_done_before_its_step_is_kept(endpoint: Endpoint, team: Team) -> None:
    """Whoever leaves in the midst of a step pays for it once."""
    first, *others = TASKS
    team.workers = dict.fromkeys(others, Turn("Done.", delay=1.0))

    async def run() -> tuple[int, Any]:
        async with open_store(":memory:") as store:
            kept = build_graph(store.saver)
            updates: Any = kept.astream({"request": REQUEST}, KEPT, stream_mode="updates")
            async with aclosing(updates):
                async for update in updates:
                    if "worker" in update:
                        break
            return await tasks_in(store), await kept.ainvoke(None, KEPT)

    tasks, state = asyncio.run(run())

    assert tasks > 0
    assert state["complete"]
    assert len(calls_of(endpoint, "planner")) == 1
    assert Counter(specialist_of(call.body) for call in calls_of(endpoint, "worker")) == {
        first: 1,
        **dict.fromkeys(others, 2),
    }
