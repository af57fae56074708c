"""The commands around a run: retry, show, rm, settings, specialists, doctor, and hints for what was mistyped."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.recording import Terminal
from tests.cli.test_cli import COMMAND, REQUEST, around, joined, planned, team
from tests.command import orchestrate
from tests.endpoint import Endpoint, Turn, last_of, system_of
from tests.turn import Body

SCRIPTED = {"ORCHESTRATOR_MODEL": "scripted:street-party"}


class Failing:
    """A mind whose gardener fails until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.asked: list[str] = []

    def __call__(self, body: Body) -> Turn | str:
        """Answer a call."""
        system = system_of(body)
        worker = "gardener" if "specialist: gardener" in system else "other"
        self.asked.append(next((step for step in ("planner", "synthesiser") if step in system[:400]), worker))
        return Turn(fault="400") if "specialist: gardener" in system and not self.mended else team(body)


@pytest.fixture
def failing() -> Iterator[tuple[Endpoint, Failing]]:
    """An endpoint with such a mind."""
    mind = Failing()
    with Endpoint(mind) as endpoint:
        yield endpoint, mind


def run_id(text: str) -> str:
    """Find the run's id in what was said."""
    match = re.search(r"^run (\w{8})$", text, re.MULTILINE)
    assert match, text
    return match.group(1)


