"""Run view: a run under way: its plan and workers as cards, a hand on each, the ledger, and the answer as it comes."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from graph.page.live import Live
from graph.plan_text import about
from graph.report import PREFIX, linked, marked
from graph.sanitise import one_line, to_html
from graph.view import OPEN, Progress

EVERY_S = 0.2  # how often what is new is shown: twenty workers' texts in one message
TAIL = 700  # characters of a worker's text that its card shows; all of it opens on demand
CALLS = 3  # of a worker's tools that its card shows
LINKED = f"""(event) => {{ const link = event.target.closest('a[href^="#{PREFIX}S"]');
  if (link) {{ event.preventDefault(); emit(link.getAttribute("href").slice({len(PREFIX) + 1})) }} }}"""
# Each piece of the answer is drawn with all before it: the link that had the focus is gone then, and its heir takes it.
KEPT_FOCUS = """(event) => { const answer = event.currentTarget, links = () => [...answer.querySelectorAll("a")];
  const at = links().indexOf(event.target);
  answer.keeper?.disconnect();
  answer.keeper = new MutationObserver(() => {
    if (document.activeElement === document.body) links()[at]?.focus({preventScroll: true}) });
  answer.keeper.observe(answer, {childList: true, subtree: true}) }"""
TO_MARK = "() => document.querySelector('.whole mark')?.scrollIntoView({block: 'center'})"


class RunView:
    """Shows one run while it goes on."""

    def __init__(self, live: Live, on_end: Callable[[], None]) -> None:
        self.live, self._on_end = live, on_end
        self._shown, self._drafted = -1, 0
        self._asked: Any = None
        self._cards: dict[str, _Card] = {}
        self._plan_shown: Any = None
        self._ledger_shown: Any = None
        with ui.element("section").classes("live").on("click", lambda event: self.read(event.args), js_handler=LINKED):
            heading(live.request)
            with ui.row().classes("facts"):
                self._facts = ui.label().props('role="status"')
                self._spent = ui.element("progress").props('max="1" value="0" aria-label="spent of the ceiling"')
                self._spent.set_visibility(live.ceiling_usd is not None)
                self._pause = button("Pause", lambda: live.order(do="go-on" if live.control.paused else "pause"))
                self._pause.set_visibility("pause" in live.orders)
                button("Write up now", lambda: live.order(do="write-up"))
                button("Leave", lambda: live.order(do="leave"))
            self._said = ui.label().classes("said").props('role="status"')
            self._about, self._question = ui.element("div").classes("about"), ui.element("div")
            self._workers = ui.element("div").classes("cards")
            self._ledger = ui.element("div").classes("ledger")
            self._answer = ui.html(sanitize=False).classes("answer").on("focusin", js_handler=KEPT_FOCUS)
        with ui.dialog().on("show", js_handler=TO_MARK) as self._dialog, ui.card().classes("whole"):
            self._whose = heading("", 2)
            self._whole = ui.html(sanitize=False)
            button("Close", self._dialog.close)
        self._timer = ui.timer(EVERY_S, self.show)

    def read(self, name: str, quote: str = "") -> None:
        """Open a worker's whole text, with a quote marked in its place."""
        worker, text = self.live.view.workers.get(name), self.live.texts.get(name, "")
        self._whose.set_text(f"{name} {one_line(worker.specialist)}" if worker else "The request")
        self._dialog.props["aria-label"] = (
            f"text of {name}"  # by its key: a string of props would be read for more of them
        )
        self._whole.set_content(marked(to_html(text if worker else self.live.request), quote))
        self._dialog.open()

    def show(self) -> None:
        """Show what is new."""
        live, view = self.live, self.live.view
        doing = "waits for you" if live.asked else "paused" if view.paused else view.doing
        self._facts.set_text(
            f"{doing} · {time.monotonic() - view.began:.0f} s · {view.costs.in_words()} · {view.ahead}"
        )
        if live.ended and not self._dialog.value:  # nobody is taken away from what they read
            self._timer.deactivate()
            self._on_end()
        if self._shown == live.changes:
            return
        self._shown = live.changes
        if live.ceiling_usd:
            spent = sum(charge["usd"] or 0.0 for charge in view.costs.charges)
            self._spent.props(f"value={spent / live.ceiling_usd:.3f}")
        self._pause.set_text("Go on" if live.control.paused else "Pause")
        self._said.set_text(one_line(live.said))
        if self._plan_shown is not view.plan or [*self._cards] != [*view.workers] or self._drafted != len(view.drafted):
            self._draw_plan()
        costs = view.costs.by_subtask()
        for name, card in self._cards.items():
            card.show(view.workers[name], live.texts.get(name, ""), costs.get(name, 0.0))
        if live.asked is not self._asked:
            self._asked = live.asked
            self._question.clear()
            with self._question:
                for request in (live.asked or {}).get("action_requests", [])[:1]:
                    _Question(live, request)
        self._show_answer()

    def _draw_plan(self) -> None:
        """Draw a card for each worker; for each subtask that is written so far, while the plan is."""
        view = self.live.view
        self._plan_shown = view.plan
        self._about.clear()
        self._workers.clear()
        self._drafted = len(view.drafted)
        with self._about:
            for line, _ in about(view.plan):
                ui.label(one_line(line))
        with self._workers:
            self._cards = {name: _Card(worker, self) for name, worker in view.workers.items()}
            for number, draft in enumerate(view.drafted, 1):
                with ui.element("article").classes("card"):
                    _head(str(number), draft["specialist"])[0].set_text("being planned")
                    ui.label(one_line(draft["task"]))

    def _show_answer(self) -> None:
        """Show the ledger, which comes first, and the answer so far, with names that open the workers' own texts."""
        view, ledger = self.live.view, self.live.ledger
        named = [{"id": worker.id, "specialist": worker.specialist} for worker in view.workers.values()]
        state: Any = {"outcomes": named, **ledger}
        self._answer.set_content(to_html(linked(view.answer, state), headings=True))
        if self._ledger_shown is not ledger:
            self._ledger_shown = ledger
            self._ledger.clear()
            with self._ledger:
                for entry in ledger.get("disagreements", []):
                    self._entry(entry)

    def _entry(self, entry: Mapping[str, Any]) -> None:
        """Show both sides of a disagreement next to each other; a quote opens the text that it is from."""
        with ui.element("article").classes("entry") as made:
            made.props["id"] = f"{PREFIX}{entry.get('id', '')}"
            heading(entry.get("topic", ""), 2).classes("name")
            with ui.element("div").classes("sides"):
                for position in entry.get("positions", []):
                    name, quote = str(position.get("subtask_id", "")), str(position.get("quote") or "")
                    with ui.element("div"):
                        ui.label(one_line(name)).classes("id")
                        ui.label(one_line(position.get("claim", "")))
                        if quote:
                            opened = partial(self.read, name, quote)
                            with ui.element("button").classes("quote").props('type="button"').on("click", opened):
                                ui.label(one_line(quote))


