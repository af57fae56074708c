"""Command line: `orchestrate`. The only place that prints.

Exit codes: 0 complete, 3 answered but incomplete, 2 wrong input or configuration, 1 anything else, 130 interrupted.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Self

import click
import typer
from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

COMPLETE, OTHER, WRONG, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130
STREET_PARTY = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."
DEMO_MODEL = "scripted:street-party"
TELL_EVERY_S = 5.0  # how often a download is told of where there is no terminal
FLUSH_S = 5.0  # a slow trace collector may hold up the end of the process for so long, and no longer

# Not for --json: what only steers the run.
_INNER = ("draft", "replan", "phase")

told = Console(stderr=True, highlight=False)
page = Console(highlight=False)


class _RequestFirst(typer.core.TyperGroup):
    """`orchestrate "a request"` is `orchestrate run "a request"`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h", "--version"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RequestFirst,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help='Split a request into subtasks, work on them in parallel, join one answer: orchestrate "your request".',
)

Model = Annotated[str | None, typer.Option("--model", "-m", help="provider:name for planner, workers and synthesiser.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="NAME=VALUE", help="Any setting; may be repeated.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the final state as one JSON document on stdout.")]
Approve = Annotated[bool, typer.Option("--approve", help="Show the plan and ask before any work.")]
Report = Annotated[Path | None, typer.Option("--report", help="Also write the whole run to FILE.md or FILE.html.")]

Database = Annotated[str | None, typer.Option("--db", help="Where runs are kept: a path, or postgresql://…")]
Attach = Annotated[
    list[Path] | None, typer.Option("--attach", "-a", help="A document for the request: PDF, Markdown, text, CSV.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Agree beforehand: fetch the embedded model if it is needed.")]
NoSave = Annotated[bool, typer.Option("--no-save", help="Do not keep this run.")]


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        page.print(version("orchestrator-workers"))
        raise typer.Exit(COMPLETE)


@app.callback()
def _all(
    show_version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Take what holds for every command."""


@app.command(help="Answer a request (the default command).")
def run(
    request: Annotated[str | None, typer.Argument(help='What you want worked out; "-" reads standard input.')] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the request from a file.")] = None,
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    approve: Approve = False,
    report: Report = None,
    database: Database = None,
    no_save: NoSave = False,
    yes: Yes = False,
    attach: Attach = None,
) -> None:
    """Answer a request."""
    text, output, given = _read(request, file), _Output(as_json, report), _settings(sets, model, approve=approve)
    output.check()
    _told(lambda: _check(text, given))
    given = _told(lambda: _with_model_ready(given, yes=yes))
    raise typer.Exit(_answer(text, given, output, database, keep=not no_save, attach=attach or ()))


@app.command(help="Plan the street party: with your model if one is set up, else with a scripted mind.")
def demo(
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
    no_save: NoSave = False,
    yes: Yes = False,
) -> None:
    """Run the built-in request."""
    from nodes.errors import NoModel, OrchestratorError

    given = _settings(sets, model)
    _Output(as_json, report).check()
    _told(lambda: _check(STREET_PARTY, given))
    if model == DEMO_MODEL:
        _banner()
    try:
        given = _with_model_ready(given, yes=yes)
    except NoModel as error:
        if model is not None or any(name.endswith("_model") for name in given):
            raise typer.Exit(_say(error)) from None
        given = _settings(sets, DEMO_MODEL)
        _banner()
    except OrchestratorError as error:
        raise typer.Exit(_say(error)) from None
    raise typer.Exit(_answer(STREET_PARTY, given, _Output(as_json, report), database, keep=not no_save))


@app.command(help="List the runs that are kept, the newest first.")
def runs(as_json: AsJson = False, database: Database = None) -> None:
    """List saved runs."""

    async def listed(store: Any) -> Any:
        return await store.runs()

    found = _told(lambda: _with_store(database, listed))
    if as_json:
        _write_json([run.as_json() for run in found])
    elif not found:
        told.print("no runs are kept yet")
    else:
        for run in found:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.created))
            line = Text(f"{run.id}  {when}  {run.status:<11}  {_one_line(run.request)}")
            if page.is_terminal:
                line.truncate(page.width, overflow="ellipsis")
            page.print(line, soft_wrap=True)
    raise typer.Exit(COMPLETE)


@app.command(help="Show a run that is kept: its answer, or with --json its whole state.")
def show(
    run_id: Annotated[str, typer.Argument(metavar="ID")],
    subtask: Annotated[str, typer.Argument(metavar="[S1]", help="Show one worker's own text.")] = "",
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
) -> None:
    """Show a saved run."""

    async def found(store: Any) -> Any:
        from graph.build import build_graph
        from graph.run import snapshot_of

        run = await store.find(run_id)
        snapshot = await snapshot_of(build_graph(checkpointer=store.saver), run)
        return run, snapshot.values

    run, state = _told(lambda: _with_store(database, found))
    state = {"request": run.request, **state}
    if subtask:
        _show_subtask(state, subtask.strip("[]").upper())
    told.print(Text(f"run {run.id}: {run.status}"), soft_wrap=True)
    _Output(as_json, report).write(state, run.id, None)
    raise typer.Exit(COMPLETE if state.get("complete") else INCOMPLETE)


def _show_subtask(state: dict[str, Any], subtask: str) -> None:
    from graph.report import harmless

    outcomes = {one["id"]: one for one in state.get("outcomes", [])}
    if subtask not in outcomes:
        raise typer.BadParameter(
            f"there is no subtask {subtask!r} in this run; there are: {', '.join(outcomes) or 'none'}"
        )
    one = outcomes[subtask]
    told.print(
        Text(harmless(f"{one['id']} {one['specialist']}, {one['status']}: {one['task']}"), "dim"), soft_wrap=True
    )
    sys.stdout.write(harmless(one["output"] or one["error"] or "") + "\n")
    raise typer.Exit(COMPLETE)


@app.command(help="Go on with a run that was interrupted, failed, or waits; what was finished is not done again.")
def resume(
    run_id: Annotated[str, typer.Argument(metavar="ID")],
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
) -> None:
    """Resume a saved run."""

    async def gone_on_with(store: Any, screen: "_Screen") -> Any:
        from graph import run as running
        from graph.build import build_graph

        run = await store.find(run_id)
        graph = build_graph(checkpointer=store.saver, documents=run.given.get(running.ATTACHED, ()))
        return run.id, await running.resume(graph, store, run, screen.take, screen.decide)

    raise typer.Exit(_followed(gone_on_with, _Output(as_json, report), _where(database)))


@app.command(help="Embedded models: list them, `fetch NAME`, `remove NAME`.")
def models(
    action: Annotated[str, typer.Argument(metavar="[fetch|remove]")] = "list",
    name: Annotated[str, typer.Argument(metavar="[NAME]")] = "",
    as_json: AsJson = False,
) -> None:
    """List, fetch or remove embedded models."""
    from graph import local

    if action not in ("list", "fetch", "remove") or (action != "list" and not name):
        raise typer.BadParameter("orchestrate models, orchestrate models fetch NAME, orchestrate models remove NAME")
    try:
        if action == "fetch":
            with _Download() as download:
                path = local.fetch(name, progress=download.show)
            told.print(Text(f"local:{name} is here: {path}"), soft_wrap=True)
        elif action == "remove":
            told.print(Text(f"local:{name} removed; {local.remove(name) / 1e9:.2f} GB freed"), soft_wrap=True)
        else:
            found = [local.describe(one) for one in local.CATALOGUE]
            if as_json:
                _write_json([asdict(one) for one in found])
            for one in found if not as_json else ():
                page.print(
                    Text(f"local:{one.name:<8} {one.state:<8} {one.size:>8}  {one.licence}  {one.source}  {one.path}"),
                    soft_wrap=True,
                )
    except local.WeightsError as error:
        raise typer.Exit(_say(error)) from None


class _Download:
    """A progress bar for what is fetched; plain lines, now and then, where there is no terminal."""

    def __init__(self) -> None:
        self.bar = Progress(
            *(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()), console=told, transient=True
        )
        self.task: TaskID | None = None
        self.told_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.task is not None:
            self.bar.stop()

    def show(self, done: int, total: int) -> None:
        """Show how far it has come."""
        if told.is_terminal:
            if self.task is None:
                self.task = self.bar.add_task("", total=total)
                self.bar.start()
            self.bar.update(self.task, completed=done)
        elif time.monotonic() - self.told_at > TELL_EVERY_S or done == total:
            self.told_at = time.monotonic()
            told.print(f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB", soft_wrap=True)


def _with_model_ready(given: dict[str, Any], *, yes: bool) -> dict[str, Any]:
    """Return the settings with a model that is there: what was named, what the keys allow, or what a person takes.

    Raises:
        NoModel: there is none.
    """
    from graph import local, settings
    from nodes.errors import NoModel
    from nodes.state import ROLES

    there = sys.stdin.isatty() and told.is_terminal
    with _Download() as download:
        person = local.Person(
            ask=_ask if there else None,
            tell=lambda text: told.print(Text(text), soft_wrap=True),
            yes=yes,
            progress=download.show,
        )
        named = {key: value for key, value in given.items() if key.endswith("_model")}
        try:
            found = settings.resolve(named)
        except NoModel:
            taken = local.offer(asyncio.run(local.find_servers()) if there or yes else [], person)
            if taken is None:
                raise
            return {**dict.fromkeys((f"{role}_model" for role in ROLES), taken), **given}
        local.make_ready([found.model(role) for role in ROLES], person)
    return given


def _ask(question: str) -> bool:
    told.print(Text(f"{question} [y/N] "), end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _banner() -> None:
    text = (
        "No model was called: no key and no server is set up, so a scripted mind plays this one request behind the "
        "real graph. To use a model, set OPENAI_API_KEY; or OPENAI_BASE_URL for any compatible server; or name one "
        'with ORCHESTRATOR_MODEL=provider:name. Then: orchestrate "your own request".'
    )
    told.print(
        Panel(Text(text), title="Demonstration", border_style="yellow")
        if told.is_terminal
        else f"DEMONSTRATION. {text}",
        soft_wrap=not told.is_terminal,
    )


def _read(request: str | None, file: Path | None) -> str:
    if (request is None) == (file is None):
        raise typer.BadParameter('give one request: orchestrate "…", orchestrate - or orchestrate --file FILE')
    try:
        if file is not None:
            return file.read_text(encoding="utf-8")
        return sys.stdin.read() if request == "-" else str(request)
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot read the request from {file or 'standard input'}: {error}") from None


def _settings(sets: list[str] | None, model: str | None, *, approve: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {"approve_plan": True} if approve else {}
    if model:
        found |= dict.fromkeys(("planner_model", "worker_model", "synthesiser_model"), model)
    for one in sets or []:
        name, equals, value = one.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set {one!r}: expected NAME=VALUE, such as --set max_subtasks=4")
        found[name.strip()] = value.strip()
    return found


def _where(database: str | None) -> Any:
    from graph import settings
    from graph.store import default_path

    return database or settings.database() or default_path()


def _with_store(database: str | None, work: Callable[[Any], Any]) -> Any:
    """Open the database, do something with it, and close it again."""
    from graph.store import open_store

    async def opened() -> Any:
        async with open_store(_where(database)) as store:
            return await work(store)

    return asyncio.run(opened())


def _told(work: Callable[[], Any]) -> Any:
    """Do something; a foreseen error ends the command with its text."""
    from nodes.errors import OrchestratorError

    try:
        return work()
    except OrchestratorError as error:
        raise typer.Exit(_say(error)) from None


def _say(error: Exception) -> int:
    """Tell a foreseen error, and return its exit code."""
    from graph.report import harmless
    from graph.store import RunBusy
    from nodes.errors import AllWorkersFailed

    told.print(Text(harmless(f"{type(error).__name__}: {error}"), "red"), soft_wrap=True)
    return OTHER if isinstance(error, (AllWorkersFailed, RunBusy)) else WRONG


def _check(request: str, given: dict[str, Any]) -> None:
    """Refuse what cannot be run, before anything is offered, fetched or saved."""
    from graph.build import checked_request
    from nodes.state import Context

    checked_request(request)
    Context(**given)


def _answer(
    request: str,
    given: dict[str, Any],
    output: "_Output",
    database: str | None,
    *,
    keep: bool,
    attach: Sequence[Path] = (),
) -> int:
    async def kept(store: Any, screen: "_Screen") -> Any:
        from graph import run as running
        from graph.build import build_graph

        files = [str(path.expanduser().resolve()) for path in attach]
        graph = build_graph(checkpointer=store.saver, documents=files)
        return await running.start(graph, store, request, given, screen.take, screen.decide, files)

    return _followed(kept, output, _where(database) if keep else None)


def _followed(work: Callable[[Any, "_Screen"], Any], output: "_Output", where: Any) -> int:
    """Follow a run on the screen, print how it ended, and return the exit code."""
    from graph.run import Waiting
    from graph.store import open_store
    from nodes.errors import OrchestratorError

    output.check()
    began, screen = time.monotonic(), _Screen()

    async def opened() -> Any:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for mypy: asyncio.run made one
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
        async with open_store(where or ":memory:") as store:
            with screen:
                return await work(store, screen)

    try:
        run_id, state = asyncio.run(opened())
    except OrchestratorError as error:
        return _say(error)
    except Waiting as error:
        told.print(Text(f"{error} {screen.how_to_resume()}".strip(), "yellow"), soft_wrap=True)
        return INCOMPLETE
    except (KeyboardInterrupt, asyncio.CancelledError):
        told.print(
            Text(f"{screen.so_far()} {screen.how_to_resume() if where else ''}".strip(), "yellow"), soft_wrap=True
        )
        return INTERRUPTED
    output.write(state, run_id if where else None, time.monotonic() - began)
    return COMPLETE if state.get("complete") else INCOMPLETE


class _Screen:
    """The live view in a terminal, plain lines elsewhere. All of it goes to stderr."""

    def __init__(self) -> None:
        from graph.view import View

        self.view = View()
        self.live = Live(console=told, refresh_per_second=8, transient=True) if told.is_terminal else None

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()
            if self.view.workers:
                told.print(self.view.settled())

    def take(self, event: dict[str, Any]) -> None:
        for line in self.view.take(event):
            if self.live is None:
                told.print(Text(line), soft_wrap=True)
        if self.live:
            self.live.update(self.view.shown())

    def so_far(self) -> str:
        """Say what was done when the run was interrupted."""
        done = [one for one, line in self.view.workers.items() if line.status in ("done", "partial")]
        if not self.view.workers:
            return "interrupted while planning; nothing was done."
        return f"interrupted; done: {', '.join(done) or 'none'} of {len(self.view.workers)} subtasks."

    def how_to_resume(self) -> str:
        """Say how to go on."""
        return f"To go on: orchestrate resume {self.view.run_id}" if self.view.run_id else ""

    async def decide(self, asked: dict[str, Any]) -> Any:
        """Ask the person at the terminal what an interrupt wants to know."""
        from graph.run import Waiting

        if not (sys.stdin.isatty() and told.is_terminal):
            raise Waiting("the run waits for an approval, which needs a terminal to ask in.")
        self.__exit__()
        try:
            return await _in_daemon(lambda: _decide(asked))
        finally:
            self.__enter__()


async def _in_daemon(work: Callable[[], Any]) -> Any:
    """Like asyncio.to_thread, but nothing waits for the thread at the end: Ctrl-C must not wait for a line to be typed."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(give: Callable[[Any], None], value: Any) -> None:
        if not done.done():
            give(value)

    def run() -> None:
        try:
            value = work()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(done.cancel)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            loop.call_soon_threadsafe(settle, done.set_exception, error)
        else:
            loop.call_soon_threadsafe(settle, done.set_result, value)

    threading.Thread(target=run, daemon=True).start()
    return await done


def _decide(asked: dict[str, Any]) -> dict[str, Any]:
    """Show what is to be decided, one thing after the other, and ask what to do with each."""
    from graph.report import harmless

    decisions = []
    for number, request in enumerate(asked["action_requests"]):
        allowed = asked["review_configs"][min(number, len(asked["review_configs"]) - 1)]["allowed_decisions"]
        told.print(Text(harmless(request.get("description") or f"{request['name']} {request['args']}")), soft_wrap=True)
        decisions.append(_decision(request, allowed))
    return {"decisions": decisions}


def _decision(request: dict[str, Any], allowed: Sequence[str]) -> dict[str, Any]:
    ways = {"approve": "[a]pprove", "reject": "[r]eject with a message", "edit": "[e]dit"}
    while True:
        told.print(", ".join(ways[one] for one in ways if one in allowed) + "? ", end="", markup=False)
        line = sys.stdin.readline()
        word = line.strip().lower()
        if word in ("a", "approve"):
            return {"type": "approve"}
        if word in ("r", "reject"):
            told.print("What should be different? ", end="")
            return {"type": "reject", "message": sys.stdin.readline().strip()}
        if word in ("e", "edit") and "edit" in allowed:
            edited = click.edit(json.dumps(request["args"], indent=2, ensure_ascii=False), extension=".json")
            try:
                args = json.loads(edited) if edited else request["args"]
            except ValueError as error:
                told.print(Text(f"that is not valid JSON: {error}", "red"))
                continue
            decision = {"type": "edit", "edited_action": {"name": request["name"], "args": args}}
            if fault := _wrong(request, decision):
                told.print(Text(f"that cannot be run: {fault}", "red"), soft_wrap=True)
                continue
            return decision
        if not line:  # the end of input: nobody is there any more
            raise KeyboardInterrupt


def _wrong(request: dict[str, Any], decision: dict[str, Any]) -> str | None:
    """Say what is wrong with an edited plan (None: nothing)."""
    from pydantic import ValidationError

    from nodes.approval import Decisions

    if request["name"] != "run_plan":
        return None
    try:
        Decisions.model_validate({"decisions": [decision]})
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, one['loc'][2:]))}: {one['msg']}" for one in error.errors())
    return None


