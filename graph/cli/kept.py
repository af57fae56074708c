"""Kept: the runs in a database, listed, shown and removed on the command line."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from graph import settings
from graph.cli.hints import Misused
from graph.cli.output import COMPLETE, INCOMPLETE, Output, say, stderr, write_json, write_row, write_text
from graph.cli.summary import command, standing
from graph.sanitise import one_line
from graph.store import Run, Store, default_path, open_store

T = TypeVar("T")

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60


def where_runs_are(database: str | None) -> str | Path:
    """Find the database of runs: what is given, else the environment's, else the usual one."""
    return database or settings.database() or default_path()


def with_store(database: str | None, work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the database, do something with it, and close it again."""

    async def opened() -> T:
        async with open_store(where_runs_are(database)) as store:
            return await work(store)

    return asyncio.run(opened())


def list_runs(database: str | None, *, as_json: bool) -> None:
    """List the runs, the newest first: when each was begun and how long after that it changed last, and what it has cost."""

    async def listed(store: Store) -> list[tuple[Run, list[dict[str, Any]]]]:
        return [(run, _charges(await store.notes(run.id))) for run in await store.runs()]

    found = with_store(database, listed)
    if as_json:
        write_json([{**run.as_json(), "usd": _usd(charges)} for run, charges in found])
    elif not found:
        say("no runs are kept yet")
    else:
        say(f"{'run':<8}  {'begun':<16}  {'state':<11}  last change  {'cost':>9}  request", "dim")
    for run, charges in found if not as_json else ():
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))
        usd = _usd(charges)
        cost = f"${usd:.4f}" if usd is not None else "$ unknown"
        after = f"+{_length(run.updated - run.created)}"
        write_row(f"{run.id}  {when}  {run.status:<11}  {after:>11}  {cost:>9}  {one_line(run.request)}")


def _charges(notes: Sequence[str]) -> list[dict[str, Any]]:
    return [charge for note in notes for charge in json.loads(note)]


def _usd(charges: Sequence[Mapping[str, Any]]) -> float | None:
    """Add up what requests were charged at, in USD (None: a price is unknown)."""
    known = [charge["usd"] for charge in charges if charge["usd"] is not None]
    return round(sum(known), 12) if len(known) == len(charges) else None


def _length(seconds: float) -> str:
    for unit, length in (("d", DAY_S), ("h", HOUR_S), ("min", MINUTE_S)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s"


def show_run(run_id: str, subtask: str, output: Output, database: str | None) -> int:
    """Show a run: its answer, or where it has none its plan, why it does not go on, and the command to go on with."""
    from graph.cli.application import Application
    from graph.run import billed_state, snapshot_of

    async def found(store: Store) -> tuple[Run, Any, Any]:
        run = await store.find(run_id)
        snapshot = await snapshot_of(Application().over(run.given).build(store.saver), run)
        return run, snapshot, await billed_state(store, run, snapshot)

    run, snapshot, saved = with_store(database, found)
    state = {"request": run.request, **saved}
    if subtask:
        _show_subtask(state, subtask.strip("[]").upper())
        return COMPLETE
    say(f"run {run.id}: {run.status}")
    if not state.get("answer") and not output.json:
        stderr.print()
        for text, style in standing(state, _reasons(snapshot)):
            say(text, style)
    output.write(state, run.id)
    if not state.get("complete"):
        again = ("--retry",) if state.get("answer") else ()
        say(f"To go on: {command('resume', run.id, database, *again)}")
    return COMPLETE if state.get("complete") else INCOMPLETE


def _reasons(snapshot: Any) -> list[str]:
    """Say why a run does not go on by itself: what it asks, or the error that ended it."""
    reasons = []
    for task in snapshot.tasks:
        for interrupt in task.interrupts:
            names = ", ".join(request["name"] for request in _requests(interrupt.value))
            reasons.append(f"waits for your decision on: {names}" if names else one_line(interrupt.value))
        if task.error:
            reasons.append(f"ended by an error: {one_line(task.error)}")
    return reasons


def _requests(asked: Any) -> Sequence[Mapping[str, Any]]:
    return asked.get("action_requests", ()) if isinstance(asked, Mapping) else ()


def _show_subtask(state: Mapping[str, Any], subtask: str) -> None:
    outcomes = {outcome["id"]: outcome for outcome in state.get("outcomes", [])}
    if subtask not in outcomes:
        known = ", ".join(outcomes) or "none"
        raise Misused(f"there is no subtask {subtask!r} in this run; there are: {known}")
    outcome = outcomes[subtask]
    head = f"{outcome['id']} {outcome['specialist']}, {outcome['status'].replace('_', ' ')}: {outcome['task']}"
    say(one_line(head), "dim")
    write_text(outcome["output"] or outcome["error"] or "")


def remove_run(run_id: str, database: str | None) -> None:
    """Remove a run for good, with all that was kept of it."""

    async def removed(store: Store) -> Run:
        run = await store.find(run_id)
        await store.remove(run.id)
        return run

    run = with_store(database, removed)
    say(f"run {run.id} is removed: {one_line(run.request)}")
