"""History: the commands for runs that are kept."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from graph.cli.options import AsJson, Database, Report, RunId


class Verdict(StrEnum):
    """What a person thinks of an answer."""

    GOOD = "good"
    BAD = "bad"


async def runs(as_json: AsJson = False, database: Database = None) -> None:
    """List the runs that are kept, the newest first: begun, state, last change, cost."""
    from graph.cli.kept import list_runs

    await list_runs(database, as_json=as_json)


async def show(
    run_id: RunId,
    subtask: Annotated[str, typer.Argument(metavar="[S1]", help="Show one worker's own text.")] = "",
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
) -> int:
    """Show a run: its answer, or how it stands and how to go on; with --json its whole state."""
    from graph.cli.kept import show_run
    from graph.cli.output import ResultWriter

    return await show_run(run_id, subtask, ResultWriter(as_json, report), database)


async def rate(
    run_id: RunId,
    verdict: Annotated[Verdict, typer.Argument(help="What you think of its answer.")],
    why: Annotated[str, typer.Option("--why", help="In a sentence, for those who read it there.")] = "",
    database: Database = None,
) -> None:
    """Send your word on a run's answer to LangSmith, where the run is traced."""
    from graph.cli.kept import rate_run

    await rate_run(run_id, database, good=verdict is Verdict.GOOD, why=why)


async def rm(run_ids: Annotated[list[str], typer.Argument(metavar="ID…")], database: Database = None) -> None:
    """Remove runs for good."""
    from graph.cli.kept import remove_runs

    await remove_runs(run_ids, database)


async def report(
    run_id: RunId,
    kind: Annotated[str, typer.Option("--format", help="html, md, docx (the answer alone) or json.")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where to; - is stdout.")] = None,
    database: Database = None,
) -> None:
    """Write a run as a file worth keeping: one page that loads nothing, Markdown, Word or JSON."""
    from graph.cli.kept import write_report

    await write_report(run_id, kind or (out.suffix.removeprefix(".") if out else "") or "html", out, database)
