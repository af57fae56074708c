"""Shared: what all processes of a host keep in Redis: places at an endpoint, and what runs and days have cost."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from math import ceil
from typing import Any

from graph import settings
from nodes.errors import BadSettings
from nodes.langgraph_private import var_child_runnable_config
from nodes.models import HOLDS, WATCHES, GateShut, OverBudget, Sending

LEASE_S = 15.0  # a place of a process that was killed is free again after it
PAUSE_S = (0.02, 0.1)  # between two looks for a free place
DAY_S, KEPT_S = 2 * 86_400, 7 * 86_400  # how long what a day and a run have cost is kept
TOKENS, MONEY = "tokens", "millionths of a dollar"
log = logging.getLogger(__name__)
MICRO = 1_000_000  # money is counted in millionths of a dollar: whole numbers add up exactly
RESERVE = """
local total = redis.call('get', KEYS[1]) or 0
total = total + ARGV[1]
if total <= tonumber(ARGV[2]) then
    redis.call('incrby', KEYS[1], ARGV[1])
    redis.call('expire', KEYS[1], ARGV[3])
end
return total
"""  # in one go: who is refused holds up nobody who asks meanwhile


def share() -> None:
    """Let every call of this process go by what the host shares, where ORCHESTRATOR_REDIS_URL names it.

    Raises:
        BadSettings: the extra is missing, or the daily budget is no number.
    """
    url, daily = settings.said("REDIS_URL"), settings.daily_usd()
    if url is None:
        return
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import ExponentialBackoff
    except ImportError as error:
        raise BadSettings(
            f"ORCHESTRATOR_REDIS_URL needs the extra 'redis': pip install 'orchestrator-workers[redis]' ({error})"
        ) from None
    retry = Retry(ExponentialBackoff(cap=2.0, base=0.05), 10)  # a restart is waited out
    shared = Shared(Redis.from_url(url, decode_responses=True, retry=retry), daily)
    HOLDS["shared"], WATCHES["shared"] = shared.hold, shared.account


@dataclass(frozen=True)
class Shared:
    """A Redis that the processes share; used on the engine loop alone."""

    redis: Any
    daily_usd: float | None

    @asynccontextmanager
    async def hold(self, endpoint: str, limit: int) -> AsyncIterator[None]:
        """Wait for one of `limit` places at an endpoint, over all processes; each is a lock with a lease.

        Raises:
            GateShut: Redis is away.
        """
        place = sha256(endpoint.encode()).hexdigest()[:16]  # an address may hold a password
        names = [f"orchestrator:place:{place}:{number}" for number in range(limit)]
        with _needed():
            lock = await self._one_of(names)
        renewing = asyncio.create_task(_renew(lock))
        try:
            yield
        finally:
            renewing.cancel()
            with _spared("a place was not given back"):  # or it ran out: the process stood still
                await lock.release()

    async def _one_of(self, names: list[str]) -> Any:
        while True:
            taken = await self.redis.mget(names)
            free = [name for name, holder in zip(names, taken, strict=True) if holder is None]
            if free:
                lock = self.redis.lock(random.choice(free), timeout=LEASE_S)  # noqa: S311 - no secret
                if await lock.acquire(blocking=False):
                    return lock
            else:
                await asyncio.sleep(random.uniform(*PAUSE_S))  # noqa: S311 - no secret

    @asynccontextmanager
    async def account(self, sending: Sending) -> AsyncIterator[None]:
        """Reserve the most that a request can cost, and give back what it did not.

        What a process that was killed had reserved stays: nobody knows what it has cost.

        Raises:
            OverBudget: it does not fit what the day, or the run, has left.
            GateShut: Redis is away.
        """
        before, most = len(sending.charges), sending.most
        wanted = {TOKENS: most["input_tokens"] + most["output_tokens"], MONEY: _micro(most["usd"])}
        reserved: list[tuple[str, int, str]] = []
        try:
            for key, limit, unit, kept in self._limits(sending):
                with _needed():
                    reserved.append((key, await self._reserve(key, limit, wanted[unit], unit, kept), unit))
            yield
        finally:
            charges = sending.charges[before:]  # none where nothing was sent
            paid = sum(
                wanted[MONEY] or 0 if charge["usd"] is None else _micro(charge["usd"]) or 0 for charge in charges
            )
            came_to = {TOKENS: sum(charge["input_tokens"] + charge["output_tokens"] for charge in charges), MONEY: paid}
            for key, amount, unit in reserved:
                with _spared(f"what was reserved stays in {key}"):
                    await self.redis.decrby(key, amount - came_to[unit])

    async def _reserve(self, key: str, limit: int, amount: int | None, unit: str, kept: int) -> int:
        if amount is None:
            raise BadSettings("ORCHESTRATOR_DAILY_USD: the price of a model is not known; set ORCHESTRATOR_PRICES")
        total = await self.redis.register_script(RESERVE)(keys=[key], args=[amount, limit, kept])
        if total > limit:
            whose = (
                "today's budget of the host" if ":day:" in key else "the run's budget, with what was lost on the way"
            )
            raise OverBudget(f"This call may take {amount} {unit}; left of {whose}: {max(0, limit - total + amount)}.")
        return amount

    def _limits(self, sending: Sending) -> list[tuple[str, int, str, int]]:
        """List what a request counts against: (key, limit, unit, seconds to keep it)."""
        asked, limits = sending.call.settings, []
        if self.daily_usd is not None:
            day = datetime.now(UTC).date().isoformat()
            limits.append((f"orchestrator:day:{day}", int(self.daily_usd * MICRO), MONEY, DAY_S))
        run = (var_child_runnable_config.get() or {}).get("configurable", {}).get("run_id")
        if run is not None and asked.budget_usd is not None:
            limits.append((f"orchestrator:run:{run}:usd", int(asked.budget_usd * MICRO), MONEY, KEPT_S))
        if run is not None and asked.budget_tokens is not None:
            limits.append((f"orchestrator:run:{run}:tokens", asked.budget_tokens, TOKENS, KEPT_S))
        return limits


async def _renew(lock: Any) -> None:
    """Keep a place for as long as it is held, and over a Redis that is away for a while."""
    while True:
        await asyncio.sleep(LEASE_S / 3)
        with _spared("a place was not renewed"):
            await lock.reacquire()


@contextmanager
def _needed() -> Iterator[None]:
    from redis.exceptions import RedisError  # the extra; who is here has it

    try:
        yield
    except RedisError as error:
        raise GateShut(
            f"What the host shares cannot be reached. Is the Redis of ORCHESTRATOR_REDIS_URL up? ({error})"
        ) from None


@contextmanager
def _spared(what: str) -> Iterator[None]:
    """Log what Redis did not take: it is no reason to lose a reply that is paid."""
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        log.warning("Redis: %s (%s)", what, error)


def _micro(usd: float | None) -> int | None:
    return None if usd is None else ceil(usd * MICRO)
