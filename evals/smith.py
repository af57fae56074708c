"""LangSmith: the same items, runs and figures through its `aevaluate`. Nothing is uploaded unless asked for.

    python -m evals.smith --model provider:name [--suite conflict] [--limit 5] [--upload]

With --upload the items become a dataset there, one for each suite, and each run an experiment on it, with its traces and a
feedback for every figure. Code measures alone; a judge of LangSmith's own can be set up there.
"""

import argparse
import asyncio
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from langsmith import Client, aevaluate
from langsmith.evaluation import EvaluationResult, EvaluationResults
from langsmith.run_helpers import tracing_context
from langsmith.schemas import Example, Run

from evals.figures import figures_of
from evals.items import SUITES, Item, items
from evals.runs import runs_of
from graph.settings import read_env_file


class _Nowhere(Client):
    """A client that sends nothing: with upload_results=False aevaluate still traces every run (langsmith 0.15)."""

    def create_run(self, *args: Any, **kwargs: Any) -> None:
        """Drop it."""

    def update_run(self, *args: Any, **kwargs: Any) -> None:
        """Drop it."""


async def evaluated(suite: str, model: str, limit: int | None, *, upload: bool) -> list[dict[str, float]]:
    """Run a suite's items through aevaluate, and give each one's figures."""
    kept = items(suite)[:limit]
    client = Client() if upload else _Nowhere(api_url="http://127.0.0.1:9", api_key="none", info={})
    examples = _uploaded(client, suite, kept) if upload else _unsent(kept)

    async def target(inputs: dict[str, Any]) -> dict[str, Any]:
        with tracing_context(enabled=upload):
            return {"runs": await runs_of(suite, inputs, model)}

    async def measured(run: Run, example: Example | None) -> EvaluationResults:
        if not (run.outputs and example and example.inputs):  # the run itself has failed; aevaluate tells how
            return EvaluationResults(results=[])
        figures = await figures_of(suite, example.inputs, run.outputs["runs"], None)
        return EvaluationResults(results=[EvaluationResult(key=name, score=value) for name, value in figures.items()])

    results = await aevaluate(
        target,
        data=examples,
        evaluators=[measured],
        client=client,
        experiment_prefix=f"{suite} {model}",
        metadata={"suite": suite, "model": model},
        upload_results=upload,
    )
    rows = [
        {score.key: float(score.score or 0) for score in row["evaluation_results"]["results"]} async for row in results
    ]
    client.flush()
    return rows


def _unsent(kept: Sequence[Item]) -> list[Example]:
    """Make examples of no dataset."""
    now, dataset = datetime.now(UTC), uuid.uuid4()
    return [
        Example(id=uuid.uuid4(), dataset_id=dataset, inputs=item, outputs={}, created_at=now, modified_at=now)
        for item in kept
    ]


def _uploaded(client: Client, suite: str, kept: Sequence[Item]) -> list[Example]:
    """Put the items into the suite's dataset where they are not there yet, and give them as LangSmith has them."""
    name = f"orchestrator-workers {suite}"
    known = client.has_dataset(dataset_name=name)
    dataset = client.read_dataset(dataset_name=name) if known else client.create_dataset(name)
    ids = {uuid.uuid5(dataset.id, f"{item}"): item for item in kept}  # what was changed since is another example
    there = {example.id for example in client.list_examples(dataset_id=dataset.id)}
    new: list[Item] = [{"id": name, "inputs": item} for name, item in ids.items() if name not in there]
    if new:
        client.create_examples(dataset_id=dataset.id, examples=new)
    return [example for example in client.list_examples(dataset_id=dataset.id) if example.id in ids]


def main() -> int:
    """Print the mean of every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="provider:name")
    parser.add_argument("--suite", choices=SUITES, default="conflict")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--upload", action="store_true", help="send inputs, answers and figures to LangSmith")
    given = parser.parse_args()
    read_env_file()
    rows = asyncio.run(evaluated(given.suite, given.model, given.limit, upload=given.upload))
    for name in sorted({name for row in rows for name in row}):
        values = [row[name] for row in rows if name in row]
        print(f"{name:32} {sum(values) / len(values):8.2f}  n={len(values)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
