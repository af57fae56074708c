"""Budget: a ceiling that holds against a model that uses all it may."""

import asyncio
import json
import os
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.runnables.config import set_config_context
from langgraph.runtime import Runtime

from graph.build import _next
from nodes.budget import Price, Purse, affordable_output, input_bound, share, totals
from nodes.errors import AllWorkersFailed, BadSettings, BudgetTooSmall, NoModel
from nodes.host import Host
from nodes.models import attempts
from nodes.models.endpoints import Endpoints
from nodes.models.scripted import Played, Script, register
from nodes.plan.allowances import planner_purse, sized
from nodes.plan.repairs import Repaired
from nodes.planner import planner
from nodes.specialists.registry import Roster
from nodes.state import Context
from nodes.synthesiser import synthesiser
from nodes.validator import validator
from nodes.worker import worker

MODEL = "scripted:adversary"  # bytes bound its tokens
COUNTED = "scripted:gpt-4o-adversary"  # its tokeniser is known by its name
RUNS = int(os.environ.get("BUDGET_RUNS", "10000" if os.environ.get("CI") else "500"))
REQUEST = "Work out whether our town needs a new library, and what it would take to build one."


@dataclass(frozen=True)
class Adversary(Script):
    """Uses every token it may, tells its usage or not, fails, cuts off, and plans as many subtasks as it likes."""

    lines: tuple[Any, ...] = ()
    seed: int = 0
    subtasks: int = 5
    tells_usage: float = 1.0
    fails: float = 0.0
    bytes_per_token: int = 4
    model: str = MODEL
    seen: list[str] = field(default_factory=list)

    def play(self, prompt: str, max_tokens: int | None) -> Played:
        chance = random.Random(f"{self.seed}/{len(self.seen)}")
        role = prompt[8:16]
        self.seen.append(role)
        assert max_tokens is not None, "under a budget every call must be capped"
        room = max_tokens * self.bytes_per_token
        if prompt.startswith("You are the planner"):
            text = json.dumps({"subtasks": [_subtask(number) for number in range(self.subtasks)]})
        elif prompt.startswith("You are one of several specialists"):
            text = ("The figure is 42. " * (room // 18 + 1))[:room]
        else:
            text = json.dumps({"disagreements": [], "gaps": [], "follow_ups": [_subtask(900)], "answer": "x" * 50_000})
        cut = len(text) > room
        usage = (input_bound([prompt], self.model), max_tokens) if chance.random() < self.tells_usage else None
        error = TimeoutError("gone") if chance.random() < self.fails else None
        return Played((text[:room],), usage, cut=cut, error=error)


def _subtask(number: int) -> dict[str, str]:
    words = random.Random(number)
    named = " ".join("".join(words.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(12))
    return {"specialist": f"expert {named[:8]}", "task": f"Work out {named} for part {number}."}


async def _run(context: Context, host: Host) -> dict[str, Any]:
    """Take the graph's own steps in the graph's own order, without its scheduler."""
    runtime: Any = Runtime(context=None, stream_writer=lambda _: None)
    state: dict[str, Any] = {"request": REQUEST, "settings": context.model_dump(), "replan": None}
    charges: list[Any] = []
    phase = "planner"
    while phase != "end":
        if phase == "planner":
            update = await planner(state, runtime, host)  # type: ignore[arg-type]
            charges += _plain(update["charges"])
            state |= {
                **update,
                "charges": charges,
                "outcomes": _plain(update.get("outcomes", state.get("outcomes", []))),
            }
            phase = "validator"
        elif phase == "validator":
            state |= await validator(state, runtime, host)  # type: ignore[arg-type]
            phase = "worker" if state["phase"] == "approval" else state["phase"]
        elif phase == "worker":
            sends = _next({**state, "phase": "worker"}, host)  # type: ignore[typeddict-item]
            done = await asyncio.gather(*(worker(send.arg, runtime, host) for send in sends))  # type: ignore[union-attr]
            state["outcomes"] = [*state["outcomes"], *(update["outcomes"][0] for update in done)]
            phase = "synthesiser"
        else:
            update = await synthesiser(state, runtime, host)  # type: ignore[arg-type]
            charges += update.pop("charges")
            state |= {**update, "charges": charges}
            phase = state["phase"]
    return state


def _plain(value: Any) -> list[Any]:
    return list(getattr(value, "value", value))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "BACKOFF_S", (0.0, 0.0))


@pytest.mark.timeout(3600)
@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(
    seed=st.integers(0, 2**32),
    subtasks=st.one_of(st.integers(1, 8), st.integers(1, 200)),
    most=st.one_of(st.integers(1, 8), st.integers(1, 200)),
    tells_usage=st.sampled_from([0.0, 0.5, 1.0]),
    fails=st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.0]),
    bytes_per_token=st.sampled_from([1, 4, 12]),
    price_in=st.floats(0.0, 60.0),
    price_out=st.floats(0.01, 240.0),
    factor=st.floats(0.2, 30.0),
    kind=st.sampled_from(["usd", "tokens", "both"]),
    rounds=st.integers(1, 3),
    model=st.sampled_from([MODEL, COUNTED]),
)
def test_ceiling_holds(
    seed: int,
    subtasks: int,
    most: int,
    tells_usage: float,
    fails: float,
    bytes_per_token: int,
    price_in: float,
    price_out: float,
    factor: float,
    kind: str,
    rounds: int,
    model: str,
) -> None:
    """Whatever the model does, no run spends more than its budget, and each that can pay for a synthesis has one."""
    mind = Adversary(
        (),
        seed=seed,
        subtasks=subtasks,
        tells_usage=tells_usage,
        fails=fails,
        bytes_per_token=bytes_per_token,
        model=model,
    )
    register(model.partition(":")[2], mind)
    price = Price(price_in / 1e6, price_out / 1e6)
    host = Host(Roster(), Endpoints({model: price}))
    tokens = int(14_000 * factor) if kind != "usd" else None
    usd = (12_000 * price.input + 2_000 * price.output) * factor + 1e-9 if kind != "tokens" else None
    context = Context(
        planner_model=model,
        worker_model=model,
        synthesiser_model=model,
        max_subtasks=most,
        max_rounds=rounds,
        budget_tokens=tokens,
        budget_usd=usd,
    )

    try:
        with set_config_context({"callbacks": [], "metadata": {}, "configurable": {}}) as variables:
            state = variables.run(asyncio.run, _run(context, host))
    except BudgetTooSmall:
        assert mind.seen == []  # nothing was asked before the refusal
        return
    except (NoModel, AllWorkersFailed):
        assert fails > 0
        return

    spend = totals(state["charges"] + [charge for outcome in state["outcomes"] for charge in outcome["charges"]])
    assert tokens is None or spend["input_tokens"] + spend["output_tokens"] <= tokens
    assert usd is None or spend["usd"] <= usd * (1 + 1e-9)
    assert state["answer"]
    if fails == 0:
        assert "the synt" in mind.seen or len(state["outcomes"]) == 1  # whose result is the answer
        assert not str(state["stop_reason"]).startswith("synthesis failed")


