"""Results: from inspect's logs to the closing table, the plot and evals/RESULTS.md. Every figure comes from a log."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals import minds
from evals.intervals import Figure, bootstrap, kappa, mean, ratio
from evals.items import BUDGETS, SUITES
from evals.sets import JUDGED

TITLES = {"split": "split", "conflict": "conflict", "survival": "survival", "equal": "equal tokens"}
NOT_RUN = "not yet run"
WITHIN = ("judge", "grader", "entries", "right")  # what a kappa or a precision is made of
LABELS = {"won": "ours is better than it"}
NUMBERS = ("seconds", "tokens")  # no shares
ALIVE = "nobody dies"
KINDS: dict[str, dict[object, str]] = {  # measures that are told by kind of sample too
    "met": {ceiling: f", {ceiling:,} tokens" for ceiling in BUDGETS},
    "seconds": {fault: f", {fault}" for fault in (ALIVE, *minds.FAULTS)},
}
NOT_JUDGED = "not judged, or too few samples to tell"

Figures = Mapping[str, float]


@dataclass
class Measured:
    """What the logs of one model hold: by suite and sample, the figures of each epoch.

    Attributes:
        model: provider:name.
        judge: None: not judged.
    """

    model: str
    judge: str | None = None
    samples: dict[str, dict[str, dict[int, Figures]]] = field(default_factory=lambda: defaultdict(dict))
    kinds: dict[str, Any] = field(default_factory=dict)  # of a sample: its ceiling, or what its workers die of

    def take(self, suite: str, sample: str, epoch: int, figures: Figures, metadata: Mapping[str, Any]) -> None:
        """Add one sample's score."""
        self.samples[suite].setdefault(sample, {})[epoch] = figures
        died = metadata["fault"] if metadata.get("dead") else ALIVE if "fault" in metadata else None
        self.kinds[sample] = metadata.get("ceiling") or died

    def rows(self, suite: str, *names: str, kind: object = None) -> list[tuple[float, ...]]:
        """Give the means over epochs of the named figures, for each sample that has them all."""
        made = []
        for sample, epochs in self.samples.get(suite, {}).items():
            kept = [figures for figures in epochs.values() if all(name in figures for name in names)]
            if kept and kind in (None, self.kinds[sample]):
                made.append(tuple(sum(figures[name] for figures in kept) / len(kept) for name in names))
        return made

    def share(self, suite: str, name: str, kind: object = None) -> Figure | None:
        """Average one figure over the samples, or those of one kind."""
        return bootstrap(self.rows(suite, name, kind=kind), lambda rows: mean([row[0] for row in rows]))

    def pooled(self, suite: str, some: str, of: str) -> Figure | None:
        """Divide one count by another, over all samples."""
        return bootstrap(self.rows(suite, some, of), lambda rows: ratio([(row[0], row[1]) for row in rows]))

    def agreement(self, criteria: Sequence[str] = JUDGED) -> Figure | None:
        """Cohen's kappa of judge and grader, over the graded plans."""
        names = [f"{who}|{name}" for name in criteria for who in ("judge", "grader")]
        return bootstrap(
            self.rows("split", *names),
            lambda rows: kappa(
                [(round(row[at]), round(row[at + 1])) for row in rows for at in range(0, len(names), 2)]
            ),
        )


def closing(measured: Measured) -> list[tuple[str, str, int]]:
    """Give the closing table: suite, what was measured, samples. One row for each suite."""
    rows = {
        "split": [
            _told("preferred to the recipe's plan", measured.share("split", "won|recipe")),
            _told("count in proportion", measured.share("split", "proportion|ours")),
            _told("judge's kappa", measured.agreement(), plain=True),
        ],
        "conflict": [
            _told("recall", measured.share("conflict", "recall|ours")),
            _told("precision", measured.pooled("conflict", "right|ours", "entries|ours")),
            _told("flattened", measured.share("conflict", "flattened|ours")),
        ],
        "survival": [
            _told("finished work kept", measured.share("survival", "kept|ours")),
            _told("failed named", measured.share("survival", "named|ours")),
            _told("cover invented", measured.share("survival", "invented|ours")),
        ],
        "equal": [
            _told(f"better than {rival}", measured.share("equal", f"won|{name}"))
            for rival, name in (
                ("a single call", "single"),
                ("self-refinement", "refined"),
                ("parallel calls", "parallel"),
                ("the recipe", "recipe"),
            )
        ],
    }
    return [
        (
            TITLES[suite],
            "; ".join(filter(None, rows[suite])) or (NOT_JUDGED if measured.samples.get(suite) else NOT_RUN),
            len(measured.samples.get(suite, {})),
        )
        for suite in SUITES
    ]


HEAD, SHORT_HEAD = ("suite", "measured", "set to", "samples"), ("suite", "measured", "samples")


def told(measured: Measured, expected: Mapping[str, str]) -> list[tuple[str, str, str, int]]:
    """Give the closing table with what scripted minds are set to beside it."""
    return [(suite, said, expected.get(suite, ""), count) for suite, said, count in closing(measured)]


def _told(name: str, figure: Figure | None, *, plain: bool = False) -> str:
    return f"{name} {figure.as_number() if plain else figure.percent()}" if figure else ""


