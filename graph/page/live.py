"""Live: the runs that the page has under way, what they have told, and the hand on each."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graph.application import Application
from graph.build import build_graph, checked_request
from graph.follow import Left, Waiting
from graph.run import AFTER, resume, start
from graph.store import Run, Store
from graph.view import View
from nodes.control import Control
from nodes.errors import OrchestratorError
from nodes.state import Context


@dataclass
class Live:
    """One run under way in this process. What is shown of it is what its events have told.

    Attributes:
        texts: what each worker has written so far.
        ledger: the disagreements and gaps, as the synthesiser has told them.
        asked: what waits for a person's word (None: nothing does).
        said: the last thing that a hand on the run has come to, or why it has ended.
        changes: raised with each event: who shows it can tell that there is something new.
    """

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


class Lives:
    """All runs under way, by their ids."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.by_id: dict[str, Live] = {}

    async def begin(self, request: str, given: Mapping[str, Any], after: str = "") -> Live:
        """Begin a run, and give it once it has its id.

        Raises:
            OrchestratorError: the request or a setting is no good.
        """
        live = Live(checked_request(request), Context(**given).budget_usd)
        settings = {**given, **({AFTER: after} if after else {})}
        graph = await asyncio.to_thread(build_graph, self.store.saver)

        async def work() -> Any:
            return await start(graph, self.store, request, settings, live.take, live.decide, live.control)

        return await self._follow(live, work())

    async def go_on(self, run: Run, **how: Any) -> Live:
        """Go on with a run that rests."""
        made = Application().over(run.given)
        live, graph = Live(run.request), await asyncio.to_thread(made.build, self.store.saver)
        return await self._follow(
            live, resume(graph, self.store, run, live.take, live.decide, control=live.control, **how)
        )

    async def _follow(self, live: Live, work: Any) -> Live:
        live.task = asyncio.create_task(self._to_the_end(live, work))
        begun = asyncio.create_task(live.begun.wait())
        await asyncio.wait((live.task, begun), return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        self.by_id[live.view.run_id] = live
        return live

    async def _to_the_end(self, live: Live, work: Any) -> None:
        try:
            await work
        except (OrchestratorError, Waiting) as error:
            live.said = str(error)
        except Left:
            live.said = "It was left: what was under way is finished and kept."
        except Exception as error:
            live.said = f"It ended by an error: {type(error).__name__}: {error}"
            raise  # it is a bug, or the database: the server's log has the whole of it
        finally:
            live.changes += 1

    async def leave_all(self) -> None:
        """Let what is under way end, and keep it all."""
        for live in self.by_id.values():
            live.control.leave()
            if live.asked is not None and live.task:
                live.task.cancel()
        await asyncio.gather(*(live.task for live in self.by_id.values() if live.task), return_exceptions=True)
