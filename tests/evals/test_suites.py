"""The suites on inspect: run, gone on with, judged later, told. They have an environment of their own (make eval)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai")

from evals import __main__ as command
from evals import gateway, logs, minds, suites
from evals.purse import Purse
from evals.results import Measured, closing, plot

pytestmark = pytest.mark.filterwarnings("ignore")  # inspect's own


@pytest.fixture(autouse=True)
def gateway_of_minds(bare_environment: None) -> Iterator[None]:
    """Let the minds answer whoever asks OpenAI, and the judge's service."""
    with gateway.served(minds.mind):
        yield


def run(folder: Path, suite: str, limit: int, judge: str | None = minds.JUDGE) -> bool:
    """Run a few samples of one suite."""
    return logs.run(folder, [suite], model=minds.MIND, judge=judge, epochs=1, limit=limit)


def only(folder: Path) -> Measured:
    """Read the one model that a folder's logs are of."""
    (measured,) = logs.read([folder])
    return measured


def test_run_and_go_on(tmp_path: Path) -> None:
    """A suite's logs hold every system's run and our own spend; the same command again runs nothing again."""
    assert run(tmp_path, "conflict", 6)
    before = [log.location for log in logs._logs(tmp_path)]
    assert run(tmp_path, "conflict", 6)

    (log,) = logs._logs(tmp_path)
    sample: Any = (log.samples or [])[0]
    assert [log.location] == before
    assert {*sample.metadata["runs"]} == {"ours", "recipe", "lister"}
    assert sample.metadata["runs"]["ours"]["spend"]["by_role"]["synthesiser"]["calls"] == 1
    assert closing(only(tmp_path))[1][2] == 6


def test_judged_later(tmp_path: Path) -> None:
    """A log without a judge's word is judged later, and nothing is run again."""
    run(tmp_path, "split", 10, judge=None)
    before = only(tmp_path)
    logs.judge_later(tmp_path, minds.JUDGE)
    after = only(tmp_path)

    assert (before.judge, before.share("split", "won|recipe")) == (None, None)
    assert after.judge == minds.JUDGE
    assert after.share("split", "won|recipe") is not None
    assert after.share("split", "proportion|ours") == before.share("split", "proportion|ours")


def test_budget_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run stops before the sample that might go beyond the budget; with more of it the same command goes on."""
    monkeypatch.setenv("ORCHESTRATOR_PRICES", json.dumps({minds.MIND: {"input": 1, "output": 1}}))
    most = 3 * 60_000 / 1e6  # of one sample
    monkeypatch.setattr(logs, "AT_ONCE", 1)
    monkeypatch.setattr(suites, "money", Purse(limit=most * 1.01))
    assert not run(tmp_path, "conflict", 5)
    some = len(only(tmp_path).samples["conflict"])
    spent = logs.spent(tmp_path)
    monkeypatch.setattr(suites, "money", Purse(limit=most * 2, spent=spent))
    assert run(tmp_path, "conflict", 5)

    assert 0 < spent <= most * 1.01
    assert (0 < some < 5, len(only(tmp_path).samples["conflict"])) == (True, 5)


@pytest.mark.parametrize(
    ("model", "judge", "refused"),
    [
        ("openai:gpt-5.5", "openai/gpt-5.4-mini", True),
        ("openai:gpt-5.5", "anthropic/claude-opus-5-5", False),
        ("openai:qwen3-32b", "openai-api/local/llama-4", False),
        ("openai:gpt-5.5", None, False),
    ],
)
def test_family(model: str, judge: str | None, *, refused: bool) -> None:
    """A judge of the model's own family is refused."""
    assert bool(command.same_family(model, judge)) == refused


def test_cost_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run will cost is told before anything is run, and a no ends it."""
    monkeypatch.setattr("builtins.input", lambda _: "n")

    assert command.main(["--model", "openai:gpt-4o", "--judge", "anthropic/claude-opus-5-5", "--limit", "2"]) == 1
    told = capsys.readouterr().out
    assert told.count("at most $") == 5
    assert "price unknown" not in told


def test_budget_needs_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A budget with a price that nobody knows is an error, and nothing is run."""
    monkeypatch.setenv("EVAL_BUDGET_USD", "5")

    with pytest.raises(SystemExit, match="ORCHESTRATOR_PRICES"):
        command.main(["--model", "openai:nobody-knows-it", "--limit", "1"])


def test_plot(tmp_path: Path) -> None:
    """The plot holds each known figure, and no script. Here, for pygal hangs itself into the import system."""
    measured = Measured("openai:mine")
    for at in range(4):
        measured.take("conflict", f"c{at}", 1, {"recall|ours": float(at > 0)}, {})
    plot(measured, "mine", tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text(encoding="utf-8")

    assert "conflict: recall" in drawn
    assert "<script" not in drawn


def test_judge_without_a_key(tmp_path: Path) -> None:
    """A judge that cannot be asked is one clear error, before anything is run."""
    with pytest.raises(SystemExit, match="NOWHERE_API_KEY"):
        run(tmp_path, "conflict", 1, judge="openai-api/nowhere/judge")
    assert not [*tmp_path.iterdir()]
