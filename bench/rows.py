"""Rows: the figures of the table, what each is computed from, and the target it has to meet."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import median
from typing import Any

from bench.cells import Cell, Results
from bench.tokens import asked, said, tokens_of

BARE, GATHER, RECIPE, OURS = "no framework", "openai + gather", "recipe", "ours"
COLUMNS = (BARE, GATHER, RECIPE, OURS)
PEERS = {BARE: "bare.run", GATHER: "gather.run", RECIPE: "recipe.run"}
LISTENING = {BARE: "bare.listen", GATHER: "gather.listen", RECIPE: "recipe.listen"}

MAKESPAN = {5: 1.05, 20: 1.08, 100: 1.25, 200: 1.6}  # workers → at most so many times the critical path
# The recipe's makespans where the targets were set: what a machine is slower by is seen in how much it adds to them.
THERE = {5: 1.05, 20: 1.10, 100: 1.5, 200: 2.0}
HEARD = {5: 1.08, 20: 1.15, 100: 1.6, 200: 2.2}  # the same while somebody listens
CPU_SIZES = (5, 50, 200)
LONG, LONG_MS, BRIEF, BRIEF_MS = 500, 5_000, 60, 600  # replies at 100 tokens a second
STREAMS = 20
# What only some runs use, and `import graph` must not load. (LangGraph itself loads rich and langgraph_sdk.)
HEAVY = (
    "pint", "pypdf", "json_repair", "genai_prices", "mcp", "langchain_mcp_adapters", "xllamacpp", "huggingface_hub",
    "psycopg", "psycopg_pool", "aiosqlite", "filelock", "typer", "markdown_it", "numpy", "langchain", "bpe_openai", "redis",
)  # fmt: skip

Measured = list[dict[str, Any]]  # one cell's figures, a round each


@dataclass(frozen=True)
class Figure:
    """A number, computed from the figures of some cells."""

    of: Callable[..., float]
    cells: tuple[Cell, ...]

    def value(self, results: Results) -> float | None:
        """Compute it (None: something it needs failed, or was not measured)."""
        measured = [[sample for sample in results.get(cell, []) if "error" not in sample] for cell in self.cells]
        return self.of(*measured) if all(measured) else None


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        group: makespan, cpu, streaming, crowd, store or start.
        what: in words.
        unit: of the numbers.
        figures: by column.
        limit: the target for ours, alone or times another column (None: only shown).
        times: that column.
        least: the target is a least, not a most.
        fixed: the target is a time, so that it depends on the machine: scaled from this number upwards (None: it does not).
    """

    group: str
    what: str
    unit: str
    figures: dict[str, Figure]
    limit: float | None = None
    times: str | None = None
    least: bool = False
    fixed: float | None = None

    def measured(self, results: Results) -> bool:
        """Tell whether ours was measured, even if it failed."""
        return all(results.get(cell) for cell in self.figures[OURS].cells)

    def bound(self, results: Results, slower: float = 1.0) -> float | None:
        """Return the number that ours has to meet, on a machine that is slower by so much."""
        if self.limit is None or self.times is None:
            fixed = self.limit if self.fixed is None else self.fixed
            return None if self.limit is None or fixed is None else fixed + (self.limit - fixed) * slower
        other = self.figures[self.times].value(results)
        return None if other is None else self.limit * other

    def holds(self, results: Results, slower: float = 1.0) -> bool:
        """Tell whether the target is met; a figure that could not be had does not meet it."""
        ours, bound = self.figures[OURS].value(results), self.bound(results, slower)
        return ours is not None and bound is not None and (ours >= bound if self.least else ours <= bound)


def warm(measured: Measured, key: str) -> float:
    """Return the median of all warm runs of all rounds."""
    return median(run[key] for run in chain.from_iterable(sample["warm"] for sample in measured))


