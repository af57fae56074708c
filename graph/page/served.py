"""Served: the runs of a LangGraph server, as the page shows them. A run there is a thread, and its id the thread's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import httpx
from langgraph_sdk import get_client
from langgraph_sdk.errors import APIError

from graph.build import checked_request
from graph.page.live import Live
from graph.retry import retry, write_up
from graph.run import AFTER, tell_so_far
from graph.store import STATE_VERSION, Run, RunBusy, RunStatus
from nodes.errors import BadRequest, BadSettings, OrchestratorError
from nodes.state import Context, State

GRAPH = "orchestrator"
MOST = 200  # threads that are listed
MODES: Any = ["custom", "updates"]
STATES: dict[str, RunStatus] = {"busy": "running", "interrupted": "interrupted", "error": "failed"}
NOT_THERE = "{order}: a server takes this of a run that rests; while it is under way: write up, or leave"


@dataclass
class ServedLive(Live):
    """A run under way on a server. What a hand on it can do there: end what is under way, and go on otherwise."""

    orders: ClassVar[frozenset[str]] = frozenset(("write-up", "leave"))

    cancel: Callable[[], Coroutine[Any, Any, None]] | None = None
    wanted: str = ""
    _cancelling: asyncio.Task[None] | None = field(default=None, repr=False)

    def order(self, **order: str) -> None:
        """End what is under way, for another go."""
        if order["do"] not in self.orders or self.cancel is None:
            self.said = NOT_THERE.format(order=order["do"])
        else:
            self.wanted, self.said = order["do"], "ends what is under way …"
            if self._answered and not self._answered.done():  # nothing is under way: it waits for a person
                self._answered.set_result(None)
            else:
                self._cancelling = asyncio.create_task(self.cancel())
        self.changes += 1

    def hear(self, part: Any) -> None:
        """Take a part of the server's stream."""
        if part.event == "custom":
            self.take(part.data)
        elif part.event == "error":
            raise BadRequest(f"{part.data.get('error')}: {part.data.get('message')}")
        elif part.event == "updates":  # what workers' calls have cost: a server tells no single request
            for update in part.data.values():
                outcomes = update.get("outcomes") if isinstance(update, dict) else None
                for outcome in outcomes if isinstance(outcomes, list) else []:
                    charges = {"note": outcome["id"], "charges": outcome["charges"], "settled": True}
                    self.take({"type": "request", **charges})


