"""Calls: the journal of a run's requests in its database, and what of it a kill has lost."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from langgraph.types import StateSnapshot

from graph.store import Store
from nodes.budget import Purse, all_charges, spent
from nodes.state import Charge, Outcome

T = TypeVar("T", int, float)


class Calls:
    """The journal of one run. Written on the loop that opened the store, whichever loop makes the call."""

    def __init__(self, store: Store, run_id: str, lost: Sequence[Charge], snapshot: StateSnapshot) -> None:
        self._store, self._run, self._lost = store, run_id, lost
        self._allowed = _allowed(snapshot, lost) if lost else {}
        self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()

    def close(self) -> None:
        """Write no more. A call that is still under way stays noted at the most it can cost."""
        self._loop = None

    def left(self, purse: Purse, subtask_id: str | None) -> Purse:
        """Take off a purse what was lost in a kill."""
        if subtask_id is None:
            return spent(purse, self._lost)
        allowed = self._allowed.get(subtask_id, purse)
        return Purse(_least(purse.usd, allowed.usd), _least(purse.tokens, allowed.tokens))

    async def sent(self, charge: Charge) -> str:
        """Note a request that is about to be sent."""
        note = uuid.uuid4().hex
        await self._write(note, [charge])
        return note

    async def settled(self, note: str, charges: Sequence[Charge]) -> None:
        """Note what it was charged at in the end."""
        await self._write(note, charges)

    async def _write(self, note: str, charges: Sequence[Charge]) -> None:
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        writing = self._store.note(self._run, note, json.dumps(list(charges)) if charges else None)
        if loop is asyncio.get_running_loop():
            await writing
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(writing, loop))


async def lost_calls(store: Store, run_id: str, snapshot: StateSnapshot) -> list[Charge]:
    """Find the charges that are in the journal and not in the run's state."""
    noted = [charge for note in await store.notes(run_id) for charge in json.loads(note)]
    rest = Counter(map(_key, noted)) - Counter(map(_key, _saved(snapshot)))
    return [json.loads(key) for key in rest.elements()]


def _allowed(snapshot: StateSnapshot, lost: Sequence[Charge]) -> dict[str, Purse]:
    """Say what a subtask whose call was lost may spend on another try.

    That is its allowance without what was lost, and a share of what finished subtasks have left of theirs: so the plan
    as a whole still costs no more than it was given.
    """
    allowances = {one["id"]: one["allowance"] for one in snapshot.values.get("plan", {}).get("subtasks", [])}
    finished = {outcome["id"]: outcome["charges"] for outcome in _outcomes(snapshot)}
    tried = {charge["subtask_id"] for charge in lost if charge["subtask_id"]} & allowances.keys() - finished.keys()

    def each(kind: str, cost: Callable[[Charge], float]) -> dict[str, float]:
        paid = {one: sum(map(cost, finished.get(one, []))) for one in allowances}
        gone = {one: sum(cost(charge) for charge in lost if charge["subtask_id"] == one) for one in allowances}
        rest = {one: allowances[one][kind] - paid[one] - gone[one] for one in allowances}
        share = max(0.0, sum(rest[one] for one in allowances if one in finished)) / max(1, len(tried))
        return {one: min(allowances[one][kind], max(0.0, rest[one]) + share) for one in tried}

    limited = next(iter(allowances.values()), {"usd": None, "tokens": None})
    usd = each("usd", lambda charge: charge["usd"] or 0.0) if limited["usd"] is not None else {}
    counted = limited["tokens"] is not None
    tokens = each("tokens", lambda charge: charge["input_tokens"] + charge["output_tokens"]) if counted else {}
    return {one: Purse(usd.get(one), int(tokens[one]) if one in tokens else None) for one in tried}


def _least(one: T | None, other: T | None) -> T | None:
    return min((limit for limit in (one, other) if limit is not None), default=None)


def _saved(snapshot: StateSnapshot) -> Iterable[Charge]:
    """List the charges in the state."""
    return all_charges(snapshot.values.get("charges", []), _outcomes(snapshot))


def _outcomes(snapshot: StateSnapshot) -> list[Outcome]:
    """List the outcomes in the state, those of finished workers in a step that is not finished included."""
    results = [task.result for task in snapshot.tasks if isinstance(task.result, dict)]
    fresh = [one for result in results for one in result.get("outcomes", []) if isinstance(one, dict)]
    known = {one["id"] for one in fresh}
    return [*fresh, *(one for one in snapshot.values.get("outcomes", []) if one["id"] not in known)]


def _key(charge: Charge) -> str:
    return json.dumps(charge, sort_keys=True)
