"""Run: a request to its answer in one call, and a saved run to its end."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from graph.build import Graph, build_graph
from graph.store import Run, RunJournal, Store, StoreError, lost_charges
from nodes.budget import all_charges, totals
from nodes.errors import OrchestratorError
from nodes.models import run_journal
from nodes.state import ROLES, Context, State
from nodes.synthesiser import SYNTHESIS_FAILED

# Saved before the next step begins: a plan that was paid for is there again whenever the process is killed.
DURABILITY: Any = "sync"

ATTACHED = "attached documents"  # kept beside the settings that were given: a resume reads the same files


class Answer(str):  # noqa: SLOT000 - it carries the state
    """The answer's text (Markdown), with the run's whole state beside it.

    Attributes:
        state: the state keys of the run: plan, outcomes, disagreements, gaps, complete, stop_reason, spend …
    """

    state: State

    def __reduce__(self) -> tuple[type[Self], tuple[State]]:
        """Copy and pickle it with its state."""
        return (type(self), (self.state,))

    def __new__(cls, state: State) -> Self:
        """Wrap a final state."""
        made = super().__new__(cls, state.get("answer", ""))
        made.state = state
        return made


def with_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Read `model=` as the three roles' model, where a role has none of its own."""
    given = dict(settings)
    model = given.pop("model", None)
    return {**({f"{role}_model": model for role in ROLES} if model else {}), **given}


def answer(request: str, *, model: str | None = None, attach: Iterable[str | Path] = (), **settings: Any) -> Answer:
    """Answer a request.

    Args:
        request: what you want worked out.
        model: "provider:name" for all three roles.
        attach: files that come with the request (PDF, Markdown, text, CSV).
        settings: any setting of nodes.state.Context by name, such as max_subtasks=4.

    Returns:
        The answer as text; its `.state` holds the plan, the outcomes, disagreements, gaps and what was spent.

    Raises:
        OrchestratorError: bad request or settings, no model, or nothing that could be answered from.
    """
    context = Context(**with_model({"model": model, **settings}))
    return Answer(build_graph(documents=attach).invoke({"request": request}, context=context))  # type: ignore[arg-type]


async def ready_to_resume(graph: Graph, config: RunnableConfig) -> State | None:
    """Make a thread ready to be gone on with by `graph.ainvoke(None, config)`.

    Returns:
        The final state if there is nothing to go on with, else None.
    """
    snapshot = await graph.aget_state(config)
    if snapshot.next:
        return None
    state: State = snapshot.values  # type: ignore[assignment]
    return state


Listen = Callable[[dict[str, Any]], None]
Decide = Callable[[dict[str, Any]], Any]  # an awaitable decision on what an interrupt asks


class Waiting(Exception):
    """The run waits for a person, and nobody can be asked here."""


async def start(
    graph: Graph,
    store: Store,
    request: str,
    given: Mapping[str, Any],
    listen: Listen,
    decide: Decide,
    attached: Sequence[str] = (),
) -> tuple[str, State]:
    """Begin a run that is kept, and follow it to its end.

    Returns:
        The run's id and its final state.
    """
    run = Run.new(uuid.uuid4().hex[:8], request, {**given, **({ATTACHED: list(attached)} if attached else {})})
    await store.add(run)
    return run.id, await _held(graph, store, run, {"request": request}, listen, decide)


async def resume(graph: Graph, store: Store, run: Run, listen: Listen, decide: Decide) -> State:
    """Go on with a saved run, and follow it to its end.

    Raises:
        RunBusy: another process is at work on it.
        RunTooOld: it was saved by another version.
    """
    run.check_version()
    return await _held(graph, store, run, None, listen, decide)


