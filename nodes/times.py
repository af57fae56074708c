"""Times: when a worker began, waited and tried again, and what it has written since; noted from what it tells."""

import time
from collections.abc import Callable
from typing import Any

LENGTHS = 3  # digits of a second


class Times:
    """Passes a worker's events on, and notes what they tell. Heard or not as the writer it passes them to."""

    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write
        self.__code__ = getattr(write, "__code__", None)  # nodes.events.heard looks at it
        self._began, self._start = time.time(), time.monotonic()
        self._waits: list[list[float]] = []
        self._tries: list[list[Any]] = []
        self._written: list[str] = []

    def __call__(self, event: Any) -> None:
        """Pass an event on."""
        kind = event["type"]
        if kind == "worker_text":
            self._written.append(event["text"])
        elif kind == "worker_waiting":
            if event["waiting"]:
                self._waits.append([self._now(), self._now()])
            elif self._waits:
                self._waits[-1][1] = self._now()
        elif kind == "worker_restart":
            self._tries.append([self._now(), event["why"]])
        if kind in ("worker_restart", "worker_tool"):
            self._written.clear()
        self._write(event)

    @property
    def written(self) -> str:
        """What it has written since it last began: all there is of it, if it is stopped."""
        return "".join(self._written).strip()

    def as_json(self) -> dict[str, Any]:
        """Give them: `began` in seconds since 1970, `waits` as [from, to] and `tries` as [at, why] in seconds from then."""
        return {"began": round(self._began, LENGTHS), "waits": self._waits, "tries": self._tries}

    def _now(self) -> float:
        return round(time.monotonic() - self._start, LENGTHS)
