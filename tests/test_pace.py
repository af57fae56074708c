"""Pace: a crowd of runs leaves room on its loop for all else."""

import asyncio

from nodes.pace import AT_A_TIME, my_turn


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
