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
from evals.purse import JUDGE_WRITES, Purse, judge_cost, price, systems_cost, usd_of
from evals.results import sheet
from evals.runs import runs_of
from nodes.budget import cost_usd

HEADLINE = {"split": "won|recipe", "conflict": "recall|ours", "survival": "kept|ours", "equal": "met|ours"}

money = Purse()  # of this process: every suite that it runs pays from it


@task
def suite(
    name: str, model: str, judge: str | None = None, data: Sequence[str] = (), *, deepagents: bool = False
) -> Task:
    """Make one suite's task.

    Args:
        name: split, conflict, survival or equal.
        model: provider:name, as everywhere in this repository.
        judge: provider/name, as inspect has it (None: code measures alone).
        data: fetched sets beside our own.
        deepagents: whether it is run too (make deepagents installs it).
    """
    made = [
        Sample(id=each["id"], input=each["input"], metadata={"suite": name, "model": model, **each})
        for each in items(name, data)
    ]
    solver, scorer = systems(name, model, judge, deepagents=deepagents), measured(name, judge, deepagents=deepagents)
    return Task(name=name, dataset=made, solver=solver, scorer=scorer)


@solver
def systems(suite: str, model: str, judge: str | None, *, deepagents: bool) -> Solver:
    """Run every system of a suite, once the purse has room for the most that the sample may cost."""
    deep = DeepAgents() if deepagents else None

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 - inspect's signature
        most = systems_cost(suite, model, state.metadata.get("ceiling", 0), deepagents=deepagents).most
        verdicts = judge_cost(suite, judge, deepagents=deepagents).most
        await money.hold(most + verdicts)
        try:
            runs = await runs_of(suite, state.metadata, model, deep)
        except BaseException:
            money.settle(most + verdicts, most)  # what it came to is unknown, and not nothing
            raise
        money.settle(most, usd_of(runs, most))  # the verdicts stay held: they are asked for next
        state.metadata["runs"] = runs
        state.output = ModelOutput.from_content(model, runs.get("ours", {}).get("text", ""))
        return state

    return solve


@scorer(metrics=[mean(), stderr()])
def measured(suite: str, judge: str | None, *, deepagents: bool = False, later: bool = False) -> Scorer:
    """Measure the runs of a sample; its value is the suite's headline, and the figures stand beside it.

    Args:
        suite: its name.
        judge: as above.
        deepagents: as above.
        later: whether a log is judged after its run, so that nothing is held for the verdicts yet.
    """
    verdicts = judge_cost(suite, judge, deepagents=deepagents).most

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 - inspect's signature
        metadata: dict[str, Any] = state.metadata
        usd = 0.0

        async def ask(prompt: str) -> str:
            nonlocal usd
            output = await get_model(role="judge", required=True).generate(
                prompt, config=GenerateConfig(max_tokens=JUDGE_WRITES)
            )
            if output.usage is not None and judge:
                cost = cost_usd(price(judge), output.usage.input_tokens, output.usage.output_tokens) or 0.0
                money.settle(0.0, cost)
                usd += cost
            completion: str = output.completion
            return completion

        if later:
            await money.hold(verdicts)
        try:
            figures = await figures_of(suite, metadata, metadata["runs"], ask if judge else None)
        finally:
            money.settle(verdicts, 0.0)
        shown: dict[str, Any] = {
            "answer": state.output.completion,
            "explanation": sheet(figures, metadata["runs"]),
            "metadata": {"figures": figures, "judge": judge, "judge_usd": usd},
        }
        value = figures.get(HEADLINE[suite])  # not every sample has the headline: documents that agree have no recall
        return Score.unscored(**shown) if value is None else Score(value=value, **shown)

    return score
