"""Runs: every system of a suite on one item, side by side."""

import asyncio
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

from evals import ours, recipe, single
from evals.caller import Caller, Run
from evals.deep import DeepAgents
from evals.items import Item, as_dispute, as_open, as_scene
from evals.minds import MIND
from evals.purse import RUNS

PATIENCE_S = 4.0  # in the survival suite, for a worker of ours that hangs or is refused again and again
REQUEST_S = {
    True: 2.0,
    False: 60.0,
}  # there, for one request of a baseline: of scripted minds, of a real model that joins


async def runs_of(suite: str, item: Item, model: str, deep: DeepAgents | None = None) -> dict[str, Run]:
    """Run each system of a suite on one item, at once: they share nothing but the endpoint."""
    if item.get("kind") == "graded":
        return {}
    systems: Mapping[str, Awaitable[Run]] = {
        "split": _plans,
        "conflict": _joins,
        "survival": _deaths,
        "equal": _answers,
    }[suite](item, model, deep)
    return dict(zip(systems, await asyncio.gather(*systems.values()), strict=True))


def _plans(item: Item, model: str, deep: Any) -> dict[str, Awaitable[Run]]:  # noqa: ARG001
    caller = Caller(model, RUNS["split"][0])
    return {
        "ours": ours.planned(item["input"], model, budget_tokens=RUNS["split"][0]),
        "recipe": caller.run(partial(recipe.planned, request=item["input"])),
    }


def _joins(item: Item, model: str, deep: Any) -> dict[str, Awaitable[Run]]:  # noqa: ARG001
    asked, most = as_dispute(item["item"]), RUNS["conflict"][0]
    return {
        "ours": ours.joined(asked.request, asked.documents, model, budget_tokens=most),
        "recipe": Caller(model, most).run(partial(recipe.joined, texts=[each.text for each in asked.documents])),
        "lister": Caller(model, most).run(partial(single.listed, request=asked.request, documents=asked.documents)),
    }


def _deaths(item: Item, model: str, deep: DeepAgents | None) -> dict[str, Awaitable[Run]]:
    """Run on a crew that dies (evals.minds); the model joins, behind the same endpoint."""
    request, most, count = item["input"], RUNS["survival"][0], len(as_scene(item["item"]).workers)
    timeout = REQUEST_S[model == MIND]
    systems: dict[str, Awaitable[Run]] = {
        "ours": ours.answered(
            request,
            model,
            budget_tokens=most,
            max_rounds=1,
            max_subtasks=count,
            worker_timeout_s=PATIENCE_S,
        ),
        "recipe": Caller(model, most, timeout).run(partial(recipe.answered, request=request)),
    }
    return systems | ({"deepagents": deep.run(request, model, timeout)} if deep else {})


def _answers(item: Item, model: str, deep: Any) -> dict[str, Awaitable[Run]]:  # noqa: ARG001
    request, ceiling = as_open(item["item"]).request, item["ceiling"]
    ways = {
        "single": single.one_call,
        "refined": single.refined,
        "parallel": single.parallel,
        "recipe": recipe.answered,
    }
    made: dict[str, Awaitable[Run]] = {"ours": ours.answered(request, model, budget_tokens=ceiling)}
    return made | {name: Caller(model, ceiling).run(partial(way, request=request)) for name, way in ways.items()}
