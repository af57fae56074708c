"""Serve: the page's server. One process, one database; it speaks to this machine alone unless a password is set."""

import secrets
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import uvicorn
from fastapi import FastAPI, Response
from nicegui import ui

from graph.page.guard import Guard, address_of, is_loopback
from graph.page.live import Lives
from graph.page.screen import Screen
from graph.page.served import Served
from graph.report import FORMATS, written
from graph.store import open_store
from nodes.errors import BadSettings, OrchestratorError

CSS = Path(__file__).with_name("page.css")
# Where this machine itself reaches what listens on all of its addresses.
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound to
KINDS = {"html": "text/html", "md": "text/markdown", "docx": "application/octet-stream", "json": "application/json"}


async def serve(
    database: str | Path,
    host: str,
    port: int,
    password: str,
    say: Callable[[str], None],
    names: Collection[str] = (),
    url: str = "",
) -> None:
    """Serve the page until it is told to end; runs under way are then left so that they can be resumed.

    Args:
        database: where runs are kept.
        host: the address to listen on. Other than this machine's own only with a password.
        port: 0 for any that is free.
        password: stands in the address in place of a token made up now ("": none).
        say: is told the address to open.
        names: under which others reach it, besides the address that they connect to.
        url: of a LangGraph server, whose runs are shown in place of the database's ("": none).

    Raises:
        BadSettings: another host, and no password; or no such address is free.
    """
    if not is_loopback(host) and not password:
        raise BadSettings(f"--host {host} is seen by others: set a password in ORCHESTRATOR_PAGE_PASSWORD first")
    token = password or secrets.token_urlsafe(24)
    async with AsyncExitStack() as opened:
        lives = Served(url) if url else Lives(await opened.enter_async_context(open_store(database)))
        guard = Guard(application(lives), token, [*names, *(["localhost"] if is_loopback(host) else [])])
        config = uvicorn.Config(guard, host=host, port=port, log_level="warning", lifespan="on")
        bound = config.bind_socket()
        bound.listen(128)  # who opens the address at once waits until the server is up, and is not turned away
        shown = next(iter(names), ANYWHERE.get(host, host))
        say(f"http://{address_of(shown, bound.getsockname()[1])}/?token={quote(token, safe='')}")
        await uvicorn.Server(config).serve(sockets=[bound])


def application(lives: Lives | Served) -> FastAPI:
    """Make the application, unguarded."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await lives.leave_all()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/report/{run_id}.{kind}")
    async def report(run_id: str, kind: str) -> Response:
        if kind not in FORMATS:
            return Response("no such format", 404)
        try:
            return Response(written(await lives.state(await lives.find(run_id)), kind), media_type=KINDS[kind])
        except OrchestratorError as error:
            return Response(str(error), 404)

    pages(lives)
    ui.run_with(app, dark=None, language="en-GB", tailwind=False, show_welcome_message=False, reconnect_timeout=30)
    return app


def pages(lives: Lives | Served) -> None:
    """Say what is shown under which address."""
    ui.add_css(CSS.read_text(encoding="utf-8"), shared=True)

    @ui.page("/", title="Orchestrate")
    async def new() -> None:
        await Screen(lives).new()

    @ui.page("/run/{run_id}", title="Orchestrate")
    async def run(run_id: str) -> None:
        await Screen(lives).run(run_id)

    @ui.page("/compare/{first}/{second}", title="Orchestrate")
    async def compare(first: str, second: str) -> None:
        await Screen(lives).compare(first, second)
