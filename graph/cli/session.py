"""Session: one run, followed on the screen from its beginning to its exit code."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.panel import Panel
from rich.text import Text

from graph.application import KEPT, Application
from graph.build import checked_request
from graph.cli.kept import where_runs_are
from graph.cli.output import COMPLETE, INCOMPLETE, INTERRUPTED, ResultWriter, fail, say, stderr
from graph.cli.readiness import with_model_ready
from graph.cli.screen import Screen
from graph.cli.summary import command
from graph.follow import Left, Waiting
from graph.run import AFTER, resume, start
from graph.store import Store, open_store
from nodes.errors import AllWorkersFailed, BadRequest, BadSettings, NoModel, OrchestratorError
from nodes.state import ROLES, Context

MEMORY = ":memory:"  # the database of a run that is not kept

Work = Callable[[Store, Screen], Awaitable[tuple[str, Any]]]  # (store, screen) → the run's id, its final state


@dataclass(frozen=True)
class Session:
    """How a run is followed. What is wrong is refused before anything is offered, fetched or saved.

    Attributes:
        output: how its result is written.
        database: as given on the command line (None: the usual one).
        keep: the run is kept, and can be gone on with.
        application: what it is made with.
    """

    output: ResultWriter
    database: str | None
    keep: bool = True
    application: Application = field(default_factory=Application)

    def answer(self, request: str, given: dict[str, Any], *, yes: bool, scripted: str = "") -> int:
        """Answer a request, and return the exit code.

        Args:
            request: what is to be worked out.
            given: the settings of the command line.
            yes: fetch what is needed without asking.
            scripted: the model that plays this request where none is set up or taken ("": nobody does).
        """
        self.output.check()
        checked_request(request)
        Context(**given)
        try:
            given = with_model_ready(given, yes=yes)
        except NoModel:
            if not scripted or any(name.endswith("_model") for name in given):
                raise
            given = {**given, **dict.fromkeys((f"{role}_model" for role in ROLES), scripted)}
        if scripted in given.values():
            _say_that_nobody_thinks()
        made = self.application.said()

        async def started(store: Store, screen: Screen) -> tuple[str, Any]:
            graph = self.application.build(store.saver)
            kept = {**given, KEPT: made} if made else given
            return await start(graph, store, request, kept, screen.take, screen.decide, screen.control)

        return self._follow(started)

    def follow_up(self, run_id: str, message: str, given: Mapping[str, Any]) -> int:
        """Go on from a run with a further message, under its settings and these, and return the exit code."""
        self.output.check()
        checked_request(message)
        Context(**given)

        async def begun(store: Store, screen: Screen) -> tuple[str, Any]:
            before = await store.find(run_id)
            made = self.application.over(before.given)
            kept = {**before.given, **given, AFTER: before.id, **({KEPT: made.said()} if made.said() else {})}
            return await start(
                made.build(store.saver), store, message, kept, screen.take, screen.decide, screen.control
            )

        return self._follow(begun)

    def go_on(self, run_id: str, **how: Any) -> int:
        """Go on with a saved run, do again what failed in it, or write it up, and return the exit code; as graph.run.resume."""

        async def gone_on(store: Store, screen: Screen) -> tuple[str, Any]:
            run = await store.find(run_id)
            graph = self.application.over(run.given).build(store.saver)
            return run.id, await resume(graph, store, run, screen.take, screen.decide, control=screen.control, **how)

        return self._follow(gone_on)

    def _follow(self, work: Work) -> int:
        """Follow a run on the screen, write how it ended, and return the exit code."""
        self.output.check()
        began, screen = time.monotonic(), Screen()

        async def followed() -> tuple[str, Any]:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, screen.leave)
            async with open_store(where_runs_are(self.database) if self.keep else MEMORY) as store:
                with screen:
                    return await work(store, screen)

        try:
            run_id, state = asyncio.run(followed())
        except OrchestratorError as error:
            return self._failed(error, screen)
        except Left:
            say(f"{screen.so_far()} {self._next(screen)}".strip(), "yellow")
            return INTERRUPTED
        except Waiting as error:
            say(f"{error} {self._next(screen)}".strip(), "yellow")
            return INCOMPLETE
        except (KeyboardInterrupt, asyncio.CancelledError):
            say(f"{screen.so_far()} {self._next(screen)}".strip(), "yellow")
            return INTERRUPTED
        self.output.write(state, run_id if self.keep else None, time.monotonic() - began, screen.told_failures())
        if self.keep:
            say(f"run {run_id}; to see it again: {command('show', run_id, self.database)}", "dim")
        if self.keep and not state.get("complete"):
            say(f"To do again what failed: {command('resume', run_id, self.database, '--retry')}")
        return COMPLETE if state.get("complete") else INCOMPLETE

    def _next(self, screen: Screen) -> str:
        run_id = screen.view.run_id
        return f"To go on: {command('resume', run_id, self.database)}" if self.keep and run_id else ""

    def _failed(self, error: OrchestratorError, screen: Screen) -> int:
        """Tell why a run ended; what each worker failed of was told when it happened."""
        if isinstance(error, AllWorkersFailed) and screen.told_failures():
            error = AllWorkersFailed(
                "No subtask could be done, so there is nothing to answer from; why, is said above."
            )
        return fail(error, "" if isinstance(error, (BadRequest, BadSettings)) else self._next(screen))


def _say_that_nobody_thinks() -> None:
    text = (
        "No model was called: no key and no server is set up, so a scripted mind plays this one request behind the "
        "real graph. To use a model, set OPENAI_API_KEY; or OPENAI_BASE_URL for any compatible server; or name one "
        'with ORCHESTRATOR_MODEL=provider:name. Then: orchestrate "your own request".'
    )
    if stderr.is_terminal:
        stderr.print(Panel(Text(text), title="Demonstration", border_style="yellow"))
    else:
        say(f"DEMONSTRATION. {text}")
