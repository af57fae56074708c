"""Plot: makespan and CPU over the number of workers, every peer side by side, as SVG."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pygal
from pygal.style import Style

from bench.cells import Results
from bench.rows import COLUMNS, MAKESPAN, OURS, Row

SIZES = (5, 20, 50, 100, 200)
CHARTS = (
    ("makespan", "makespan / critical path, ainvoke", "Makespan / critical path, by workers"),
    ("cpu", "CPU a subtask, nobody", "CPU a subtask in ms, by workers"),
)
STYLE = Style(
    colors=("#999999", "#4477aa", "#ccaa33", "#cc3311", "#000000"), background="white", plot_background="white"
)


def draw(rows: Sequence[Row], results: Results, folder: Path) -> list[Path]:
    """Draw what was measured into files of a folder."""
    drawn = []
    for name, begins, title in CHARTS:
        lines = [(column, _points(rows, begins, column, results)) for column in COLUMNS]
        lines = [(column, points) for column, points in lines if points]
        if name == "makespan" and lines:
            lines.append((f"target for {OURS}", MAKESPAN))
        if lines:
            drawn.append(folder / f"{name}.svg")
            drawn[-1].write_bytes(_chart(title, lines))
    return drawn


def _points(rows: Iterable[Row], begins: str, column: str, results: Results) -> dict[int, float]:
    """Give a peer's numbers by the number of workers, which each row's words end with."""
    mine = [row for row in rows if row.what.startswith(begins) and column in row.figures]
    found = {int(row.what.split()[-2]): row.figures[column].value(results) for row in mine}
    return {workers: value for workers, value in found.items() if value is not None}


def _chart(title: str, lines: Iterable[tuple[str, dict[int, float]]]) -> bytes:
    chart = pygal.Line(
        title=title, logarithmic=True, allow_interruptions=False, js=(), style=STYLE, width=700, height=420
    )
    chart.x_labels = [str(size) for size in SIZES]
    chart.formatter = lambda value: f"{value:.3g}"
    for column, points in lines:
        chart.add(column, [points.get(size) for size in SIZES], show_dots=not column.startswith("target"))
    return bytes(chart.render())
