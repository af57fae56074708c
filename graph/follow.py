"""Follow: a run's stream to its end, its events passed on, and what a person wants of it done between its steps."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.types import Command

from graph.build import whole
from graph.compiled import Graph
from graph.retry import retry, write_up
from nodes.control import LEFT, Control
from nodes.errors import BadRequest
from nodes.models import on_engine, post
from nodes.state import Context, State
from nodes.synthesiser import is_failed_synthesis

# Saved before the next step begins: a plan that was paid for is there again whenever the process is killed. Of callers in
# Python and of a LangGraph server the default holds, "async"; a cluster's is set in deploy/serve.py.
DURABILITY: Any = "sync"
MODES: Any = ["custom", "values"]

Listen = Callable[[dict[str, Any]], None]  # is told nodes.events.Event
Decide = Callable[[dict[str, Any]], Awaitable[Any]]  # decides what an interrupt asks


class Waiting(Exception):
    """The run waits for a person, and nobody can be asked here."""


class Left(Exception):
    """The run was asked to leave off: what was under way is finished and kept, and it can be resumed."""


class LeftWaiting(Left, Waiting):
    """The same, while it waited for a person."""


@dataclass(frozen=True)
class Following:
    """A run that is followed: under which config and settings, who is told and asked, and a person's hand on it."""

    graph: Graph
    config: RunnableConfig
    context: Context
    listen: Listen
    decide: Decide
    control: Control

    async def to_the_end(self, sent: Any) -> State:
        """Follow it to its end, and between its steps do what a person wants that no worker can.

        Raises:
            Left: a person has asked it to leave off.
        """
        while True:
            state: State | None = None
            try:
                state = await self._to_a_stop(sent)
            except GraphDrained:
                if self.control.leaving:
                    raise Left from None
                await self.control.while_paused()
            if self.control.leaving and state is not None and not state.get("answer"):
                raise Left  # workers that waited were not begun
            if not await self._steered() and state is not None:
                return state
            sent = None

    async def _steered(self) -> bool:
        """Write up, or do subtasks again, where a person wants it; say whether there is more to do then."""
        writing_up, again = self.control.taken_over()
        if not writing_up and not again:
            return False
        values: State = (await whole(self.graph).aget_state(self.config)).values  # type: ignore[assignment]
        ended = [outcome["id"] for outcome in values.get("outcomes", [])]
        for name in sorted(again.keys() - ended):
            text = f"{name} has not ended, so it is not done again; ended: {', '.join(ended) or 'none'}"
            self.listen({"type": "steered", "text": text, "paused": self.control.paused})
        again = {name: words for name, words in again.items() if name in ended}
        if not writing_up and not again:
            return False
        try:
            update = write_up(values) if writing_up else retry(values, tuple(again), advice=again)
        except BadRequest as error:
            self.listen({"type": "steered", "text": str(error)})
            return False
        if update is None:
            return False
        await self.graph.aupdate_state(self.config, update.values, as_node=update.as_node)
        return True

    async def _to_a_stop(self, sent: Any) -> State:
        """Pass its events on, and ask where it waits for a person, until it ends.

        Raises:
            Left: a person has asked it to leave off.
            GraphDrained: the same, between two steps; or there is something to be done there.
        """
        while True:
            config: RunnableConfig = {**self.config}
            if not isinstance(sent, dict):
                config.pop("run_id", None)  # what goes on is traced under an id of its own
            apart = self.graph.goes_on_any_loop(config)
            state, waiting = await (self._read_apart(sent, config) if apart else self._read(sent, config, self.listen))
            if waiting and any(isinstance(asked.value, dict) and asked.value.get("type") == LEFT for asked in waiting):
                raise Left
            if not waiting or is_failed_synthesis(waiting[0].value):
                final: State = {key: value for key, value in state.items() if key != "__interrupt__"}  # type: ignore[assignment]
                return final
            if len(waiting) == 1:
                sent = Command(resume=await self._decided(waiting[0].value))
            else:
                sent = Command(resume={asked.id: await self._decided(asked.value) for asked in waiting})

    async def _read_apart(self, sent: Any, config: RunnableConfig) -> tuple[State, Any]:
        """Read it on the engine loop, where the calls are made, so that no step or call wakes this one; its events are told here.

        Raises:
            Exception: what the listener raises ends the run.
        """
        here, wrong = asyncio.get_running_loop(), list[Exception]()

        def tell(event: dict[str, Any]) -> None:
            try:
                self.listen(event)
            except Exception as error:  # noqa: BLE001 - raised below
                wrong.append(error)
                reading.cancel()

        work = self._read(sent, config, lambda event: post(here, partial(copy_context().run, tell, event)))
        reading = asyncio.ensure_future(on_engine(work))
        try:
            return await reading
        except asyncio.CancelledError:
            if wrong:
                raise wrong[0] from None
            raise

    async def _read(self, sent: Any, config: RunnableConfig, listen: Listen) -> tuple[State, Any]:
        """Pass a stream's events on; return the state at its end, and what it waits for there."""
        state, waiting = State(), None
        stream: Any = whole(self.graph).astream(
            sent, config, context=self.context, stream_mode=MODES, durability=DURABILITY, control=self.control
        )
        async for mode, part in stream:
            if mode == "custom":
                if part.get("type") == "plan":
                    self.control.planned |= {subtask["id"] for subtask in part["plan"]["subtasks"]}
                listen(part)
            else:
                state, waiting = part, part.get("__interrupt__")
        return state, waiting

    async def _decided(self, asked: dict[str, Any]) -> Any:
        """Ask a person, unless the run is left meanwhile.

        Raises:
            LeftWaiting: it is; the question stays open.
        """
        asking = asyncio.ensure_future(self.decide(asked))
        leaving = asyncio.ensure_future(self.control.until_left())
        try:
            await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise LeftWaiting("the run was left, and waits for your decision.")
        finally:
            asking.cancel()
            leaving.cancel()
            await asyncio.gather(asking, leaving, return_exceptions=True)
