"""Steering: the commands that put a hand on a run that is under way in another terminal, or rests."""

from typing import Annotated

import typer

from graph.cli.hints import Misused
from graph.cli.keys import subtask_id
from graph.cli.options import AsJson, Database, OwnGraph, Report, RunId, Specialists, session_of

ACTIONS = ("stop", "again", "tell", "pause", "go-on", "write-up", "leave")
_OF_ONE = ("stop", "again", "tell")  # they name a subtask
HOW = "orchestrate steer ID stop S2, again S2 [ADVICE], tell S2 MESSAGE, pause, go-on, write-up or leave"


def write_up(
    run_id: RunId,
    as_json: AsJson = False,
    report: Report = None,
    database: Database = None,
    specialists: Specialists = None,
    graph: OwnGraph = None,
) -> int:
    """Do no more of a run: what is finished becomes the answer, which names the rest."""
    import asyncio

    from graph.cli.kept import give_order
    from graph.cli.output import COMPLETE

    if asyncio.run(give_order(run_id, {"do": "write-up"}, database)):
        return COMPLETE
    return session_of(as_json, report, database, specialists=specialists, graph=graph).go_on(run_id, writing_up=True)


async def steer(
    run_id: RunId,
    action: Annotated[str, typer.Argument(metavar="ACTION", help=", ".join(ACTIONS))],
    subtask: Annotated[str, typer.Argument(metavar="[S2]", help="Which worker.")] = "",
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]", help="Advice, or a message.")] = None,
    database: Database = None,
) -> None:
    """Steer a run that another terminal is at work on: stop S2, again S2, tell S2, pause, go-on, write-up, leave."""
    from graph.cli.kept import give_order

    said = " ".join(words or [])
    if action not in ACTIONS or (action in _OF_ONE) != bool(subtask) or (action == "tell" and not said):
        raise Misused(HOW)
    order = {"do": action, "subtask": subtask_id(subtask), "words": said} if subtask else {"do": action}
    if not await give_order(run_id, order, database):
        raise Misused(f"nobody is at work on run {run_id}; `orchestrate resume {run_id}` goes on with it")
