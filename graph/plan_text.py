"""Plan text: what a plan says besides its subtasks, in words for a person. Pure; whoever shows it sanitises it."""

from collections.abc import Iterator, Mapping
from typing import Any

Line = tuple[str, str]  # what is said, and the style it has in a terminal


def about(plan: Mapping[str, Any]) -> Iterator[Line]:
    """Say what a plan is besides its subtasks: that it is none, what it fixes for all of them, why it is as it is."""
    if line := fallback_line(plan):
        yield line, "yellow"
    for name, value in frame_lines(plan.get("frame") or {}):
        yield f"  {name}: {value}", "dim"
    if plan.get("why"):
        yield f"  why: {plan['why']}", "dim"
    if plan.get("kept"):
        yield f"  kept of the run before: {', '.join(plan['kept'])}", "dim"


def dropped_lines(plan: Mapping[str, Any]) -> list[Line]:
    """Say what was dropped, and why."""
    drops = plan.get("dropped", [])
    return [(f"  dropped: {drop['specialist']}: {drop['task']} ({drop['reason']})", "dim") for drop in drops]


def fallback_line(plan: Mapping[str, Any]) -> str:
    """Say that a plan is none, and why ("": it is one)."""
    if plan.get("source") != "fallback":
        return ""
    return f"The whole request was given to one worker. {plan.get('note') or ''}".strip()


def frame_lines(frame: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """List what a plan fixes for all its tasks, as (name, value), such as ("date", "Saturday 6 June")."""
    for name, value in frame.items():
        text = _words(value)
        if text:
            yield name.replace("_", " "), text


def _words(value: Any) -> str:
    """Write a value of the frame: text, a number, true or false, a list or a small object of such."""
    if isinstance(value, Mapping):
        return (
            _budget(value) if "total" in value else ", ".join(f"{name} {_words(part)}" for name, part in value.items())
        )
    if isinstance(value, list):
        return ", ".join(_words(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:,}" if isinstance(value, int | float) else str(value)


def _budget(budget: Mapping[str, Any]) -> str:
    """Write {"total": 900, "currency": "GBP", "shares": {"food": 400}} as "900 GBP (food 400)"."""
    rest = {name: part for name, part in budget.items() if name not in ("total", "currency", "shares")}
    shares = {**(budget.get("shares") or {}), **rest}
    total = f"{_words(budget['total'])} {budget.get('currency') or ''}".strip()
    return f"{total} ({', '.join(f'{name} {_words(part)}' for name, part in shares.items())})" if shares else total


def counted(number: int, noun: str) -> str:
    """Write a number with its noun: "1 subtask", "2 subtasks", "2 entries"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def cost_ahead(at_most: Mapping[str, Any], calls_before: int = 0) -> str:
    """Say what a run may cost from here on, its calls counted from the run's beginning.

    Args:
        at_most: of the plan: calls, tokens, usd (None: price unknown), capped.
        calls_before: calls that the run has made already.
    """
    if not at_most:
        return "cost unknown"
    usd = "an unknown sum (no price for this model)" if at_most["usd"] is None else f"${at_most['usd']:.4f}"
    calls = counted(at_most["calls"] + calls_before, "call")
    tokens = f"{at_most['tokens']:,} {'more ' if calls_before else ''}tokens"
    return f"at most {calls}, {tokens}, {usd}{'' if at_most['capped'] else ' (no cap set)'}"