class Served:
    """The runs of a server, and those of them that this page follows, by their ids."""

    here = False

    def __init__(self, url: str) -> None:
        self._client = get_client(url=url)
        self.by_id: dict[str, ServedLive] = {}

    async def runs(self) -> list[Run]:
        """List the runs, the newest first."""
        with _asking():
            threads = await self._client.threads.search(metadata={"graph_id": GRAPH}, limit=MOST, sort_by="created_at")
            return [await self._read(thread) for thread in threads]

    async def find(self, run_id: str) -> Run:
        """Find a run."""
        with _asking():
            return await self._read(await self._client.threads.get(run_id))

    async def state(self, run: Run) -> dict[str, Any]:
        """Read what a run has come to."""
        with _asking():
            state: Any = await self._client.threads.get_state(run.id)
        return {"request": run.request, **state["values"]}

    async def watch(self, run: Run) -> Live | None:
        """Follow a run that is under way, whoever has begun it (None: none is)."""
        live = self.by_id.get(run.id)
        if live and not live.ended:
            return live
        if run.status != "running":
            return None
        under_way: Any = await self._client.runs.list(run.id, status="running", limit=1)
        return await self._follow(run, joined=under_way[0]["run_id"]) if under_way else None

    async def begin(
        self, request: str, given: Mapping[str, Any], made: object = None, documents: Sequence[Mapping[str, str]] = ()
    ) -> Live:
        """Begin a run, on a thread of its own; what it is made with besides its settings is the server's own."""
        del made
        settings = {name: value for name, value in given.items() if name != AFTER}
        Context(**settings)
        sent: dict[str, Any] = {
            "request": checked_request(request),
            **({"documents": [*documents]} if documents else {}),
        }
        if given.get(AFTER):
            sent["after"] = await self.state(await self.find(given[AFTER]))
        with _asking():
            thread: Any = await self._client.threads.create(metadata={"graph_id": GRAPH})
        run = _run({**thread, "values": sent})
        return await self._follow(run, {"input": sent, "context": settings}, settings.get("budget_usd"))

    async def follow_up(self, run: Run, message: str) -> Live:
        """Begin a run that goes on from another."""
        return await self.begin(message, {AFTER: run.id})

    async def go_on(self, run: Run, **how: Any) -> Live:
        """Go on with a run that rests: as it stands, with what failed, or only with its answer."""
        if how:
            await self._change(run.id, write_up if how.get("writing_up") else retry)
        return await self._follow(run)

    async def remove(self, run: Run) -> None:
        """Forget a run for good; RunBusy where the server is at work on it."""
        if run.status == "running":
            raise RunBusy(f"the server is at work on run {run.id}; wait for it, or end it")
        await self._client.threads.delete(run.id)

    async def leave_all(self) -> None:
        """Follow none any more: the server goes on with them."""
        for live in self.by_id.values():
            if live.task:
                live.task.cancel()
        await self._client.aclose()

    async def _read(self, thread: Any) -> Run:
        """Read a thread as a run; what is under way stands in its state alone."""
        if not (thread.get("values") or {}).get("request"):
            thread = {**thread, "values": (await self._client.threads.get_state(thread["thread_id"]))["values"]}
        return _run(thread)

    async def _change(self, thread: str, change: Callable[[State], Any]) -> None:
        values: Any = (await self._client.threads.get_state(thread))["values"]
        if update := change(values):
            await self._client.threads.update_state(thread, update.values, as_node=update.as_node)

    async def _follow(
        self, run: Run, sent: dict[str, Any] | None = None, ceiling: Any = None, joined: str = ""
    ) -> Live:
        live = ServedLive(run.request, float(ceiling) if ceiling else None)
        live.cancel = lambda: self._cancel(run.id)
        live.take({"type": "run", "id": run.id})
        self.by_id[run.id] = live
        await live.follow(self._to_the_end(live, run.id, sent, joined))
        return live

    async def _cancel(self, thread: str) -> None:
        for run in await self._client.runs.list(thread, status="running"):
            await self._client.runs.cancel(thread, run["run_id"], wait=True, action="interrupt")

    async def _to_the_end(self, live: ServedLive, thread: str, sent: dict[str, Any] | None, joined: str) -> None:
        """Follow a run's stream, ask what it asks, and do what is wanted of it meanwhile."""
        if sent is None:
            state: Any = await self._client.threads.get_state(thread)
            tell_so_far(state["values"], live.take, live.control)
            sent = {"input": None} if joined else await self._next(live, thread, state) or {"input": None}
        while sent:
            with _asking():
                async for part in self._stream(thread, sent, joined):
                    live.hear(part)
            joined = ""
            sent = await self._next(live, thread, await self._client.threads.get_state(thread))

    async def _next(self, live: ServedLive, thread: str, state: Any) -> dict[str, Any] | None:
        """Ask what a run waits for, or do what is wanted of it; give what goes on with it (None: it has ended)."""
        answered = None if live.wanted else await self._answered(live, state)
        wanted, live.wanted = live.wanted, ""
        if wanted == "leave":
            raise BadSettings("It was left: what was finished is kept.")
        if wanted == "write-up":
            await self._change(thread, write_up)
            return {"input": None}
        return answered

    def _stream(self, thread: str, sent: dict[str, Any], joined: str) -> AsyncIterator[Any]:
        runs: Any = self._client.runs
        if joined:
            return runs.join_stream(thread, joined)  # type: ignore[no-any-return]
        return runs.stream(thread, GRAPH, **sent, stream_mode=MODES, on_disconnect="continue")  # type: ignore[no-any-return]

    @staticmethod
    async def _answered(live: ServedLive, state: Any) -> dict[str, Any] | None:
        """Ask what a run waits for, and write the command that goes on with it (None: it waits for nobody)."""
        waiting = [
            asked for task in state["tasks"] for asked in task["interrupts"] if "action_requests" in asked["value"]
        ]
        answers = {asked["id"]: await live.decide(asked["value"]) for asked in waiting if not live.wanted}
        return {"command": {"resume": answers}} if answers else None


@contextmanager
def _asking() -> Iterator[None]:
    """Ask the server.

    Raises:
        OrchestratorError: it does not answer, or says no.
    """
    try:
        yield
    except (APIError, httpx.HTTPError) as error:
        raise OrchestratorError(f"the server does not do that: {type(error).__name__}: {error}") from None


def _run(thread: Any) -> Run:
    values = thread.get("values") or {}
    request, answered = str(values.get("request") or "(no request)"), bool(values.get("answer"))
    status = STATES.get(
        thread["status"], ("complete" if values.get("complete") else "incomplete") if answered else "interrupted"
    )
    if thread.get("interrupts") and status != "running":
        status = "waiting"
    created, updated = (_seconds(thread[key]) for key in ("created_at", "updated_at"))
    return Run(thread["thread_id"], request, {}, status, STATE_VERSION, created, updated)


def _seconds(when: Any) -> float:
    return (datetime.fromisoformat(when) if isinstance(when, str) else when).timestamp()
