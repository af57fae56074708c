"""Memory: what this process has learnt of its endpoints, and what it keeps open. One object; a fork starts without it."""

import os
import threading
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")

MOST = 256  # things of one kind; a caller's settings must not make them without end


class Memory:
    """What is known of endpoints, beyond any single run.

    Attributes:
        refused: what an endpoint has refused for a model: names of request fields, and "tools"; by (endpoint, spec).
        answered: the models that replies to a spec named, by (Endpoints.environment(provider), spec): a gateway may send a
            dearer one than was asked for.
        lock: for those who look and then put.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start with nothing, connections included: what a fork inherits belongs to its parent."""
        self.lock = threading.RLock()
        self.refused: dict[tuple[str, str], frozenset[str]] = {}
        self.answered: dict[tuple[Hashable, str], tuple[str, ...]] = {}
        self._kept: dict[type, dict[Hashable, object]] = {}

    def forget(self, *kinds: type) -> None:
        """Forget what was learnt, and what is kept of these kinds; connections stay open."""
        self.refused.clear()
        self.answered.clear()
        for kind in kinds:
            self._kept.pop(kind, None)

    def of(self, kind: type[T]) -> dict[Hashable, T]:
        """Return all that is kept of a kind, by key; to change it, hold the lock."""
        return cast("dict[Hashable, T]", self._kept.setdefault(kind, {}))

    def kept(self, kind: type[T], key: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept of a kind under a key, made at first use; the oldest goes when there are MOST."""
        with self.lock:
            things = self.of(kind)
            if key not in things:
                things[key] = make()
                if len(things) > MOST:
                    del things[next(iter(things))]
            return things[key]


MEMORY = Memory()

if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=MEMORY.begin)
