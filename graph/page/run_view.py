"""Run view: a run under way: its plan and workers as cards, a hand on each, the ledger, and the answer as it comes."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from graph.orders import carry_out
from graph.page.live import Live
from graph.plan_text import about
from graph.sanitise import one_line, to_html
from graph.view import OPEN, Progress

EVERY_S = 0.2  # how often what is new is shown: twenty workers' texts in one message
TAIL = 700  # characters of a worker's text that its card shows; all of it opens on demand


class RunView:
    """Shows one run while it goes on."""

    def __init__(self, live: Live, on_end: Callable[[], None]) -> None:
        self.live, self._on_end = live, on_end
        self._shown, self._asked = -1, False
        self._plan: tuple[str, ...] = ()
        self._cards: dict[str, _Card] = {}
        with ui.element("section").classes("live"):
            ui.label(one_line(live.request)).props('role="heading" aria-level="1"').classes("title")
            with ui.row().classes("facts"):
                self._facts = ui.label().props('role="status"')
                self._spent = ui.element("progress").props('max="1" value="0" aria-label="spent of the ceiling"')
                self._spent.set_visibility(live.ceiling_usd is not None)
                self._pause = _button("Pause", self._toggle)
                _button("Write up now", lambda: self._order(do="write-up"))
                _button("Leave", lambda: self._order(do="leave"))
            self._said = ui.label().classes("said").props('role="status"')
            self._about = ui.element("div").classes("about")
            self._question = ui.element("div")
            self._workers = ui.element("div").classes("cards")
            self._ledger = ui.element("div").classes("ledger")
            self._answer = ui.html(sanitize=False).classes("answer")
        self._timer = ui.timer(EVERY_S, self.show)

    def _order(self, **order: str) -> None:
        carry_out(self.live.control, order, self.live.take)

    def _toggle(self) -> None:
        self._order(do="go-on" if self.live.control.paused else "pause")

    def show(self) -> None:
        """Show what is new."""
        live, view = self.live, self.live.view
        doing = "paused" if view.paused else view.doing
        self._facts.set_text(
            f"{doing} · {time.monotonic() - view.began:.0f} s · {view.costs.in_words()} · {view.ahead}"
        )
        if live.ceiling_usd is not None:
            spent = sum(charge["usd"] or 0.0 for charge in view.costs.charges)
            self._spent.props(f"value={spent / live.ceiling_usd:.3f}")
        if self._shown == live.changes:
            return
        answered = bool(view.answer)
        self._shown = live.changes
        self._pause.set_text("Go on" if live.control.paused else "Pause")
        self._said.set_text(live.said)
        if self._plan != (ids := tuple(view.workers)):
            self._plan = ids
            self._draw_plan()
        for name, worker in view.workers.items():
            self._cards[name].show(worker, live.texts.get(name, ""))
        if bool(live.asked) != self._asked:
            self._asked = bool(live.asked)
            self._draw_question()
        if answered or live.ledger:
            self._draw_answer()
        if live.ended:
            self._timer.deactivate()
            self._on_end()

    def _draw_plan(self) -> None:
        self._about.clear()
        with self._about:
            for line, _ in about(self.live.view.plan):
                ui.label(one_line(line))
        self._workers.clear()
        with self._workers:
            self._cards = {name: _Card(worker, self._order) for name, worker in self.live.view.workers.items()}

    def _draw_answer(self) -> None:
        self._answer.set_content(to_html(self.live.view.answer, headings=True))
        self._ledger.clear()
        with self._ledger:
            for entry in self.live.ledger.get("disagreements", []):
                _entry(entry)

    def _draw_question(self) -> None:
        self._question.clear()
        if self.live.asked:
            with self._question:
                _Question(self.live, self.live.asked["action_requests"][0])


class _Card:
    """One worker: its task, its text as it comes, and a hand on it."""

    def __init__(self, worker: Progress, order: Callable[..., None]) -> None:
        self._order, self._id, self._text = order, worker.id, ""
        with ui.element("article").classes("card") as self._card:
            with ui.element("div").classes("head"):
                ui.label(worker.id).classes("id")
                ui.label(one_line(worker.specialist)).props('role="heading" aria-level="2"').classes("name")
                self._status = ui.label().classes("pill")
            ui.label(one_line(worker.task)).classes("task")
            self._note = ui.label().classes("note")
            self._body = ui.label().classes("text").props('tabindex="0" role="log" aria-live="off"')
            self._body.props(f'aria-label="text of {worker.id}"')
            with ui.element("div").classes("hand"):
                self._words = ui.input(placeholder="a word for it").props(
                    f'dense outlined aria-label="words for {worker.id}"'
                )
                self._stop = _button("Stop", lambda: self._give("stop"), worker.id)
                self._tell = _button("Tell", lambda: self._give("tell"), worker.id)
                _button("Again", lambda: self._give("again"), worker.id)
                _button("Read", self._read, worker.id)

    def _read(self) -> None:
        """Open the worker's whole text."""
        with self._card, ui.dialog(value=True), ui.card().classes("whole"):
            ui.html(to_html(self._text), sanitize=False)

    def _give(self, verb: str) -> None:
        words = str(self._words.value or "").strip()
        self._order(do=verb, subtask=self._id, words=words)
        self._words.set_value("")

    def show(self, worker: Progress, text: str) -> None:
        """Show how it stands."""
        at_work = worker.status == "started"
        seconds = worker.at_work() if at_work else worker.seconds
        status = "at work" if at_work else worker.status.replace("_", " ")
        self._status.set_text(f"{status} {seconds:.0f} s" if worker.status != "waiting" else status)
        self._status.classes(replace=f"pill {worker.status}")
        self._note.set_text(one_line(worker.error or worker.note))
        for button in (self._stop, self._tell):
            button.set_visibility(worker.status in OPEN)
        if text != self._text:
            self._text = text
            self._body.set_text(text if len(text) <= TAIL else f"… {text[-TAIL:]}")


