"""Steering: keys in the live view, orders from another terminal, and SIGTERM."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from graph.cli.keys import Keys, subtask_id
from tests.cli.test_cli import COMMAND, REQUEST, around, team
from tests.cli.test_commands import run_id
from tests.command import orchestrate
from tests.endpoint import Endpoint, Turn
from tests.minds import role_of
from tests.turn import Body


def typed(keys: str) -> list[dict[str, str]]:
    """Give the orders that come of these keys."""
    given: list[dict[str, str]] = []
    made = Keys(given.append, lambda: bool(given) and given[-1]["do"] == "pause")
    for key in keys:
        made.press(key)
    return given


@pytest.mark.parametrize(
    ("keys", "orders"),
    [
        ("pp", [{"do": "pause"}, {"do": "go-on"}]),
        ("s2\r", [{"do": "stop", "subtask": "S2", "words": ""}]),
        ("aS3 In Dutcf\x7fh.\n", [{"do": "again", "subtask": "S3", "words": "In Dutch."}]),
        ("m1 p s w\n", [{"do": "tell", "subtask": "S1", "words": "p s w"}]),
        ("w\x1bw\n", [{"do": "write-up"}]),
        ("s\nxyz", []),
    ],
)
def test_keys(keys: str, orders: list[dict[str, str]]) -> None:
    """A key begins an order, Enter gives it, Esc does not, and other keys mean nothing."""
    assert orders == typed(keys)


def test_what_is_asked_is_seen() -> None:
    """The line below the view tells the keys, or what is being typed."""
    keys = Keys(lambda _: None, lambda: True)
    before = keys.line
    keys.press("s")
    keys.press("4")

    assert before.startswith("p go on")
    assert keys.line.startswith("stop which? 4")


@pytest.mark.parametrize("given", ["2", "s2", "[S2]", "S2:"])
def test_an_id_as_people_type_it(given: str) -> None:
    """A subtask is named with or without its letter."""
    assert subtask_id(given) == "S2"


def slow(times: int) -> Callable[[Body], Turn | str]:
    """Make a mind that answers, as a specialist slowly."""

    def mind(body: Body) -> Turn | str:
        said = team(body)
        text = said.text if isinstance(said, Turn) else said
        return Turn(f"{text} " * times, chunk_delay=0.05) if role_of(body) == "worker" else said

    return mind


class Process:
    """A command under way in another terminal."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.said = folder / "stderr"
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [COMMAND, REQUEST, "-s", "max_rounds=1"], env=env, cwd=folder, text=True,
                stderr=said, stdout=subprocess.PIPE,
            )  # fmt: skip

    def until(self, words: str) -> str:
        """Wait until it has said something; give the run's id."""
        for _ in range(600):
            if words in self.said.read_text():
                return run_id(self.said.read_text())
            time.sleep(0.05)
        raise AssertionError(self.said.read_text())

    def end(self) -> tuple[int, str]:
        """Wait for its end; give its exit code and what it wrote."""
        written, _ = self.process.communicate(timeout=60)
        return self.process.returncode, written


def test_from_another_terminal(tmp_path: Path) -> None:
    """A run under way takes orders from another command, says so, and writes up what it has."""
    with Endpoint(slow(2000)) as endpoint:  # longer than any machine takes for three commands: it is written up
        env = around(tmp_path, endpoint)
        running = Process(tmp_path, env)
        name = running.until("S1 ")
        time.sleep(0.5)
        stopped = orchestrate("steer", name, "stop", "s1", env=env)
        running.until("S1 is stopped")
        wrong = orchestrate("steer", name, "dance", env=env)
        written = orchestrate("write-up", name, env=env)
        code, answer = running.end()

    assert (stopped.returncode, written.returncode, wrong.returncode, code) == (0, 0, 2, 3)
    assert "stop S2, again S2" in wrong.stderr
    assert "## Garden" in answer


def test_a_signal_to_end(tmp_path: Path) -> None:
    """SIGTERM lets the calls under way end, begins none, and says how to go on."""
    with Endpoint(slow(20)) as endpoint:
        env = around(tmp_path, endpoint) | {"ORCHESTRATOR_MAX_PARALLEL": "1"}
        running = Process(tmp_path, env)
        name = running.until("waits for a free slot")
        running.process.send_signal(signal.SIGTERM)
        code, _ = running.end()
        said = running.said.read_text()
        shown = orchestrate("show", name, env=env)
        nobody = orchestrate("steer", name, "pause", env=env)

    assert (code, nobody.returncode) == (130, 2)
    assert "leaves off: what is under way is finished and kept" in said
    assert f"done: S1 of 3 subtasks. To go on: orchestrate resume {name}" in said
    assert "was told to leave off" in shown.stderr
    assert "nobody is at work" in nobody.stderr
