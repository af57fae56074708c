"""Screen: what stands around a run: the runs on the left, a new request, and what is kept of one that has ended."""

import time
from collections.abc import Awaitable, Callable
from textwrap import shorten
from typing import Any

from nicegui import ui

from graph.page.live import Lives
from graph.page.run_view import RunView
from graph.sanitise import one_line
from graph.store import Run, RunBusy
from nodes.errors import OrchestratorError
from nodes.state import Context

RESTING = ("interrupted", "failed", "waiting", "incomplete")  # runs that can be gone on with
NAMED = 60  # characters of a request in the list


class Screen:
    """One browser tab."""

    def __init__(self, lives: Lives) -> None:
        self._lives = lives

    async def new(self) -> None:
        """Show the form of a new request."""
        await self._around("")
        with ui.element("div").classes("main"), ui.element("section").classes("form"):
            ui.label("What do you want worked out?").props('role="heading" aria-level="1"').classes("title")
            request = ui.textarea().props('outlined autogrow aria-label="request"').classes("request")
            with ui.element("details"):
                with ui.element("summary"):
                    ui.label("Model, budget and more")
                with ui.element("div").classes("settings"):
                    model = ui.input("Model, as provider:name").props("outlined dense")
                    budget = ui.input("Ceiling in USD").props("outlined dense")
                    most = ui.input("At most so many subtasks").props("outlined dense")
                    approve = ui.checkbox("Show me the plan before any work")

            async def begin() -> None:
                given: dict[str, Any] = {"approve_plan": True} if approve.value else {}
                if model.value:
                    roles = ("planner_model", "worker_model", "synthesiser_model")
                    given |= dict.fromkeys(roles, str(model.value).strip())
                given |= {"budget_usd": budget.value} if budget.value else {}
                given |= {"max_subtasks": most.value} if most.value else {}
                await self._open(lambda: self._lives.begin(str(request.value or ""), given))

            ui.button("Begin", on_click=begin, color=None).props("flat no-caps").classes("button first")

    async def run(self, run_id: str) -> None:
        """Show a run: as it goes on, or what is kept of it."""
        await self._around(run_id)
        live = self._lives.by_id.get(run_id)
        with ui.element("div").classes("main"):
            if live is not None and not live.ended:
                RunView(live, lambda: ui.navigate.to(f"/run/{run_id}"))
                return
            run = await self._lives.store.find(run_id)
            await self._kept(run, live.said if live else "")

    async def _kept(self, run: Run, said: str) -> None:
        with ui.element("section").classes("kept"):
            ui.label(one_line(run.request)).props('role="heading" aria-level="1"').classes("unseen")
            with ui.element("div").classes("bar"):
                ui.label(run.status).classes(f"pill {run.status}")
                if run.status in RESTING:
                    again = {"retry": True} if run.status == "incomplete" else {}
                    self._button("Go on", lambda: self._open(lambda: self._lives.go_on(run, **again)))
                    self._button("Write up", lambda: self._open(lambda: self._lives.go_on(run, writing_up=True)))
                for kind in ("html", "md", "docx", "json"):
                    ui.link(kind, f"/report/{run.id}.{kind}").props("download")
                self._button("Delete", lambda: self._remove(run))
            if said:
                ui.label(one_line(said)).classes("said").props('role="status"')
            with ui.element("div").classes("hand"):
                more = ui.input(placeholder="go on from here").props('dense outlined aria-label="follow up"')

                async def follow() -> None:
                    kept = {name: value for name, value in run.given.items() if name in Context.model_fields}
                    await self._open(lambda: self._lives.begin(str(more.value or ""), kept, run.id))

                self._button("Follow up", follow)
            ui.element("iframe").props(f'src="/report/{run.id}.html" title="report of run {run.id}"').classes("report")

    @staticmethod
    def _button(text: str, action: Callable[[], Awaitable[None]]) -> None:
        ui.button(text, on_click=action, color=None).props("flat no-caps dense").classes("button")

    async def _remove(self, run: Run) -> None:
        with ui.dialog() as dialog, ui.card():
            ui.label(f"Delete run {run.id} for good?")
            ui.button("Delete", on_click=lambda: dialog.submit(run.id), color=None).props("flat no-caps").classes(
                "button"
            )
        if await dialog:
            try:
                async with self._lives.store.hold(run.id):
                    await self._lives.store.remove(run.id)
            except RunBusy as error:
                ui.notify(str(error), type="negative", multi_line=True)
                return
            ui.navigate.to("/")

    @staticmethod
    async def _open(begin: Callable[[], Awaitable[Any]]) -> None:
        """Begin or go on with a run and show it; what is wrong with that is told where it was asked."""
        try:
            live = await begin()
        except OrchestratorError as error:
            ui.notify(str(error), type="negative", multi_line=True)
            return
        if live.view.run_id:
            ui.navigate.to(f"/run/{live.view.run_id}")
        else:
            ui.notify(live.said or "It could not be begun.", type="negative", multi_line=True)

    async def _around(self, chosen: str) -> None:
        """Show the runs on the left."""
        with ui.element("nav").props('aria-label="runs"'):
            ui.link("New request", "/").classes("new")
            wanted = ui.input(placeholder="search").props('dense outlined clearable aria-label="search runs"')
            shown = ui.element("ul")

            async def show() -> None:
                shown.clear()
                words = str(wanted.value or "").casefold()
                with shown:
                    for run in await self._lives.store.runs():
                        if words in run.request.casefold() or run.id.startswith(words):
                            with ui.element("li").classes("chosen" if run.id == chosen else ""):
                                ui.link(shorten(one_line(run.request), NAMED, placeholder=" …"), f"/run/{run.id}")
                                when = time.strftime("%d %b %H:%M", time.localtime(run.created))
                                ui.label(f"{run.status} · {when}").classes("when")

            wanted.on_value_change(show)
            await show()