def test_too_small_names_the_least() -> None:
    """A budget that is too small names the least that would do, and that least does."""
    host = Host(Roster(), Endpoints({MODEL: Price(1e-6, 4e-6)}))
    models = {"planner_model": MODEL, "worker_model": MODEL, "synthesiser_model": MODEL}

    with pytest.raises(BudgetTooSmall, match="the least that would do is") as tokens:
        planner_purse(REQUEST, Context(**models, budget_tokens=100), host, [], [])
    with pytest.raises(BudgetTooSmall, match="the least that would do is") as money:
        planner_purse(REQUEST, Context(**models, budget_usd=0.0001), host, [], [])

    least_tokens = int(str(tokens.value).rsplit(" ", 1)[1])
    least_usd = float(str(money.value).rsplit(" ", 1)[1])
    assert planner_purse(REQUEST, Context(**models, budget_tokens=least_tokens), host, [], []).tokens
    assert planner_purse(REQUEST, Context(**models, budget_usd=least_usd), host, [], []).usd
    with pytest.raises(BudgetTooSmall):
        planner_purse(REQUEST, Context(**models, budget_tokens=least_tokens - 1), host, [], [])


def test_money_without_a_price() -> None:
    """A money budget with a model whose price nobody knows is refused, and says how to give it."""
    context = Context(
        planner_model="openai:mine", worker_model="openai:mine", synthesiser_model="openai:mine", budget_usd=1
    )

    with pytest.raises(BadSettings, match="ORCHESTRATOR_PRICES"):
        planner_purse(REQUEST, context, Host(roster=Roster()), [], [])


def test_allowances_together_stay_within_the_rest() -> None:
    """The allowances of all subtasks and what is kept back for the synthesis fit what is left."""
    host = Host(Roster(), Endpoints({MODEL: Price(1e-6, 4e-6)}))
    models = {"planner_model": MODEL, "worker_model": MODEL, "synthesiser_model": MODEL}
    context = Context(**models, budget_tokens=60_000, max_subtasks=20)
    subtasks = [dict(_subtask(number)) for number in range(20)]

    plan = sized(Repaired(subtasks), {}, {"request": REQUEST}, context, host)

    allowed = sum(subtask["allowance"]["tokens"] or 0 for subtask in plan["subtasks"])
    assert 0 < len(plan["subtasks"]) < 20
    assert allowed < plan["at_most"]["tokens"] <= 60_000
    assert {drop["reason"] for drop in plan["dropped"]} == {"the budget does not reach so far"}


@given(st.text(max_size=400))
def test_bytes_bound_tokens(text: str) -> None:
    """The bound of an input is never below its bytes, and so never below its tokens."""
    assert input_bound([text]) >= len(text.encode("utf-8", "replace"))


@given(st.integers(0, 10**6), st.integers(1, 10**5), st.integers(0, 10**5), st.floats(0, 1), st.floats(1e-9, 1e-3))
def test_affordable_output_fits(tokens: int, wanted: int, bound: int, usd: float, price: float) -> None:
    """What is said to be affordable, with its input, costs no more than the purse holds."""
    most = affordable_output(Purse(usd, tokens), Price(price, price * 3), bound, wanted)

    assert most <= wanted
    if most > 0:
        assert bound + most <= tokens
        assert bound * price + most * price * 3 <= usd * (1 + 1e-9)


def test_share_takes_all_when_money_is_no_matter() -> None:
    """With ample money every worker is kept, with the caps that were wanted."""
    wanted = {"planner": 4096, "worker": 8192, "synthesiser": 16384}
    prices = {"planner": None, "worker": None, "synthesiser": None}
    split = share(Purse(None, 10**7), prices, worker_inputs=[900] * 5, synthesis_input=5000, wanted=wanted)  # type: ignore[arg-type]

    assert (split.workers, split.worker_output, split.synthesis_output) == (5, 8192, 16384)
