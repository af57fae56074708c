"""Kill: kill -9 in the middle of a run, and what a resume makes of it."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import StateSnapshot

from graph.build import build_graph
from graph.run import billed_state, config_of
from graph.store import RunJournal, open_store
from nodes.models.loop import on_engine
from nodes.state import Charge
from tests.endpoint import Endpoint
from tests.keeper import Keeper
from tests.minds import MODEL, calls_of, join_all, plan_of, role_of, specialist_of
from tests.turn import Body, Turn

WORDS = ["astronomy", "botany", "carpentry", "drainage", "electricity", "forestry", "geology", "heraldry", "insurance", "joinery", "knitting", "lighting", "masonry", "navigation", "optics", "plumbing", "quarrying", "roofing", "surveying", "tailoring"]  # fmt: skip
NAMES = [f"{word} adviser" for word in WORDS]
GIVEN = {"max_subtasks": 20, "max_parallel": 8}
CEILING = 150_000  # tokens
KILLS = 5  # of one run; four runs make the twenty


class Slow:
    """A team of twenty; its planner never says the same twice, its workers take their time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.plans = 0

    def __call__(self, body: Body) -> Turn:
        """Answer one request, a little later."""
        role = role_of(body)
        delay = self.random.uniform(0.01, 0.06)
        if role == "planner":
            self.plans += 1
            tasks = {
                name: f"{word} {word} {word}: tell all, plan {self.plans}."
                for name, word in zip(NAMES, WORDS, strict=True)
            }
            return Turn(plan_of(tasks), delay=delay, chunk=500)
        if role == "worker":
            return Turn(f"The {specialist_of(body)} has done it.", delay=delay)
        return Turn(join_all(body), delay=delay)


async def saved(where: str | Path) -> tuple[str, dict[str, Any], set[str]]:
    """Read the run that is kept: its id, its plan, and the specialists whose results are safe."""
    async with open_store(where) as store:
        (run,) = await store.runs()
        snapshot = await build_graph(checkpointer=store.saver).aget_state(config_of(run))
    done = [*snapshot.values.get("outcomes", [])]
    done += [
        outcome
        for task in snapshot.tasks
        for outcome in ((task.result or {}).get("outcomes") or [])
        if isinstance(outcome, dict)
    ]
    return run.id, snapshot.values.get("plan") or {}, {outcome["specialist"] for outcome in done}


async def listed(where: str | Path) -> tuple[str, dict[str, Any]]:
    """Read how the run that is kept is listed, and the bill that is shown of it."""
    async with open_store(where) as store:
        (run,) = await store.runs()
        snapshot = await build_graph(checkpointer=store.saver).aget_state(config_of(run))
        return run.status, dict((await billed_state(store, run, snapshot))["spend"])


def asked(endpoint: Endpoint) -> Counter[str]:
    """Count the calls that each specialist got."""
    return Counter(specialist_of(call.body) for call in calls_of(endpoint, "worker"))


def killed_at(keeper: Keeper, endpoint: Endpoint, calls: int, later: float, **job: Any) -> bool:
    """Begin a job and kill it some time after so many calls; True if it was still at work then."""
    before = len(endpoint.requests)
    process, deadline = keeper.begin(**job), time.monotonic() + 30
    while len(endpoint.requests) < before + calls and not keeper.out.exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(later)
    os.kill(process, signal.SIGKILL)  # forked, and not waited for before ended(): the id is still its own
    return keeper.ended() is None


def torment(
    keeper: Keeper, endpoint: Endpoint, seed: int, given: dict[str, Any] | None = None
) -> tuple[dict[str, Any], int]:
    """Kill a run again and again and let it end; check after every kill that nothing finished is asked again."""
    moments, kills, allowed = random.Random(seed), 0, Counter[str]()
    job: dict[str, Any] = {"request": "Tell all about twenty trades.", "given": given or GIVEN}
    for _ in range(KILLS):
        before = asked(endpoint)
        kills += killed_at(keeper, endpoint, moments.randint(1, 5), moments.uniform(0, 0.02), **job)
        run_id, plan, done = asyncio.run(saved(keeper.where))
        allowed.update(set(asked(endpoint) - before) - done)
        job = {"id": run_id}
        if plan:
            job["plan"] = plan
    state = keeper.do(**job)

    assert not [name for name, calls in asked(endpoint).items() if calls > 1 + allowed[name]]
    assert state["plan"] == job.get("plan", state["plan"])
    return state, kills


def keeper(folder: Path, endpoint: Endpoint) -> Keeper:
    """Keep runs in a file, and ask this endpoint."""
    environment = {"OPENAI_BASE_URL": endpoint.url, "OPENAI_API_KEY": "sk-x", "ORCHESTRATOR_MODEL": MODEL}
    return Keeper(folder, folder / "runs.db", **environment)


