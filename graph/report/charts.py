"""Charts: when each worker was at work, waited and tried again, and who cost how much, as SVG. Pure.

Places are in percent of the width and text in pixels, so that a chart is as legible on a telephone as on paper.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from textwrap import shorten
from typing import Any

import svg
from markupsafe import Markup, escape

from graph.report.marks import PREFIX
from graph.sanitise import one_line

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)  # seconds between two marks of the scale
MARKS = 6  # at the most
ROW, BAR = 42, 10  # pixels
NAMED = 34  # characters of a specialist's name
LAST = 94  # percent; a mark of the scale beyond it ends where it stands

WHOLE: Any = "100%"

Outcome = Mapping[str, Any]


def timelines(outcomes: Iterable[Outcome], label: str) -> Iterator[tuple[int, Markup]]:
    """Draw each round by itself, as (its number, SVG): days may lie between two, where a run was resumed."""
    timed = [outcome for outcome in outcomes if outcome.get("times")]
    for number in sorted({outcome["round"] for outcome in timed}):
        mine = [outcome for outcome in timed if outcome["round"] == number]
        began = min(outcome["times"]["began"] for outcome in mine)
        length = max(outcome["times"]["began"] - began + outcome["seconds"] for outcome in mine) or 1.0
        drawn = [part for row, outcome in enumerate(mine) for part in _row(outcome, row * ROW, began, length)]
        yield number, _drawing([*drawn, *_scale(length, len(mine) * ROW)], len(mine) * ROW + 16, label)


def worked(outcome: Outcome) -> float:
    """Say for how many seconds a worker was at work, without waiting for a slot."""
    waits = (outcome.get("times") or {}).get("waits", [])
    waited: float = sum(until - since for since, until in waits)
    return max(0.0, float(outcome["seconds"]) - waited)


def share(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Markup:
    """Draw what part of a whole's cost something is; of its tokens, where a price is unknown."""
    costs = [
        entry["usd"] if whole["usd"] else entry["input_tokens"] + entry["output_tokens"] for entry in (part, whole)
    ]
    filled = svg.Rect(width=_percent((costs[0] or 0) / (costs[1] or 1)), height=BAR, rx=3, class_=["work"])
    return _drawing([filled], BAR)


def _drawing(elements: list[svg.Element], height: int, label: str = "") -> Markup:
    said = {"role": "group", "aria-label": str(escape(label))} if label else {"aria-hidden": "true"}
    drawn = svg.SVG(width=WHOLE, height=height, class_=["chart"], elements=elements, extra=said, xmlns=None)
    return Markup(drawn.as_str())  # noqa: S704 - ours; what others wrote in it is escaped by _text


def _row(outcome: Outcome, top: int, began: float, length: float) -> Iterator[svg.Element]:
    start, times = outcome["times"]["began"] - began, outcome["times"]

    def bar(kind: str, since: float, until: float) -> svg.Rect:
        thin = BAR - 3 if kind == "waits" else 0
        place, width = _percent((start + since) / length), _percent(max(0.0, until - since) / length)
        return svg.Rect(
            x=place, width=width, y=top + 20 + thin / 2, height=BAR - thin, rx=(BAR - thin) / 3, class_=[kind]
        )

    name = f"{outcome['id']} {shorten(one_line(outcome['specialist']), NAMED, placeholder=' …')}"
    yield svg.A(href=str(escape(f"#{PREFIX}{outcome['id']}")), elements=[_text(name, 0, top + 12)])
    yield _text(f"{worked(outcome):.1f} s", WHOLE, top + 12, "end")
    yield svg.Line(x1=0, x2=WHOLE, y1=top + 20 + BAR / 2, y2=top + 20 + BAR / 2)
    edges = [0.0, *(edge for span in times["waits"] for edge in span), outcome["seconds"]]
    yield svg.G(
        class_=[str(escape(outcome["status"]))],
        elements=[
            bar(("work", "waits")[number % 2], since, until)
            for number, (since, until) in enumerate(pairwise(edges))
            if until > since
        ],
    )
    for at, why in times["tries"]:
        place = _percent((start + at) / length)
        yield svg.Rect(x=place, y=top + 16, width=3, height=BAR + 8, class_=["tries"], elements=[_title(why)])


def _scale(length: float, top: int) -> Iterator[svg.Element]:
    step = next((step for step in STEPS if length / step <= MARKS), STEPS[-1])
    for at in range(0, int(length) + 1, step):
        place = at / length
        anchor = "start" if not at else "end" if 100 * place > LAST else "middle"
        yield _text(f"{at // 60}:{at % 60:02d}", _percent(place), top + 10, anchor, "scale")


def _text(text: str, x: Any, y: float, anchor: Any = "start", kind: str = "") -> svg.Text:
    return svg.Text(text=str(escape(text)), x=x, y=y, text_anchor=anchor, class_=[kind] if kind else None)


def _title(text: str) -> svg.Element:
    return svg.Title(text=str(escape(one_line(text))))


def _percent(part: float) -> Any:
    return f"{100 * part:.2f}%"
