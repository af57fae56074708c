"""Command line: `orchestrate`. The commands; nothing heavy is imported before one runs.

Exit codes: 0 complete, 3 answered but incomplete, 2 wrong input or configuration, 1 anything else, 130 interrupted.
"""

import os
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from graph.hints import Commands, Misused, quote_hint
from graph.options import (
    Approve,
    AsJson,
    Attach,
    Database,
    Model,
    NoSave,
    Only,
    OwnGraph,
    Report,
    Retry,
    RunId,
    Sets,
    Specialists,
    Yes,
    settings_given,
)  # fmt: skip

STREET_PARTY = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."
DEMO_MODEL = "scripted:street-party"
FLUSH_S = 5.0  # a slow trace collector may hold up the end of the process for so long, and no longer
INTERRUPTED = 130
NOT_FOR_WINDOWS = "orchestrate is made for Linux and macOS and is not tested on Windows; there, run it in WSL."

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help='Split a request into subtasks, work on them in parallel, join one answer: orchestrate "your request".',
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        from importlib.metadata import version

        typer.echo(version("orchestrator-workers"))
        raise typer.Exit


@app.callback()
def _all(
    show_version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Take what holds for every command."""


@app.command()
def run(
    request: Annotated[str | None, typer.Argument(help='What you want worked out; "-" reads standard input.')] = None,
    rest: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
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
    specialists: Specialists = None,
    graph: OwnGraph = None,
) -> None:
    """Answer a request (the default command)."""
    if rest:
        raise Misused(quote_hint([str(request), *rest]))
    text, given = _request(request, file), settings_given(sets, model, approve=approve)
    _environment()
    from graph import session
    from graph.application import Application
    from graph.output import Output

    made = Application.of(attach, specialists, graph)
    raise typer.Exit(session.answer(text, given, made, Output(as_json, report), database, keep=not no_save, yes=yes))


@app.command()
def demo(
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
    no_save: NoSave = False,
    yes: Yes = False,
) -> None:
    """Plan the street party: with your model if one is set up, else with a scripted mind."""
    _environment()
    from graph import session
    from graph.output import Output

    given, output = settings_given(sets, model), Output(as_json, report)
    raise typer.Exit(session.demonstrate(STREET_PARTY, DEMO_MODEL, given, output, database, keep=not no_save, yes=yes))


@app.command()
def runs(as_json: AsJson = False, database: Database = None) -> None:
    """List the runs that are kept, the newest first: begun, state, last change, cost."""
    _environment()
    from graph.kept import list_runs
    from graph.output import or_fail

    or_fail(lambda: list_runs(database, as_json=as_json))


@app.command()
def show(
    run_id: RunId,
    subtask: Annotated[str, typer.Argument(metavar="[S1]", help="Show one worker's own text.")] = "",
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
) -> None:
    """Show a run: its answer, or how it stands and how to go on; with --json its whole state."""
    _environment()
    from graph.kept import show_run
    from graph.output import Output, or_fail

    raise typer.Exit(or_fail(lambda: show_run(run_id, subtask, Output(as_json, report), database)))


@app.command()
def resume(
    run_id: RunId,
    retry: Retry = False,
    only: Only = None,
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
    specialists: Specialists = None,
    graph: OwnGraph = None,
) -> None:
    """Go on with a run that was interrupted, failed, or waits; what was finished is not done again."""
    if not retry and (only or model or sets):
        raise Misused("--only, --model and --set change what is done again: they need --retry")
    given = settings_given(sets, model)
    _environment()
    from graph import session
    from graph.application import Application
    from graph.output import Output

    made = Application.of((), specialists, graph)
    again = session.Again(tuple(only or ()), given) if retry else None
    raise typer.Exit(session.go_on(run_id, again, made, Output(as_json, report), database))


@app.command()
def rm(run_ids: Annotated[list[str], typer.Argument(metavar="ID…")], database: Database = None) -> None:
    """Remove runs for good."""
    _environment()
    from graph.kept import remove_run
    from graph.output import or_fail

    for run_id in run_ids:
        or_fail(lambda run_id=run_id: remove_run(run_id, database))  # type: ignore[misc]


@app.command()
def models(
    action: Annotated[str, typer.Argument(metavar="[fetch|remove]")] = "list",
    name: Annotated[str, typer.Argument(metavar="[NAME]")] = "",
    as_json: AsJson = False,
) -> None:
    """Embedded models: list them, `fetch NAME`, `remove NAME`."""
    if action not in ("list", "fetch", "remove") or (action != "list" and not name):
        raise Misused("orchestrate models, orchestrate models fetch NAME, orchestrate models remove NAME")
    _environment()
    from graph.inventory import embedded_models

    raise typer.Exit(embedded_models(action, name, as_json=as_json))


@app.command()
def settings(model: Model = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """List the settings: what each is, and where from."""
    given = settings_given(sets, model)
    _environment()
    from graph.inventory import list_settings
    from graph.output import or_fail

    or_fail(lambda: list_settings(given, as_json=as_json))


@app.command()
def specialists(folder: Specialists = None, as_json: AsJson = False) -> None:
    """List the specialists that the planner can name, and the tools that they have."""
    _environment()
    from graph.inventory import list_specialists
    from graph.output import or_fail

    or_fail(lambda: list_specialists(folder, as_json=as_json))


@app.command()
def doctor(
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    database: Database = None,
    folder: Specialists = None,
) -> None:
    """Check what a run needs: key, model, price, window, whether its server answers. Nothing is paid."""
    given = settings_given(sets, model)
    _environment()
    from graph.doctor import examine

    raise typer.Exit(examine(given, folder, database, as_json=as_json))


def _request(request: str | None, file: Path | None) -> str:
    if (request is None) == (file is None):
        raise Misused('give one request: orchestrate "…", orchestrate - or orchestrate --file FILE')
    try:
        if file is not None:
            return file.read_text(encoding="utf-8")
        return sys.stdin.read() if request == "-" else str(request)
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"cannot read the request from {file or 'standard input'}: {error}") from None


def _environment() -> None:
    """Read .env, before anything of the environment is asked for."""
    from graph import settings as host

    host.read_env_file()


def main() -> None:
    """Run the command and leave with its exit code, at once: nothing may hold up the end of the process for long."""
    code: object = 0
    if sys.platform == "win32":
        typer.echo(NOT_FOR_WINDOWS, err=True)
    try:
        app()
    except SystemExit as leaving:
        code = leaving.code
    except Misused as error:
        code = _refuse(error)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception:  # noqa: BLE001 - a bug: show it whole
        sys.excepthook(*sys.exc_info())
        code = 1
    _leave(code if isinstance(code, int) else 0)


def _refuse(error: Misused) -> int:
    from graph.output import WRONG, say

    say(str(error), "red")
    return WRONG


def _leave(code: int) -> None:
    if code != INTERRUPTED and "langsmith" in sys.modules:
        flushing = threading.Thread(target=_flush, daemon=True)
        flushing.start()
        flushing.join(FLUSH_S)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # the reader has gone; there is nobody to tell
            code = code or 1
    os._exit(code)


def _flush() -> None:
    from langchain_core.tracers.langchain import wait_for_all_tracers

    wait_for_all_tracers()


if __name__ == "__main__":
    main()
