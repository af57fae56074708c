"""Run: a run that is kept, from its start to its end, and on from where it stopped."""

import asyncio
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot
from langsmith import uuid7

from graph.assembly import SPECIALISTS_KEPT
from graph.build import whole
from graph.compiled import Graph
from graph.follow import Decide, Following, Listen, Waiting
from graph.orders import Orders
from graph.retry import retry as what_to_retry
from graph.retry import write_up
from graph.store import Run, RunJournal, RunStatus, Store, StoreError, lost_charges, unfinished_step
from graph.trace import named
from nodes.attachments import as_given, read_attachments
from nodes.budget import all_charges, totals
from nodes.control import Control
from nodes.earlier import read_earlier
from nodes.errors import BadRequest, BadSettings, OrchestratorError
from nodes.langgraph_private import make_ids_newer_than
from nodes.models import run_journal
from nodes.state import Context, State, in_plan_order

TRACE = "trace"  # the id of its run in LangSmith, beside the settings that were given: `rate` finds it there
DOCUMENTS = "documents"  # the names of those that came with it, beside the settings that were given
AFTER = "goes on from"  # the id of a run, beside the settings that were given


async def start(
    graph: Graph,
    store: Store,
    request: str,
    given: Mapping[str, Any],
    listen: Listen,
    decide: Decide,
    control: Control | None = None,
    documents: Sequence[Mapping[str, str]] = (),
) -> tuple[str, State]:
    """Begin a run that is kept, and follow it to its end. Where AFTER is given, the request goes on from that run.

    Its documents come as nodes.state.Input takes them; they are kept in its state.

    Returns:
        The run's id and its final state.

    Raises:
        BadRequest: nothing came of the run that it goes on from; says what can still be done.
    """
    sent = await _input(graph, store, request, given)
    if documents:
        await asyncio.to_thread(read_attachments, [*documents])  # what is wrong is told before anything is kept
        sent["documents"], given = [*documents], {**given, DOCUMENTS: [document["name"] for document in documents]}
    run = Run.new(uuid.uuid4().hex[:8], request, {**given, TRACE: str(uuid7())})
    await store.add(run)
    async with store.hold(run.id):
        work = _Work(graph, store, run, listen, decide, control or Control())
        return run.id, await work.to_the_end(sent)


