"""Shares: what a frame shares out, and whether the shares of a total come to more than it."""

import re
from decimal import Decimal
from typing import Any

_AMOUNT = re.compile(r"[^\d+\-]{0,12}(\d{1,3}(?:[ ,.'’\u00a0\u202f]\d{3})++|\d{1,12})([.,]\d{1,2})?[^\d+\-]{0,12}")
_LARGEST = Decimal(10) ** 15


def checked_frame(frame: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Add up every list of shares that stands beside a total.

    Returns:
        The frame, in which a total that is exceeded says so in a `note`; and the faults, worded for the model.
    """
    made, faults = dict[str, Any](), list[str]()
    other = frame.get("other")  # where the schema puts what has no field of its own
    known = {name: value for name, value in frame.items() if value is not other}
    for name, value in (known | other if isinstance(other, dict) else frame).items():
        over = _over(value) if isinstance(value, dict) else None
        made[name] = {**value, "note": f"the shares come to {over}"} if over else value
        if over:
            faults.append(f"The frame's shares of {name} come to {over}; share out no more than there is.")
    return made, faults


def _over(value: dict[str, Any]) -> str | None:
    """Say what shares come to, if that is more than their total; None also where an amount is not surely a number."""
    shares, total = value.get("shares"), _amount(value.get("total"))
    if not isinstance(shares, dict) or total is None:
        return None
    amounts = [_amount(share) for share in shares.values()]
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts) or sum(known) <= total:
        return None
    return f"{_shown(sum(known, Decimal()))}, more than the total of {_shown(total)}"


def _amount(value: object) -> Decimal | None:
    """Read one amount: a number, or text with one number and a currency ("£1,200.50")."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    amount = Decimal(str(value)) if not isinstance(value, str) else _written(value.strip())
    return amount if amount is not None and 0 <= amount <= _LARGEST else None


def _written(text: str) -> Decimal | None:
    read = None if "%" in text else _AMOUNT.fullmatch(text)
    return None if read is None else Decimal(re.sub(r"\D", "", read[1]) + (read[2] or "").replace(",", "."))


def _shown(amount: Decimal) -> str:
    return f"{amount:,.0f}" if amount == amount.to_integral_value() else f"{amount:,.2f}"
