"""Plot: makespan and CPU over the number of workers, every peer side by side, as SVG."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator

from bench.cells import Results
from bench.rows import COLUMNS, MAKESPAN, OURS, Row

mpl.rcParams |= {"svg.hashsalt": "bench", "font.size": 9}
MAKESPANS = "makespan / critical path"
PANELS = (("makespan / critical path, ainvoke", MAKESPANS), ("CPU a subtask, nobody", "CPU a subtask, ms"))
COLOURS = dict(zip(COLUMNS, ("#999999", "#4477aa", "#ccaa33", "#cc3311"), strict=True))


def draw(rows: Sequence[Row], results: Results, path: Path) -> None:
    """Draw what the rows hold into a file; nothing, where there is nothing to draw."""
    panels = {title: _lines([row for row in rows if row.what.startswith(begins)], results) for begins, title in PANELS}
    panels = {title: lines for title, lines in panels.items() if lines}
    if not panels:
        return
    canvas = Canvas(figsize=(4.5 * len(panels), 3.6), layout="constrained")
    for axes, (title, lines) in zip(canvas.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for column, points in lines.items():
            axes.plot(list(points), list(points.values()), marker="o", color=COLOURS[column], label=column)
        if title == MAKESPANS:
            axes.plot(list(MAKESPAN), list(MAKESPAN.values()), "k:", label=f"target for {OURS}")
        axes.set(xlabel="workers", title=title, xscale="log", yscale="log")
        axes.set_xticks([5, 20, 50, 100, 200], labels=["5", "20", "50", "100", "200"])
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    canvas.axes[0].legend(frameon=False)
    canvas.savefig(path, metadata={"Date": None})


def _lines(rows: Sequence[Row], results: Results) -> dict[str, dict[int, float]]:
    """Give each peer's numbers by the number of workers."""
    lines = {column: _points(rows, column, results) for column in COLUMNS}
    return {column: points for column, points in lines.items() if points}


def _points(rows: Sequence[Row], column: str, results: Results) -> dict[int, float]:
    """Give the number by the number of workers, which each row's words end with."""
    found = {int(row.what.split()[-2]): row.figures[column].value(results) for row in rows if column in row.figures}
    return {workers: value for workers, value in found.items() if value is not None}
