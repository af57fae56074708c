"""Benchmark of the parser: python -m bench.parsing [--kinds] [--wrong] compares it with other readers on one corpus."""

import argparse
import json
import multiprocessing
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from langchain_core.utils.json import parse_json_markdown

from bench.corpus import Case, Plan, cases, cuts, dumps
from prompts.parsing import parse_plan
from prompts.replies import BadReply

Outcome = tuple[Plan | None, bool]  # what was read (None: nothing), and whether it was marked truncated
Reader = Callable[[str, bool], Outcome]
GUARD = 4_000  # characters; parse_json_markdown is super-linear beyond


def ours(text: str, truncated: bool) -> Outcome:  # noqa: FBT001
    """Read with prompts.parsing."""
    try:
        plan = parse_plan(text, truncated=truncated)
    except BadReply:
        return None, False
    return tuple((subtask.specialist, subtask.task) for subtask in plan.subtasks), plan.truncated


def adapted(value: Any) -> Plan | None:
    """Accept what a fair caller of another reader accepts: a list of subtasks, or {"subtasks": …}."""
    found = value.get("subtasks") if isinstance(value, dict) else value
    if not isinstance(found, list) or not found:
        return None
    try:
        return tuple((item["specialist"].strip(), item["task"].strip()) for item in found)
    except (KeyError, TypeError, AttributeError):
        return None


def brackets(text: str, _: bool) -> Outcome:  # noqa: FBT001
    """Read with json.loads from the first bracket to the last."""
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    end = max(text.rfind("}"), text.rfind("]"))
    try:
        return adapted(json.loads(text[min(starts, default=0) : end + 1])), False
    except (ValueError, RecursionError):
        return None, False


def markdown(text: str, _: bool) -> Outcome:  # noqa: FBT001
    """Read with langchain_core's parse_json_markdown, guarded by length."""
    if len(text) > GUARD:
        return None, False
    try:
        return adapted(parse_json_markdown(text)), False
    except (ValueError, RecursionError, TypeError, AttributeError, IndexError):
        return None, False


READERS: dict[str, Reader] = {
    "ours": ours,
    "json.loads": brackets,
    "parse_json_markdown": markdown,
}


def judge(case: Case, outcome: Outcome) -> str:
    """Say what an outcome is worth: right, none (nothing was read) or wrong (a plan that was not meant)."""
    found, marked = outcome
    wanted = case.plan and tuple((who.strip(), what.strip()) for who, what in case.plan)
    if case.group == "cut":
        if found is None:
            return "none" if complete(case) else "right"
        return (
            "right" if marked and wanted and found == wanted[: len(found)] and len(found) >= complete(case) else "wrong"
        )
    if wanted is None:
        return "right" if found is None else "wrong"
    if found is None:
        return "none"
    return "right" if found == wanted else "wrong"


def complete(case: Case) -> int:
    """Count the subtasks that surely stand whole in a cut text: their task ends well before the cut."""
    pos = count = 0
    for _, task in case.plan or ():
        tails = list((task, dumps(task)[1:-1], dumps(dumps(task)[1:-1])[1:-1], json.dumps(task)[1:-1]))  # noqa: C410
        ends = [at + len(tail) for tail in tails if (at := case.text.find(tail, pos)) >= 0]
        if not ends or min(ends) + 40 > len(case.text):
            break
        pos = min(ends)
        count += 1
    return 0 if case.kind in {"cut columns", "cut string in plan"} else count


