"""Screen: what stands around a run: the runs on the left, a new request, what is kept of one that has ended, and two compared."""

import base64
import time
from collections.abc import Awaitable
from pathlib import Path
from textwrap import shorten
from typing import Any

from nicegui import ui

from graph.application import Application
from graph.page.live import Lives
from graph.page.run_view import RunView, button, heading
from graph.page.served import Served
from graph.report import FORMATS
from graph.sanitise import escaped, one_line, to_html
from graph.store import Run
from nodes.errors import OrchestratorError
from nodes.state import ROLES

RESTING = ("interrupted", "failed", "waiting", "incomplete")  # runs that can be gone on with
FIELDS = ("Model, as provider:name", "Ceiling in USD", "At most so many subtasks", "Folder of specialist files")
NAMED = 60  # characters of a request in the list


class Screen:
    """One browser tab."""

    def __init__(self, lives: Lives | Served) -> None:
        self._lives = lives
        self._documents: list[dict[str, str]] = []

    async def new(self) -> None:
        """Show the form of a new request."""
        await self._around("")
        with ui.element("div").classes("main form"):
            heading("What do you want worked out?")
            request = ui.textarea().props('outlined autogrow aria-label="request"').classes("request")
            self._attaching()
            with ui.element("details"):
                with ui.element("summary"):
                    ui.label("Model, budget, specialists and more")
                with ui.element("div").classes("settings"):
                    model, budget, most, folder = (ui.input(label).props("outlined dense") for label in FIELDS)
                    folder.set_visibility(self._lives.here)
                    known = ui.checkbox("Only specialists that are registered, none improvised")
                    approve = ui.checkbox("Show me the plan before any work")

            async def begin() -> None:
                given: dict[str, Any] = {"approve_plan": True} if approve.value else {}
                given |= {"improvise": False} if known.value else {}
                given |= dict.fromkeys((f"{role}_model" for role in ROLES), model.value.strip()) if model.value else {}
                given |= {"budget_usd": budget.value} if budget.value else {}
                given |= {"max_subtasks": most.value} if most.value else {}
                made = Application.of((), Path(folder.value.strip()) if folder.value else None, None)
                await _opened(self._lives.begin(str(request.value or ""), given, made, self._documents))

            button("Begin", begin).classes("first")

    def _attaching(self) -> None:
        """Take documents that come with the request."""

        async def take(event: Any) -> None:
            content = base64.b64encode(await event.file.read()).decode()
            self._documents.append({"name": event.file.name, "base64": content})
            show()

        def show(*, without: bool = False) -> None:
            if without:
                self._documents.clear()
            names.set_text(", ".join(document["name"] for document in self._documents))
            clear.set_visibility(bool(self._documents))

        with ui.element("div").classes("hand"):
            chosen = ui.upload(multiple=True, auto_upload=True, on_upload=take).classes("hidden")
            button("Attach documents", js=f"() => getElement({chosen.id}).pickFiles()")
            names = ui.label().classes("note").props('role="status"')
            clear = button("Attach none", lambda: show(without=True))
            show()

    async def run(self, run_id: str) -> None:
        """Show a run: as it goes on, or what is kept of it."""
        await self._around(run_id)
        with ui.element("div").classes("main"):
            if (run := await _told(self._lives.find(run_id))) is None:
                return
            if live := await self._lives.watch(run):
                RunView(live, lambda: ui.navigate.to(f"/run/{run.id}"))
                return
            ended = self._lives.by_id.get(run.id)
            await self._kept(run, ended.said if ended else "")

    async def _kept(self, run: Run, said: str) -> None:
        heading(run.request).classes("unseen")
        with ui.element("div").classes("bar"):
            ui.label(run.status).classes(f"pill {run.status}")
            if run.status in RESTING:
                how = {"retry": True} if run.status == "incomplete" else {}
                button("Go on", lambda: _opened(self._lives.go_on(run, **how)))
                if run.status != "incomplete":
                    button("Write up", lambda: _opened(self._lives.go_on(run, writing_up=True)))
            for kind in FORMATS:
                ui.link(kind, f"/report/{run.id}.{kind}").props(
                    f'download="run-{run.id}.{kind}" aria-label="download as {kind}"'
                )
            button("Delete", lambda: self._remove(run))
        ui.label(one_line(said)).classes("said").props('role="status"')
        with ui.element("div").classes("hand"):
            more = ui.input(placeholder="go on from here").props('dense outlined aria-label="follow up"')
            button("Follow up", lambda: _opened(self._lives.follow_up(run, str(more.value or ""))))
        _report(run)

    async def compare(self, first: str, second: str) -> None:
        """Show two runs next to each other."""
        await self._around(first)
        runs = [await _told(self._lives.find(name)) for name in (first, second)]
        if None in runs:
            return
        states = [await _told(self._lives.state(run)) for run in runs]
        if None in states:
            return
        facts = [_facts(run, state) for run, state in zip(runs, states, strict=True)]
        rows = [f"| {name} | {escaped(facts[0][name])} | {escaped(facts[1][name])} |" for name in facts[0]]
        with ui.element("div").classes("main"):
            heading("Two runs compared")
            heads = " | ".join(f"[{run.id[:8]}](/run/{run.id})" for run in runs)
            ui.html(to_html("\n".join([f"| run | {heads} |", "|---|---|---|", *rows])), sanitize=False).classes(
                "answer facts-of"
            )
            with ui.element("div").classes("both"):
                for run in runs:
                    _report(run)

    async def _remove(self, run: Run) -> None:
        with ui.dialog().props('aria-label="delete"') as dialog, ui.card():
            ui.label(f"Delete run {run.id} for good?")
            with ui.element("div").classes("hand"):
                button("Delete for good", lambda: dialog.submit(run.id))
                button("Keep", dialog.close)
        if await dialog and await _told(self._lives.remove(run), True):  # noqa: FBT003 - whether it went well
            ui.navigate.to("/")

    async def _around(self, chosen: str) -> None:
        """Show the runs on the left."""
        with ui.element("nav").props('aria-label="runs"'):
            ui.link("New request", "/").classes("new")
            wanted = ui.input(placeholder="search").props('dense outlined clearable aria-label="search runs"')
            shown = ui.element("ul")

            async def show() -> None:
                words = str(wanted.value or "").casefold()
                runs = await _told(self._lives.runs(), [])
                shown.clear()
                with shown:
                    for run in runs:
                        if words in run.request.casefold() or run.id.startswith(words):
                            _listed(run, chosen)

            wanted.on_value_change(show)
            await show()


