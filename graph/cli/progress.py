"""Progress: how far something that is fetched has come."""

import time
from typing import Self

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn, TransferSpeedColumn

from graph.cli.output import say, stderr

TELL_EVERY_S = 5.0  # how often it is told of where there is no terminal


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