def test_retry(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """A failed subtask is done again with --retry, and nothing else but the synthesis; the command to do so was told."""
    endpoint, mind = failing
    env = around(tmp_path, endpoint)
    first = orchestrate(REQUEST, "-s", "max_rounds=1", env=env)
    name = run_id(first.stderr)
    mind.mended, mind.asked = True, []
    again = orchestrate("resume", name, "--retry", "--json", env=env)
    asked = sorted(mind.asked)
    state = json.loads(again.stdout)

    assert (first.returncode, again.returncode) == (3, 0), again.stderr
    assert f"orchestrate resume {name} --retry" in first.stderr
    assert asked == ["gardener", "synthesiser"]
    assert [outcome["status"] for outcome in state["outcomes"]] == ["done"] * 3


def test_nothing_to_do(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """A resume, or a retry, with nothing to do says so, asks nobody, and gives the answer."""
    endpoint, mind = failing
    mind.mended = True
    env = around(tmp_path, endpoint)
    name = run_id(orchestrate(REQUEST, "-s", "max_rounds=1", env=env).stderr)
    mind.asked = []
    resumed, retried = orchestrate("resume", name, env=env), orchestrate("resume", name, "--retry", env=env)

    assert (resumed.returncode, retried.returncode, mind.asked) == (0, 0, [])
    assert "nothing to do" in resumed.stderr
    assert "nothing failed or was dropped" in retried.stderr
    assert "## Garden" in resumed.stdout


def test_retry_of_one_with_another_model(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """--only does one subtask again though it went well; --model says with what."""
    endpoint, mind = failing
    mind.mended = True
    env = around(tmp_path, endpoint)
    name = run_id(orchestrate(REQUEST, "-s", "max_rounds=1", env=env).stderr)
    before = len(endpoint.requests)
    again = orchestrate("resume", name, "--retry", "--only", "S2", "--model", "openai:gpt-4o-mini", env=env)
    asked = [
        (call.body["model"], "specialist: gardener" in system_of(call.body)) for call in endpoint.requests[before:]
    ]

    assert again.returncode == 0, again.stderr
    assert asked == [("gpt-4o-mini", True), ("gpt-4o-mini", False)]


def test_an_attached_address_stays_whole(tmp_path: Path) -> None:
    """--attach takes an address as it is; one inside a network is refused before anything is sent."""
    url = "http://127.0.0.1:9//notes.txt"
    ended = orchestrate("--attach", url, REQUEST, env=around(tmp_path, None, **SCRIPTED))

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"cannot attach {url}: 127.0.0.1 is an address inside a network" in ended.stderr


def test_windows_is_told(tmp_path: Path) -> None:
    """On Windows the command begins with what it is made for."""
    code = "import sys, graph.cli; sys.argv[1:], sys.platform = ['--version'], 'win32'; graph.cli.main()"
    ended = subprocess.run(
        [sys.executable, "-c", code], env=around(tmp_path, None), capture_output=True, text=True, check=False
    )

    assert "made for Linux and macOS" in ended.stderr


def test_specialists_on_a_run(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """The specialists of --specialists are offered to the planner and work by their files; a resume remembers the folder."""
    endpoint, _ = failing
    folder = tmp_path / "people"
    folder.mkdir()
    (folder / "gardener.md").write_text(
        "---\nname: gardener\ndescription: Knows sand.\n---\nName each bed by a colour.\n"
    )
    env = around(tmp_path, endpoint)
    first = orchestrate(REQUEST, "-s", "max_rounds=1", "--specialists", str(folder), env=env)
    orchestrate("resume", run_id(first.stderr), "--retry", env=env)
    systems = [system_of(call.body) for call in endpoint.requests]

    assert first.returncode == 3, first.stderr
    assert any("Knows sand." in str(call.body) for call in endpoint.requests[:1])
    assert ["by a colour" in system for system in systems if "specialist: gardener" in system] == [True, True]


def test_only_needs_retry(tmp_path: Path) -> None:
    """What changes a retry is refused without --retry; a subtask that is not there is named with those that are."""
    env = around(tmp_path, None, **SCRIPTED)
    ended = orchestrate("resume", "3f2a", "--only", "S3", env=env)

    assert (ended.returncode, "they need --retry" in ended.stderr) == (2, True)


def test_show_a_waiting_run(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """A run that waits is shown with its plan, what it waits for, and the command to go on."""
    endpoint, _ = failing
    env = around(tmp_path, endpoint)
    waiting = orchestrate("--approve", REQUEST, env=env)
    name = run_id(waiting.stderr)
    shown = orchestrate("show", name, env=env)

    assert f"orchestrate resume {name}" in waiting.stderr
    assert (shown.returncode, shown.stdout.strip()) == (3, "")
    for words in (
        "plan: 3 subtasks",
        "S2 gardener: ",
        "waits for your decision on: run_plan",
        f"orchestrate resume {name}",
    ):
        assert words in shown.stderr


def test_show_a_failed_run(tmp_path: Path) -> None:
    """A run in which all failed is shown with each reason and the command to go on."""

    def mind(body: Body) -> Turn | str:
        return planned("plumber", "gardener") if "You are the planner" in system_of(body) else Turn(fault="400")

    with Endpoint(mind) as endpoint:
        env = around(tmp_path, endpoint)
        name = run_id(orchestrate(REQUEST, env=env).stderr)
        shown = orchestrate("show", name, env=env)

    assert shown.returncode == 3, shown.stderr
    assert (shown.stderr.count("failed: "), shown.stderr.count("No subtask could be done")) == (2, 1)
    assert f"To go on: orchestrate resume {name}" in shown.stderr


def test_runs_and_rm(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """Runs are listed with their cost and time; one that is removed is gone."""
    endpoint, mind = failing
    mind.mended = True
    env = around(tmp_path, endpoint)
    name = run_id(orchestrate(REQUEST, "-s", "max_rounds=1", env=env).stderr)
    listed = orchestrate("runs", env=env)
    data = json.loads(orchestrate("runs", "--json", env=env).stdout)
    removed = orchestrate("rm", name, env=env)
    gone = orchestrate("show", name, env=env)

    assert re.search(rf"^{name}  \S+ \S+  complete +\+\d+\.\d s +\$0\.\d{{4}}  Lay out", listed.stdout, re.MULTILINE)
    assert (data[0]["usd"] > 0, data[0]["updated"] > data[0]["created"]) == (True, True)
    assert "last change" in listed.stderr
    assert (removed.returncode, gone.returncode) == (0, 2)
    assert "there is no saved run" in gone.stderr


HINTS = {
    "another name": (["list"], "did you mean: orchestrate runs"),
    "a misspelt command": (["resmue", "3f2a"], "did you mean: orchestrate resume"),
    "no quotes": (["Plan", "a", "party"], 'quotes, as in orchestrate "Plan a party"'),
    "no quotes after an option": (["-s", "max_rounds=1", "Plan", "a", "party"], 'orchestrate "Plan a party"'),
    "one word": (["Hello"], "orchestrate run Hello"),
}


@pytest.mark.parametrize("slip", HINTS)
def test_hints(slip: str, tmp_path: Path) -> None:
    """What was mistyped is no request: exit 2, and what was probably meant."""
    words, hint = HINTS[slip]
    ended = orchestrate(*words, env=around(tmp_path, None, **SCRIPTED))

    assert (ended.returncode, ended.stdout, hint in ended.stderr) == (2, "", True), ended.stderr


def test_help_whatever_the_environment(tmp_path: Path) -> None:
    """Help is there with a bad price and no specialists' folder, as `help`, and imports no model's code."""
    env = around(tmp_path, None, ORCHESTRATOR_PRICES="{", ORCHESTRATOR_SPECIALISTS_DIR="/nowhere")
    helped = orchestrate("help", "resume", env=env)
    code = "import sys, graph.cli; sys.exit(any(name in sys.modules for name in ('langgraph', 'langchain_core', 'pydantic')))"
    light = subprocess.run([sys.executable, "-c", code], env=env, check=False)

    assert (helped.returncode, "--retry" in helped.stdout) == (0, True), helped.stderr
    assert light.returncode == 0


def test_settings_and_specialists(tmp_path: Path) -> None:
    """Settings are listed with where they are from; specialists with their folder's."""
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "baker.md").write_text("---\nname: baker\ndescription: Bread for many.\n---\nYou bake.\n")
    env = around(tmp_path, None, **SCRIPTED, ORCHESTRATOR_MAX_SUBTASKS="3")
    rows = json.loads(orchestrate("settings", "--json", "-s", "max_rounds=1", env=env).stdout)
    found = {row["name"]: (row["value"], row["from"]) for row in rows}
    team_of = orchestrate("specialists", "--specialists", str(folder), env=env)

    assert found["max_subtasks"] == (3, "environment")
    assert found["max_rounds"] == (1, "given")
    assert found["worker_model"] == ("scripted:street-party", "environment")
    assert found["max_parallel"] == (8, "default")
    assert ("Bread for many." in team_of.stdout, "estimator" in team_of.stdout) == (True, True)


def test_doctor(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """The doctor tells models, prices, windows and the database without a paid call; what is missing makes exit 2."""
    endpoint, mind = failing
    well = orchestrate("doctor", env=around(tmp_path, endpoint))
    odd = orchestrate("doctor", "-m", "openai:gpt-4.1", env=around(tmp_path, endpoint))
    dead = orchestrate("doctor", env=around(tmp_path, endpoint, OPENAI_BASE_URL="http://127.0.0.1:1/v1"))
    ill = orchestrate("doctor", env=around(tmp_path))

    assert (well.returncode, mind.asked) == (0, []), well.stderr
    for words in (
        "openai:gpt-4o; $",
        "per million tokens",
        "window of 128,000 tokens",
        "runs.db holds 0",
        "its server answers",
    ):
        assert words in well.stderr
    assert (odd.returncode, "its server answers, but does not list it" in odd.stderr) == (0, True)
    assert (dead.returncode, "The connection failed" in dead.stderr) == (2, True)
    assert (ill.returncode, "✗ settings and models: No model is set up" in ill.stderr) == (2, True)


def test_own_graph(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """A graph of one's own runs, is kept, and is found again by a resume; one that is not there is named."""
    endpoint, mind = failing
    mind.mended = True
    (tmp_path / "mine.py").write_text("from graph import build_graph\n\nmade = build_graph()\n")
    env = around(tmp_path, endpoint)
    ended = orchestrate("--graph", "mine:made", "-s", "max_rounds=1", REQUEST, env=env)
    resumed = orchestrate("resume", run_id(ended.stderr), env=env)
    wrong = orchestrate("--graph", "mine:other", REQUEST, env=env)

    assert (ended.returncode, resumed.returncode) == (0, 0), ended.stderr + resumed.stderr
    assert (wrong.returncode, "--graph mine:other: module 'mine' has no attribute" in wrong.stderr) == (2, True)


def test_json_steers_nothing(tmp_path: Path) -> None:
    """In a JSON document no character steers the terminal, and what was written reads back as it was."""
    evil = "a\x9b2Jb\u202ec\x1b[2J"

    def mind(body: Body) -> Turn | str:
        return joined(f"Answer {evil} [S1]") if "synthesiser" in system_of(body)[:400] else team(body)

    with Endpoint(mind) as endpoint:
        ended = orchestrate("--json", "-s", "max_rounds=1", REQUEST, env=around(tmp_path, endpoint))

    assert set() == {"\x1b", "\x9b", "\u202e"} & set(ended.stdout)
    assert json.loads(ended.stdout)["answer"].startswith("Answer a2Jb\u202ec")


def test_early_keys_and_an_unsaved_edit(failing: tuple[Endpoint, Failing], tmp_path: Path) -> None:
    """Keys typed while planning approve nothing; an editor left without saving asks again; the plan stays in sight."""
    endpoint, mind = failing
    mind.mended = True
    env = around(tmp_path, endpoint, EDITOR=shutil.which("true") or "true")
    with Terminal([COMMAND, "--approve", "-s", "max_rounds=1", REQUEST], env, columns=80, rows=24) as terminal:
        terminal.type("a\n")  # long before there is a question
        asked = terminal.wait_for("[e]dit?")
        before = [who for who in mind.asked if who != "planner"]
        terminal.type("e\n")
        asked = terminal.wait_for("nothing was saved", after=asked)
        asked = terminal.wait_for("[e]dit?", after=asked)
        terminal.type("a\n")
        code = terminal.end()
    last = terminal.screen.text

    assert (code, before) == (0, []), last
    assert last.count("- S2 gardener: Choose twelve vegetables") == 1  # as it was shown to be approved
    assert [last.count(words) for words in ("working …", "Plan  3 subtasks")] == [0, 1]


def test_a_small_terminal_keeps_no_copy(tmp_path: Path) -> None:
    """With more subtasks than an 80×24 terminal has lines, no cut-off copy of the plan stays above the answer."""
    trades = [f"{word} {thing}" for word in ("stone", "cloth", "glass", "paper", "iron") for thing in ("maker", "buyer", "mender", "seller", "cutter")]  # fmt: skip

    def mind(body: Body) -> Turn | str:
        system = system_of(body)
        if "You are the planner" in system:
            tasks = [
                {"specialist": trade, "task": f"{trade}: {hash(trade)} {hash(trade[::-1])} for {len(trade)}."}
                for trade in trades
            ]
            return json.dumps({"subtasks": tasks})
        return (
            joined("\n\n".join(f"Line {at} [S1]" for at in range(60)))
            if "synthesiser" in system[:400]
            else last_of(body)[-40:]
        )

    with Endpoint(mind) as endpoint:
        command = [COMMAND, "-s", "max_subtasks=25", "-s", "max_rounds=1", REQUEST]
        with Terminal(command, around(tmp_path, endpoint), columns=80, rows=24) as terminal:
            code = terminal.end()
    last = terminal.screen.text

    assert code in (0, 3), last
    assert (last.count("Plan  "), last.count("writing the answer …"), last.count("  and ")) == (1, 0, 0), last
