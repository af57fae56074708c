"""Timeline: when each worker was at work, waited and tried again, as bars in percent of a round's length. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # seconds between two marks of the scale
MARKS = 6  # at the most


@dataclass(frozen=True)
class Bar:
    """A piece of a row: where it begins and how long it is, in percent."""

    kind: str  # "work", "waits" or "tries"
    at: float
    width: float
    why: str = ""


@dataclass(frozen=True)
class Row:
    """One worker's time."""

    id: str
    name: str
    status: str
    seconds: float  # at work, without waiting
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Round:
    """The workers of one round, and a scale for them: (percent, "0:10")."""

    number: int
    rows: Sequence[Row]
    scale: Sequence[tuple[float, str]]


def rounds(outcomes: Iterable[Mapping[str, Any]]) -> Iterator[Round]:
    """Draw each round by itself: days may lie between two, where a run was resumed."""
    timed = [outcome for outcome in outcomes if outcome.get("times")]
    for number in sorted({outcome["round"] for outcome in timed}):
        mine = [outcome for outcome in timed if outcome["round"] == number]
        began = min(outcome["times"]["began"] for outcome in mine)
        length = max(outcome["times"]["began"] - began + outcome["seconds"] for outcome in mine) or 1.0
        rows = [_row(outcome, outcome["times"]["began"] - began, length) for outcome in mine]
        yield Round(number, rows, list(_scale(length)))


def _row(outcome: Mapping[str, Any], start: float, length: float) -> Row:
    def bar(kind: str, since: float, until: float, why: str = "") -> Bar:
        return Bar(
            kind, round(100 * (start + since) / length, 2), round(100 * max(0.0, until - since) / length, 2), why
        )

    waits = outcome["times"]["waits"]
    bars = [bar("work", 0.0, outcome["seconds"])]
    bars += [bar("waits", since, until) for since, until in waits]
    bars += [bar("tries", at, at, why) for at, why in outcome["times"]["tries"]]
    worked = max(0.0, outcome["seconds"] - sum(until - since for since, until in waits))
    return Row(outcome["id"], outcome["specialist"], outcome["status"], worked, bars)


def _scale(length: float) -> Iterator[tuple[float, str]]:
    step = next((step for step in STEPS if length / step <= MARKS), STEPS[-1])
    for at in range(0, int(length) + 1, step):
        yield round(100 * at / length, 2), f"{at // 60}:{at % 60:02d}"
