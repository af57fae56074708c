"""Setup: the commands that tell what a run would be made with."""

from typing import Annotated

import typer

from graph.cli.hints import Misused
from graph.cli.options import AsJson, Database, Model, Sets, Specialists, settings_given


def models(
    action: Annotated[str, typer.Argument(metavar="[fetch|remove]")] = "list",
    name: Annotated[str, typer.Argument(metavar="[NAME]")] = "",
    as_json: AsJson = False,
) -> None:
    """Embedded models: list them, `fetch NAME`, `remove NAME`."""
    from graph.cli.inventory import embedded_models

    if action not in ("list", "fetch", "remove") or (action != "list" and not name):
        raise Misused("orchestrate models, orchestrate models fetch NAME, orchestrate models remove NAME")
    embedded_models(action, name, as_json=as_json)


def settings(model: Model = None, sets: Sets = None, as_json: AsJson = False) -> None:
    """List the settings: what each is, and where from."""
    from graph.cli.inventory import list_settings

    list_settings(settings_given(sets, model), as_json=as_json)


def specialists(folder: Specialists = None, as_json: AsJson = False) -> None:
    """List the specialists that the planner can name, and the tools that they have."""
    from graph.cli.inventory import list_specialists

    list_specialists(folder, as_json=as_json)


def doctor(
    model: Model = None,
    sets: Sets = None,
    as_json: AsJson = False,
    database: Database = None,
    folder: Specialists = None,
) -> int:
    """Check what a run needs: key, model, price, window, whether its server answers. Nothing is paid."""
    from graph.cli.doctor import examine

    return examine(settings_given(sets, model), folder, database, as_json=as_json)


async def assistants(
    url: Annotated[str, typer.Argument(help="Of a LangGraph server, as `make dev` prints it.")],
    graph: Annotated[str, typer.Option("--for", help="orchestrator or orchestrator_chat.")] = "orchestrator",
) -> None:
    """Make three ready assistants on a server: thrifty, thorough, asks first."""
    from graph.assistants import make_ready
    from graph.cli.output import say

    say(f"{graph}: {', '.join(await make_ready(url, graph))} are there")
