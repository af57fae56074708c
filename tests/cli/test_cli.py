"""The command line: the installed command as a real process, with and without a terminal."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from bench.recording import Terminal
from tests.command import orchestrate
from tests.endpoint import Endpoint, Turn, last_of, system_of
from tests.turn import Body

COMMAND = str(Path(sys.executable).with_name("orchestrate"))
REQUEST = "Lay out a kitchen garden of 20 square metres."
# What a text from a model must not do: colour, retitle or clear the terminal, turn the reading direction, run a script.
EVIL = "\x1b[31mred\x1b[0m\x1b]0;owned\x07\x1b[2J\x9b2J\u202etxt.exe\u202c<script>alert(1)</script>"
TAMED = "redtxt.exe<script>alert(1)</script>"
TEAM = {"soil scientist": "Lime in March.", "gardener": "Sow in April.", "carpenter": "Two raised beds."}
TASKS = {
    "soil scientist": "Work out what a sandy soil needs before planting: lime, compost and manure in kilograms, by month.",
    "gardener": "Choose twelve vegetables for a family of four and say when each is sown, planted out and picked.",
    "carpenter": "Draw up two wooden raised beds of 1.2 by 3 metres: boards, screws, hours and cost in pounds.",
    "plumber": "Lead rainwater from the shed's roof into a barrel with a tap, and list every pipe and fitting needed.",
}
STATE = {"request", "plan", "outcomes", "answer", "disagreements", "gaps", "complete", "stop_reason", "spend"}


def planned(*names: str) -> str:
    """Give a planner's reply with one subtask for each name."""
    return json.dumps({"subtasks": [{"specialist": name, "task": TASKS[name], "cross_check": False} for name in names]})


def joined(answer: str, **ledger: Any) -> str:
    """Give a synthesiser's reply."""
    return json.dumps({"disagreements": [], "gaps": [], "follow_ups": [], **ledger, "answer": answer})


def team(body: Body) -> Turn | str:
    """Answer as a planner, three specialists and a synthesiser; what they write is EVIL besides."""
    system = system_of(body)
    if "You are the planner" in system:
        return planned(*TEAM)
    if "You are the synthesiser" in system:
        return joined(f"## Garden\n\nLime, sow, build {EVIL} [S1] [S2] [S3]")
    name = next(name for name in TEAM if f"You are a specialist: {name}" in system)
    return f"{TEAM[name]} {EVIL}"


