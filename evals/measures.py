"""Measures: what code alone can say of a plan, a ledger and an answer. Pure; the same for every system."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from evals.sets import Dispute, Open, Scene
from nodes.plan import check, checked_frame
from nodes.specialists import Roster
from nodes.text import folded

SAME = 0.6  # share of the shorter task's words that a longer one repeats
WORD = re.compile(r"\w{4,}")

Task = Mapping[str, str]
Figures = dict[str, float]


def plan_figures(plan: Sequence[Task], frame: dict[str, Any], asked: Open) -> Figures:
    """Measure a plan: shares of 0 to 1; `facts` and `shares` only where there are any."""
    findings = check([dict(task) for task in plan], asked.request, Roster.of([]), improvise=True)
    leaning = {finding.position for finding in findings if finding.kind == "dependency"}
    low, high = asked.subtasks
    made = {
        "duplicates": _share(alike(first["task"], second["task"]) for first, second in combinations(plan, 2)),
        "leaning": len(leaning) / len(plan) if plan else 0.0,
        "proportion": float(low <= len(plan) <= high),
    }
    known = folded(str(frame))
    held = [
        _holds(fact, f"{known} {folded(task['task'])}")
        for fact, binds in asked.facts.items()
        for task in plan
        if not binds or _holds(binds, folded(task["task"]))
    ]
    if held:
        made["facts"] = _share(held)
    if any(isinstance(value, dict) and "shares" in value for value in frame.values()):
        made["shares"] = float(not checked_frame(frame)[1])
    return made


def alike(first: str, second: str) -> bool:
    """Tell whether the shorter of two tasks stands, for the most part, in the other too."""
    words = {*WORD.findall(first.casefold())}, {*WORD.findall(second.casefold())}
    least = min(map(len, words))
    return least > 0 and len(words[0] & words[1]) >= SAME * least


def _share(held: Iterable[bool]) -> float:
    all_of_them = list(held)
    return sum(all_of_them) / len(all_of_them) if all_of_them else 0.0


def _holds(ways: str, text: str) -> bool:
    return any(folded(way) in text for way in ways.split("|"))


def conflict_figures(run: Mapping[str, Any], asked: Dispute) -> Figures:
    """Measure what became of the golds in a ledger, or in an answer alone where a system keeps none.

    An entry is right if its quotes hold two of the golds, whatever subtasks it names: one on another topic is not.
    """
    golds, text = [folded(gold) for gold in asked.golds], folded(run["text"])
    told = sum(gold in text for gold in golds)
    entries = run["entries"]
    if entries is None:  # no ledger: the answer itself must show both
        shown = len(golds) > 1 and told > 1
        return {"recall": float(shown), "flattened": float(told == 1)} if len(golds) > 1 else {}
    right = sum(_right([folded(quote) for quote in quotes], golds) for quotes in entries)
    made = {"entries": float(len(entries)), "right": float(right)}
    if len(golds) > 1:
        made |= {"recall": float(right > 0), "flattened": float(told == 1 and not entries)}
    else:
        made["false alarm"] = float(bool(entries))
    return made


def _right(quotes: Sequence[str], golds: Sequence[str]) -> bool:
    return sum(any(_tells(quote, gold) for quote in quotes) for gold in golds) > 1


def _tells(quote: str, gold: str) -> bool:
    """Tell whether a quote holds an answer, or is the larger part of it."""
    return gold in quote or (2 * len(quote) >= len(gold) and quote in gold)


def survival_figures(run: Mapping[str, Any], scene: Scene, dead: Sequence[int]) -> Figures:
    """Measure what an answer kept of the living, whether it names the dead, and whether it tells what only they knew."""
    text = folded(run["text"])
    keys = [(at in dead, folded(key) in text) for at, worker in enumerate(scene.workers) for key in worker["keys"]]
    made = {"answered": float(bool(text.strip()) and not run["error"])}
    if len(dead) < len(scene.workers):
        made["kept"] = _share(told for was_dead, told in keys if not was_dead)
    if dead:
        names = f"{text} {folded(run['error'] or '')}"
        made["named"] = _share(folded(scene.workers[at]["specialist"]) in names for at in dead)
        made["known only to the dead"] = float(any(told for was_dead, told in keys if was_dead))
    return made
