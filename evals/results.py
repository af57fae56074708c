"""Results: from inspect's logs to the closing table, the plot and evals/RESULTS.md. Every figure comes from a log."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.intervals import Figure, bootstrap, kappa, mean, ratio
from evals.sets import JUDGED

SUITES = ("split", "conflict", "survival", "equal")
TITLES = {"split": "split", "conflict": "conflict", "survival": "survival", "equal": "equal tokens"}
NOT_RUN = "not yet run"
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
    kinds: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, suite: str, sample: str, epoch: int, figures: Figures, metadata: Mapping[str, Any]) -> None:
        """Add one sample's score."""
        self.samples[suite].setdefault(sample, {})[epoch] = figures
        self.kinds[sample] = {name: metadata.get(name) for name in ("ceiling", "dead")}

    def rows(self, suite: str, *names: str, where: Mapping[str, Any] | None = None) -> list[tuple[float, ...]]:
        """Give the means over epochs of the named figures, for each sample that has them all."""
        made = []
        for sample, epochs in self.samples.get(suite, {}).items():
            kept = [figures for figures in epochs.values() if all(name in figures for name in names)]
            if kept and all(self.kinds[sample][name] == value for name, value in (where or {}).items()):
                made.append(tuple(sum(figures[name] for figures in kept) / len(kept) for name in names))
        return made

    def share(self, suite: str, name: str, where: Mapping[str, Any] | None = None) -> Figure | None:
        """Average one figure over the samples."""
        return bootstrap(self.rows(suite, name, where=where), lambda rows: mean([row[0] for row in rows]))

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


def details(measured: Measured) -> list[tuple[str, str, str, str]]:
    """Give every figure: suite, measure, system, value."""
    made = []
    for suite in SUITES:
        seen = {
            name
            for epochs in measured.samples.get(suite, {}).values()
            for figures in epochs.values()
            for name in figures
        }
        for name in sorted(seen):
            measure, _, system = name.partition("|")
            if measure not in ("judge", "grader", "entries", "right"):
                figure = measured.share(suite, name)
                value = f"{figure.value:,.0f}" if measure == "tokens" and figure else figure.percent() if figure else ""
                made.append((TITLES[suite], measure, system, value))
    for criterion in JUDGED:
        figure = measured.agreement([criterion])
        made += [("split", f"kappa, {criterion}", "judge", figure.as_number())] if figure else []
    for system in ("ours", "lister"):
        figure = measured.pooled("conflict", f"right|{system}", f"entries|{system}")
        made += [(TITLES["conflict"], "precision", system, figure.percent())] if figure else []
    for ceiling in sorted({kind["ceiling"] for kind in measured.kinds.values() if kind["ceiling"]}):
        for system in ("ours", "single", "refined", "parallel", "recipe"):
            figure = measured.share("equal", f"met|{system}", {"ceiling": ceiling})
            made += (
                [(TITLES["equal"], f"criteria met at {ceiling // 1000}k", system, figure.percent())] if figure else []
            )
    return made


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
            table(details(each), ("suite", "measure", "system", "value")),
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
            table(details(scripted), ("suite", "measure", "system", "value")),
        ]
    return "\n\n".join(parts) + "\n"
