"""Evaluations: python -m evals [--model provider:name] [--judge provider/name] … The four suites, one table, one plot.

Without a model: scripted minds of known quality behind a loopback endpoint, which measures the measuring.
"""

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from evals import deep, gateway, logs, minds, suites
from evals.items import SUITES, items
from evals.purse import Cost, judge_cost, price, priced_as, systems_cost
from evals.results import HEAD, SHORT_HEAD, Measured, closing, page, plot, told
from graph.settings import orchestrator_variables, read_env_file

FOLDER = Path(__file__).parent
LOGS = FOLDER / "logs"  # not in git
# By the words that model names begin with; a name that is not here is a family of its own.
FAMILIES = {
    "gpt": ("gpt", "chatgpt", "o"),
    "gemini": ("gemini", "gemma"),
    "mistral": ("mistral", "mixtral", "ministral", "magistral", "codestral", "devstral"),
    "qwen": ("qwen", "qwq"),
}
RECORDED = FOLDER / "recorded"  # logs of live runs that are kept in git, from whatever machine


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, then write the table, the plot and RESULTS.md; 1 where something was not finished."""
    given, began = _arguments(arguments), time.monotonic()
    read_env_file()
    done, more = True, [given.logs] if given.logs else []
    if more:
        if not logs.read(more):
            raise SystemExit(f"no logs of inspect with samples in {given.logs}; give the folder that they are in")
        if given.judge and not _judged_later(given.logs, given):
            return 1
    elif given.model is None:
        done = _scripted(given)
    else:
        folder = logs.folder_of(LOGS, given.model)
        refuse_family(given.model, given.judge)
        costs = {suite: _cost(suite, given) for suite in given.suite}
        if not _agreed(costs, logs.spent(folder), given):
            return 1
        done = logs.run(
            folder,
            given.suite,
            model=given.model,
            judge=given.judge,
            epochs=given.epochs,
            limit=given.limit,
            data=given.data,
            deepagents=deep.PYTHON.exists(),
        )
    _tell(more, given.model)
    left = suites.money.told or "not finished; the same command goes on"
    print(f"evals: {'done' if done else left} ({time.monotonic() - began:.0f} s)")
    return 0 if done else 1


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals", description=__doc__)
    parser.add_argument("--model", help="provider:name of the model that every system uses (none: scripted minds)")
    parser.add_argument("--judge", help="provider/name of the judge, of another family (none: code measures alone)")
    parser.add_argument("--limit", type=int, help="samples of each suite")
    parser.add_argument("--epochs", type=int, help="times that each sample is run (default 3; scripted minds: 1)")
    parser.add_argument("--suite", action="append", choices=SUITES, help="only this suite")
    parser.add_argument(
        "--data", action="append", default=[], help="a fetched set (python -m evals.downloads) beside our own"
    )
    parser.add_argument("--logs", type=Path, help="a folder of logs: judge them if --judge is given, and read them")
    parser.add_argument("--yes", action="store_true", help="do not ask before money is spent")
    given = parser.parse_args(arguments)
    given.suite = given.suite or [*SUITES]
    given.epochs = given.epochs or (3 if given.model else 1)
    return given


def _scripted(given: argparse.Namespace) -> bool:
    folder = LOGS / "scripted"
    for suite in given.suite:
        shutil.rmtree(folder / suite, ignore_errors=True)
    print("No model is named: scripted minds of known quality answer and judge, and cost nothing.", flush=True)
    with _without_settings(), gateway.served(minds.mind):
        return logs.run(
            folder,
            given.suite,
            model=minds.MIND,
            judge=minds.JUDGE,
            epochs=given.epochs,
            limit=given.limit,
            deepagents=deep.PYTHON.exists(),
        )


@contextmanager
def _without_settings() -> Iterator[None]:
    """Take our own settings and tracing out of the environment: the scripts are the same on every machine."""
    names = [*orchestrator_variables(), *(name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_")))]
    before = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(before)


def _judged_later(folder: Path, given: argparse.Namespace) -> bool:
    told = logs.judging(folder, given.judge)
    for model, _ in told.values():
        refuse_family(model, given.judge)
    if not _agreed({where: cost for where, (_, cost) in told.items()}, logs.spent(folder), given):
        return False
    logs.judge_later(folder, given.judge)
    return True


def refuse_family(model: str, judge: str | None) -> None:
    """Refuse a judge of the model's own family: it likes its own words.

    Raises:
        SystemExit: it is of the same.
    """
    mine, theirs = map(_family, (model, judge or ""))
    if judge and mine == theirs:
        raise SystemExit(
            f"--judge {judge} is of the same family as {model} ({mine}); take one of another, or judge the logs later"
        )


def _family(name: str) -> str:
    """Name the family of a model, whoever serves it, by how its name begins."""
    match = re.match(r"o(?=\d)|[a-z]*", re.split(r"[:/]", name)[-1].casefold())
    word = match[0] if match else ""
    return next((family for family, names in FAMILIES.items() if word in names), word)


def _agreed(costs: Mapping[str, Cost], before: float, given: argparse.Namespace) -> bool:
    """Say what the run will cost, and ask; with EVAL_BUDGET_USD set nobody need be asked, for it is held.

    Raises:
        SystemExit: a budget is set and a price is not known.
    """
    for what, cost in costs.items():
        print(f"{what:10} {cost}")
    print(f"in all     {sum(costs.values(), Cost())}; ${before:.2f} spent before")
    budget = os.environ.get("EVAL_BUDGET_USD", "").strip()
    if budget:
        if any(cost.usd is None for cost in costs.values()):
            names = [f'"{priced_as(name)}"' for name in (given.model, given.judge) if name and price(name) is None]
            raise SystemExit(
                f"EVAL_BUDGET_USD is set, but a price is unknown; give it in ORCHESTRATOR_PRICES (docs/settings.md) under {' or '.join(names)}"
            )
        suites.money.limit, suites.money.spent = float(budget), before
        print(f"EVAL_BUDGET_USD={budget} is held: no sample begins that might go beyond it")
    if budget or given.yes:
        return True
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _cost(suite: str, given: argparse.Namespace) -> Cost:
    more = suite == "survival" and deep.PYTHON.exists()
    verdicts = judge_cost(suite, given.judge, deepagents=more)
    kept = items(suite, given.data)[: given.limit] * given.epochs
    each = (systems_cost(suite, given.model, item.get("ceiling", 0), deepagents=more) for item in kept)
    return sum((cost + verdicts for cost in each), Cost())


def _tell(more: Sequence[Path], model: str | None) -> None:
    """Print the closing table of what was just run or read, and write all that is known to RESULTS.md."""
    scripted = next(iter(logs.read([LOGS / "scripted"])), None)
    others = [each for each in LOGS.glob("*") if each.name != "scripted"]
    every = logs.read([RECORDED, *others, *more])
    real = [
        each for each in every if each.model != minds.MIND and each.judge != minds.JUDGE
    ]  # a script judges no model
    asked = [each for each in real if more or each.model == model] or ([scripted] if scripted and not model else [])
    for each in asked:
        print(f"\n{_title(each)}\n")
        rows = told(each, minds.expected()) if each is scripted else closing(each)
        shown = Table(*(HEAD if each is scripted else SHORT_HEAD), show_lines=True, box=MARKDOWN)
        for row in rows:
            shown.add_row(*(str(cell).replace("; ", "\n") for cell in row))
        Console().print(shown, markup=False)
        if each is not scripted:
            plot(each, each.model, logs.folder_of(LOGS, each.model).with_suffix(".svg"))
    if scripted:
        plot(scripted, "Scripted minds, no model", FOLDER / "results.svg")
    (FOLDER / "RESULTS.md").write_text(page(scripted, minds.expected(), real), encoding="utf-8")
    print("\nwritten: evals/RESULTS.md, evals/results.svg. Every sample, on 127.0.0.1:7575:")
    print(f"    {Path(sys.executable).parent / 'inspect'} view --log-dir evals/logs")


def _title(measured: Measured) -> str:
    if measured.model == minds.MIND:
        return "Scripted minds, judged by a script: these figures measure the measuring, and no model."
    return f"{measured.model}, {f'judged by {measured.judge}' if measured.judge else 'not judged'}"


if __name__ == "__main__":
    sys.exit(main())
