"""Items: what each suite is run on, as {id, input, item, …}: plain JSON, so that a log can be judged later and elsewhere."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from evals import minds, sets
from evals.downloads import fetched_disputes, fetched_requests
from evals.sets import Dispute, Document, Graded, Open, Scene

SUITES = ("split", "conflict", "survival", "equal")
BUDGETS = (8_000, 32_000, 128_000)  # tokens

Item = dict[str, Any]


def items(suite: str, data: Sequence[str] = ()) -> list[Item]:
    """List a suite's items, mixed in an order that never changes, so that the first few are of all kinds.

    Args:
        suite: one of SUITES.
        data: names of fetched sets to be used beside our own.
    """
    made = {"split": _plans, "conflict": _disputes, "survival": _deaths, "equal": _ceilings}[suite](data)
    groups = defaultdict[str, list[Item]](list)
    for item in sorted(made, key=lambda each: hashlib.sha256(each["id"].encode()).hexdigest()):
        groups[_group(item)].append(item)
    places = {item["id"]: (at + 0.5) / len(group) for group in groups.values() for at, item in enumerate(group)}
    return sorted((item for group in groups.values() for item in group), key=lambda each: places[each["id"]])


def _group(item: Item) -> str:
    """Name what a small part of a suite must have some of as well: the graded, the controls, those that agree."""
    about = item["item"]
    return f"{item.get('kind')} {about.get('kind')} {bool(about.get('golds'))} {item.get('ceiling')} {item.get('dead', 0) > 0}"


def _plans(data: Sequence[str]) -> Iterator[Item]:
    for asked in (*sets.requests(), *fetched_requests(data), *sets.controls()):
        yield {"id": asked.id, "input": asked.request, "kind": "plan", "item": asdict(asked)}
    for plan in sets.graded():
        yield {"id": f"graded-{plan.id}", "input": plan.request, "kind": "graded", "item": asdict(plan)}


def _disputes(data: Sequence[str]) -> Iterator[Item]:
    for asked in (*sets.disputes(), *fetched_disputes(data)):
        yield {"id": asked.id, "input": asked.request, "item": asdict(asked)}


def _deaths(data: Iterable[str]) -> Iterator[Item]:  # noqa: ARG001 - no set of this kind is published
    """The first scene with every fault and every number of dead, the others with each number once."""
    for at, scene in enumerate(sets.scenes()):
        for dead in range(len(scene.workers) + 1):
            faults = [*minds.FAULTS]
            for fault in faults if dead and not at else [faults[(at + dead) % len(faults)]]:
                name = f"{fault}-{dead}"
                about = {"input": f"{scene.request} [run {name}]", "fault": fault, "dead": dead}
                yield {"id": f"{scene.id}-{name}", **about, "item": asdict(scene)}


def _ceilings(data: Sequence[str]) -> Iterator[Item]:
    for asked in (*sets.requests(), *fetched_requests(data)):
        for ceiling in BUDGETS:
            yield {"id": f"{asked.id}-{ceiling}", "input": asked.request, "ceiling": ceiling, "item": asdict(asked)}


def as_open(item: Item) -> Open:
    """Read an open request back from JSON."""
    kept = {**item, "subtasks": tuple(item["subtasks"]), "criteria": tuple(item["criteria"])}
    return Open(**kept)


def as_dispute(item: Item) -> Dispute:
    """Read a dispute back from JSON."""
    documents = tuple(Document(**each) for each in item["documents"])
    return Dispute(**{**item, "documents": documents, "golds": tuple(item["golds"])})


def as_scene(item: Item) -> Scene:
    """Read a scene back from JSON."""
    return Scene(**{**item, "workers": tuple(item["workers"])})


def as_graded(item: Item) -> Graded:
    """Read a graded plan back from JSON."""
    return Graded(**{**item, "plan": tuple(item["plan"])})