def around(folder: Path, endpoint: Endpoint | None = None, /, **more: str) -> dict[str, str]:
    """Give an environment in which nothing is set up but, if there is one, the endpoint."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "LANGSMITH_TRACING": "false"}
    if endpoint:
        environment |= {
            "OPENAI_BASE_URL": endpoint.url,
            "OPENAI_API_KEY": "sk-test",
            "ORCHESTRATOR_MODEL": "openai:gpt-4o",
        }
    return environment | more


def controls(text: str) -> set[str]:
    """Find what steers a terminal, or the eye."""
    return {char for char in text if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cf"}}


def test_plain_lines(tmp_path: Path) -> None:
    """Without a terminal: the answer alone on stdout, plain lines on stderr, a report, and no control code anywhere."""
    with Endpoint(team) as endpoint:
        ended = orchestrate("-", "--report", "run.md", env=around(tmp_path, endpoint), said=REQUEST)
        asked = last_of(endpoint.requests[0].body)
    report = (tmp_path / "run.md").read_text()
    told = ["planning …", "plan, round 1: 3 subtasks", "S1 soil scientist: started", "joining the results …"]
    spent = ["planner       1 call ", "worker        3 calls", "in all        5 calls", "complete", "report: run.md"]
    shape = r"## Garden\n\nLime, sow, build .*red.*txt\.exe<script>alert\(1\)</script> \[S1\] \[S2\] \[S3\]\n"

    assert (ended.returncode, bool(re.fullmatch(shape, ended.stdout))) == (0, True), ended.stdout + ended.stderr
    assert [words for words in [*told, *spent] if words not in ended.stderr] == []
    assert set() == controls(ended.stdout + ended.stderr + report)
    assert [f"{text} {TAMED}".replace("<", r"\<") in report for text in TEAM.values()] == [True] * 3
    assert REQUEST in asked


def test_json_and_a_failing_worker(tmp_path: Path) -> None:
    """With --json stdout is one JSON document; a worker that fails is named, exit 3; the HTML report escapes all."""

    def mind(body: Body) -> Turn | str:
        return Turn(fault="400") if "You are a specialist: gardener" in system_of(body) else team(body)

    (tmp_path / "request.txt").write_text(REQUEST)
    with Endpoint(mind) as endpoint:
        words = ["--file", "request.txt", "--json", "--report", "run.html"]
        ended = orchestrate(*words, env=around(tmp_path, endpoint))
    state = json.loads(ended.stdout)
    page = (tmp_path / "run.html").read_text()

    assert (ended.returncode, state["request"], state["complete"]) == (3, REQUEST, False), ended.stderr
    assert set() == STATE - set(state)
    assert [outcome["status"] for outcome in state["outcomes"]] == ["done", "failed", "done"]
    assert len(re.findall(r"^S2 gardener: failed in", ended.stderr, re.MULTILINE)) == 1
    assert len(re.findall(r"^incomplete: .*S2", ended.stderr, re.MULTILINE)) == 1
    assert set() == controls(ended.stderr + page)
    assert ("<script" in page, "&lt;script&gt;" in page) == (False, True)


def test_all_workers_fail(tmp_path: Path) -> None:
    """Where every worker fails there is nothing to answer from: exit 1, each reason told once, and how to go on."""

    def mind(body: Body) -> Turn | str:
        return planned("plumber", "gardener") if "You are the planner" in system_of(body) else Turn(fault="400")

    with Endpoint(mind) as endpoint:
        ended = orchestrate(REQUEST, env=around(tmp_path, endpoint))

    assert (ended.returncode, ended.stdout) == (1, "")
    failed = re.findall(r"^(S\d \w+): failed in .*", ended.stderr, re.MULTILINE)
    assert (failed, ended.stderr.count("S1 plumber: failed")) == (["S1 plumber", "S2 gardener"], 1)
    assert re.findall(r"No subtask could be done.*\nTo go on: orchestrate resume \w{8}$", ended.stderr, re.MULTILINE)
    assert "Traceback" not in ended.stderr


def test_interrupt(tmp_path: Path) -> None:
    """Ctrl-C in the middle ends the run within a second, exit 130, and says what was done."""

    def mind(body: Body) -> Turn | str:
        return Turn("late", delay=50) if "You are a specialist: gardener" in system_of(body) else team(body)

    with Endpoint(mind) as endpoint:
        env = around(tmp_path, endpoint)
        with subprocess.Popen([COMMAND, REQUEST], env=env, cwd=tmp_path, text=True, stderr=subprocess.PIPE) as process:
            assert process.stderr
            lines: list[str] = []
            while sum(": done in" in line for line in lines) < len(TEAM) - 1:
                lines.append(process.stderr.readline() or pytest.fail(f"ended too soon: {lines}"))
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            code = process.wait()
            took = time.monotonic() - began

    assert (code, rest.partition(".")[0].strip()) == (130, "interrupted; done: S1, S3 of 3 subtasks")
    assert rest.count("\n") == 1, rest
    assert took < 1


WRONG = {
    "nothing is set up": (
        [REQUEST],
        {},
        "^No model is set up.*OPENAI_API_KEY.*OPENAI_BASE_URL.*ORCHESTRATOR_MODEL",
    ),
    "an unknown setting": (
        ["-s", "wibble=1", REQUEST],
        {},
        "^unknown setting 'wibble'; known: .*max_subtasks",
    ),
    "a value out of range": (["-s", "max_subtasks=0", REQUEST], {}, "^setting 'max_subtasks': .*greater"),
    "a setting of the environment": (
        [REQUEST],
        {"ORCHESTRATOR_MAX_SUBTASK": "3"},
        "^unknown setting in the environment: ORCHESTRATOR_MAX_SUBTASK;",
    ),
    "an unknown provider": (["-m", "acme:best", REQUEST], {}, "^model 'acme:best'.*"),
    "no key": (["-m", "openai:gpt-5.5", REQUEST], {}, "^model 'openai:gpt-5.5' needs a key.*OPENAI_API_KEY"),
    "a blank request": (["-m", "scripted:street-party", "  "], {}, "^the request is empty.*"),
    "no report of that kind": (["--report", "run.pdf", REQUEST], {}, "^--report run.pdf: the name must end in"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_input(wrong: str, tmp_path: Path) -> None:
    """Wrong input or configuration: exit 2, one clear error, no traceback, nothing on stdout."""
    words, more, error = WRONG[wrong]
    ended = orchestrate(*words, env=around(tmp_path, None, **more))

    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert [bool(re.search(error, ended.stderr, re.DOTALL | re.MULTILINE)), "Traceback" in ended.stderr] == [
        True,
        False,
    ], ended.stderr
    assert re.findall(r"NoModel|Bad[A-Z]\w+|Error", ended.stderr) == []


def test_unknown_model(tmp_path: Path) -> None:
    """A model that the endpoint does not have: exit 2, after one request, with its name."""
    with Endpoint(lambda _: Turn(fault="404")) as endpoint:
        ended = orchestrate("-m", "openai:gpt-none", REQUEST, env=around(tmp_path, endpoint))
        asked = len(endpoint.requests)

    assert (ended.returncode, ended.stdout, asked) == (2, "", 1), ended.stderr
    assert ["gpt-none" in ended.stderr, "Traceback" in ended.stderr] == [True, False]


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"])
def test_closed_streams(tmp_path: Path, closed: str) -> None:
    """Whichever stream is closed, the run goes to its end, and what has nowhere to go is left out."""
    with Endpoint(team) as endpoint:
        env = around(tmp_path, endpoint)
        line = f'"{COMMAND}" "{REQUEST}" {closed}'
        ended = subprocess.run(["sh", "-c", line], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False), ended.stderr
    assert ("## Garden" in ended.stdout) == (closed == "2>&-")


def test_a_narrow_encoding(tmp_path: Path) -> None:
    """Where the output cannot take a character, another stands in its place."""
    with Endpoint(lambda body: planned("plumber") if "planner" in system_of(body) else "Rohr → 日本") as endpoint:
        ended = orchestrate(REQUEST, env=around(tmp_path, endpoint, PYTHONIOENCODING="ascii"))

    assert (ended.returncode, ended.stdout) == (0, "Rohr ? ??\n"), ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
def test_an_output_that_is_full(tmp_path: Path) -> None:
    """An answer that cannot be written is said to be kept."""
    with Endpoint(team) as endpoint:
        line, env = f'"{COMMAND}" "{REQUEST}" > /dev/full', around(tmp_path, endpoint)
        ended = subprocess.run(["sh", "-c", line], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr
    assert "the output cannot be written: No space left on device" in ended.stderr


def test_dead_endpoint(tmp_path: Path) -> None:
    """An endpoint that nobody listens at: exit 2, and its port is named."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and it refuses
        port = str(nobody.getsockname()[1])
        url = f"http://127.0.0.1:{port}/v1"
        ended = orchestrate(REQUEST, env=around(tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY="sk-test"))

    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert [port in ended.stderr, "Traceback" in ended.stderr] == [True, False], ended.stderr


