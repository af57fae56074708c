"""Charging: what a call may cost before it is sent, and what it did cost afterwards."""

from dataclasses import dataclass

from nodes.budget import (
    AMPLE_OUTPUT,
    BOUNDED_OUTPUT,
    LEAST_OUTPUT,
    Price,
    Purse,
    affordable_output,
    cost_usd,
    input_bound,
    missing,
    spent,
)
from nodes.models.call import Call, OverBudget
from nodes.models.notes import run_journal
from nodes.models.prices import exact_usd, price_of, remember
from nodes.models.providers import Model
from nodes.models.received import Received
from nodes.models.request import sent_texts
from nodes.models.usage import believable
from nodes.state import Charge


@dataclass
class Bill:
    """The charges of one call, its retries included.

    Attributes:
        wanted: output tokens at most, if money is no matter (None: not capped).
    """

    call: Call
    model: Model
    wanted: int | None
    charges: list[Charge]

    def reserve(self, bound: int) -> int | None:
        """Return the output cap that fits what is left after `bound` tokens of input (None: no cap).

        Raises:
            OverBudget: there is no room for an answer.
        """
        call, role = self.call, self.call.role
        purse, journal = spent(call.purse, self.charges), run_journal.get()
        purse = purse if journal is None or purse.open else journal.left(purse, call.subtask_id)
        if purse.open and not self.model.bounded:
            return self.wanted
        wanted = self.wanted or self._ample
        more = call.part.draw(missing(purse, self._price(None), bound, wanted))
        call.purse, purse = call.purse.plus(more), purse.plus(more)
        cap = affordable_output(purse, self._price(None), bound, wanted)
        if cap < min(wanted, LEAST_OUTPUT[role]):
            raise OverBudget(
                f"This call may take {bound} tokens of input and needs room to answer; left: {_words(purse)}."
            )
        return cap

    def at_most(self, bound: int, cap: int | None) -> Charge:
        """Return the charge of a request at the most it can cost; without a cap on the output, at what is ample."""
        output = cap if cap is not None else self._ample
        return self._charge(None, bound, output, cost_usd(self._price(None), bound, output), known=False)

    def add(self, charge: Charge | None, answered: str | None) -> None:
        """Charge a request, if it cost anything, and remember who answered."""
        if answered:
            remember(self.model.spec, answered, self.call.endpoints)
        self.charges += [] if charge is None else [charge]

    def charge(self, received: Received, bound: int, cap: int | None, *, finished: bool) -> Charge:
        """Price what came: by its usage, or at the upper bound where that is not known."""
        usage = believable(received.usage, sent_texts(self.call), received.written) if finished else None
        if usage is None:
            output = cap if cap is not None else input_bound([received.text])
            usd = cost_usd(self._price(received.model), bound, output)
            return self._charge(received.model, bound, output, usd, known=False)
        usd = exact_usd(self.model.spec, received.model, self.call.endpoints, usage)
        tokens = usage["input_tokens"], usage["output_tokens"]
        return self._charge(received.model, *tokens, usd, known=True)

    @property
    def _ample(self) -> int:
        return (BOUNDED_OUTPUT if self.model.bounded else AMPLE_OUTPUT)[self.call.role]

    def _price(self, answered: str | None) -> Price | None:
        return price_of(self.model.spec, answered, self.call.endpoints)

    def _charge(self, model: str | None, sent: int, received: int, usd: float | None, *, known: bool) -> Charge:
        return Charge(
            role=self.call.role,
            subtask_id=self.call.subtask_id,
            round=self.call.round,
            model=model or self.model.spec.partition(":")[2],
            input_tokens=sent,
            output_tokens=received,
            usd=usd,
            known=known,
        )


def _words(purse: Purse) -> str:
    tokens = [f"{purse.tokens} tokens"] if purse.tokens is not None else []
    return ", ".join(tokens + ([f"${purse.usd}"] if purse.usd is not None else []))
