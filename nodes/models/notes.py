"""Notes: every request, noted in the run's journal before it is sent, so that a run that is killed still knows what it has paid for."""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Protocol

from nodes.budget import Purse
from nodes.state import Charge


class Journal(Protocol):
    """Where a run that is kept notes its requests."""

    async def sent(self, charge: Charge) -> str:
        """Note a request that is about to be sent, at the most it can cost; return the note's name."""

    async def settled(self, note: str, charges: Sequence[Charge]) -> None:
        """Note what the request was charged at in the end ([]: it cost nothing)."""

    def left(self, purse: Purse, subtask_id: str | None) -> Purse:
        """Take off a purse what was sent before a kill, and whose results were never saved."""

    def taken_over(self) -> list[Charge]:
        """Give what was lost of the planner's calls, once: the plan that comes of the next one is sized by it."""


run_journal: ContextVar[Journal | None] = ContextVar("journal", default=None)  # None: the run is not kept
