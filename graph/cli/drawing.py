"""Drawing: the live view of a run as text for a terminal of a given size. Pure; screen.py shows it."""

import time
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
from rich.spinner import Spinner
from rich.text import Text

from graph.cli.keys import Keys
from graph.plan_text import about, counted, dropped_lines
from graph.sanitise import harmless, one_line
from graph.view import OPEN, TOKEN_CHARACTERS, Progress, View

TAIL = 12  # lines of the answer that are kept in sight while it arrives
NAMES = 0.25  # of the width, for the specialists' names
FIXED = 19  # columns that a row's id, mark and time take, with the spaces between

_MARKS = {"done": ("✓", "green"), "partial": ("◐", "yellow"), "waiting": ("·", "dim"), "started": ("▸", "cyan")}
_FAILED = ("✗", "red")
_ORDER = ("failed", "started", "waiting", "done")  # what keeps its row where there is no room for all


def shortened(text: str, width: int) -> str:
    """Cut a text to some columns, after a whole word; a word that alone is too long is cut."""
    text = one_line(text)
    if cell_len(text) <= width:
        return text
    head = chop_cells(text, max(1, width - 2))[0]
    whole = head if text[len(head)] == " " else head.rpartition(" ")[0]
    return f"{whole.rstrip(' ,;:.') or head} …" if width > 2 else head  # noqa: PLR2004 - " …" takes two


def fitted(text: str, width: int) -> str:
    """Cut a line to some columns; what it is set in by stays."""
    head = text[: len(text) - len(text.lstrip())]
    return head + shortened(text, width - len(head))


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds, "1:05"."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


class LiveDrawing:
    """The whole view, drawn anew for the terminal as it is: never higher, for what scrolls off cannot be taken back."""

    def __init__(self, view: View, keys: Keys | None = None) -> None:
        self.view = view
        self.keys = keys
        self._spinner = Spinner("dots", style="cyan")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        width = console.width
        room = max(2, console.height - (4 if self.keys else 3))  # status and keys, and where the cursor goes at the end
        plan = list(plan_lines(self.view, width, drops=1)) if self.view.workers else []
        workers = list(self.view.workers.values())
        tail = self._tail(width, min(TAIL, room // 2))
        plan = plan[: max(1, room - min(len(workers), room // 2) - len(tail))]
        rows = list(worker_rows(workers, width, room - len(plan) - len(tail))) if plan else []
        yield from (*plan, *rows, *tail)
        yield self._status(console, options)
        if self.keys:
            yield Text(shortened(self.keys.line, width - 1), "dim")

    def _tail(self, width: int, height: int) -> list[Text]:
        """Give the last lines of the answer, as they wrap on the screen, below an empty one."""
        if not self.view.answer:
            return []
        lines = harmless(self.view.answer[-height * width :]).expandtabs(4).splitlines()
        wrapped = [line for text in lines for line in Text(text).wrap(_MEASURE, width)]
        return [Text(""), *wrapped[-max(1, height - 1) :]]

    def _status(self, console: Console, options: ConsoleOptions) -> Text:
        self._spinner.update(text="")
        mark = self._spinner.render(console.get_time())
        view = self.view
        status = f" {'paused' if view.paused else view.doing} …  {clock(time.monotonic() - view.began)} · {view.costs.in_words()}"
        status += f" · run {view.run_id}" if view.run_id else ""
        text = Text(shortened(status, options.max_width - 3), "cyan")
        return Text.assemble(mark if isinstance(mark, Text) else "", " ", text)


_MEASURE = Console(width=80, force_terminal=False)  # wraps text; writes nothing


def plan_lines(view: View, width: int, drops: int | None = None) -> Iterator[Text]:
    """Draw what stands above the rows: how large the plan is, what it fixes, why it is so, what was dropped.

    Args:
        view: of the run.
        width: of the terminal.
        drops: how many dropped subtasks are told one by one (None: all); more are only counted.
    """
    size = f"{counted(len(view.workers), 'subtask')}, {view.ahead}"
    yield Text.assemble(("Plan", "bold"), f"  {shortened(size, width - 6)}")
    dropped = dropped_lines(view.plan)
    if drops is not None and len(dropped) > drops:
        dropped = [(f"  {counted(len(dropped), 'subtask')} dropped", "dim")]
    for text, style in (*about(view.plan), *dropped):
        yield Text(fitted(text, width), style)


def worker_rows(workers: Sequence[Progress], width: int, room: int) -> Iterator[Text]:
    """Draw a row for each worker; where there is no room for all, those at work and the failed, and counts of the rest."""
    kept = _kept(workers, room)
    for worker in workers:
        if worker.id in kept:
            yield _row(worker, width)
    rest = [worker for worker in workers if worker.id not in kept]
    if rest:
        counts = [(sum(_kind(worker) == kind for worker in rest), kind) for kind in ("done", *_ORDER[:3])]
        words = {"started": "at work"}
        counted_kinds = ", ".join(f"{number} {words.get(kind, kind)}" for number, kind in counts if number)
        yield Text(fitted(f"  and {counted_kinds}", width), "dim")


def _kept(workers: Sequence[Progress], room: int) -> set[str]:
    """Choose whose rows are drawn: all, or those that matter most with one line left for the counts."""
    if len(workers) <= room:
        return {worker.id for worker in workers}
    ranked = sorted(workers, key=lambda worker: _ORDER.index(_kind(worker)))
    return {worker.id for worker in ranked[: max(0, room - 1)]}


def _kind(worker: Progress) -> str:
    if worker.status in ("done", "partial"):
        return "done"
    return worker.status if worker.status in OPEN else "failed"


def _row(worker: Progress, width: int) -> Text:
    names = max(8, int((width - FIXED) * NAMES))
    doing, style = _doing(worker, max(8, width - FIXED - names))
    row = Text.assemble(
        f"{one_line(worker.id):<4} ",
        _MARKS.get(worker.status, _FAILED),
        f" {_padded(shortened(worker.specialist, names), names)} ",
        (_padded(doing, max(8, width - FIXED - names)), style),
        f" {_time(worker):>9}",
    )
    row.truncate(width)
    return row


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _doing(worker: Progress, width: int) -> tuple[str, str]:
    if worker.status not in (*OPEN, "done"):
        return worker.status.replace("_", " "), "yellow" if worker.status == "partial" else "red"
    if worker.status == "started" and worker.note:
        return shortened(worker.note, width), "yellow"
    written = counted(worker.written // TOKEN_CHARACTERS, "token")
    head = f"({written}) " if worker.status == "started" and worker.written else ""
    return shortened(head + worker.task, width), "dim" if worker.status == "waiting" else ""


def _time(worker: Progress) -> str:
    if worker.status == "waiting":
        return "waiting"
    seconds = worker.seconds if worker.status != "started" else worker.at_work()
    return f"{seconds:.1f} s"


def final_view(view: View, width: int) -> Iterator[Text]:
    """Draw what stays on the screen when a run has ended: the plan, how each worker fared, and why one failed."""
    yield from plan_lines(view, width)
    workers = list(view.workers.values())
    yield from (_row(worker, width) for worker in workers)
    for worker in workers:
        if worker.error and worker.status != "done":
            yield Text(one_line(f"{worker.id} {worker.status.replace('_', ' ')}: {worker.error}"), "red")