def test_demo_in_a_terminal(tmp_path: Path) -> None:
    """In a terminal: a banner, the plan drawn live, the answer streaming in, and at the end no leftover of all that."""
    with Terminal([COMMAND, "demo", "-s", "max_rounds=1"], around(tmp_path)) as terminal:
        asked = terminal.wait_for("Fetch 1.28 GB now? [y/N]")
        terminal.type("n\r")
        planning = terminal.wait_for("planning …", after=asked)
        working = terminal.wait_for("at most 7 calls", after=planning)
        writing = terminal.wait_for("A street party for about 80", after=working)
        live = terminal.screen.text
        code = terminal.end()
    last = terminal.screen.text
    early = terminal.sent[:writing]
    summary = last[last.rindex("planner ") :]

    assert code == 0, last
    assert ("No model was called" in last, "ORCHESTRATOR_MODEL" in last) == (True, True)
    assert ["caterer" in live, "✓" in early, "writing the answer" in live] == [True] * 3
    assert [last.count(words) for words in ("planning …", "working …", "writing the answer …")] == [0, 0, 0]
    assert [last.count(words) for words in ("Plan  5 subtasks", "A street party for about 80", "complete")] == [1, 1, 1]
    assert re.findall(r"^ *(S\d) +✓", last, re.MULTILINE) == ["S1", "S2", "S3", "S4", "S5"]
    assert ("in all" in summary, terminal.screen.cursor) == (True, True)