def details(measured: Measured) -> str:
    """Give every figure: a table for each suite, a row for each measure, a column for each system."""
    tables = {suite: dict(_cells(measured, suite)) for suite in SUITES}
    return "\n\n".join(f"#### {TITLES[suite]}\n\n{grid(cells)}" for suite, cells in tables.items() if cells)


def _cells(measured: Measured, suite: str) -> Iterator[tuple[str, str]]:
    """Write a suite's figures, by "measure|system"."""
    samples = [figures for epochs in measured.samples.get(suite, {}).values() for figures in epochs.values()]
    for name in sorted({name for figures in samples for name in figures}):
        measure, _, system = name.partition("|")
        for kind, told in {None: "", **KINDS.get(measure, {})}.items() if measure not in WITHIN else ():
            figure = measured.share(suite, name, kind)
            if figure:
                value = f"{figure.value:,.0f}" if measure in NUMBERS else figure.percent()
                yield f"{LABELS.get(measure, measure)}{told}|{system}", value
    for criterion in JUDGED if suite == "split" else ():
        figure = measured.agreement([criterion])
        if figure:
            yield f"kappa, {criterion}|judge", figure.as_number()
    for system in ("ours", "lister") if suite == "conflict" else ():
        figure = measured.pooled(suite, f"right|{system}", f"entries|{system}")
        if figure:
            yield f"precision|{system}", figure.percent()


def sheet(figures: Figures, runs: Mapping[str, Mapping[str, Any]]) -> str:
    """Write one sample's figures, and what they have cost, for inspect's viewer."""
    cells = {name: f"{value:,.2f}".removesuffix(".00") for name, value in figures.items()}
    for system, run in runs.items():
        known = {name: run.get(name) for name in ("calls", "usd")}
        cells |= {f"{name}|{system}": "unknown" if value is None else f"{value:,.4g}" for name, value in known.items()}
    return grid(cells)


def grid(cells: Mapping[str, str]) -> str:
    """Write what is named "measure|system" as a table, ours first."""
    names = [name.split("|") for name in cells]
    systems = sorted({system for _, system in names}, key=lambda system: (system != "ours", system))
    rows = [
        (measure, *(cells.get(f"{measure}|{system}", "") for system in systems))
        for measure in dict.fromkeys(measure for measure, _ in names)
    ]
    return table(rows, ("", *systems))


def table(rows: Iterable[Sequence[object]], head: Sequence[str]) -> str:
    """Write rows as Markdown."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows))


def plot(measured: Measured, title: str, path: Path) -> None:
    """Draw the headline figures with their intervals."""
    import pygal  # on use: it hangs itself into the import system
    from pygal.style import Style

    shown = {
        "split: preferred to the recipe's plan": measured.share("split", "won|recipe"),
        "conflict: recall": measured.share("conflict", "recall|ours"),
        "conflict: flattened": measured.share("conflict", "flattened|ours"),
        "survival: finished work kept": measured.share("survival", "kept|ours"),
        "survival: cover invented": measured.share("survival", "invented|ours"),
        "equal tokens: better than a single call": measured.share("equal", "won|single"),
        "equal tokens: better than the recipe": measured.share("equal", "won|recipe"),
    }
    known = {name: figure for name, figure in shown.items() if figure}
    chart = pygal.HorizontalBar(
        range=(0, 100), show_legend=False, height=420, width=900, truncate_label=-1, title=f"{title}: %, 95 % intervals",
        style=Style(background="white", plot_background="white", ci_colors=("black",)), js=[], disable_xml_declaration=True, x_title="%",
    )  # fmt: skip
    chart.x_labels = list(known)[::-1]  # drawn from below
    values = [
        {"value": 100 * each.value, "ci": {"low": 100 * each.low, "high": 100 * each.high}}
        for each in reversed(known.values())
    ]
    chart.add("ours", values)
    path.write_text(
        re.sub(r"<script.*?</script>", "", chart.render(is_unicode=True), flags=re.DOTALL), encoding="utf-8"
    )


def page(scripted: Measured | None, expected: Mapping[str, str], real: Sequence[Measured]) -> str:
    """Write RESULTS.md."""
    parts = [
        "# Results",
        (
            "Written by `make eval` from inspect's logs; not by hand. What the figures mean: [README](README.md). "
            "Brackets: 95 % bootstrap intervals over items."
        ),
        "## Real models",
    ]
    for each in real:
        judge = f"judged by {each.judge}" if each.judge else "not judged: code measures alone"
        parts += [
            f"### {each.model}, {judge}",
            table(closing(each), SHORT_HEAD),
            details(each),
        ]
    if not real:
        parts.append(table([(TITLES[suite], NOT_RUN, 0) for suite in SUITES], SHORT_HEAD))
    parts += [
        "## Scripted minds",
        "No model was asked: scripts of known quality, to measure the measuring. These figures say nothing about this or any other system's quality; the losing ones lose because they are set to.",
    ]
    if scripted:
        parts += [table(told(scripted, expected), HEAD), "![Scripted minds](results.svg)"]
        parts += [
            "### Every figure of the scripted minds",
            details(scripted),
        ]
    return "\n\n".join(parts) + "\n"