def middle(key: str, scale: float = 1.0) -> Callable[[Measured], float]:
    """Return what takes the median over the rounds."""
    return lambda measured: scale * median(sample[key] for sample in measured)


@dataclass(frozen=True)
class Plan:
    """How much is measured: `quick` takes about three minutes, and everything some twenty; `times` overrides the rounds."""

    quick: bool = False
    times: int | None = None

    def rounds(self, group: str) -> int:
        """Return how often each cell of a group is measured."""
        if self.times is not None:
            return self.times
        return 1 if self.quick else {"start": 9, "makespan": 3, "cpu": 3, "streaming": 3, "store": 6}.get(group, 2)

    def rows(self) -> list[Row]:
        """List all rows."""
        return [*self._makespan(), *self._cpu(), *self._streaming(), *self._crowd(), *self._store(), *self._start()]

    def _cell(self, peer: str, workers: int) -> Cell:
        return Cell("repeat", peer, workers, 2 if self.quick else {5: 8, 20: 4}.get(workers, 2))

    def _makespan(self) -> list[Row]:
        rows = []
        ways = (("ainvoke", "ours.ainvoke", PEERS, MAKESPAN), ("invoke", "ours.invoke", PEERS, MAKESPAN))
        for name, peer, others, targets in (*ways, ("listening", "ours.listen", LISTENING, HEARD)):
            for workers, limit in targets.items():
                if self.quick and (workers not in (5, 100) or name == "invoke"):
                    continue
                peers = {
                    column: other for column, other in {**others, OURS: peer}.items() if self._bearable(other, workers)
                }
                cells = {column: self._cell(other, workers) for column, other in peers.items()}
                figures = {column: Figure(_makespan_of(cell), (cell,)) for column, cell in cells.items()}
                what = f"makespan / critical path, {name}, {workers} workers"
                rows.append(Row("makespan", what, "", figures, limit, fixed=1))
        return rows

    def _bearable(self, peer: str, workers: int) -> bool:
        """Tell whether a peer can be waited for: the recipe with a listener takes half a minute for 200 workers."""
        longest = {"recipe.listen": 5, "gather.listen": 5} if self.quick else {"recipe.listen": 20}
        return workers <= longest.get(peer, workers)

    def _cpu(self) -> list[Row]:
        rows, figures = [], dict[int, Figure]()
        for workers in (5, 100) if self.quick else CPU_SIZES:
            cells = {column: self._cell(peer, workers) for column, peer in {**PEERS, OURS: "ours.ainvoke"}.items()}
            row = {column: Figure(_cpu_of(workers), (cell,)) for column, cell in cells.items()}
            rows.append(Row("cpu", f"CPU a subtask, nobody listening, {workers} workers", "ms", row, 0.8, RECIPE))
            figures[workers] = row[OURS]
        few, many = min(figures), max(figures)
        cells = (*figures[many].cells, *figures[few].cells)
        grown = Figure(lambda at_many, at_few: _cpu_of(many)(at_many) / _cpu_of(few)(at_few), cells)
        rows.append(Row("cpu", f"CPU a subtask, {many} workers / {few} workers", "", {OURS: grown}, 1.3))
        cells = {
            column: self._cell(peer, few) for column, peer in {RECIPE: PEERS[RECIPE], OURS: "ours.ainvoke"}.items()
        }
        sent = {column: Figure(_sent_by(cell), (cell,)) for column, cell in cells.items()}
        rows.append(Row("cpu", f"sent in one run of {few} workers: requests' bodies", "KB", sent))
        firsts = {column: replace(cell, way="first", runs=0) for column, cell in cells.items()}
        for what, texts in (("tokens of all prompts", said), ("tokens of the schemas asked for", asked)):
            counts = {column: Figure(tokens_of(texts), (cell,)) for column, cell in firsts.items()}
            rows.append(Row("cpu", f"sent in one run of {few} workers: {what}", "", counts))
        return rows

    def _streaming(self) -> list[Row]:
        peers = {BARE: "bare.listen", OURS: "ours.listen"} if self.quick else {**LISTENING, OURS: "ours.listen"}
        long = {name: Cell("repeat", peer, STREAMS, 1, LONG, LONG_MS) for name, peer in peers.items()}
        brief = {name: replace(cell, pieces=BRIEF, milliseconds=BRIEF_MS) for name, cell in long.items()}
        chunks = {name: Figure(_chunk_cpu, (long[name], brief[name])) for name in peers}
        share = {name: Figure(_share, (cell,)) for name, cell in long.items()}
        pace = {name: Figure(_makespan_of(cell), (cell,)) for name, cell in long.items()}
        rows = [
            Row("streaming", f"CPU a chunk, replies of {LONG} tokens", "µs", chunks, 60, fixed=0),
            Row("streaming", f"{STREAMS} workers at 100 tokens/s: share of a core", "%", share, 20, fixed=0),
            Row("streaming", f"{STREAMS} workers at 100 tokens/s: keeps up (makespan / path)", "", pace, 1.05),
        ]
        if not self.quick:
            deaf = replace(long[OURS], what="ours.ainvoke")
            cells = (deaf, replace(brief[OURS], what="ours.ainvoke"))
            rows.append(
                Row("streaming", "the same, nobody listening: CPU a chunk", "µs", {OURS: Figure(_chunk_cpu, cells)})
            )
        return rows

    def _crowd(self) -> list[Row]:
        runs = 50 if self.quick else 200
        peers = {**({} if self.quick else {GATHER: "gather.run"}), RECIPE: "recipe.run", OURS: "ours.ainvoke"}
        cells = {column: Cell("crowd", peer, 5, runs) for column, peer in peers.items()}
        rate = {column: Figure(_rate, (cell,)) for column, cell in cells.items()}
        memory = {column: Figure(middle("kb", 1 / runs), (cell,)) for column, cell in cells.items()}
        rows = [
            Row("crowd", f"{runs} runs of 5 at once: runs/s", "", rate, 1.3, RECIPE, least=True),
            Row("crowd", f"{runs} runs of 5 at once: memory a run", "KB", memory, 1.2, RECIPE),
        ]
        if self.quick:
            return rows
        crowd = {column: replace(cell, runs=1_000) for column, cell in cells.items() if column != GATHER}
        finished = {column: Figure(middle("finished"), (cell,)) for column, cell in crowd.items()}
        stalls = {column: Figure(_longest_stall, (cell,)) for column, cell in crowd.items()}
        return [
            *rows,
            Row("crowd", "1,000 runs of 5 at once: finished", "", finished, 1_000, least=True),
            Row("crowd", "1,000 runs of 5 at once: longest stall of a loop", "ms", stalls, 100, fixed=0),
        ]

    def _store(self) -> list[Row]:
        command, ainvoke = (
            ("as the command line", "ours.kept", "ours.events"),
            ("ainvoke", "ours.saved", "ours.ainvoke"),
        )
        rows = []
        for workers in (20,) if self.quick else CPU_SIZES:
            for name, peer, plain in (command,) if self.quick else (command, ainvoke):
                cells = (self._cell(peer, workers), self._cell(plain, workers))
                for what, key in (("makespan", "seconds"), ("CPU", "cpu")):
                    told = f"with / without SQLite: {what}, {name}, {workers} workers"
                    rows.append(Row("store", told, "", {OURS: Figure(_ratio(key), cells)}, 1.25))
        return rows

    def _start(self) -> list[Row]:
        first = {RECIPE: Cell("first", "recipe.run"), OURS: Cell("first", "ours.ainvoke")}
        loads = {RECIPE: Cell("imports", "bench.recipe"), OURS: Cell("imports", "graph")}
        help_, runs = Cell("command", "--help"), Cell("command", "runs")
        requests = {column: Figure(middle("first_request"), (cell,)) for column, cell in first.items()}
        memory = {column: Figure(middle("peak_kb", 1 / 1024), (cell,)) for column, cell in loads.items()}
        used = {column: Figure(middle("peak_kb", 1 / 1024), (cell,)) for column, cell in first.items()}
        checks = Figure(middle("cpu", 1000), (Cell("checks", "plan", 1_000),))
        checked = "a plan of 1,000 subtasks of 60 words, checked and sized: CPU"
        modules = {OURS: Figure(lambda measured: len(heavy_in(measured)), (loads[OURS],))}
        return [
            Row("start", "process start to first request", "s", requests, 0.9, RECIPE),
            Row(
                "start", "`orchestrate --help`: CPU", "ms", {OURS: Figure(middle("cpu", 1000), (help_,))}, 200, fixed=0
            ),
            Row("start", "`orchestrate runs`: CPU", "ms", {OURS: Figure(middle("cpu", 1000), (runs,))}, 500, fixed=0),
            Row("start", checked, "ms", {OURS: checks}, 500, fixed=0),
            Row("start", "memory after import", "MB", memory),
            Row("start", "memory after the first run", "MB", used),
            Row("start", "modules that only some runs use, loaded by `import graph`", "", modules, 0),
        ]


