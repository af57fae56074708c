"""The suites on inspect: run, gone on with, judged later, told. They have an environment of their own (make eval)."""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("inspect_ai")

from evals import __main__ as command
from evals import gateway, logs, minds, suites
from evals.items import items
from evals.purse import Purse, judge_cost, systems_cost
from evals.results import Measured, closing, plot
from tests.turn import Body, Turn, prompt_of

pytestmark = pytest.mark.filterwarnings("ignore")  # inspect's own


@pytest.fixture(autouse=True)
def gateway_of_minds(bare_environment: None) -> Iterator[None]:
    """Let the minds answer whoever asks OpenAI, and the judge's service."""
    with gateway.served(minds.mind):
        yield
    gc.collect()  # what inspect's clients leave open is met here, where it is no error


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


def test_judged_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log without a judge's word is judged later, nothing is run again, and what the judge costs is counted."""
    run(tmp_path, "split", 10, judge=None)
    before, cost = only(tmp_path), logs.spent(tmp_path)
    monkeypatch.setenv("ORCHESTRATOR_PRICES", json.dumps({minds.JUDGE.replace("/", ":", 1): {"input": 1, "output": 1}}))
    logs.judge_later(tmp_path, minds.JUDGE)
    after = only(tmp_path)

    assert (before.judge, before.share("split", "won|recipe")) == (None, None)
    assert after.judge == minds.JUDGE
    assert logs.spent(tmp_path) > cost
    assert after.share("split", "won|recipe") is not None
    assert after.share("split", "proportion|ours") == before.share("split", "proportion|ours")


@pytest.mark.parametrize(("suite", "judge", "at_once"), [("conflict", None, 1), ("split", minds.JUDGE, 8)])
def test_budget_is_held(
    suite: str, judge: str | None, at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run stops before the sample that might go beyond the budget, verdicts included; with more of it it goes on."""
    price = {"input": 1, "output": 1}
    prices = {minds.MIND: price, minds.JUDGE.replace("/", ":", 1): {"input": 10, "output": 10}}
    monkeypatch.setenv("ORCHESTRATOR_PRICES", json.dumps(prices))
    most = systems_cost(suite, minds.MIND).most + judge_cost(suite, judge).most
    monkeypatch.setitem(logs.AT_ONCE_OF, suite, at_once)
    monkeypatch.setattr(suites, "money", Purse(limit=most * 1.01))
    assert not run(tmp_path, suite, 12, judge)
    some, spent = len(only(tmp_path).samples[suite]), logs.spent(tmp_path)
    monkeypatch.setattr(suites, "money", Purse(limit=most * 20, spent=spent))
    assert run(tmp_path, suite, 12, judge)

    assert 0 < spent <= most * 1.01
    assert (0 < some < 12, len(only(tmp_path).samples[suite])) == (True, 12)


def test_killed(tmp_path: Path) -> None:
    """Kill -9 in the middle of a suite, then the same again: nothing is asked again for a sample that was finished."""
    asked = list[str]()

    def mind(body: Body) -> Turn | str:
        asked.append(prompt_of(body))
        return minds.mind(body)

    code = f"from pathlib import Path; from evals import logs; logs.run(Path({str(tmp_path)!r}), ['conflict'], model={minds.MIND!r}, judge=None, epochs=1, limit=16)"  # fmt: skip
    command_line, root = [sys.executable, "-c", code], Path(command.__file__).parent.parent
    with gateway.served(mind):
        child = subprocess.Popen(command_line, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while len(asked) < 27 and child.poll() is None:
            time.sleep(0.02)
        child.kill()
        child.wait()
        finished, before = {*only(tmp_path).samples["conflict"]}, len(asked)
        subprocess.run(command_line, cwd=root, check=True, capture_output=True)
    texts = {item["id"]: [each["text"] for each in item["item"]["documents"]] for item in items("conflict")}
    again = {name for name in finished for prompt in asked[before:] if all(text in prompt for text in texts[name])}

    assert 0 < len(finished) < 16
    assert again == set()
    assert len(only(tmp_path).samples["conflict"]) == 16


def test_judging_later_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What judging logs later will cost is told first, and a no ends it."""
    run(tmp_path, "split", 4, judge=None)
    monkeypatch.setattr("builtins.input", lambda _: "n")

    assert command.main(["--logs", str(tmp_path), "--judge", "anthropic/claude-opus-5-5"]) == 1
    assert "at most $" in capsys.readouterr().out
    assert only(tmp_path).judge is None


@pytest.mark.parametrize(
    ("model", "judge"),
    [
        ("openai:gpt-5.5", "openai/gpt-5.4-mini"),
        ("openai:gpt-5.5", "openai/o4-mini"),
        ("local:gemma-3", "google/gemini-3-pro"),
        ("openai:qwen3-32b", "openai-api/local/Qwen/Qwen3-8B"),
    ],
)
def test_family(model: str, judge: str) -> None:
    """A judge of the model's own family is refused."""
    with pytest.raises(SystemExit, match="of the same family"):
        command.refuse_family(model, judge)


@pytest.mark.parametrize(
    "judge", ["anthropic/claude-opus-5-5", "openai-api/local/llama-4", "openai-api/local/olmo-3", None]
)
def test_another_family(judge: str | None) -> None:
    """A judge of another family, or none, is not."""
    command.refuse_family("openai:gpt-5.5", judge)


def test_cost_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run will cost is told before anything is run, and a no ends it."""
    monkeypatch.setattr("builtins.input", lambda _: "n")

    assert command.main(["--model", "openai:gpt-4o", "--judge", "anthropic/claude-opus-5-5", "--limit", "2"]) == 1
    text = capsys.readouterr().out
    assert text.count("at most $") == 5
    assert "price unknown" not in text


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


def test_no_logs(tmp_path: Path) -> None:
    """A folder without logs is an error, not an empty result."""
    with pytest.raises(SystemExit, match="no logs of inspect"):
        command.main(["--logs", str(tmp_path / "typo")])


def test_judge_without_a_key(tmp_path: Path) -> None:
    """A judge that cannot be asked is one clear error, before anything is run."""
    with pytest.raises(SystemExit, match="NOWHERE_API_KEY"):
        run(tmp_path, "conflict", 1, judge="openai-api/nowhere/judge")
    assert not [*tmp_path.iterdir()]