@dataclass(frozen=True)
class _Output:
    """How a run's result is printed."""

    as_json: bool
    report: Path | None

    def check(self) -> None:
        """Refuse a report that could not be written."""
        if self.report is not None and self.report.suffix not in (".md", ".html"):
            raise typer.BadParameter(f"--report {self.report}: the name must end in .md or .html")
        if self.report is not None and not self.report.absolute().parent.is_dir():
            raise typer.BadParameter(f"--report {self.report}: there is no folder {self.report.absolute().parent}")

    def write(self, state: dict[str, Any], run_id: str | None, seconds: float | None) -> None:
        """Print the answer to stdout, how the run ended to stderr, and the report to its file."""
        from graph import report as reports
        from graph.view import summary

        self.check()
        if self.as_json:
            kept = {key: value for key, value in state.items() if key not in _INNER}
            _write_json({**({"id": run_id} if run_id else {}), **kept})
        elif answer := reports.harmless(state.get("answer", "")):
            if page.is_terminal:
                page.print(Markdown(answer))
            else:
                sys.stdout.write(answer + "\n")
        sys.stdout.flush()
        if told.is_terminal:
            told.rule(style="dim")
        for text, style in summary(state, seconds):
            told.print(Text(text, style), soft_wrap=True)
        if self.report is not None:
            write = reports.html if self.report.suffix == ".html" else reports.markdown
            self.report.write_text(write(state), encoding="utf-8")  # type: ignore[arg-type]
            told.print(Text(f"report: {self.report}"), soft_wrap=True)


def _write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _one_line(text: str) -> str:
    from graph.report import harmless

    return " ".join(harmless(text).split())


def main() -> None:
    """Run the command and leave with its exit code, at once: nothing may hold up the end of the process for long."""
    from graph import settings

    code: object
    try:
        settings.read_env_file()
        app()
        code = COMPLETE
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception:  # noqa: BLE001 - a bug: show it whole
        sys.excepthook(*sys.exc_info())
        code = OTHER
    _leave(code if isinstance(code, int) else COMPLETE)


def _leave(code: int) -> None:
    if code != INTERRUPTED and "langsmith" in sys.modules:
        flushing = threading.Thread(target=_flush, daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # the reader has gone; there is nobody to tell
            code = code or OTHER
    os._exit(code)


def _flush() -> None:
    from langchain_core.tracers.langchain import wait_for_all_tracers

    wait_for_all_tracers()


if __name__ == "__main__":
    main()