@pytest.mark.parametrize("seed", range(4))
def test_killed_again_and_again(tmp_path: Path, seed: int) -> None:
    """Killed at five random moments, a run of twenty workers ends with its plan, its work and an honest bill."""
    with Endpoint(Slow(seed)) as endpoint, keeper(tmp_path, endpoint) as kept:
        state, kills = torment(kept, endpoint, seed)
        answered = [call for call in endpoint.requests if call.finished and not call.gone]
        requests = len(endpoint.requests)

    assert [outcome["status"] for outcome in state["outcomes"]] == ["done"] * 20
    assert (state["complete"], kills) == (True, KILLS)
    assert len(answered) <= state["spend"]["calls"] <= requests + 8 * KILLS
    assert requests <= 22 + 10 * KILLS  # eight under way, and what was answered and on its way into the database


@pytest.mark.parametrize("seed", range(2))
def test_the_ceiling_holds_over_kills(tmp_path: Path, seed: int) -> None:
    """What was lost in kills is counted at its most against the budget, and the run still ends with an answer."""
    with Endpoint(Slow(seed)) as endpoint, keeper(tmp_path, endpoint) as kept:
        state, _ = torment(kept, endpoint, seed, {**GIVEN, "budget_tokens": CEILING})
    spend = state["spend"]

    assert (len(state["outcomes"]), bool(state["answer"])) == (len(state["plan"]["subtasks"]), True)
    assert {outcome["status"] for outcome in state["outcomes"]} <= {"done", "over_budget"}
    assert (spend["input_tokens"] + spend["output_tokens"] <= CEILING, spend["unknown"] > 0) == (True, True)


def test_a_note_costs_little(tmp_path: Path) -> None:
    """Noting a call before it and after it takes a small part of the time of any call."""
    charge = Charge(
        role="worker", subtask_id="S1", round=1, model="gpt-4o", input_tokens=9, output_tokens=9, usd=0.1, known=True
    )

    async def noting(times: int = 200) -> float:
        async with open_store(tmp_path / "runs.db") as store:
            calls = RunJournal(store, "ab", [], StateSnapshot({}, (), {}, None, None, None, (), ()))

            async def both() -> None:
                for _ in range(times):
                    await calls.settled(await calls.sent(charge), [charge])

            began = time.perf_counter()
            await on_engine(both())
            return (time.perf_counter() - began) / times

    assert asyncio.run(noting()) < 0.01  # seconds; it is 0.0004 where nothing else runs


@pytest.mark.parametrize("lost", [False, True])
def test_killed_just_after_the_last_checkpoint(tmp_path: Path, *, lost: bool) -> None:
    """A run killed there is listed as complete with its whole bill, a call lost before included; a resume asks nobody."""
    job: dict[str, Any] = {"request": "Tell all about twenty trades.", "given": GIVEN}
    with Endpoint(Slow(3)) as endpoint, keeper(tmp_path, endpoint) as kept:
        if lost:
            killed_at(kept, endpoint, 12, 0.0, **job)
            job = {"id": asyncio.run(saved(kept.where))[0]}
        kept.begin(**job, dies=True)
        killed, requests = kept.ended() is None, len(endpoint.requests)
        status, bill = asyncio.run(listed(kept.where))
        again = kept.do(id=asyncio.run(saved(kept.where))[0])
        answered = [call for call in endpoint.requests if call.finished and not call.gone]

    assert (killed, status, again["complete"]) == (True, "complete", True)
    assert (len(endpoint.requests), again["spend"]) == (requests, bill)
    most = requests + lost * GIVEN["max_parallel"]  # a kill may come between a call's note and its sending
    assert (len(answered) <= bill["calls"] <= most, bill["unknown"] > 0) == (True, lost)


def test_a_kill_and_then_a_failed_synthesis(tmp_path: Path) -> None:
    """What a kill has lost is on the bill of a run whose synthesis fails, and once on that of the next resume."""
    slow = Slow(3)

    def failing(body: Body) -> Turn:
        return Turn(fault="404") if role_of(body) == "synthesiser" else slow(body)

    with Endpoint(failing) as endpoint, keeper(tmp_path, endpoint) as kept:
        killed = killed_at(kept, endpoint, 12, 0.0, request="Tell all about twenty trades.", given=GIVEN)
        run_id, _, _ = asyncio.run(saved(kept.where))
        states = [kept.do(id=run_id), kept.do(id=run_id)]
        endpoint.mind = slow
        states.append(kept.do(id=run_id))
    bills = [state["spend"]["calls"] for state in states]

    assert (killed, [state["complete"] for state in states]) == (True, [False, False, True])
    assert (bills[1] - bills[0], bills[2] - bills[1]) == (0, 1)  # a 404 costs nothing
    assert states[2]["spend"]["unknown"] > 0