async def _held(graph: Graph, store: Store, run: Run, sent: Any, listen: Listen, decide: Decide) -> State:
    async with store.hold(run.id):
        config = config_of(run)
        snapshot = await snapshot_of(graph, run)
        if sent is None:
            _tell_so_far(snapshot, listen)
            ended = await ready_to_resume(graph, config)
            if ended is not None and ended.get("answer"):
                return ended
            if ended is not None and not ended:  # killed before anything was saved
                sent = {"request": run.request}
        listen({"type": "run", "id": run.id})
        await store.set_status(run.id, "running")
        calls = RunJournal(store, run.id, await lost_charges(store, run.id, snapshot), snapshot)
        status, before = "failed", run_journal.set(calls)
        try:
            state = await follow(
                graph,
                sent,
                config,
                Context(**{name: value for name, value in run.given.items() if name != ATTACHED}),
                listen,
                decide,
            )
            state = await _with_lost_charges(graph, store, run, state)
            status = "complete" if state.get("complete") else "incomplete"
        except Waiting:
            status = "waiting"
            raise
        except OrchestratorError:
            raise
        except BaseException:
            status = "interrupted"
            raise
        finally:
            calls.close()
            run_journal.reset(before)
            await store.set_status(run.id, status)
        return state


async def _with_lost_charges(graph: Graph, store: Store, run: Run, state: State) -> State:
    """Charge what a kill has lost, once: what is in the journal and not in the final state.

    A run that waits for another synthesis is told so too, and saved so at its end: an update now would end the waiting.
    """
    config = config_of(run)
    snapshot = await graph.aget_state(config)
    found = await lost_charges(store, run.id, snapshot)
    if not found:
        return state
    charges = [*state.get("charges", []), *found]
    spend = {**state["spend"], **totals(all_charges(charges, state["outcomes"]))}
    if not snapshot.next:
        await graph.aupdate_state(config, {"charges": found, "spend": spend}, as_node="synthesiser")
    return {**state, "charges": charges, "spend": spend}


def _tell_so_far(snapshot: StateSnapshot, listen: Listen) -> None:
    """Tell what a run had come to, in the events that told it first."""
    state: State = snapshot.values  # type: ignore[assignment]
    for plan in [*state.get("plans", []), state.get("plan") or {}]:
        if plan.get("subtasks"):
            listen({"type": "plan", "plan": plan})
    for outcome in state.get("outcomes", []):
        told = {key: outcome[key] for key in ("id", "specialist", "status", "error", "seconds")}
        listen({"type": "worker", **told})


async def snapshot_of(graph: Graph, run: Run) -> StateSnapshot:
    """Read what a saved run has come to.

    Raises:
        StoreError: it cannot be read: damaged, or written by something else.
    """
    try:
        return await graph.aget_state(config_of(run))
    except (
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
    ) as error:  # what the serialiser and the graph raise then
        told = f"run {run.id} cannot be read ({type(error).__name__}: {error}); it is damaged. Run the request again"
        raise StoreError(told) from error


def config_of(run: Run) -> RunnableConfig:
    """Return the config that a run's checkpoints are under."""
    return {"configurable": {"thread_id": run.id}}


async def follow(
    graph: Graph, sent: Any, config: RunnableConfig, context: Context, listen: Listen, decide: Decide
) -> State:
    """Follow a run to its end: pass its events on, and ask where it waits for a person."""
    while True:
        state, waiting = State(), None
        stream: Any = graph.astream(
            sent, config, context=context, stream_mode=["custom", "values"], durability=DURABILITY
        )
        async for mode, part in stream:
            if mode == "custom":
                listen(part)
            else:
                state, waiting = part, part.get("__interrupt__")
        if not waiting or SYNTHESIS_FAILED in waiting[0].value:  # a failed synthesis waits for a resume, not for a word
            final: State = {key: value for key, value in state.items() if key != "__interrupt__"}  # type: ignore[assignment]
            return final
        if len(waiting) == 1:
            sent = Command(resume=await decide(waiting[0].value))
        else:
            sent = Command(resume={one.id: await decide(one.value) for one in waiting})
