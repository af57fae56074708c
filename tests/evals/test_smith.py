"""The same figures through langsmith's aevaluate: sent to a stand-in for its API, or nowhere."""

import asyncio
from collections.abc import Iterator

import pytest

from evals import minds
from evals.gateway import served
from evals.smith import evaluated
from tests.evals.smith_api import SmithApi


@pytest.fixture
def api(bare_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmithApi]:
    """Trace to the stand-in, as the environment of a LangSmith user says; scripted minds answer."""
    with SmithApi() as api, served(minds.mind):
        for name, value in {"TRACING": "true", "ENDPOINT": api.url, "API_KEY": "smith-key"}.items():
            monkeypatch.setenv(f"LANGSMITH_{name}", value)
        yield api


@pytest.mark.filterwarnings("ignore:'upload_results' parameter is in beta")
def test_nothing_is_sent(api: SmithApi) -> None:
    """Upload is off unless asked for: no request is made, though tracing is set in the environment."""
    rows = asyncio.run(evaluated("conflict", minds.MIND, 3, upload=False))

    assert [row["failed|ours"] for row in rows] == [0.0, 0.0, 0.0]
    assert api.requests == []


def test_upload(api: SmithApi) -> None:
    """Items become a dataset, each run an experiment on it with its traces and every figure; again, the dataset stands."""
    rows = [asyncio.run(evaluated("conflict", minds.MIND, limit, upload=True)) for limit in (1, 2)]
    runs = api.wait(lambda runs: sum(run.get("name") == "measured" and "end_time" in run for run in runs.values()) == 3)
    sent = {name: run for name, run in runs.items() if run.get("reference_example_id")}
    told = [(entry["run_id"], entry["key"], entry["score"]) for entry in api.feedback if entry["run_id"] in sent]

    assert [dataset["name"] for dataset in api.datasets] == ["orchestrator-workers conflict"]
    assert [len(some) for some in rows] == [1, 2]
    assert len(api.examples) == 2
    assert {run["reference_example_id"] for run in sent.values()} == {*api.examples}
    assert [each["reference_dataset_id"] for each in api.experiments.values()] == [api.datasets[0]["id"]] * 2
    assert len(told) == sum(map(len, (*rows[0], *rows[1])))
    assert sorted(score for _, key, score in told if key == "recall|ours") == [1.0, 1.0]
    assert {"planner", "synthesiser"} <= {run["name"] for run in runs.values()}