class _Card:
    """One worker: its task, its tools, its text as it comes, its time and its money, and a hand on it."""

    def __init__(self, worker: Progress, view: RunView) -> None:
        self._live, self._id, self._text = view.live, worker.id, ""
        with ui.element("article").classes("card"):
            self._status, self._cost = _head(worker.id, worker.specialist)
            ui.label(one_line(worker.task)).classes("task")
            self._note, self._tools = ui.label().classes("note"), ui.label().classes("tools")
            self._body = ui.label().classes("text").props('tabindex="0" role="log" aria-live="off"')
            self._body.props["aria-label"] = f"text of {worker.id}"
            with ui.element("div").classes("hand"):
                self._words = ui.input(placeholder="a word for it").props("dense outlined")
                self._words.props["aria-label"] = f"words for {worker.id}"
                self._hand = {
                    verb: button(verb.capitalize(), partial(self._give, verb), worker.id)
                    for verb in ("stop", "tell", "again")
                }
                button("Read", partial(view.read, worker.id), worker.id)

    def _give(self, verb: str) -> None:
        self._live.order(do=verb, subtask=self._id, words=str(self._words.value or "").strip())
        self._words.set_value("")

    def show(self, worker: Progress, text: str, usd: float | None) -> None:
        """Show how it stands."""
        at_work, asked = worker.status == "started", bool(self._live.asked)
        seconds = worker.at_work() if at_work else worker.seconds
        status = "at work" if at_work else worker.status.replace("_", " ")
        self._status.set_text(status if worker.status == "waiting" else f"{status} {seconds:.0f} s")
        self._status.classes(replace=f"pill {worker.status}")
        self._cost.set_text("price unknown" if usd is None else f"${usd:.4f}" if usd else "")
        self._note.set_text("" if worker.note.startswith("used ") else one_line(worker.error or worker.note))
        self._tools.set_text("\n".join(one_line(call) for call in worker.tools[-CALLS:]))
        for verb, made in self._hand.items():
            made.set_visibility(verb in self._live.orders and not asked and (verb == "again" or worker.status in OPEN))
        self._words.set_visibility(self._hand["again"].visible)
        if text != self._text:
            self._text = text
            self._body.set_text(text if len(text) <= TAIL else f"… {text[-TAIL:]}")