def _listed(run: Run, chosen: str) -> None:
    name = shorten(one_line(run.request), NAMED, placeholder=" …")
    with ui.element("li").classes("chosen" if run.id == chosen else ""):
        ui.link(name, f"/run/{run.id}")
        with ui.element("div").classes("when"):
            ui.label(f"{run.status} · {time.strftime('%d %b %H:%M', time.localtime(run.created))}")
            if chosen and run.id != chosen:
                ui.link("compare", f"/compare/{chosen}/{run.id}").props["aria-label"] = f"compare with {run.id}"


def _report(run: Run) -> None:
    frame = ui.element("iframe").classes("report")
    frame.props.update(src=f"/report/{run.id}.html", title=f"report of run {run.id}")


def _facts(run: Run, state: dict[str, Any]) -> dict[str, Any]:
    """Give what two runs are compared by."""
    spend, outcomes = state.get("spend") or {}, state.get("outcomes", [])
    states = [outcome["status"] for outcome in outcomes]
    usd = spend.get("usd")
    return {
        "request": run.request,
        "model": run.given.get("worker_model") or "not given",
        "state": run.status,
        "subtasks": ", ".join(f"{states.count(name)} {name.replace('_', ' ')}" for name in dict.fromkeys(states)),
        "specialists": ", ".join(outcome["specialist"] for outcome in outcomes),
        "disagreements, gaps": f"{len(state.get('disagreements', []))}, {len(state.get('gaps', []))}",
        "calls": spend.get("calls", 0),
        "tokens": f"{spend.get('input_tokens', 0) + spend.get('output_tokens', 0):,}",
        "cost": "unknown" if usd is None else f"${usd:.4f}",
        "longest worker": f"{max((outcome['seconds'] for outcome in outcomes), default=0):.1f} s",
        "answer": f"{len(state.get('answer', '').split()):,} words",
    }


async def _told(work: Awaitable[Any], otherwise: Any = None) -> Any:
    """Do something; what is wrong with it is told where it was asked."""
    try:
        return await work or otherwise
    except OrchestratorError as error:
        ui.notify(str(error), type="negative", multi_line=True)


async def _opened(begun: Awaitable[Any]) -> None:
    """Begin or go on with a run, and show it."""
    live = await _told(begun)
    if live and live.view.run_id:
        ui.navigate.to(f"/run/{live.view.run_id}")
    elif live:
        ui.notify(live.said or "It could not be begun.", type="negative", multi_line=True)
