"""Live: the runs that the page has under way, what they have told, and the hand on each."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from graph.application import KEPT, Application
from graph.build import checked_request
from graph.follow import Left, Waiting
from graph.orders import TOLD, carry_out
from graph.run import AFTER, billed_state, resume, snapshot_of, start
from graph.store import Run, Store
from graph.view import View
from nodes.control import Control
from nodes.errors import OrchestratorError
from nodes.state import Context


@dataclass
class Live:
    """One run under way. What is shown of it is what its events have told.

    Attributes:
        texts: what each worker has written so far.
        ledger: the disagreements and gaps, as the synthesiser has told them.
        asked: what waits for a person's word (None: nothing does).
        said: the last thing that a hand on the run has come to, or why it has ended.
        changes: raised with each event: who shows it can tell that there is something new.
    """

    orders: ClassVar[frozenset[str]] = frozenset(TOLD)  # what a hand on it can do

    request: str
    ceiling_usd: float | None = None
    view: View = field(default_factory=View)
    control: Control = field(default_factory=Control)
    texts: dict[str, str] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] | None = None
    said: str = ""
    changes: int = 0
    task: asyncio.Task[Any] | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    _answered: asyncio.Future[Any] | None = None

    @property
    def ended(self) -> bool:
        """Tell whether nothing is under way any more."""
        return self.task is not None and self.task.done()

    def take(self, event: dict[str, Any]) -> None:
        """Take an event of the run."""
        lines = list(self.view.take(event))
        match event["type"]:
            case "run":
                self.begun.set()
            case "worker_text":
                self.texts[event["id"]] = self.texts.get(event["id"], "") + event["text"]
            case "worker_restart":
                self.texts[event["id"]] = ""
            case "worker" if event["status"] == "started":
                self.texts[event["id"]] = ""
            case "ledger":
                self.ledger = event
            case "steered" | "nothing_to_do" | "specialists_changed":
                self.said = " ".join(lines)
        self.changes += 1

    def order(self, **order: str) -> None:
        """Put a hand on it (graph/orders.py)."""
        carry_out(self.control, order, self.take)

    async def decide(self, asked: dict[str, Any]) -> Any:
        """Wait until a person has decided on the page."""
        self.asked, self._answered = asked, asyncio.get_running_loop().create_future()
        self.changes += 1
        try:
            return await self._answered
        finally:
            self.asked, self._answered = None, None
            self.changes += 1

    def answer(self, decision: Mapping[str, Any]) -> None:
        """Give the decision that is waited for."""
        if self._answered and not self._answered.done():
            if decision["type"] != "approve":
                self.view.forget_waiting()
            self._answered.set_result({"decisions": [dict(decision)]})

    async def follow(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have it worked on, and wait until it has its id, or has ended."""
        self.task = asyncio.create_task(self._to_the_end(work))
        begun = asyncio.create_task(self.begun.wait())
        await asyncio.wait((self.task, begun), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()

    async def _to_the_end(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except (OrchestratorError, Waiting) as error:
            self.said = str(error)
        except Left:
            self.said = "It was left: what was under way is finished and kept."
        except Exception as error:
            self.said = f"It ended by an error: {type(error).__name__}: {error}"
            raise  # it is a bug, or the database: the server's log has the whole of it
        finally:
            self.changes += 1


class Lives:
    """The runs of a database, and those of them that are under way in this process, by their ids."""

    here = True  # the page's own process is at work on them

    def __init__(self, store: Store) -> None:
        self.store = store
        self.by_id: dict[str, Live] = {}

    async def runs(self) -> list[Run]:
        """List the runs, the newest first."""
        return await self.store.runs()

    async def find(self, run_id: str) -> Run:
        """Find a run; RunUnknown where there is none."""
        return await self.store.find(run_id)

    async def watch(self, run: Run) -> Live | None:
        """Give a run that is under way here (None: it is not)."""
        live = self.by_id.get(run.id)
        return live if live and not live.ended else None

    async def state(self, run: Run) -> dict[str, Any]:
        """Read what a run has come to."""
        graph = await asyncio.to_thread(Application().over(run.given).build, self.store.saver)
        return {
            "request": run.request,
            **await billed_state(self.store, run, await snapshot_of(graph, run)),
        }

    async def begin(
        self,
        request: str,
        given: Mapping[str, Any],
        made: Application | None = None,
        documents: Sequence[Mapping[str, str]] = (),
    ) -> Live:
        """Begin a run, and give it once it has its id.

        Args:
            request: what is to be worked out.
            given: settings, and what it goes on from.
            made: what it is made with besides.
            documents: that come with it (nodes.state.Input).

        Raises:
            OrchestratorError: the request, a setting or a document is no good.
        """
        made = made or Application()
        live = Live(
            checked_request(request), Context(**{name: given[name] for name in given if name != AFTER}).budget_usd
        )
        graph = await asyncio.to_thread(made.build, self.store.saver)
        kept = {**given, **({KEPT: made.said()} if made.said() else {})}
        work = start(graph, self.store, request, kept, live.take, live.decide, live.control, documents)
        return await self._followed(live, work)

    async def follow_up(self, run: Run, message: str) -> Live:
        """Begin a run that goes on from another, made as that was."""
        given = {name: value for name, value in run.given.items() if name in Context.model_fields}
        return await self.begin(message, {**given, AFTER: run.id}, Application().over(run.given))

    async def go_on(self, run: Run, **how: Any) -> Live:
        """Go on with a run that rests."""
        live, made = Live(run.request), Application().over(run.given)
        graph = await asyncio.to_thread(made.build, self.store.saver)
        work = resume(graph, self.store, run, live.take, live.decide, control=live.control, **how)
        return await self._followed(live, work)

    async def remove(self, run: Run) -> None:
        """Forget a run for good; RunBusy where somebody is at work on it."""
        async with self.store.hold(run.id):
            await self.store.remove(run.id)

    async def _followed(self, live: Live, work: Coroutine[Any, Any, Any]) -> Live:
        await live.follow(work)
        if live.view.run_id:
            self.by_id[live.view.run_id] = live
        return live

    async def leave_all(self) -> None:
        """Let what is under way end, and keep it all."""
        for live in self.by_id.values():
            live.order(do="leave")
        await asyncio.gather(*(live.task for live in self.by_id.values() if live.task), return_exceptions=True)
