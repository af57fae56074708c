"""Plot: makespan and CPU over the number of workers, every peer side by side, as SVG."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from bench.cells import Results
from bench.rows import COLUMNS, MAKESPAN, OURS, Row

mpl.rcParams |= {"svg.hashsalt": "bench", "font.size": 9}
COLOURS = dict(zip(COLUMNS, ("#999999", "#4477aa", "#ccaa33", "#cc3311"), strict=True))


def draw(rows: Sequence[Row], results: Results, path: Path) -> None:
    """Draw what the rows hold into a file."""
    canvas = Canvas(figsize=(9, 3.6), layout="constrained")
    panels = (
        ("makespan / critical path, ainvoke", "makespan / critical path"),
        ("CPU a subtask, nobody", "CPU a subtask, ms"),
    )
    for axes, (begins, title) in zip(canvas.subplots(1, 2), panels, strict=True):
        for column in COLUMNS:
            points = _points([row for row in rows if row.what.startswith(begins)], column, results)
            axes.plot(list(points), list(points.values()), marker="o", color=COLOURS[column], label=column)
        if title == panels[0][1]:
            axes.plot(list(MAKESPAN), list(MAKESPAN.values()), "k:", label=f"target for {OURS}")
        axes.set(xlabel="workers", title=title, xscale="log", yscale="log")
        axes.set_xticks([5, 20, 50, 100, 200], labels=["5", "20", "50", "100", "200"])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter("{x:g}")
        axes.legend(frameon=False)
    canvas.savefig(path, metadata={"Date": None})


def _points(rows: Sequence[Row], column: str, results: Results) -> dict[int, float]:
    """Give the number by the number of workers, which each row's words end with."""
    found = {int(row.what.split()[-2]): row.figures[column].value(results) for row in rows if column in row.figures}
    return {workers: value for workers, value in found.items() if value is not None}
