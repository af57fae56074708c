"""Running: the commands that begin a run, or go on with one."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from graph.cli.hints import Misused, quote_hint
from graph.cli.options import (
    Advice,
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
    session_of,
    settings_given,
)  # fmt: skip

STREET_PARTY = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."
READ_LIMIT = 1_000_000  # characters; far more than a request may have, and a pipe may have no end
DEMO_MODEL = "scripted:street-party"


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
) -> int:
    """Answer a request (the default command)."""
    if rest:
        raise Misused(quote_hint([str(request), *rest]))
    text, given = _request(request, file), settings_given(sets, model, approve=approve)
    session = session_of(as_json, report, database, attach, specialists, graph, keep=not no_save)
    return session.answer(text, given, yes=yes)


def demo(
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
    no_save: NoSave = False,
    yes: Yes = False,
) -> int:
    """Plan the street party: with your model if one is set up, else with a scripted mind."""
    session = session_of(as_json, report, database, keep=not no_save)
    return session.answer(STREET_PARTY, settings_given(sets, model), yes=yes, scripted=DEMO_MODEL)


def follow(
    run_id: RunId,
    message: Annotated[str, typer.Argument(help='A question about it, or a change to it; "-" reads standard input.')],
    rest: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    approve: Approve = False,
    report: Report = None,
    database: Database = None,
    specialists: Specialists = None,
) -> int:
    """Go on from a run: answered from its results, or changed with what still stands kept and not paid again."""
    if rest:
        raise Misused(quote_hint([message, *rest]))
    session = session_of(as_json, report, database, specialists=specialists)
    return session.follow_up(run_id, _request(message, None), settings_given(sets, model, approve=approve))


def resume(
    run_id: RunId,
    retry: Retry = False,
    only: Only = None,
    advice: Advice = None,
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
    specialists: Specialists = None,
    graph: OwnGraph = None,
) -> int:
    """Go on with a run that was interrupted, failed, or waits; what was finished is not done again."""
    if not retry and (only or model or sets or advice):
        raise Misused("--only, --model, --set and --advice change what is done again: they need --retry")
    words = dict.fromkeys(only or (), advice or "")
    session = session_of(as_json, report, database, specialists=specialists, graph=graph)
    return session.go_on(run_id, retry=retry, only=only or (), settings=settings_given(sets, model), advice=words)


def _request(request: str | None, file: Path | None) -> str:
    if (request is None) == (file is None):
        raise Misused('give one request: orchestrate "…", orchestrate - or orchestrate --file FILE')
    try:
        if file is not None:
            with file.open(encoding="utf-8") as opened:
                return opened.read(READ_LIMIT)
        return sys.stdin.read(READ_LIMIT) if request == "-" else str(request)
    except (OSError, UnicodeDecodeError) as error:
        raise Misused(f"cannot read the request from {file or 'standard input'}: {error}") from None
