"""Screen: the live view in a terminal, plain lines elsewhere; progress bars and yes-or-no questions. All on stderr."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from graph.drawing import LiveDrawing, settled
from graph.output import say, stderr
from graph.view import View

STAYING = ("run", "nothing_to_do", "specialists_changed")  # events that are told above the live view, where they stay
TELL_EVERY_S = 5.0  # how often a download is told of where there is no terminal


def person_is_there() -> bool:
    """Tell whether somebody can be asked."""
    return sys.stdin.isatty() and stderr.is_terminal


def ask(question: str) -> bool:
    """Put a yes-or-no question."""
    return answer_to(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def answer_to(question: str) -> str:
    """Read the line that answers a question ("": the input has ended); what was typed before it is no answer."""
    forget_keys()
    stderr.print(Text(question), end="")
    return sys.stdin.readline()


def forget_keys() -> None:
    """Throw away what was typed and not read yet."""
    try:
        import termios
    except ImportError:  # Windows has none; there the keys stay
        return
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


@contextmanager
def unseen_keys() -> Iterator[None]:
    """Keep keys from being echoed into a live view: it would be drawn in the wrong place after a line's end."""
    try:
        import termios
    except ImportError:
        yield
        return
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)


class Screen:
    """Shows a run while it goes on: a live view in a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self.view = View()
        self._live: Live | None = None
        self._keys: Any = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        if stderr.is_terminal and self.view.workers:
            for line in settled(self.view, stderr.width):
                stderr.print(line)

    def _start(self) -> None:
        """Begin a live view below what is on the screen. Each is a new one: an old one would erase what came since."""
        if stderr.is_terminal:
            self._keys = unseen_keys()
            self._keys.__enter__()
            drawing = LiveDrawing(self.view)
            self._live = Live(drawing, console=stderr, refresh_per_second=8, transient=True, vertical_overflow="crop")
            self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._keys.__exit__(None, None, None)
            self._live = None

    def take(self, event: dict[str, Any]) -> None:
        """Take an event of the run."""
        lines = list(self.view.take(event))
        if not stderr.is_terminal or event["type"] in STAYING:
            for line in lines:
                say(line)

    def told(self) -> set[str]:
        """Name the subtasks whose failure the reader has been told by now."""
        return {worker.id for worker in self.view.workers.values() if worker.error}

    def so_far(self) -> str:
        """Say what was done when the run was interrupted."""
        workers = self.view.workers
        done = [name for name, worker in workers.items() if worker.status in ("done", "partial")]
        if not workers:
            return "interrupted while planning; nothing was done."
        return f"interrupted; done: {', '.join(done) or 'none'} of {len(workers)} {'subtask' if len(workers) == 1 else 'subtasks'}."

    async def decide(self, asked: dict[str, Any]) -> Any:
        """Ask the person at the terminal what an interrupt wants to know."""
        from graph.decision import decide
        from graph.run import Waiting

        if not person_is_there():
            raise Waiting("the run waits for an approval, which needs a terminal to ask in.")
        self._stop()
        try:
            decision = await decide(asked)
        finally:
            self._start()
        if any(made["type"] != "approve" for made in decision["decisions"]):
            self.view.forget_waiting()
        return decision


class Download:
    """A progress bar for what is fetched; plain lines, now and then, where there is no terminal."""

    def __init__(self) -> None:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=stderr, transient=True)
        self._task: TaskID | None = None
        self._told_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._task is not None:
            self._bar.stop()

    def show(self, done: int, total: int) -> None:
        """Show how far it has come, in bytes."""
        if stderr.is_terminal:
            if self._task is None:
                self._task = self._bar.add_task("", total=total)
                self._bar.start()
            self._bar.update(self._task, completed=done)
        elif time.monotonic() - self._told_at > TELL_EVERY_S or done == total:
            self._told_at = time.monotonic()
            say(f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB")
