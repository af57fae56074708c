"""Table: the rows as Markdown, each with its target and whether it holds."""

from collections.abc import Sequence

from bench.cells import Cell, Results
from bench.rows import COLUMNS, Row, heavy_in, slower_than_there

HOLDS, HOLDS_HERE, FAILS, SHOWN = "✓", "(✓)", "✗", ""


def markdown(rows: Sequence[Row], results: Results) -> str:
    """Write the table, and below it what failed and what `import graph` loads."""
    slower = slower_than_there(rows, results)
    lines = [f"| figure | {' | '.join(COLUMNS)} | target for ours | holds |", "|---|" + "---|" * (len(COLUMNS) + 2)]
    for row in rows:
        values = {column: figure.value(results) for column, figure in row.figures.items()}
        shown = [_shown(values.get(column), row.unit) for column in COLUMNS]
        lines.append(f"| {row.what} | {' | '.join(shown)} | {_target(row, results)} | {_mark(row, results, slower)} |")
    if slower is not None:
        lines += [
            "",
            f"Around the recipe's calls this machine, as busy as it was, took {slower:.1f} x the time of the one that the ",
        ]
        lines[-1] += f"targets were set on; {HOLDS_HERE} marks a time that holds when its target is given as much more."
    loaded = results.get(Cell("imports", "graph"), [])
    if loaded:
        lines += ["", f"`import graph` loads of what only some runs use: {', '.join(heavy_in(loaded)) or 'nothing'}."]
    failed = [
        f"- {cell}: {sample['error']}" for cell, measured in results.items() for sample in measured if "error" in sample
    ]
    return "\n".join([*lines, *(["", "Failed:", *failed] if failed else [])])


def last_line(rows: Sequence[Row], results: Results) -> str:
    """Say in one line what came of it."""
    judged = [row for row in rows if row.limit is not None]
    held = sum(row.holds(results) for row in judged)
    worst = [(_excess(row, results), row.what) for row in judged if not row.holds(results)]
    furthest = f"; furthest off: {max(worst)[1]} ({max(worst)[0]:.1f} x its target)" if worst else ""
    return f"bench: {held} of {len(judged)} targets hold{furthest}"


def _mark(row: Row, results: Results, slower: float | None) -> str:
    if row.limit is None:
        return SHOWN
    return HOLDS if row.holds(results) else HOLDS_HERE if row.holds(results, slower or 1.0) else FAILS


def _excess(row: Row, results: Results) -> float:
    ours, bound = row.figures["ours"].value(results), row.bound(results)
    if ours is None or bound is None:
        return float("inf")
    return bound / max(ours, 1e-9) if row.least else ours / max(bound, 1.0)


def _target(row: Row, results: Results) -> str:
    if row.limit is None:
        return ""
    sign, bound = "≥" if row.least else "≤", row.bound(results)
    if row.times is None:
        return f"{sign} {_shown(row.limit, row.unit)}"
    return f"{sign} {row.limit:g} x {row.times}'s: {_shown(bound, row.unit)}"


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, int):  # a number of things
        return f"{value:,}"
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} {unit}".strip()
