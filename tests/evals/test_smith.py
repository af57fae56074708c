"""The same figures through langsmith's aevaluate: sent to a stand-in for its API, or nowhere."""

import asyncio
from collections.abc import Iterator

import pytest

from evals import minds
from evals.gateway import served
from evals.smith import evaluated
from tests.collector import Run
from tests.evals.smith_api import SmithApi


@pytest.fixture
def api(bare_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmithApi]:
    """Trace to the stand-in, as the environment of a LangSmith user says; scripted minds answer."""
    with SmithApi() as api, served(minds.mind):
        for name, value in {"TRACING": "true", "ENDPOINT": api.url, "API_KEY": "smith-key"}.items():
            monkeypatch.setenv(f"LANGSMITH_{name}", value)
        yield api


def ended(runs: dict[str, Run]) -> list[str]:
    """Name the runs that have ended."""
    return [run["name"] for run in runs.values() if run.get("end_time")]


def told_of(api: SmithApi, key: str) -> int:
    """Count a feedback; plan_source is the last that a run of ours gives of itself."""
    return sum(entry["key"] == key for entry in api.feedback)


@pytest.mark.filterwarnings("ignore:'upload_results' parameter is in beta")
def test_nothing_is_sent(api: SmithApi) -> None:
    """Upload is off unless asked for: no request is made, though tracing is set in the environment."""
    rows = asyncio.run(evaluated("conflict", minds.MIND, 3, upload=False))

    assert [row["failed|ours"] for row in rows] == [0.0, 0.0, 0.0]
    assert api.requests == []


def test_upload(api: SmithApi) -> None:
    """Items become a dataset, each run an experiment on it with its traces and every figure; again, the dataset stands."""
    rows = [asyncio.run(evaluated("conflict", minds.MIND, limit, upload=True)) for limit in (1, 2)]
    figures = sum(map(len, (*rows[0], *rows[1])))
    runs = api.wait(lambda runs: ended(runs).count("measured") == 3 == told_of(api, "plan_source"))
    api.wait(lambda _: sum("|" in entry["key"] for entry in api.feedback) == figures)
    sent = {name: run for name, run in runs.items() if run.get("reference_example_id")}
    told = [(entry["run_id"], entry["key"], entry["score"]) for entry in api.feedback if entry["run_id"] in sent]

    assert [dataset["name"] for dataset in api.datasets] == ["orchestrator-workers conflict"]
    assert [len(some) for some in rows] == [1, 2]
    assert len(api.examples) == 2
    assert {run["reference_example_id"] for run in sent.values()} == {*api.examples}
    assert [each["reference_dataset_id"] for each in api.experiments.values()] == [api.datasets[0]["id"]] * 2
    assert len(told) == figures
    assert sorted(score for _, key, score in told if key == "recall|ours") == [1.0, 1.0]
    assert {"planner", "synthesiser"} <= {run["name"] for run in runs.values()}
