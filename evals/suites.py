"""Suites: split, conflict, survival and equal tokens, as inspect tasks. A sample runs every system on one item.

The solver keeps each system's run, our own `spend` with it, in the sample's metadata; the scorer measures them by code
and, where there is a judge, asks it. So a log can be judged later, elsewhere, without running anything again.
"""

from collections.abc import Sequence
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, ModelOutput, get_model
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from evals.deep import DeepAgents
from evals.figures import figures_of
from evals.items import items
from evals.purse import JUDGE_WRITES, Purse, price, sample_cost
from evals.runs import runs_of
from nodes.budget import cost_usd

HEADLINE = {"split": "won|recipe", "conflict": "recall|ours", "survival": "kept|ours", "equal": "met|ours"}

money = Purse()  # of this process: every suite that it runs pays from it


@task
def suite(name: str, model: str, judge: str | None = None, data: Sequence[str] = (), deepagents: str = "") -> Task:
    """Make one suite's task.

    Args:
        name: split, conflict, survival or equal.
        model: provider:name, as everywhere in this repository.
        judge: provider/name, as inspect has it (None: code measures alone).
        data: fetched sets beside our own.
        deepagents: the Python of the environment that it is installed in ("": it is not run).
    """
    made = [
        Sample(id=each["id"], input=each["input"], metadata={"suite": name, "model": model, **each})
        for each in items(name, data)
    ]
    return Task(name=name, dataset=made, solver=systems(name, model, judge, deepagents), scorer=measured(name, judge))


@solver
def systems(suite: str, model: str, judge: str | None, deepagents: str) -> Solver:
    """Run every system of a suite, once the purse has room for the most that the sample may cost."""
    deep = DeepAgents(deepagents) if deepagents else None

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 - inspect's signature
        cost = sample_cost(suite, model, judge, state.metadata.get("ceiling", 0)).usd
        most = cost[1] if cost else 0.0
        await money.hold(most)
        usd = 0.0
        try:
            runs = await runs_of(suite, state.metadata, model, deep)
            usd = sum(run["usd"] or 0.0 for run in runs.values())
        finally:
            money.settle(most, usd)
        state.metadata["runs"] = runs
        state.output = ModelOutput.from_content(model, runs.get("ours", {}).get("text", ""))
        return state

    return solve


@scorer(metrics=[mean(), stderr()])
def measured(suite: str, judge: str | None) -> Scorer:
    """Measure the runs of a sample; its value is the suite's headline, all else is in the score's metadata."""

    async def ask(prompt: str) -> str:
        output = await get_model(role="judge", required=True).generate(
            prompt, config=GenerateConfig(max_tokens=JUDGE_WRITES)
        )
        usage = output.usage
        if usage is not None and judge:
            money.settle(0.0, cost_usd(price(judge), usage.input_tokens, usage.output_tokens) or 0.0)
        completion: str = output.completion
        return completion

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 - inspect's signature
        metadata: dict[str, Any] = state.metadata
        figures = await figures_of(suite, metadata, metadata["runs"], ask if judge else None)
        value = figures.get(HEADLINE[suite], 0.0)
        return Score(value=value, answer=state.output.completion[:200], metadata={"figures": figures, "judge": judge})

    return score
