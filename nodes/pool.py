"""Pool: what a fan-out has over, and what finished workers leave, for those still at work. Never more than the whole.

A worker's allowance is its own; what lies here is nobody's. It is kept in the process that sent the workers out, so
that drawing is one step that no other can come between. A run that goes on in another process finds no pool, and its
workers have their allowances alone: what was drawn before is in no checkpoint, and must not be drawn twice.
"""

import threading
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nodes.budget import Purse, spent
from nodes.memory import MEMORY
from nodes.state import Charge, Plan, Planned


@dataclass
class Pool:
    """Money that any worker of one fan-out may draw.

    Attributes:
        left: what lies here.
        workers: how many have not ended; a draw takes no more than an equal part for each.
        surcharge: what one USD and one token drawn cost: what a worker writes more, the synthesis has to read.
        name: under which its workers find it.
    """

    left: Purse
    workers: int
    surcharge: tuple[float, float] = (1.0, 1.0)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        """Be found from now on."""
        MEMORY.kept(Pool, self.name, lambda: self)

    def draw(self, missing: Purse) -> Purse:
        """Take what is missing, as far as it is here (None stays None: no ceiling of that kind)."""
        with self._lock:
            usd = _granted(missing.usd, self.left.usd, self.surcharge[0] * self.workers)
            tokens = _granted(missing.tokens, self.left.tokens, self.surcharge[1] * self.workers)
            drawn = Purse(usd, None if tokens is None else int(tokens))
            self.left = self.left.less(drawn, self.surcharge)
            return drawn

    def leave(self, rest: Purse) -> None:
        """End one worker's part: what it has not spent is here for the others. The last one closes the pool."""
        with self._lock:
            self.left = self.left.plus(rest)
            self.workers -= 1
            if self.workers <= 0:
                MEMORY.of(Pool).pop(self.name, None)


@dataclass
class Part:
    """One worker's access to the pool (None: there is none), and what it has drawn so far."""

    pool: Pool | None = None
    drawn: Purse = field(default_factory=lambda: Purse(0.0, 0))

    def draw(self, missing: Purse) -> Purse:
        """Take what is missing, as far as it is there."""
        if self.pool is None or not (missing.usd or missing.tokens):
            return Purse(0.0, 0)
        more = self.pool.draw(missing)
        self.drawn = self.drawn.plus(more)
        return more

    def end(self, allowance: Purse, charges: Iterable[Charge]) -> None:
        """Leave what this worker has not spent to the others."""
        if self.pool is not None:
            self.pool.leave(spent(allowance.plus(self.drawn), charges))


def pool_of(name: str) -> Pool | None:
    """Find a pool (None: it is closed, or another process has sent this worker out)."""
    return MEMORY.of(Pool).get(name)


def _granted(missing: float | None, left: float | None, parts: float) -> float | None:
    return None if left is None else max(0.0, min(missing or 0.0, left / max(parts, 1.0)))


def open_pool(plan: Plan, subtasks: Sequence[Planned], left: Purse) -> str:
    """Open what is over once each of these subtasks has its allowance, and the synthesis what is kept back for it.

    Returns:
        The pool's name ("": nothing is limited, so there is nothing to share).
    """
    reserve = plan["reserve"]
    if left.open:
        return ""
    for allowed in (reserve, *(subtask["allowance"] for subtask in subtasks)):
        left = left.less(Purse(allowed["usd"], allowed["tokens"]))
    usd, tokens = reserve["surcharge"]
    return Pool(left, len(subtasks), (usd, tokens)).name
