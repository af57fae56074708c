"""Minds of known quality, through the real stack: what they are set to is what is measured."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from evals import judge, minds, sets
from evals.caller import made
from evals.figures import figures_of
from evals.gateway import served
from evals.intervals import mean
from evals.items import SUITES, Item, items
from evals.judge import Ask
from evals.runs import runs_of
from prompts import fence

Rows = list[dict[str, float]]


@pytest.fixture(autouse=True)
def gateway(bare_environment: None) -> Iterator[None]:
    """Let the minds answer whoever asks OpenAI."""
    with served(minds.mind):
        yield


@asynccontextmanager
async def judging() -> AsyncIterator[Ask]:
    """Give a way to ask the scripted judge."""
    async with openai.AsyncOpenAI() as client:

        async def ask(prompt: str) -> str:
            messages: Any = [{"role": "user", "content": prompt}]
            reply = await client.chat.completions.create(model="scripted-judge", messages=messages)
            return reply.choices[0].message.content or ""

        yield ask


def measured(suite: str, kept: list[Item]) -> Rows:
    """Run and measure some items."""

    async def all_of_them() -> Rows:
        async with judging() as ask:
            return [await figures_of(suite, item, await runs_of(suite, item, minds.MIND), ask) for item in kept]

    return asyncio.run(all_of_them())


def average(rows: Rows, name: str) -> float | None:
    """Average a figure over the rows that have it."""
    return mean([row[name] for row in rows if name in row])


def test_thirty_of_forty() -> None:
    """A mind that finds 30 of 40 measures as 75 %, though it names both subtasks in 35; so does one prompt that lists."""
    rows = measured("conflict", items("conflict"))

    assert average(rows, "recall|ours") == average(rows, "recall|lister") == 0.75
    assert sum(row["entries|ours"] for row in rows if "recall|ours" in row) == 35
    assert average(rows, "flattened|ours") == 5 / 40
    assert average(rows, "false alarm|ours") == 4 / 37
    assert average(rows, "flattened|recipe") == 1.0


def test_overlapping_planner_loses() -> None:
    """A planner whose tasks overlap loses to one whose tasks do not, on whichever side it stands."""
    item = next(each for each in items("split") if each["id"] == "street-party")

    async def both_ways() -> list[float]:
        runs = await runs_of("split", item, minds.MIND)
        swapped = {"ours": runs["recipe"], "recipe": runs["ours"]}
        async with judging() as ask:
            return [(await figures_of("split", item, each, ask))["won|recipe"] for each in (runs, swapped)]

    assert asyncio.run(both_ways()) == [1.0, 0.0]


def test_controls() -> None:
    """Splitting what must not be split is out of proportion."""
    kept = [item for item in items("split") if item["item"].get("kind") in ("chain", "expert")]
    rows = measured("split", kept)

    assert len(rows) == 12
    assert (average(rows, "proportion|ours"), average(rows, "proportion|recipe")) == (1.0, 0.0)


def test_cost_is_counted() -> None:
    """What every system uses is counted, in every suite."""
    kept = [(suite, item) for suite in SUITES for item in items(suite) if item.get("kind") != "graded"]
    first = {suite: item for suite, item in reversed(kept) if not item.get("dead")}
    rows = [row for suite, item in first.items() for row in measured(suite, [item])]
    used = {name: value for row in rows for name, value in row.items() if name.startswith("tokens|")}

    assert {*used} == {f"tokens|{name}" for name in ("ours", "recipe", "lister", "single", "refined", "parallel")}
    assert all(row["tokens|ours"] > 0 for row in rows)
    assert all(used.values())


def test_judge_errs_on_every_tenth() -> None:
    """The judge's errors on graded plans are found, all six of them."""
    rows = measured("split", [item for item in items("split") if item["kind"] == "graded"])
    wrong = [row for row in rows if any(row[f"judge|{name}"] != row[f"grader|{name}"] for name in sets.JUDGED)]

    assert (len(rows), len(wrong)) == (60, 6)


def test_judge_says_what_it_is() -> None:
    """The mock judge says in every verdict that it is a script."""
    plan = sets.graded()[0]
    holes = {"request": fence("REQUEST", plan.request), "plan": fence("PLAN", judge.shown(plan.plan))}

    said = minds.mind(
        {"model": "scripted-judge", "messages": [{"role": "user", "content": judge.prompt("plan", **holes)}]}
    )

    assert str(said).startswith("I am a script, not a model")


def test_equal_tokens() -> None:
    """Each way of working measures as it is set, and none goes over its ceiling."""
    kept = items("equal")[:3]
    rows = measured("equal", kept)
    for item, row in zip(kept, rows, strict=True):
        count = len(item["item"]["criteria"])
        for system, share in minds.SET.items():
            assert row[f"met|{system}"] == int(count * share + 1e-9) / count
        assert row["met|parallel"] == row["met|single"] < row["met|refined"]
        assert (row["won|single"], row["won|recipe"]) == (0.0, 1.0)
        assert not any(row[f"over|{system}"] for system in (*minds.SET, "refined", "parallel"))


def test_survivors() -> None:
    """What the living brought is kept, the dead are named; the recipe's run dies with its first worker."""
    kept = [item for item in items("survival") if item["id"] in ("regatta-garbage-2", "regatta-429-0")]
    rows = measured("survival", kept)

    assert average(rows, "kept|ours") == average(rows, "named|ours") == 1.0
    assert average(rows, "answered|ours") == 1.0
    assert sorted(row["answered|recipe"] for row in rows) == [0.0, 1.0]


def test_cover_is_invented() -> None:
    """A claim that only the dead could know is found by code and by the judge."""
    item = next(each for each in items("survival") if each["id"] == "regatta-cut-1")
    told = "Order 140 barley rolls. The rescue boat Marlin waits. Signe Aldous answers. 63 red buoys mark the lanes."

    async def judged() -> dict[str, float]:
        async with judging() as ask:
            return await figures_of("survival", item, {"ours": made(told)}, ask)

    row = asyncio.run(judged())

    assert (row["invented|ours"], row["known only to the dead|ours"]) == (1.0, 1.0)
