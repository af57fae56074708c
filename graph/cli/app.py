"""App: all commands, and how the process ends."""

import errno
import os
import sys
import threading
from inspect import iscoroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from graph.cli.commands import history, running, serve, setup, steering
from graph.cli.hints import Commands, Misused

FLUSH_S = 5.0  # a slow trace collector may hold up the end of the process for so long, and no longer
INTERRUPTED = 130
NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # a full disk, a terminal that has gone
NOT_FOR_WINDOWS = "orchestrate is made for Linux and macOS and is not tested on Windows; there, run it in WSL."
COMMANDS = (
    running.run, running.demo, history.runs, history.show, history.report, running.resume, running.follow, history.rm, history.rate,
    steering.write_up, steering.steer, serve.serve,
    setup.models, setup.settings, setup.specialists, setup.doctor, setup.assistants,
)  # fmt: skip


class Command(typer.core.TyperCommand):
    """A command, sync or async: .env is read first, what it returns is its exit code, a foreseen error ends it with its text."""

    def invoke(self, ctx: Any) -> None:
        """Run it, and leave."""
        import asyncio

        from graph.cli.output import fail
        from graph.settings import read_env_file
        from nodes.errors import OrchestratorError

        read_env_file()
        try:
            code = super().invoke(ctx)
            code = asyncio.run(code) if iscoroutine(code) else code
        except OrchestratorError as error:
            code = fail(error)
        raise typer.Exit(code or 0)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help='Split a request into subtasks, work on them in parallel, join one answer: orchestrate "your request".',
)
for command in COMMANDS:
    app.command(cls=Command)(command)


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


def main() -> None:
    """Run the command and leave with its exit code, at once: nothing may hold up the end of the process for long."""
    code: object = 0
    _open_streams()
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
    except Exception as error:  # noqa: BLE001 - a bug: show it whole
        if isinstance(error, OSError) and error.errno in NOT_WRITTEN:
            _refuse(Misused(f"the output cannot be written: {error.strerror}; `orchestrate runs` lists what is kept"))
        else:
            sys.excepthook(*sys.exc_info())
        code = 1
    _leave(code if isinstance(code, int) else 0)


def _open_streams() -> None:
    """Have all three streams, whatever was closed before us (no file of ours may take its place), and take any character."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for as long as we run
        elif mode == "w":
            stream.reconfigure(errors="replace")


def _refuse(error: Misused) -> int:
    from graph.cli.output import WRONG, say

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
    from graph.trace import wait

    wait()
