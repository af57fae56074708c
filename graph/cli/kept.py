"""Kept: the runs in a database, listed, shown and removed on the command line."""

import json
import time
from ast import literal_eval
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graph import settings
from graph.cli.hints import Misused
from graph.cli.output import (
    COMPLETE,
    INCOMPLETE,
    ResultWriter,
    say,
    stderr,
    write_bytes,
    write_file,
    write_list,
    write_text,
)
from graph.cli.summary import command, standing
from graph.sanitise import one_line
from graph.store import Run, Store, default_path, open_store
from nodes.budget import summed
from nodes.errors import BadSettings

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60


def where_runs_are(database: str | None) -> str | Path:
    """Find the database of runs: what is given, else the environment's, else the usual one."""
    return database or settings.said("DB") or default_path()


async def list_runs(database: str | None, *, as_json: bool) -> None:
    """List the runs, the newest first: when each was begun and how long after that it changed last, and what it has cost."""
    async with open_store(where_runs_are(database)) as store:
        costs = [(run, await _usd(store, run)) for run in await store.runs()]
    if not as_json:
        head = f"{'run':<8}  {'begun':<16}  {'state':<11}  last change  {'cost':>9}  request"
        say(head if costs else "no runs are kept yet", "dim")
    write_list([{**asdict(run), "usd": usd} for run, usd in costs], _row, as_json=as_json)


def _row(run: Mapping[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run["created"]))
    cost = f"${run['usd']:.4f}" if run["usd"] is not None else "$ unknown"
    after = f"+{_length(run['updated'] - run['created'])}"
    return f"{run['id']}  {when}  {run['status']:<11}  {after:>11}  {cost:>9}  {one_line(run['request'])}"


async def _usd(store: Store, run: Run) -> float | None:
    """Add up what a run's requests were charged at, in USD (None: a price is unknown)."""
    usd: float | None = summed(charge for note in await store.notes(run.id) for charge in json.loads(note))["usd"]
    return usd


def _length(seconds: float) -> str:
    for unit, length in (("d", DAY_S), ("h", HOUR_S), ("min", MINUTE_S)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.1f} s"


async def state_of(run_id: str, database: str | None) -> tuple[Run, Any, dict[str, Any]]:
    """Read a run: how it is listed, its snapshot, and its state with its bill."""
    from graph.application import Application
    from graph.run import billed_state, snapshot_of

    async with open_store(where_runs_are(database)) as store:
        run = await store.find(run_id)
        snapshot = await snapshot_of(Application().over(run.given).build(store.saver), run)
        saved = await billed_state(store, run, snapshot)
    return run, snapshot, {"request": run.request, **saved}


async def write_report(run_id: str, kind: str, out: Path | None, database: str | None) -> None:
    """Write a run to a file, RUN.html where none is named; to stdout for "-"."""
    from graph.report import FORMATS, written

    if kind not in FORMATS:
        raise Misused(f"--format {kind}: expected {', '.join(FORMATS)}")
    run, _, state = await state_of(run_id, database)
    out = out or Path(f"{run.id}.{kind}")
    content = written(state, kind)
    if str(out) == "-":
        write_bytes(content)
    else:
        write_file("--out", out, content)


async def show_run(run_id: str, subtask: str, output: ResultWriter, database: str | None) -> int:
    """Show a run: its answer, or where it has none its plan, why it does not go on, and the command to go on with."""
    run, snapshot, state = await state_of(run_id, database)
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
    from nodes.control import LEFT  # runs are listed without LangGraph

    reasons = []
    for task in snapshot.tasks:
        for interrupt in task.interrupts:
            if interrupt.value == {"type": LEFT}:
                reasons.append("it was told to leave off before all was begun")
                continue
            asked = interrupt.value.get("action_requests", ()) if isinstance(interrupt.value, Mapping) else ()
            names = ", ".join(request["name"] for request in asked)
            reasons.append(f"waits for your decision on: {names}" if names else one_line(interrupt.value))
        if task.error:
            reasons.append(f"ended by an error: {one_line(_error_text(str(task.error)))}")
    return list(dict.fromkeys(reasons))


def _error_text(kept: str) -> str:
    """Read an error that is kept as its repr; what became of each subtask is told above."""
    with suppress(ValueError, SyntaxError):
        return str(literal_eval(kept.partition("(")[2].removesuffix(")"))).partition(":\n- ")[0]
    return kept


def _show_subtask(state: Mapping[str, Any], subtask: str) -> None:
    outcomes = {outcome["id"]: outcome for outcome in state.get("outcomes", [])}
    if subtask not in outcomes:
        known = ", ".join(outcomes) or "none"
        raise Misused(f"there is no subtask {subtask!r} in this run; there are: {known}")
    outcome = outcomes[subtask]
    head = f"{outcome['id']} {outcome['specialist']}, {outcome['status'].replace('_', ' ')}: {outcome['task']}"
    say(one_line(head), "dim")
    write_text(outcome["output"] or outcome["error"] or "")


async def rate_run(run_id: str, database: str | None, *, good: bool, why: str) -> None:
    """Send a person's word on a run to LangSmith.

    Raises:
        BadSettings: LangSmith is not set up, does not answer, or the run was not traced.
    """
    from graph.trace import rate, takes_feedback

    async with open_store(where_runs_are(database)) as store:
        run = await store.find(run_id)
    from graph.run import TRACE

    known = run.given.get(TRACE)
    if not known or not takes_feedback():
        raise BadSettings(
            "set LANGSMITH_TRACING=true and LANGSMITH_API_KEY, as they were when the run was made: its word is sent there"
        )
    rate(known, good=good, why=why)
    say(f"run {run.id} is rated {'good' if good else 'bad'}")


async def remove_runs(run_ids: Sequence[str], database: str | None) -> None:
    """Remove runs for good, with all that was kept of them."""
    async with open_store(where_runs_are(database)) as store:
        for run_id in run_ids:
            run = await store.find(run_id)
            async with store.hold(run.id):
                await store.remove(run.id)
            say(f"run {run.id} is removed: {one_line(run.request)}")


async def give_order(run_id: str, order: Mapping[str, Any], database: str | None) -> bool:
    """Leave word for the process that is at work on a run; say whether there is one."""
    async with open_store(where_runs_are(database)) as store:
        run = await store.find(run_id)
        if run.status != "running":
            return False
        await store.order(run.id, order)
    say(f"run {run.id} is told: {order['do']} {order.get('subtask', '')}".rstrip())
    return True