class _Question:
    """A plan, or a tool's call, that waits for a person: approve it, edit and order it, or send it back."""

    def __init__(self, live: Live, request: Mapping[str, Any]) -> None:
        self._live, self._request = live, request
        self._tasks = [dict(task) for task in request["args"].get("subtasks", [])]
        with ui.element("section").classes("question").props('aria-label="decision"'):
            heading("This waits for you", 2).classes("name")
            ui.label(str(request.get("description") or request["args"])).classes("description").props('tabindex="0"')
            self._rows = ui.element("ol").classes("tasks")
            with ui.element("div").classes("hand"):
                button("Approve", self._approve)
                self._add = button("Add a task", lambda: self._draw(added=True))
                self._add.set_visibility(bool(self._tasks))
                message = ui.input(placeholder="what should be different?").props('dense outlined aria-label="message"')
                button("Send back", lambda: live.answer({"type": "reject", "message": str(message.value or "")}))
            self._draw()

    def _draw(self, *, added: bool = False, dropped: int | None = None) -> None:
        self._tasks += [{"specialist": "", "task": ""}] if added else []
        self._tasks = [task for at, task in enumerate(self._tasks) if at != dropped]
        self._rows.clear()
        who: Any = None
        with self._rows:
            for at, task in enumerate(self._tasks):
                with ui.element("li"):
                    who, what = ui.input(value=task["specialist"]), ui.textarea(value=task["task"])
                    who.props(f'dense outlined aria-label="specialist {at + 1}"').bind_value(task, "specialist")
                    what.props(f'dense outlined autogrow aria-label="task {at + 1}"').bind_value(task, "task")
                    with ui.element("div").classes("hand"):
                        button("Up", partial(self._up, at), str(at + 1)).set_enabled(at > 0)
                        button("Drop", partial(self._draw, dropped=at), str(at + 1))
        if added:
            who.run_method("focus")
        if dropped is not None:
            self._add.client.run_javascript(f"getHtmlElement({self._add.id}).focus()")

    def _up(self, at: int) -> None:
        """Let two tasks change places; the rows stay, and the keyboard with them."""
        above, below = self._tasks[at - 1 : at + 1]
        held = dict(above)
        above.update(below)
        below.update(held)

    def _approve(self) -> None:
        """Approve what stands there now; where it was changed it is an edit."""
        tasks = [task for task in self._tasks if str(task["task"]).strip()]
        if tasks == self._request["args"].get("subtasks", []) or not tasks:
            self._live.answer({"type": "approve"})
            return
        args = {**self._request["args"], "subtasks": tasks}
        self._live.answer({"type": "edit", "edited_action": {"name": self._request["name"], "args": args}})


def _head(name: str, specialist: str) -> tuple[ui.label, ui.label]:
    """Draw the first line of a card, and give its labels for how it stands and what it costs."""
    with ui.element("div").classes("head"):
        ui.label(name).classes("id")
        heading(specialist, 2).classes("name")
        cost = ui.label().classes("id")
        return ui.label().classes("pill"), cost


def heading(text: str, level: int = 1) -> ui.label:
    """Draw a heading."""
    return ui.label(one_line(text)).props(f'role="heading" aria-level="{level}"').classes("title" if level == 1 else "")


def button(text: str, action: Callable[[], Any] = str, of: str = "", js: str = "") -> ui.button:
    """Draw a button that does something here, or in the browser (js); `of` says for whom where many are alike."""
    made = ui.button(text, color=None).props("flat no-caps dense").classes("button")
    made = made.on("click", js_handler=js) if js else made.on_click(action)
    if of:
        made.props["aria-label"] = f"{text} {of}"
    return made
