"""What a run will cost, and the most it may."""

import asyncio

import pytest

from evals.purse import BudgetReached, Purse, judge_cost, systems_cost, usd_of


def test_refuses() -> None:
    """A sample that might go beyond the budget does not begin, and the error says how to go on."""
    purse = Purse(limit=1.0, spent=0.8)

    with pytest.raises(BudgetReached, match="Raise EVAL_BUDGET_USD and run the same command again"):
        asyncio.run(purse.hold(0.3))


def test_waits_for_those_in_flight() -> None:
    """A sample that does not fit beside those in flight waits until they have cost less than they might."""

    async def two() -> list[str]:
        purse, order = Purse(limit=1.0), list[str]()

        async def sample(name: str) -> None:
            await purse.hold(0.6)
            order.append(name)
            await asyncio.sleep(0)
            purse.settle(0.6, 0.1)

        await asyncio.gather(sample("first"), sample("second"))
        return [*order, f"{purse.spent:.1f}", f"{purse.held:.1f}"]

    assert asyncio.run(two()) == ["first", "second", "0.2", "0.0"]


def test_waits_in_every_suite() -> None:
    """A purse outlives the loop of the suite that has waited on it."""
    purse = Purse(limit=1.0)

    async def two() -> None:
        async def sample() -> None:
            await purse.hold(0.6)
            await asyncio.sleep(0)
            purse.settle(0.6, 0.1)

        await asyncio.gather(sample(), sample())

    asyncio.run(two())
    asyncio.run(two())

    assert f"{purse.spent:.1f}" == "0.4"


def test_cost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and money, usual and at most: five systems at their ceiling, every token at the dearer price."""
    monkeypatch.setenv("ORCHESTRATOR_PRICES", '{"openai:mine": {"input": 1, "output": 10}}')
    cost = systems_cost("equal", "openai:mine", 8_000)

    assert str(cost) == "about 20,000 tokens, at most 40,000; about $0.11, at most $0.40"


def test_unknown_price() -> None:
    """An unknown price is unknown, not nothing; so is that of the judge."""
    assert systems_cost("split", "openai:nobody-knows-it").usd is None
    verdicts = judge_cost("split", "openai-api/x/nobody-knows-it")
    assert str(systems_cost("split", "openai:gpt-4o") + verdicts).endswith("price unknown")


def test_unknown_cost() -> None:
    """A run whose cost is unknown counts as its share of the most, not as nothing."""
    assert usd_of({"ours": {"usd": 0.5}, "recipe": {"usd": None}}, most=4.0) == 2.5
