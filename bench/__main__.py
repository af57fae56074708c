"""Bench: ours beside the recipe, the openai client and no framework, in one interleaved run. `make bench`.

Prints a table; the plot and the raw figures go to bench/out/.
"""

import argparse
import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from bench.cells import measure_all
from bench.endpoint import CALL_MS, TICK_S
from bench.plot import draw
from bench.replies import SHORT, SHORT_TOKENS
from bench.rows import Plan, cells_of
from bench.table import last_line, markdown

OUT = Path(__file__).parent / "out"
GROUPS = ("makespan", "cpu", "streaming", "crowd", "store", "start")


def about() -> str:
    """Say what was measured on what."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("langgraph", "langchain-openai", "openai"))
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {packages}. {CALL_MS} ms a call; replies of "
        f"{SHORT_TOKENS} tokens: asked for as a stream, {SHORT + 3} chunks spread evenly over the call and written every "
        f"{TICK_S * 1000:.0f} ms; else whole at its end. Medians of warm runs; a fresh process for each peer, size and round."
    )


def main() -> None:
    """Measure, and show what came of it."""
    options = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer sizes and rounds, about a minute")
    options.add_argument("--only", choices=GROUPS, action="append", help="one group of rows; may be repeated")
    options.add_argument("--rounds", type=int, help="how often each cell is measured, instead of one to five times")
    given = options.parse_args()
    plan = Plan(given.quick, given.rounds)
    rows = [row for row in plan.rows() if not given.only or row.group in given.only]
    results = measure_all(cells_of(rows, plan))
    rows = [row for row in rows if row.measured(results)]
    OUT.mkdir(exist_ok=True)
    raw = [{"cell": asdict(cell), "rounds": measured} for cell, measured in results.items()]
    (OUT / "raw.json").write_text(json.dumps({"about": about(), "cells": raw}, indent=1), encoding="utf-8")
    table = markdown(rows, results)
    (OUT / "table.md").write_text(f"{about()}\n\n{table}\n", encoding="utf-8")
    print(f"{about()}\n\n{table}\n")
    draw(rows, results, OUT)
    print(last_line(rows, results))


if __name__ == "__main__":
    main()