def hostile() -> Iterator[tuple[str, str]]:
    """Give texts made to be slow."""
    rng = random.Random(3)  # noqa: S311
    forms = {
        "brackets": "[", "braces": "{", "objects": '{"a":', "lists of objects": '[{"a":[', "quotes": '"', "open and quotes": '"\\',
        "backslashes": "\\", "[note] ": "[note] ", "<think>": "<think>", "<think></think>": "<think></think>", "- ": "- ", "bullets": "- a: b c\n", "| rows": "|",
        "table rows": "| a | b |\n", "keys": '{"specialist": "a", ', "commas": ",", "pairs": '["a","b"],', "single quotes": "{'a'", "comments": "[/*", "hash": "[#\n",
        "colons": "a: b\n", "tags": "<task>", "attributes": '<a b="', "entities": "&quot;", "spaces": " ", "newlines": "\n", "dashes": "---|", "YAML nest": "- - ",
        "surrogates": "\ud800", "controls": "\x00\x01", "fences": "```json\n", "smart": "{“", "escaped": '[\\"', "one string": '["', "digits": "[1", "stars": "**a", "labels": "Specialist: a\n",
        "objects whole": '{"specialist": "a b", "task": "c d"}', "nested strings": '"{\\"a\\": ', "list quotes": '[""', "flow": "a: {b: [", "html": "<!--", "closing": "]}",
    }  # fmt: skip
    for name, form in forms.items():
        for size in (1_000_000, 240_000, 30_000, 7_000):
            yield f"{name} × {size}", (form * (size // len(form) + 1))[:size]
        yield f"[+{name} × 240000", '{"subtasks": [{"specialist": "a", "task": "' + (form * (240_000 // len(form)))
        yield f"list of {name} × 31000", "The plan:\n- a: " + (form * (31_000 // len(form)))
    yield "noise", "".join(rng.choice('{}[]",:\\\n -|<>a') for _ in range(240_000))
    yield "noise, short", "".join(rng.choice('{}[]",:\\\n -|<>a') for _ in range(30_000))
    yield "noise, tiny", "".join(rng.choice('{}[]",:\\\n -|<>a') for _ in range(7_900))


def slowest() -> list[tuple[float, str]]:
    """Time every hostile text; milliseconds of CPU, the slowest first."""
    timed = []
    for name, text in hostile():
        best = 1e9
        for _ in range(2):
            start = time.process_time()
            ours(text, truncated=False)
            best = min(best, time.process_time() - start)
        timed.append((best * 1000, name))
    return sorted(timed, reverse=True)


def _judged(job: tuple[str, list[Case]]) -> list[str]:
    name, group = job
    return [judge(case, READERS[name](case.text, case.truncated)) for case in group]


def measure(corpus: list[Case], names: list[str]) -> dict[str, list[str]]:
    """Judge every reader on every case, in as many processes as there are processors."""
    slices = [corpus[start : start + 400] for start in range(0, len(corpus), 400)]
    with multiprocessing.get_context("spawn").Pool() as pool:
        return {
            name: [outcome for part in pool.map(_judged, [(name, each) for each in slices]) for outcome in part]
            for name in names
        }


def table(rows: list[list[str]]) -> str:
    """Set rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def summary(corpus: list[Case], judged: dict[str, list[str]], by: Callable[[Case], str]) -> str:
    """Set out right/none/wrong by group or kind and reader."""
    counts: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for name, outcomes in judged.items():
        for case, outcome in zip(corpus, outcomes, strict=True):
            counts[by(case)][name][outcome] += 1
    rows = [["right/none/wrong", *judged]]
    for key, readers in counts.items():
        rows.append(
            [key, *("/".join(str(readers[name][verdict]) for verdict in ("right", "none", "wrong")) for name in judged)]
        )
    return table(rows)


def totals(corpus: list[Case], judged: dict[str, list[str]]) -> str:
    """Set out the figures that count."""
    rows = [["", *judged]]
    parts: dict[str, Callable[[Case], bool]] = {
        "recoverable": lambda case: case.group not in {"cut", "no plan"}, "no plan": lambda case: case.group == "no plan", "cut": lambda case: case.group == "cut",
    }  # fmt: skip
    for part, belongs in parts.items():
        for outcome in ("right", "wrong"):
            row = [f"{part}, {outcome}"]
            for outcomes in judged.values():
                chosen = [outcome for case, outcome in zip(corpus, outcomes, strict=True) if belongs(case)]
                row.append(f"{100 * chosen.count(outcome) / len(chosen):.2f} %")
            rows.append(row)
    return table(rows)


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(prog="python -m bench.parsing", description=__doc__)
    options.add_argument("--kinds", action="store_true", help="one line for every kind")
    options.add_argument(
        "--wrong", action="store_true", help="show each reply that we did not read right, instead of tables"
    )
    options.add_argument("--hostile", action="store_true", help="time hostile texts only")
    chosen = options.parse_args()
    if chosen.hostile:
        print("\n".join(f"{ms:7.1f} ms  {name}" for ms, name in slowest()[:25]))
        return
    corpus = [*cases(), *cuts()]
    judged = measure(corpus, ["ours"] if chosen.wrong else list(READERS))
    if chosen.wrong:
        for case, outcome in zip(corpus, judged["ours"], strict=True):
            if outcome != "right":
                print(outcome, "|", case.kind, "|", repr(case.text[-300:]), "->", ours(case.text, case.truncated))
        return
    kinds = len({case.kind for case in corpus})
    print(f"{len(corpus)} replies, {kinds} kinds\n")
    print(summary(corpus, judged, lambda case: f"{case.group}: {case.kind}" if chosen.kinds else case.group), "\n")
    print(totals(corpus, judged), "\n")
    print("slowest hostile texts (CPU):", ", ".join(f"{name} {ms:.0f} ms" for ms, name in slowest()[:5]))


if __name__ == "__main__":
    main()