def slower_than_there(rows: Sequence[Row], results: Results) -> float | None:
    """Return how many times as much time this machine adds to the recipe's calls as the one where the targets were set."""
    added = []
    for row in rows:
        size = re.search(r"ainvoke, (\d+) workers", row.what) if row.group == "makespan" else None
        recipe = row.figures[RECIPE].value(results) if size else None
        if size and recipe is not None:
            added.append((recipe - 1) / (THERE[int(size[1])] - 1))
    return max(1.0, median(added)) if added else None


def heavy_in(measured: Measured) -> list[str]:
    """List which of HEAVY an import has loaded."""
    return [name for name in HEAVY if name in measured[0]["packages"]]


def _makespan_of(cell: Cell) -> Callable[[Measured], float]:
    return lambda measured: warm(measured, "seconds") / cell.path_s


def _cpu_of(workers: int) -> Callable[[Measured], float]:
    return lambda measured: 1000 * warm(measured, "cpu") / workers


def _sent_by(cell: Cell) -> Callable[[Measured], float]:
    """Return KB of request bodies a run; the cold run counts as well."""
    return lambda measured: measured[0]["seen"]["bytes"] / 1000 / (cell.runs + 1)


def _chunk_cpu(long: Measured, brief: Measured) -> float:
    """Return µs a chunk: what the longer replies take more, over how many more chunks they have."""
    return 1e6 * (warm(long, "cpu") - warm(brief, "cpu")) / (STREAMS * (LONG - BRIEF))


def _share(measured: Measured) -> float:
    return 100 * warm(measured, "cpu") / warm(measured, "seconds")


def _rate(measured: Measured) -> float:
    return median(sample["finished"] / sample["seconds"] for sample in measured)


def _longest_stall(measured: Measured) -> float:
    return 1000 * median(max(sample["stalls"].values()) for sample in measured)


def _ratio(key: str) -> Callable[[Measured, Measured], float]:
    """Return what compares two cells round by round: what else the machine does from one to the next falls on both."""
    return lambda with_it, without: median(
        warm([one], key) / warm([other], key) for one, other in zip(with_it, without, strict=False)
    )


def cells_of(rows: Sequence[Row], plan: Plan) -> dict[Cell, int]:
    """List the cells that rows need, each with its number of rounds; the peers of one size one after another."""
    cells: dict[Cell, int] = {}
    for row in rows:
        for figure in row.figures.values():
            for cell in figure.cells:
                cells[cell] = max(cells.get(cell, 0), plan.rounds(row.group))
    return dict(sorted(cells.items(), key=lambda item: (item[0].way, item[0].pieces, item[0].workers)))
