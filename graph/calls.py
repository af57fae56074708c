"""Calls: the journal of a run's requests in its database, and what of it a kill has lost."""

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence

from langgraph.types import StateSnapshot

from graph.store import Store
from nodes.budget import all_charges
from nodes.state import Charge


class Calls:
    """The journal of one run. Written on the loop that opened the store, whichever loop makes the call."""

    def __init__(self, store: Store, run_id: str, lost: Sequence[Charge]) -> None:
        self.lost = lost
        self._store, self._run = store, run_id
        self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()

    def close(self) -> None:
        """Write no more. A call that is still under way stays noted at the most it can cost."""
        self._loop = None

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


def _saved(snapshot: StateSnapshot) -> Iterable[Charge]:
    """List the charges in the state, those of finished workers in a step that is not finished included."""
    state = snapshot.values
    results = [task.result for task in snapshot.tasks if isinstance(task.result, dict)]
    fresh = [one for result in results for one in result.get("outcomes", []) if isinstance(one, dict)]
    known = {one["id"] for one in fresh}
    outcomes = [*fresh, *(one for one in state.get("outcomes", []) if one["id"] not in known)]
    return all_charges(state.get("charges", []), outcomes)


def _key(charge: Charge) -> str:
    return json.dumps(charge, sort_keys=True)
