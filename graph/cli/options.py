"""Options: what several commands of the command line take."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graph.cli.hints import Misused

if TYPE_CHECKING:
    from graph.cli.session import Session

Model = Annotated[str | None, typer.Option("--model", "-m", help="provider:name for planner, workers and synthesiser.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="NAME=VALUE", help="Any setting; may be repeated.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document on stdout.")]
Approve = Annotated[bool, typer.Option("--approve", help="Show the plan and ask before any work.")]
Report = Annotated[Path | None, typer.Option("--report", help="Also write the run to FILE.html, .md, .docx or .json.")]
Database = Annotated[str | None, typer.Option("--db", help="Where runs are kept: a path, or postgresql://…")]
Attach = Annotated[
    list[str] | None,
    typer.Option("--attach", "-a", metavar="FILE|URL", help="A document for the request: PDF, Markdown, text, CSV."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Agree beforehand: fetch the embedded model if it is needed.")]
NoSave = Annotated[bool, typer.Option("--no-save", help="Do not keep this run.")]
Specialists = Annotated[Path | None, typer.Option("--specialists", metavar="DIR", help="A folder of specialist files.")]
OwnGraph = Annotated[
    str | None, typer.Option("--graph", metavar="MODULE:ATTRIBUTE", help="Run a graph of your own, made in Python.")
]
Retry = Annotated[bool, typer.Option("--retry", help="Do again what failed or was dropped, then the synthesis.")]
Only = Annotated[list[str] | None, typer.Option("--only", metavar="S3", help="With --retry: only this subtask.")]
Advice = Annotated[str | None, typer.Option("--advice", help="With --only: a word for those that do it again.")]
RunId = Annotated[str, typer.Argument(metavar="ID", help="A run's id, or the beginning of one.")]


def session_of(
    as_json: AsJson,
    report: Report,
    database: Database,
    attach: Attach = None,
    specialists: Specialists = None,
    graph: OwnGraph = None,
    *,
    keep: bool = True,
) -> "Session":
    """Begin a session as the options say; what it takes is imported only now."""
    from graph.application import Application
    from graph.cli.output import ResultWriter
    from graph.cli.session import Session

    return Session(ResultWriter(as_json, report), database, keep, Application.of(attach, specialists, graph))


def settings_given(sets: list[str] | None, model: str | None, *, approve: bool = False) -> dict[str, Any]:
    """Read --set NAME=VALUE, --model and --approve as the settings of a run."""
    given: dict[str, Any] = {"approve_plan": True} if approve else {}
    if model:
        given |= dict.fromkeys(("planner_model", "worker_model", "synthesiser_model"), model)
    for text in sets or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise Misused(f"--set {text!r}: expected NAME=VALUE, such as --set max_subtasks=4")
        given[name.strip()] = value.strip()
    return given
