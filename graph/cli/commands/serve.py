"""Serve: the command for the page in a browser."""

from typing import Annotated

import typer

from graph.cli.options import Database


async def serve(
    port: Annotated[int, typer.Option("--port", help="0: any that is free.")] = 0,
    host: Annotated[str, typer.Option("--host", help="Other than this machine's own needs a password.")] = "127.0.0.1",
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="A name that others open it under, as of a proxy; may be repeated."),
    ] = None,
    url: Annotated[str, typer.Option("--url", help="Show the runs of this LangGraph server instead.")] = "",
    database: Database = None,
) -> None:
    """Open a page in the browser: begin runs, watch and steer them, and keep what came of them (extra: page)."""
    from graph import settings
    from graph.cli.kept import where_runs_are
    from graph.cli.output import say
    from nodes.errors import BadSettings, install_command

    try:
        from graph.page import serve as serve_page
    except ImportError as error:
        if error.name not in ("nicegui", "fastapi", "uvicorn"):
            raise
        how = install_command("orchestrator-workers[page]")
        raise BadSettings(f"the page needs the extra page: {how}") from None
    password = settings.said("PAGE_PASSWORD") or ""
    await serve_page(where_runs_are(database), host, port, password, say, names or (), url)
