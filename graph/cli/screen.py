"""Screen: the live view in a terminal, plain lines elsewhere. All on stderr."""

import asyncio
import codecs
import os
import signal
import sys
from typing import Any, Self

from rich.live import Live

from graph.cli.decision import decide
from graph.cli.drawing import LiveDrawing, final_view
from graph.cli.keyboard import person_is_there, unseen_keys
from graph.cli.keys import Keys
from graph.cli.output import say, stderr
from graph.follow import Waiting
from graph.orders import carry_out
from graph.view import View
from nodes.control import Control

# Events that are told above the live view, where they stay.
STAYING = ("run", "nothing_to_do", "specialists_changed", "steered")


class Screen:
    """Shows a run while it goes on: a live view in a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self.view = View()
        self.control = Control()
        self.asking = False  # somebody is being asked, and nothing is under way
        self.keys = Keys(self._order, lambda: self.control.paused)
        self._read = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._live: Live | None = None
        self._keys: Any = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        if stderr.is_terminal and self.view.workers:
            for line in final_view(self.view, stderr.width):
                stderr.print(line)

    def _start(self) -> None:
        """Begin a live view below what is on the screen. Each is a new one: an old one would erase what came since."""
        if stderr.is_terminal:
            self._keys = unseen_keys()
            self._keys.__enter__()
            drawing = LiveDrawing(self.view, self.keys if sys.stdin.isatty() else None)
            if sys.stdin.isatty():
                asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._pressed)
            self._live = Live(drawing, console=stderr, refresh_per_second=8, transient=True, vertical_overflow="crop")
            self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            if sys.stdin.isatty():
                asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self._live.stop()
            self._keys.__exit__(None, None, None)
            self._live = None

    def leave(self) -> None:
        """Leave the run off at the next end of a call; whoever says so twice does not want to wait for that."""
        if self.control.leaving or self.asking:
            os.kill(os.getpid(), signal.SIGINT)
        self._order({"do": "leave"})

    def _pressed(self) -> None:
        for key in self._read(os.read(sys.stdin.fileno(), 1024)):
            self.keys.press(key)

    def _order(self, order: dict[str, Any]) -> None:
        carry_out(self.control, order, self.take)

    def take(self, event: dict[str, Any]) -> None:
        """Take an event of the run."""
        lines = list(self.view.take(event))
        if not stderr.is_terminal or event["type"] in STAYING:
            for line in lines:
                say(line)

    def told_failures(self) -> set[str]:
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
        if not person_is_there():
            raise Waiting("the run waits for an approval, which needs a terminal to ask in.")
        self._stop()
        self.asking = True
        try:
            decision = await decide(asked)
        except BaseException:
            stderr.print()  # the question has no answer, and no view begins behind it
            raise
        self.asking = False
        self._start()
        if any(made["type"] != "approve" for made in decision["decisions"]):
            self.view.forget_waiting()
        return decision