class _Question:
    """A plan, or a tool's call, that waits for a person: approve it, edit and order it, or send it back."""

    def __init__(self, live: Live, request: Mapping[str, Any]) -> None:
        self._live, self._request = live, request
        self._tasks = [dict(task) for task in request["args"].get("subtasks", [])]
        with ui.element("section").classes("question").props('aria-label="decision"'):
            ui.label("This waits for you").props('role="heading" aria-level="2"').classes("name")
            ui.label(str(request.get("description") or request["args"])).classes("description")
            if self._tasks:
                self._rows = ui.element("ol").classes("tasks")
                self._draw()
            with ui.element("div").classes("hand"):
                _button("Approve", self._approve)
                if self._tasks:
                    _button(
                        "Add a task", lambda: self._change(lambda: self._tasks.append({"specialist": "", "task": ""}))
                    )
                self._message = ui.input(placeholder="what should be different?").props(
                    'dense outlined aria-label="message"'
                )
                _button("Send back", lambda: live.answer({"type": "reject", "message": str(self._message.value or "")}))

    def _draw(self) -> None:
        self._rows.clear()
        with self._rows:
            for at, task in enumerate(self._tasks):
                with ui.element("li"):
                    who, what = ui.input(value=task["specialist"]), ui.textarea(value=task["task"])
                    who.props(f'dense outlined aria-label="specialist {at + 1}"').bind_value(task, "specialist")
                    what.props(f'dense outlined autogrow aria-label="task {at + 1}"').bind_value(task, "task")
                    with ui.element("div").classes("hand"):
                        _button("Up", partial(self._change, partial(self._move, at)), str(at + 1))
                        _button("Drop", partial(self._change, partial(self._tasks.pop, at)), str(at + 1))

    def _move(self, at: int) -> None:
        self._tasks.insert(max(0, at - 1), self._tasks.pop(at))

    def _change(self, change: Callable[[], Any]) -> None:
        change()
        self._draw()

    def _approve(self) -> None:
        """Approve what stands there now; where it was changed it is an edit."""
        before = self._request["args"].get("subtasks", [])
        tasks = [task for task in self._tasks if str(task["task"]).strip()]
        if tasks == before or not tasks:
            self._live.answer({"type": "approve"})
            return
        args = {**self._request["args"], "subtasks": tasks}
        self._live.answer({"type": "edit", "edited_action": {"name": self._request["name"], "args": args}})


def _entry(entry: Mapping[str, Any]) -> None:
    with ui.element("article").classes("entry"):
        ui.label(one_line(entry.get("topic", ""))).props('role="heading" aria-level="2"').classes("name")
        with ui.element("div").classes("sides"):
            for position in entry.get("positions", []):
                with ui.element("div"):
                    ui.label(one_line(position.get("subtask_id", ""))).classes("id")
                    ui.label(one_line(position.get("claim", "")))
                    if position.get("quote"):
                        with ui.element("blockquote"):
                            ui.label(one_line(position["quote"]))


def _button(text: str, action: Callable[[], Any], of: str = "") -> ui.button:
    made = ui.button(text, on_click=action, color=None).props("flat no-caps dense").classes("button")
    return made.props(f'aria-label="{text} {of}"') if of else made
