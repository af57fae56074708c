"""Session: one run, followed on the screen from its beginning to its exit code."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.panel import Panel
from rich.text import Text

from graph.build import checked_request
from graph.cli.application import Application
from graph.cli.kept import where_runs_are
from graph.cli.output import COMPLETE, INCOMPLETE, INTERRUPTED, Output, fail, say, stderr
from graph.cli.readiness import with_model_ready
from graph.cli.screen import Screen
from graph.cli.summary import command
from graph.run import Waiting, resume, start
from graph.store import Store, open_store
from nodes.errors import AllWorkersFailed, BadRequest, BadSettings, NoModel, OrchestratorError
from nodes.state import ROLES, Context

MEMORY = ":memory:"  # the database of a run that is not kept

Work = Callable[[Store, Screen], Awaitable[tuple[str, Any]]]  # (store, screen) → the run's id, its final state


def follow(work: Work, output: Output, database: str | None, *, keep: bool = True) -> int:
    """Follow a run on the screen, write how it ended, and return the exit code.

    Args:
        work: starts or resumes a run.
        output: how its result is written.
        database: as given on the command line (None: the usual one).
        keep: the run is kept, and can be gone on with.
    """
    output.check()
    began, screen = time.monotonic(), Screen()

    async def followed() -> tuple[str, Any]:
        async with open_store(where_runs_are(database) if keep else MEMORY) as store:
            with screen:
                return await work(store, screen)

    try:
        run_id, state = asyncio.run(followed())
    except OrchestratorError as error:
        return _failed(error, screen, _next(screen, database, keep=keep))
    except Waiting as error:
        say(f"{error} {_next(screen, database, keep=keep)}".strip(), "yellow")
        return INCOMPLETE
    except (KeyboardInterrupt, asyncio.CancelledError):
        say(f"{screen.so_far()} {_next(screen, database, keep=keep)}".strip(), "yellow")
        return INTERRUPTED
    output.write(state, run_id if keep else None, time.monotonic() - began, screen.told())
    if keep:
        _say_what_next(state, run_id, database)
    return COMPLETE if state.get("complete") else INCOMPLETE


def _next(screen: Screen, database: str | None, *, keep: bool) -> str:
    run_id = screen.view.run_id
    return f"To go on: {command('resume', run_id, database)}" if keep and run_id else ""


def _failed(error: OrchestratorError, screen: Screen, how: str) -> int:
    """Tell why a run ended; what each worker failed of was told when it happened."""
    if isinstance(error, AllWorkersFailed) and screen.told():
        error = AllWorkersFailed("No subtask could be done, so there is nothing to answer from; why, is said above.")
    return fail(error, "" if isinstance(error, (BadRequest, BadSettings)) else how)


def _say_what_next(state: Any, run_id: str, database: str | None) -> None:
    say(f"run {run_id}; to see it again: {command('show', run_id, database)}", "dim")
    if not state.get("complete"):
        say(f"To do again what failed: {command('resume', run_id, database, '--retry')}")


@dataclass(frozen=True)
class Again:
    """What is done again of a run.

    Attributes:
        only: ids of subtasks ((): all that failed or were dropped).
        settings: those that are other than when the run began.
    """

    only: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


def answer(
    request: str,
    given: dict[str, Any],
    application: Application,
    output: Output,
    database: str | None,
    *,
    keep: bool,
    yes: bool,
) -> int:
    """Answer a request, and return the exit code. What is wrong is refused before anything is offered, fetched or saved."""
    output.check()
    checked_request(request)
    Context(**given)
    return _start(request, with_model_ready(given, yes=yes), application, output, database, keep=keep)


def demonstrate(
    request: str,
    scripted: str,
    given: dict[str, Any],
    output: Output,
    database: str | None,
    *,
    keep: bool,
    yes: bool,
) -> int:
    """Answer the built-in request: where no model is set up or taken, with a scripted mind.

    Args:
        request: the built-in one.
        scripted: the model that plays it.
        given: the settings of the command line.
        output: how the result is written.
        database: as given on the command line.
        keep: keep the run.
        yes: fetch what is needed without asking.
    """
    output.check()
    Context(**given)
    if scripted in given.values():
        _banner()
    try:
        given = with_model_ready(given, yes=yes)
    except NoModel:
        if any(name.endswith("_model") for name in given):
            raise
        given = {**given, **dict.fromkeys((f"{role}_model" for role in ROLES), scripted)}
        _banner()
    return _start(request, given, Application(), output, database, keep=keep)


def _banner() -> None:
    text = (
        "No model was called: no key and no server is set up, so a scripted mind plays this one request behind the "
        "real graph. To use a model, set OPENAI_API_KEY; or OPENAI_BASE_URL for any compatible server; or name one "
        'with ORCHESTRATOR_MODEL=provider:name. Then: orchestrate "your own request".'
    )
    if stderr.is_terminal:
        stderr.print(Panel(Text(text), title="Demonstration", border_style="yellow"))
    else:
        say(f"DEMONSTRATION. {text}")


def _start(
    request: str, given: dict[str, Any], application: Application, output: Output, database: str | None, *, keep: bool
) -> int:
    async def started(store: Store, screen: Screen) -> tuple[str, Any]:
        graph = application.build(store.saver)
        return await start(graph, store, request, {**given, **application.to_keep()}, screen.take, screen.decide)

    return follow(started, output, database, keep=keep)


def go_on(run_id: str, again: Again | None, application: Application, output: Output, database: str | None) -> int:
    """Go on with a saved run, or do again what failed in it, and return the exit code."""

    async def gone_on(store: Store, screen: Screen) -> tuple[str, Any]:
        run = await store.find(run_id)
        graph = application.over(Application.kept_in(run.given)).build(store.saver)
        if again is None:
            return run.id, await resume(graph, store, run, screen.take, screen.decide)
        only, settings = again.only, again.settings
        state = await resume(graph, store, run, screen.take, screen.decide, retry=True, only=only, settings=settings)
        return run.id, state

    return follow(gone_on, output, database)