def test_approval_in_a_terminal(tmp_path: Path) -> None:
    """With --approve a person sends the plan back with words, then edits it in $EDITOR; the edited plan is what runs."""

    def mind(body: Body) -> Turn | str:
        again = "more wood" in last_of(body)
        return planned("carpenter", "soil scientist") if again else team(body)

    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/two wooden raised beds/three oaken raised beds/" "$1"\n')
    editor.chmod(0o755)
    with Endpoint(mind) as endpoint:
        env = around(tmp_path, endpoint, EDITOR=str(editor))
        with Terminal([COMMAND, "--approve", REQUEST], env) as terminal:
            asked = terminal.wait_for("[e]dit?")
            spent = len(endpoint.requests)
            terminal.type("r\n")
            asked = terminal.wait_for("What should be different?", after=asked)
            terminal.type("more wood\n")
            terminal.wait_for("[e]dit?", after=asked)
            terminal.type("e\n")
            code = terminal.end()
        tasks = [last_of(call.body) for call in endpoint.requests if "You are a specialist" in system_of(call.body)]

    assert (code, spent) == (0, 1), terminal.screen.text
    assert sorted(("three oaken raised beds" in task for task in tasks), reverse=True) == [True, False]


def test_the_frame_is_asked_about_once(tmp_path: Path) -> None:
    """At the approval what the plan fixes and why it is so are told, each once; the live view then keeps them."""
    plan = {**json.loads(planned(*TEAM)), "frame": {"date": "6 June"}, "why": "Three trades."}

    def mind(body: Body) -> Turn | str:
        return json.dumps(plan) if "You are the planner" in system_of(body) else team(body)

    with Endpoint(mind) as endpoint, Terminal([COMMAND, "--approve", REQUEST], around(tmp_path, endpoint)) as terminal:
        terminal.wait_for("[e]dit?")
        shown = terminal.screen.text
        terminal.type("a\n")
        terminal.end()
    after = terminal.screen.text.rpartition("[e]dit?")[2]

    assert [shown.count(words) for words in ("date: 6 June", "Three trades.")] == [1, 1], shown
    assert [after.count(words) for words in ("date: 6 June", "Three trades.")] == [1, 1], after


def test_approval_then_interrupt_in_a_terminal(tmp_path: Path) -> None:
    """An approved plan runs as it is; Ctrl-C typed in the terminal ends it, and leaves the cursor and no live view."""

    def mind(body: Body) -> Turn | str:
        return Turn("late", delay=50) if "You are a specialist: gardener" in system_of(body) else team(body)

    with Endpoint(mind) as endpoint, Terminal([COMMAND, "--approve", REQUEST], around(tmp_path, endpoint)) as terminal:
        asked = terminal.wait_for("[e]dit?")
        terminal.type("a\n")
        terminal.wait_for("✓", after=asked)
        began = time.monotonic()
        terminal.type("\x03")
        code = terminal.end()
        took = time.monotonic() - began
    last = terminal.screen.text

    assert (code, terminal.screen.cursor, last.count("working …")) == (130, True, 0), last
    assert [len(re.findall("interrupted; done: S[13](, S3)? of 3 subtasks", last))] == [1]
    assert took < 1


def test_interrupt_at_the_question(tmp_path: Path) -> None:
    """Ctrl-C where the plan waits for an answer leaves the plan once, and no half-drawn view behind the question."""
    with Endpoint(team) as endpoint, Terminal([COMMAND, "--approve", REQUEST], around(tmp_path, endpoint)) as terminal:
        terminal.wait_for("[e]dit?")
        terminal.type("\x03")
        code = terminal.end()
    last = terminal.screen.text

    assert (code, last.count("Plan  3 subtasks")) == (130, 1), last
    assert "interrupted; done: none of 3 subtasks" in last


def test_approval_without_a_terminal(tmp_path: Path) -> None:
    """Where there is nobody to ask, the plan is shown and waits: exit 3, no answer, and no worker is paid."""
    with Endpoint(team) as endpoint:
        ended = orchestrate("--approve", REQUEST, env=around(tmp_path, endpoint))
        workers = [call for call in endpoint.requests if "You are a specialist" in system_of(call.body)]

    assert (ended.returncode, ended.stdout.strip(), workers) == (3, "", []), ended.stderr
    assert ("needs a terminal to ask in" in ended.stderr, "Traceback" in ended.stderr) == (True, False)
