"""Evaluations: python -m evals [--model provider:name] [--judge provider/name] … The four suites, one table, one plot.

Without a model: scripted minds of known quality behind a loopback endpoint, which measures the measuring.
"""

import argparse
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evals import gateway, logs, minds, suites
from evals.items import SUITES, items
from evals.purse import Cost, sample_cost
from evals.results import HEAD, SHORT_HEAD, Measured, closing, page, plot, table, told
from graph.settings import orchestrator_variables, read_env_file

FOLDER = Path(__file__).parent
LOGS = FOLDER / "logs"  # not in git
RECORDED = FOLDER / "recorded"  # logs of live runs that are kept in git, from whatever machine
DEEPAGENTS = FOLDER.parent / ".venv-deepagents" / "bin" / "python"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, then write the table, the plot and RESULTS.md; 1 where something was not finished."""
    given, began = _arguments(arguments), time.monotonic()
    read_env_file()
    done, more = True, []
    if given.logs:
        more = [Path(given.logs)]
        if given.judge:
            logs.judge_later(more[0], given.judge)
    elif given.model is None:
        done = _scripted(given)
    else:
        fault = same_family(given.model, given.judge)
        if fault:
            print(fault, file=sys.stderr)
            return 2
        if not _agreed(given):
            return 1
        done = logs.run(
            logs.folder_of(LOGS, given.model),
            given.suite,
            model=given.model,
            judge=given.judge,
            epochs=given.epochs,
            limit=given.limit,
            data=given.data,
            deepagents=_deepagents(),
        )
    _tell(more, given.model)
    print(f"evals: {'done' if done else 'not finished; the same command goes on'} in {time.monotonic() - began:.0f} s")
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
    parser.add_argument("--logs", help="a folder of logs: judge them if --judge is given, and read them")
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
            deepagents=_deepagents(),
        )


def _deepagents() -> str:
    return str(DEEPAGENTS) if DEEPAGENTS.exists() else ""


@contextmanager
def _without_settings() -> Iterator[None]:
    """Take our own settings and tracing out of the environment: the scripts are the same on every machine."""
    names = [*orchestrator_variables(), *(name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_")))]
    before = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(before)


def same_family(model: str, judge: str | None) -> str:
    """Refuse a judge of the model's own family: it likes its own words ("": it is of another)."""
    families = [re.match(r"[a-z]*", re.split(r"[:/]", name)[-1].casefold()) for name in (model, judge or "")]
    mine, theirs = (family[0] if family else "" for family in families)
    if not judge or mine != theirs:
        return ""
    return f"--judge {judge} is of the same family as {model} ({mine}); take one of another, or judge the logs later"


def _agreed(given: argparse.Namespace) -> bool:
    """Say what the run will cost, and ask; with EVAL_BUDGET_USD set nobody need be asked, for it is held.

    Raises:
        SystemExit: a budget is set and a price is not known.
    """
    costs = {suite: _cost(suite, given) for suite in given.suite}
    for suite, cost in costs.items():
        print(f"{suite:10} {cost}")
    known = [cost.usd for cost in costs.values() if cost.usd]
    budget, before = os.environ.get("EVAL_BUDGET_USD", "").strip(), logs.spent(logs.folder_of(LOGS, given.model))
    print(
        f"in all     about ${sum(usd[0] for usd in known):.2f}, at most ${sum(usd[1] for usd in known):.2f}; ${before:.2f} spent before"
    )
    if budget:
        if len(known) < len(costs):
            raise SystemExit(
                "EVAL_BUDGET_USD is set, but a price is unknown: give it in ORCHESTRATOR_PRICES (docs/settings.md)"
            )
        suites.money.limit, suites.money.spent = float(budget), before
        print(f"EVAL_BUDGET_USD={budget} is held: no sample begins that might go beyond it")
        return True
    if given.yes:
        return True
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _cost(suite: str, given: argparse.Namespace) -> Cost:
    kept = items(suite, given.data)[: given.limit]
    each = [sample_cost(suite, given.model, given.judge, item.get("ceiling", 0)) for item in kept]
    tokens = sum(cost.tokens[0] for cost in each), sum(cost.tokens[1] for cost in each)
    known = [cost.usd for cost in each if cost.usd is not None]
    usd = (sum(bounds[0] for bounds in known), sum(bounds[1] for bounds in known)) if len(known) == len(each) else None
    return Cost(tokens, usd).times(given.epochs)


def _tell(more: Sequence[Path], model: str | None) -> None:
    """Print the closing table of what was just run or read, and write all that is known to RESULTS.md."""
    scripted = next(iter(logs.read([LOGS / "scripted"])), None)
    others = [each for each in LOGS.glob("*") if each.name != "scripted"]
    every = logs.read([RECORDED, *others, *more])
    real = [
        each for each in every if each.model != minds.MIND and each.judge != minds.JUDGE
    ]  # a script judges no model
    shown = [each for each in real if more or each.model == model] or ([scripted] if scripted and not model else [])
    for each in shown:
        rows = told(each, minds.expected()) if each is scripted else closing(each)
        print(f"\n{_title(each)}\n\n{table(rows, HEAD if each is scripted else SHORT_HEAD)}")
        if each is not scripted:
            plot(each, each.model, logs.folder_of(LOGS, each.model).with_suffix(".svg"))
    if scripted:
        plot(scripted, "Scripted minds, no model", FOLDER / "results.svg")
    (FOLDER / "RESULTS.md").write_text(page(scripted, minds.expected(), real), encoding="utf-8")
    print(
        "\nwritten: evals/RESULTS.md, evals/results.svg; the logs, sample by sample: inspect view --log-dir evals/logs"
    )


def _title(measured: Measured) -> str:
    if measured.model == minds.MIND:
        return "Scripted minds, judged by a script: these figures measure the measuring, and no model."
    return f"{measured.model}, {f'judged by {measured.judge}' if measured.judge else 'not judged'}"


if __name__ == "__main__":
    sys.exit(main())
