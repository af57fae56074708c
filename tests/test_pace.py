"""Pace: a crowd of runs leaves room on its loop for all else."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from nodes.pace import AT_A_TIME, CROWD, LONG_S, OFTEN, RARELY, my_turn, under_way


async def _crowd(size: int) -> list[int]:
    """Let many go on at once; count those that have at each iteration of the loop."""
    on, seen = list[int](), list[int]()

    async def go_on(number: int) -> None:
        await my_turn()
        on.append(number)

    crowd = asyncio.gather(*map(go_on, range(size)))
    while len(on) < size:
        await asyncio.sleep(0)
        seen.append(len(on))
    await crowd
    assert on == sorted(on)
    return seen


def test_few_at_once() -> None:
    """In one iteration of the loop no more go on than its pace allows, in their order, and all do in the end."""
    seen = asyncio.run(_crowd(10 * AT_A_TIME))

    assert max(later - before for before, later in zip([0, *seen], seen, strict=False)) == AT_A_TIME


def test_nobody_waits_alone() -> None:
    """Where few want to go on they do so at once."""
    seen = asyncio.run(_crowd(AT_A_TIME))

    assert seen == [AT_A_TIME]


def test_cancelled_takes_no_place() -> None:
    """Who is cancelled while it waits takes nobody's place, and the others go on."""

    async def crowd() -> list[BaseException | None]:
        tasks = [asyncio.create_task(my_turn()) for _ in range(3 * AT_A_TIME)]
        await asyncio.sleep(0)
        for task in tasks[AT_A_TIME : 2 * AT_A_TIME]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    ends = [type(end) for end in asyncio.run(crowd())]

    assert ends == [type(None)] * AT_A_TIME + [asyncio.CancelledError] * AT_A_TIME + [type(None)] * AT_A_TIME


def _work(seconds: float) -> None:
    """Hold up the loop."""
    time.sleep(seconds)


def test_fewer_after_a_long_iteration() -> None:
    """While iterations take long ever fewer go on in one; one at least."""

    async def crowd() -> list[int]:
        on, seen = list[int](), list[int]()

        async def go_on(number: int) -> None:
            await my_turn()
            on.append(number)
            _work(2 * LONG_S / AT_A_TIME if len(on) <= 2 * AT_A_TIME else 2 * LONG_S)

        tasks = asyncio.gather(*map(go_on, range(4 * AT_A_TIME)))
        while len(on) < 4 * AT_A_TIME:
            await asyncio.sleep(0)
            seen.append(len(on))
        await tasks
        return [later - before for before, later in zip([0, *seen], seen, strict=False)]

    steps = asyncio.run(crowd())

    assert steps[0] == AT_A_TIME
    assert steps[-1] == 1
    assert sum(steps) == 4 * AT_A_TIME


@pytest.fixture
def thresholds() -> Iterator[tuple[int, int, int]]:
    """Python's own, whatever this process has."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield 700, 10, 10
    gc.set_threshold(*before)


def test_a_crowd_is_not_looked_through_again_and_again(thresholds: tuple[int, int, int]) -> None:
    """From the first to the last moment of a crowd garbage is collected otherwise; then as before."""
    with ExitStack() as runs:
        for _ in range(CROWD - 1):
            runs.enter_context(under_way())
        few = gc.get_threshold()
        with under_way():
            many = gc.get_threshold()
            with under_way():
                more = gc.get_threshold()
            one_less = gc.get_threshold()
        few_again = gc.get_threshold()

    assert few == few_again == gc.get_threshold() == thresholds
    assert many == more == one_less == (700, OFTEN, RARELY)


@pytest.mark.usefixtures("thresholds")
def test_what_others_set_stays() -> None:
    """Where somebody else sets the thresholds, theirs hold."""
    with ExitStack() as runs:
        for _ in range(CROWD):
            runs.enter_context(under_way())
        gc.set_threshold(900, 9, 9)

    assert gc.get_threshold() == (900, 9, 9)
