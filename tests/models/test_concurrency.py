"""Slots: how many calls are under way against one endpoint, and who goes next."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.models.concurrency import FARTHEST_APART_S, Slots, slots_of


async def use(slots: Slots, limit: int, seen: list[int], turns: int = 3) -> None:
    async with slots.hold(limit):
        seen.append(slots.in_use)
        for _ in range(turns):
            await asyncio.sleep(0)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20))
def test_limits_hold_for_any_mix(limits: list[int]) -> None:
    """Nobody gets a slot while as many as their own limit are under way; all get one in the end."""
    slots, seen = Slots(), list[tuple[int, int]]()

    async def holder_of(limit: int) -> None:
        async with slots.hold(limit):
            seen.append((slots.in_use, limit))
            await asyncio.sleep(0)

    async def everyone() -> None:
        await asyncio.gather(*(holder_of(limit) for limit in limits))

    asyncio.run(everyone())

    assert len(seen) == len(limits)
    assert [pair for pair in seen if pair[0] > pair[1]] == []
    assert slots.in_use == 0


def test_a_narrow_limit_does_not_hold_up_a_wide_one() -> None:
    """A run with a wide limit goes on while one with a narrow limit waits."""
    slots, order = Slots(), list[str]()

    async def named(name: str, limit: int) -> None:
        async with slots.hold(limit):
            order.append(name)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def everyone() -> None:
        async with slots.hold(3):
            tasks = [asyncio.create_task(named(*limited)) for limited in (("narrow", 1), ("wide 1", 3), ("wide 2", 3))]
            await asyncio.gather(*tasks[1:])
        await asyncio.gather(*tasks)

    asyncio.run(everyone())

    assert order == ["wide 1", "wide 2", "narrow"]


def test_first_come_first_served() -> None:
    """Of those with one limit, who came first goes first."""
    slots, order = Slots(), list[int]()

    async def numbered(number: int) -> None:
        async with slots.hold(1):
            order.append(number)
            await asyncio.sleep(0)

    async def everyone() -> None:
        await asyncio.gather(*(numbered(number) for number in range(6)))

    asyncio.run(everyone())

    assert order == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("woken", [False, True])
def test_a_cancelled_waiter_takes_no_slot(*, woken: bool) -> None:
    """Who is cancelled while waiting, or at the very moment of being woken, leaves the slot to the next."""
    slots, seen = Slots(), list[int]()

    async def everyone() -> None:
        holder = slots.hold(1)
        await holder.__aenter__()
        impatient = asyncio.create_task(use(slots, 1, []))
        patient = asyncio.create_task(use(slots, 1, seen))
        await asyncio.sleep(0)
        if woken:
            await holder.__aexit__(None, None, None)
            impatient.cancel()
        else:
            impatient.cancel()
            await asyncio.sleep(0)
            await holder.__aexit__(None, None, None)
        await asyncio.gather(impatient, patient, return_exceptions=True)

    asyncio.run(asyncio.wait_for(everyone(), 5))

    assert (seen, slots.in_use) == ([1], 0)


def test_an_error_inside_gives_the_slot_back() -> None:
    """A call that fails holds no slot."""
    slots = Slots()

    async def failing() -> None:
        async with slots.hold(1):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(failing())

    assert slots.in_use == 0


async def take_turn(slots: Slots) -> None:
    async with slots.turn(0):
        pass


def test_slowing_down_holds_everyone() -> None:
    """When one is told that the endpoint is too busy, all wait out the longest pause."""
    slots = Slots()
    slots.slow_down(0.1)
    slots.slow_down(0.01)
    began = time.monotonic()
    asyncio.run(take_turn(slots))

    assert 0.09 <= time.monotonic() - began < 1


def test_no_pause_no_wait() -> None:
    """Without a pause, nobody waits."""
    slots = Slots()
    slots.slow_down(-1)
    began = time.monotonic()
    asyncio.run(take_turn(slots))

    assert time.monotonic() - began < 0.09


def test_slots_belong_to_an_endpoint() -> None:
    """The same endpoint has the same slots, another has others."""
    assert slots_of("http://a") is slots_of("http://a")
    assert slots_of("http://a") is not slots_of("http://b")


def test_a_busy_endpoint_is_asked_again_in_time() -> None:
    """However often an endpoint refuses, the next request waits a bounded time: a storm today stops no run tomorrow."""
    slots = Slots()
    for _ in range(30):
        slots.slow_down(1e-9, 0.5)
        time.sleep(1e-6)

    assert slots._apart == FARTHEST_APART_S
