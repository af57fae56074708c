"""Journal: a run's requests in its database, and what of them a kill has lost."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from graph.store.runs import Store
from nodes.budget import Purse, all_charges, purse_of, spent
from nodes.context import Context

if TYPE_CHECKING:  # runs are listed without LangGraph
    from langgraph.types import StateSnapshot

    from nodes.state import Charge, Outcome

T = TypeVar("T", int, float)
Listen = Callable[[dict[str, Any]], None]


class RunJournal:
    """The journal of one run (nodes.models.notes), whichever loop makes its calls."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        lost: Sequence[Charge],
        snapshot: StateSnapshot | None,
        listen: Listen = lambda _: None,
    ) -> None:
        self._listen = listen
        self._store, self._run, self._lost = store, run_id, [*lost]
        self._allowed = _allowed(snapshot, lost) if snapshot and lost else {}
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

    def taken_over(self) -> list[Charge]:
        """Give what was lost of the planner's calls, once."""
        mine = [charge for charge in self._lost if charge["role"] == "planner"]
        self._lost = [charge for charge in self._lost if charge["role"] != "planner"]
        return mine

    async def sent(self, charge: Charge) -> str:
        """Note a request that is about to be sent."""
        note = uuid.uuid4().hex
        await self._write(note, [charge], settled=False)
        return note

    async def settled(self, note: str, charges: Sequence[Charge]) -> None:
        """Note what it was charged at in the end."""
        await self._write(note, charges, settled=True)

    async def _write(self, note: str, charges: Sequence[Charge], *, settled: bool) -> None:
        from nodes.models import post  # runs are listed without it

        loop = self._loop
        if loop is None or loop.is_closed():
            return
        event = {"type": "request", "note": note, "charges": list(charges), "settled": settled}
        post(loop, partial(self._listen, event))
        writing = self._store.note(self._run, note, json.dumps(list(charges)) if charges else None)
        if self._store.on_any_loop or loop is asyncio.get_running_loop():
            await writing
        else:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(writing, loop))


async def lost_charges(
    store: Store,
    run_id: str,
    saved: Mapping[str, Any],
    snapshot: StateSnapshot | Callable[[], Awaitable[StateSnapshot]],
) -> tuple[list[Charge], StateSnapshot | None]:
    """Find the charges that are in the journal and not in the run's state.

    Args:
        store: where the run is.
        run_id: the run's.
        saved: what is at hand of its state; may be old, or nothing.
        snapshot: its whole state, or what reads it: asked only where something is missing in what is at hand.

    Returns:
        The charges, and what was read (None: nothing needed to be).
    """
    noted = [charge for note in await store.notes(run_id) for charge in json.loads(note)]
    if not _without(noted, all_charges(saved.get("charges", []), saved.get("outcomes", []))):
        return [], None
    snapshot = await snapshot() if callable(snapshot) else snapshot
    return _without(noted, _saved(snapshot)), snapshot


def _without(noted: Iterable[Charge], saved: Iterable[Charge]) -> list[Charge]:
    rest = Counter(map(_key, noted)) - Counter(map(_key, saved))
    return [json.loads(key) for key in rest.elements()]


def _allowed(snapshot: StateSnapshot, lost: Sequence[Charge]) -> dict[str, Purse]:
    """Say what a subtask whose call was lost may spend on another try.

    Its allowance counts as spent. What the whole run has left beyond the allowances of the others is halved: one half is
    for such tries, in equal shares and none above the allowance, the other is for the synthesis.
    """
    subtasks = {subtask["id"]: subtask for subtask in snapshot.values.get("plan", {}).get("subtasks", [])}
    finished = {outcome["id"] for outcome in _outcomes(snapshot)}
    tried = {str(charge["subtask_id"]) for charge in lost} & (subtasks.keys() - finished)
    if not tried:
        return {}
    left = spent(purse_of(Context(**snapshot.values["settings"])), [*_saved(snapshot), *lost])
    others = [subtask["allowance"] for name, subtask in subtasks.items() if name not in finished | tried]
    usd = None if left.usd is None else max(0.0, left.usd - sum(allowance["usd"] or 0.0 for allowance in others))
    tokens = (
        None if left.tokens is None else max(0, left.tokens - sum(allowance["tokens"] or 0 for allowance in others))
    )
    share = Purse(None if usd is None else usd / 2 / len(tried), None if tokens is None else tokens // 2 // len(tried))
    return dict.fromkeys(tried, share)


def _least(*limits: T | None) -> T | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _saved(snapshot: StateSnapshot) -> Iterable[Charge]:
    """List the charges in the state."""
    return all_charges(snapshot.values.get("charges", []), _outcomes(snapshot))


def _outcomes(snapshot: StateSnapshot) -> list[Outcome]:
    """List the outcomes in the state, those of finished workers in a step that is not finished included."""
    fresh = unfinished_step(snapshot)
    known = {outcome["id"] for outcome in fresh}
    return [*fresh, *(outcome for outcome in snapshot.values.get("outcomes", []) if outcome["id"] not in known)]


def unfinished_step(snapshot: StateSnapshot) -> list[Outcome]:
    """List the outcomes of workers that have ended in a step that has not: an update of the state loses them."""
    results = [task.result for task in snapshot.tasks if isinstance(task.result, dict)]
    fresh: list[Any] = [outcome for result in results for outcome in result.get("outcomes", [])]
    return list(filter(lambda outcome: isinstance(outcome, dict), fresh))


def _key(charge: Charge) -> str:
    return json.dumps(charge, sort_keys=True)
