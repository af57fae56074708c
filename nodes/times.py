"""Times: when a worker began, waited and tried again, noted from what it tells."""

import time
from collections.abc import Callable
from typing import Any

LENGTHS = 3  # digits of a second


class Times:
    """Passes a worker's events on, and notes the times they tell. Heard or not as the writer it passes them to."""

    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write
        self.__code__ = getattr(write, "__code__", None)  # nodes.events.heard looks at it
        self._began, self._start = time.time(), time.monotonic()
        self._waits: list[list[float]] = []
        self._tries: list[list[Any]] = []

    def __call__(self, event: Any) -> None:
        """Pass an event on."""
        if event["type"] == "worker_waiting":
            if event["waiting"]:
                self._waits.append([self._now(), self._now()])
            elif self._waits:
                self._waits[-1][1] = self._now()
        elif event["type"] == "worker_restart":
            self._tries.append([self._now(), event["why"]])
        self._write(event)

    def as_json(self) -> dict[str, Any]:
        """Give them: `began` in seconds since 1970, `waits` as [from, to] and `tries` as [at, why] in seconds from then."""
        return {"began": round(self._began, LENGTHS), "waits": self._waits, "tries": self._tries}

    def _now(self) -> float:
        return round(time.monotonic() - self._start, LENGTHS)