async def _input(graph: Graph, store: Store, request: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Write a run's input, with what is taken of the run that it goes on from."""
    if not given.get(AFTER):
        return {"request": request}
    before = await store.find(given[AFTER])
    values = {"request": before.request, **(await snapshot_of(graph, before)).values}
    try:
        return {
            "request": request,
            "after": read_earlier(values, request),
            "documents": as_given(values.get("attachments", [])),
        }
    except BadRequest:
        raise BadRequest(
            f"run {before.id} has no result to go on from. `orchestrate show {before.id}` says why, `orchestrate resume "
            f"{before.id}` goes on with it (finished work is kept), or give the whole request anew"
        ) from None


async def resume(
    graph: Graph,
    store: Store,
    run: Run,
    listen: Listen,
    decide: Decide,
    *,
    retry: bool = False,
    only: Collection[str] = (),
    settings: Mapping[str, Any] | None = None,
    advice: Mapping[str, str] | None = None,
    writing_up: bool = False,
    control: Control | None = None,
) -> State:
    """Go on with a saved run, and follow it to its end. Where there is nothing to do, that is told as an event.

    Args:
        graph: built with the store's saver as its checkpointer.
        store: where the run is.
        run: as the store has found it.
        listen: is told what happens (nodes.events.Event).
        decide: is asked what a person has to decide.
        retry: do again what failed, timed out, ran over its budget or was dropped, and then the synthesis.
        only: do these subtasks again, such as ["S3"], and then the synthesis.
        settings: others than the run began with, for what is done again; they mean `retry`.
        advice: a person's words on subtasks that are done again, by their ids.
        writing_up: do no more of the work, and write the answer from what is finished.
        control: a person's hand on it.

    Raises:
        RunBusy: another process is at work on it.
        RunTooOld: it was saved by another version.
        BadSettings: a specialist is gone that a subtask still needs; or a setting is no good.
    """
    run.check_version()
    work = _Work(graph, store, run, listen, decide, control or Control())
    async with store.hold(run.id):
        snapshot = await snapshot_of(graph, run)
        state: State = snapshot.values  # type: ignore[assignment]
        if not state or (settings and "settings" not in state):  # nothing has been planned: it begins again
            if run.given.get(DOCUMENTS):
                raise BadRequest(f"run {run.id} was ended before it had a plan; begin it anew, with its documents")
            changed = {**run.given, **(settings or {})}
            return await work.to_the_end(await _input(graph, store, run.request, run.given), changed)
        make_ids_newer_than(snapshot.config["configurable"]["checkpoint_id"])
        tell_so_far(state, listen, work.control)
        if retry or only or settings or writing_up:
            fresh = unfinished_step(snapshot)
            state = {**state, "outcomes": in_plan_order(state.get("outcomes", []), fresh)}
            update = write_up(state) if writing_up else what_to_retry(state, only, settings, advice)
            if update is None:
                return await work.nothing_to_do(state, "nothing failed or was dropped, so there is nothing to do again")
            _check_specialists(graph, snapshot, listen)
            values = {**update.values, "outcomes": [*fresh, *update.values.get("outcomes", [])]}
            await graph.aupdate_state(config_of(run), values, as_node=update.as_node)
        elif not snapshot.next and state.get("answer"):
            return await work.nothing_to_do(state, "it is finished, so there is nothing to do")
        else:
            _check_specialists(graph, snapshot, listen)
        return await work.to_the_end(None)


async def billed_state(store: Store, run: Run, snapshot: StateSnapshot) -> State:
    """Give what a saved run has come to, with what a kill has lost on its bill."""
    state: State = snapshot.values  # type: ignore[assignment]
    lost, _ = await lost_charges(store, run.id, state, snapshot)
    return _billed(state, lost)


@dataclass(frozen=True)
class _Work:
    """One run that this process holds, and who is told and asked."""

    graph: Graph
    store: Store
    run: Run
    listen: Listen
    decide: Decide
    control: Control

    async def to_the_end(self, sent: Any, given: Mapping[str, Any] | None = None) -> State:
        """Follow the run, keep the journal, and save how it ended."""
        run = self.run
        lost, snapshot = await lost_charges(self.store, run.id, {}, partial(snapshot_of, self.graph, run))
        self.listen({"type": "run", "id": run.id})
        if run.status != "running":
            await self.store.set_status(run.id, "running")
        journal = RunJournal(self.store, run.id, lost, snapshot, self.listen)
        context = {name: value for name, value in (given or run.given).items() if name in Context.model_fields}
        status: RunStatus = "failed"
        before = run_journal.set(journal)
        try:
            async with aclosing(Orders(self.store, run.id, self.control, self.listen)):
                following = Following(
                    self.graph, self._config(), Context(**context), self.listen, self.decide, self.control
                )
                state = await following.to_the_end(sent)
            state = await self._with_lost_charges(state)
            status = _status_of(state)
        except Waiting:
            status = "waiting"
            raise
        except OrchestratorError:
            raise
        except BaseException:
            status = "interrupted"
            raise
        finally:
            journal.close()
            run_journal.reset(before)
            await self.store.set_status(run.id, status)
        return state

    def _config(self) -> RunnableConfig:
        """Say where it is kept, and under which id its beginning is traced."""
        config: RunnableConfig = {**config_of(self.run), **named(self.run.request)}
        if known := self.run.given.get(TRACE):
            config["run_id"] = uuid.UUID(known)
        return config

    async def nothing_to_do(self, state: State, reason: str) -> State:
        """Say so; a kill may have come between the end and its being saved."""
        self.listen({"type": "nothing_to_do", "text": f"run {self.run.id}: {reason}"})
        state = await self._with_lost_charges(state)
        await self.store.set_status(self.run.id, _status_of(state))
        return state

    async def _with_lost_charges(self, state: State) -> State:
        """Charge what a kill has lost, once: what is in the journal and not in the final state.

        A run that waits for another synthesis is told so too, and saved so at its end: an update now would end the waiting.
        """
        read = partial(snapshot_of, self.graph, self.run)
        lost, snapshot = await lost_charges(self.store, self.run.id, state, read)
        billed = _billed(state, lost)
        if lost and snapshot and not snapshot.next:
            bill = {"charges": lost, "spend": billed["spend"]}
            await self.graph.aupdate_state(config_of(self.run), bill, as_node="synthesiser")
        return billed


def _status_of(state: State) -> RunStatus:
    return "complete" if state.get("complete") else "incomplete"


def _billed(state: State, lost: Sequence[Any]) -> State:
    """Put what was lost on the bill; where a run has failed, or has not ended, there is none yet of what it has cost."""
    if "spend" not in state or (state["spend"] and not lost):
        return state
    charges = [*state.get("charges", []), *lost]
    return {**state, "charges": charges, "spend": {**state["spend"], **totals(all_charges(charges, state["outcomes"]))}}


def _check_specialists(graph: Graph, snapshot: StateSnapshot, listen: Listen) -> None:
    """Compare the specialists that a run was at work with and those that the graph has now, before anything is paid.

    Raises:
        BadSettings: one is gone that an unfinished subtask is for: a stranger would do it without its instructions.
    """
    kept: Any = snapshot.metadata or {}
    before = json.loads(kept.get(SPECIALISTS_KEPT, "{}"))
    now = json.loads((graph.config or {}).get("metadata", {}).get(SPECIALISTS_KEPT, "{}"))
    done = {outcome["id"] for outcome in snapshot.values.get("outcomes", []) if outcome["status"] == "done"}
    subtasks = snapshot.values.get("plan", {}).get("subtasks", [])
    wanted = {subtask["specialist"] for subtask in subtasks if subtask["id"] not in done}
    gone = sorted((before.keys() - now.keys()) & wanted)
    if gone:
        raise BadSettings(
            f"the run began with the specialist {gone[0]!r}, who is not here now. Name the folder of its file in "
            "ORCHESTRATOR_SPECIALISTS_DIR, or give it to build_graph, and resume again"
        )
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if changed:
        text = f"since this run was last at work these specialists have changed: {', '.join(changed)}"
        listen({"type": "specialists_changed", "names": changed, "text": text})


def tell_so_far(state: State, listen: Listen, control: Control) -> None:
    """Tell what a run had come to, in the events that told it first."""
    for plan in (*state.get("plans", []), state.get("plan") or {}):
        if subtasks := plan.get("subtasks"):
            control.planned |= {subtask["id"] for subtask in subtasks}
            listen({"type": "plan", "plan": plan})
        for outcome in state.get("outcomes", []):
            if outcome["round"] == plan.get(
                "round"
            ):  # what is planned and not begun yet does not outlast the next plan
                control.begun.add(outcome["id"])
                who = {key: outcome[key] for key in ("id", "specialist", "status", "error", "seconds")}
                listen({"type": "worker", **who})
                listen({"type": "worker_text", "id": outcome["id"], "text": outcome["output"]})
    charges = all_charges(state.get("charges", []), state.get("outcomes", []))
    listen({"type": "request", "note": "before", "charges": charges, "settled": True})


async def snapshot_of(graph: Graph, run: Run) -> StateSnapshot:
    """Read what a saved run has come to.

    Raises:
        StoreError: it cannot be read: damaged, or written by something else.
    """
    try:
        return await whole(graph).aget_state(config_of(run))
    except (TypeError, ValueError, LookupError, AttributeError) as error:  # the serialiser's and the graph's
        reason = f"run {run.id} cannot be read ({type(error).__name__}: {error}); it is damaged. Run the request again"
        raise StoreError(reason) from error


def config_of(run: Run) -> RunnableConfig:
    """Return the config that a run's checkpoints are under."""
    return {"configurable": {"thread_id": run.id}}
