"""Follow: a run's stream to its end, its events passed on, and what a person wants of it done between its steps."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.types import Command

from graph.build import Graph, whole
from graph.retry import retry, write_up
from nodes.control import LEFT, Control
from nodes.errors import BadRequest
from nodes.state import Context, State
from nodes.synthesiser import is_failed_synthesis

# Saved before the next step begins: a plan that was paid for is there again whenever the process is killed. Of callers in
# Python and of a LangGraph server the default holds, "async"; a cluster's is set in deploy/serve.py.
DURABILITY: Any = "sync"

Listen = Callable[[dict[str, Any]], None]  # is told nodes.events.Event
Decide = Callable[[dict[str, Any]], Awaitable[Any]]  # decides what an interrupt asks


class Waiting(Exception):
    """The run waits for a person, and nobody can be asked here."""


class Left(Exception):
    """The run was asked to leave off: what was under way is finished and kept, and it can be resumed."""


async def followed(
    graph: Graph,
    sent: Any,
    config: RunnableConfig,
    context: Context,
    listen: Listen,
    decide: Decide,
    control: Control,
) -> State:
    """Follow a run to its end, and between its steps do what a person wants that no worker can.

    Raises:
        Left: a person has asked it to leave off.
    """
    while True:
        state: State | None = None
        try:
            state = await follow(graph, sent, config, context, listen, decide, control)
        except GraphDrained:
            if control.leaving:
                raise Left from None
            await control.while_paused()
        if control.leaving and state is not None and not state.get("answer"):  # workers that waited were not begun
            raise Left
        if not await _steered(graph, config, listen, control) and state is not None:
            return state
        sent = None


async def _steered(graph: Graph, config: RunnableConfig, listen: Listen, control: Control) -> bool:
    """Write up, or do subtasks again, where a person wants it; say whether there is more to do then."""
    writing_up, again = control.taken_over()
    if not writing_up and not again:
        return False
    values: State = (await whole(graph).aget_state(config)).values  # type: ignore[assignment]
    ended = [outcome["id"] for outcome in values.get("outcomes", [])]
    for name in sorted(again.keys() - ended):
        text = f"{name} has not ended, so it is not done again; ended: {', '.join(ended) or 'none'}"
        listen({"type": "steered", "text": text, "paused": control.paused})
    again = {name: words for name, words in again.items() if name in ended}
    if not writing_up and not again:
        return False
    try:
        update = write_up(values) if writing_up else retry(values, tuple(again), advice=again)
    except BadRequest as error:
        listen({"type": "steered", "text": str(error)})
        return False
    if update is None:
        return False
    await graph.aupdate_state(config, update.values, as_node=update.as_node)
    return True


async def follow(
    graph: Graph,
    sent: Any,
    config: RunnableConfig,
    context: Context,
    listen: Listen,
    decide: Decide,
    control: Control | None = None,
) -> State:
    """Follow a run to its end: pass its events on, and ask where it waits for a person.

    Raises:
        Left: a person has asked it to leave off.
        GraphDrained: the same, between two steps; or there is something to be done there.
    """
    while True:
        state, waiting = State(), None
        here: RunnableConfig = {**config}
        if not isinstance(sent, dict):
            here.pop("run_id", None)
        stream: Any = whole(graph).astream(  # what goes on is traced under an id of its own
            sent, here, context=context, stream_mode=["custom", "values"], durability=DURABILITY, control=control
        )
        async for mode, part in stream:
            if mode == "custom":
                listen(part)
            else:
                state, waiting = part, part.get("__interrupt__")
        if waiting and any(isinstance(asked.value, dict) and asked.value.get("type") == LEFT for asked in waiting):
            raise Left
        if not waiting or is_failed_synthesis(waiting[0].value):
            final: State = {key: value for key, value in state.items() if key != "__interrupt__"}  # type: ignore[assignment]
            return final
        if len(waiting) == 1:
            sent = Command(resume=await decide(waiting[0].value))
        else:
            sent = Command(resume={asked.id: await decide(asked.value) for asked in waiting})
