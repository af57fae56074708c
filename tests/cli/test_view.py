"""The live view: a run's events as rows that fit the terminal, whatever its size."""

import time
from typing import Any

import pytest
from rich.console import Console

from graph.cli.drawing import LiveDrawing, final_view, shortened, worker_rows
from graph.cli.summary import command, summary
from graph.plan_text import cost_ahead, counted, frame_lines
from graph.view import View

AT_MOST = {"calls": 4, "tokens": 1000, "usd": 0.5, "capped": True}


def plan(*ids: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """Give the event of a plan."""
    subtasks = [{"id": name, "specialist": f"expert {name}", "task": f"Work out part {name} of it."} for name in ids]
    made = {"round": number, "source": "native", "subtasks": subtasks, "dropped": [], "at_most": AT_MOST, **more}
    return {"type": "plan", "plan": made}


def ended(name: str, status: str = "done", error: str | None = None) -> dict[str, Any]:
    """Give the event of a worker's end."""
    return {"type": "worker", "id": name, "specialist": "expert", "status": status, "error": error, "seconds": 1.0}


def began(name: str) -> dict[str, Any]:
    """Give the event of a worker's start."""
    return {"type": "worker", "id": name, "specialist": "expert", "status": "started"}


def seen(*events: dict[str, Any]) -> tuple[View, list[str]]:
    """Take events; give the view and the plain lines."""
    view = View()
    return view, [line for event in events for line in view.take(event)]


def drawn(view: View, columns: int, rows: int) -> list[str]:
    """Draw a view for a terminal of a size."""
    console = Console(width=columns, height=rows, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(LiveDrawing(view))
    return captured.get().rstrip("\n").split("\n")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (40, 10)])
def test_it_fits(columns: int, rows: int) -> None:
    """With 30 subtasks, a frame and a long answer the view is never higher or wider than the terminal."""
    ids = [f"S{number}" for number in range(1, 31)]
    view, _ = seen(plan(*ids, frame={"date": "Saturday"}, why="Thirty trades."), *map(began, ids[:8]))
    early = drawn(view, columns, rows)
    list(view.take({"type": "answer", "text": "A long line of the answer. " * 200}))
    late = drawn(view, columns, rows)

    assert max(len(early), len(late)) < rows
    assert max(map(len, early + late)) <= columns


def test_late_subtasks_are_seen() -> None:
    """Where 30 rows do not fit, those at work keep theirs, however late in the plan, and the others are counted."""
    ids = [f"S{number}" for number in range(1, 31)]
    view, _ = seen(plan(*ids), *map(ended, ids[:20]), began("S29"), ended("S5", "failed", "no"))
    lines = drawn(view, 80, 24)

    assert ["S29" in line for line in lines].count(True) == 1
    assert next(line for line in lines if line.startswith("S5 ")).split()[:2] == ["S5", "✗"]
    assert "  and 11 done" in "\n".join(lines)


def test_words_stay_whole() -> None:
    """A text that is too long ends after a whole word; one that is too long by itself is cut."""
    assert shortened("Work out the ground plan", 16) == "Work out the …"
    assert shortened("short", 16) == "short"
    assert shortened("Donaudampfschifffahrt", 8) == "Donaud …"
    assert max(len(shortened("語" * 40, width)) * 2 - 2 for width in (10, 11)) <= 11


def test_a_new_plan_replaces_the_old() -> None:
    """After a rejected or edited plan its subtasks are gone; those of an earlier round stay."""
    view, _ = seen(
        plan("S1", "S2", "S3"), plan("S1"), began("S1"), ended("S1"), plan("S2", "S3", number=2), plan("S2", number=2)
    )

    assert list(view.workers) == ["S1", "S2"]


def test_an_event_is_told_once() -> None:
    """Waiting for a slot, another try and a tool's call are told, each in a line and in the worker's row."""
    view, lines = seen(
        plan("S1"),
        began("S1"),
        {"type": "worker_waiting", "id": "S1", "waiting": True},
        {"type": "worker_waiting", "id": "S1", "waiting": False},
        {"type": "worker_restart", "id": "S1", "why": "The server is busy."},
        {"type": "planning_restart", "why": "No connection."},
        {"type": "answer_restart", "why": "It broke off."},
    )
    row = "\n".join(drawn(view, 100, 20))
    list(view.take({"type": "worker_tool", "id": "S1", "tool": "calculate", "args": "2+2", "result": "4"}))

    assert lines[-4:] == [
        "S1 expert S1: waits for a free slot",
        "S1 expert S1: trying again: The server is busy.",
        "planning: trying again: No connection.",
        "joining the results; trying again: It broke off.",
    ]
    assert "trying again: The server is busy." in row
    assert "used calculate(2+2)" in "\n".join(drawn(view, 100, 20))


def test_a_wait_is_no_work() -> None:
    """A worker's clock stands still while it waits for a slot, and its time at the end is without the wait."""
    view, _ = seen(plan("S1"), began("S1"), {"type": "worker_waiting", "id": "S1", "waiting": True})
    time.sleep(0.3)
    waiting = view.workers["S1"].at_work()
    list(view.take({"type": "worker_waiting", "id": "S1", "waiting": False}))
    working = view.workers["S1"].at_work()
    list(view.take({**ended("S1"), "seconds": 5.0}))

    assert (waiting < 0.25, working < 0.25) == (True, True)
    assert 4.5 < view.workers["S1"].seconds <= 4.71


def test_the_runs_costs() -> None:
    """Calls are counted over the whole run, from the first on; what is under way counts as a call, not as money."""
    charge = {"input_tokens": 1000, "output_tokens": 200, "usd": 0.25, "known": True}
    view, _ = seen(
        {"type": "request", "note": "a", "charges": [charge], "settled": False},
        {"type": "request", "note": "a", "charges": [charge], "settled": True},
        {"type": "request", "note": "b", "charges": [charge], "settled": False},
        plan("S1", number=2),
    )
    status = drawn(view, 120, 20)[-1]

    assert view.costs.in_words() == "2 calls · 1,200 tokens · $0.2500"
    assert "0:00 · 2 calls" in status
    assert view.ahead == "at most 5 calls, 1,000 more tokens, $0.5000"


def test_a_fallback_and_the_frame_are_told() -> None:
    """What the plan fixes, why it is so, and that it is no plan at all, are told in lines and in the view."""
    frame = {"date": "6 June", "budget": {"total": 900, "currency": "GBP", "shares": {"food": 400}}}
    view, lines = seen(plan("S1", frame=frame, why="One expert does.", source="fallback", note="It held no subtasks."))
    shown = "\n".join(drawn(view, 120, 20))

    for words in (
        "date: 6 June",
        "budget: 900 GBP (food 400)",
        "One expert does.",
        "given to one worker. It held no subtasks.",
    ):
        assert words in "\n".join(lines)
        assert words in shown


def test_a_failure_is_told_once() -> None:
    """What stays on the screen gives a failure's reason once; the summary then names the subtask alone."""
    view, _ = seen(plan("S1", "S2"), ended("S1"), ended("S2", "timed_out", "no result within 300 s"))
    kept = "\n".join(line.plain for line in final_view(view, 80))
    outcomes = [{"id": "S1", "status": "done"}, {"id": "S2", "status": "timed_out"}]
    gap = {"id": "G1", "subtask_id": "S2", "what": "expert S2", "why": "no result within 300 s"}
    state = {"outcomes": outcomes, "gaps": [gap], "complete": False, "stop_reason": "S2 (no result within 300 s)"}
    lines = [text for text, _ in summary(state, None, {"S2"})]

    assert kept.count("no result within 300 s") == 1
    assert lines == ["incomplete: S2 is not whole"]


def test_nothing_steers_the_terminal() -> None:
    """Escape sequences in a plan, a tool's result or an error come out as plain text."""
    evil = "\x1b[2J\x9b2Jx\u202e\r"
    event = plan("S1", frame={evil: evil}, why=evil, dropped=[{"specialist": evil, "task": evil, "reason": evil}])
    event["plan"]["subtasks"][0].update(specialist=evil, task=evil)
    view, lines = seen(
        event, began("S1"), {"type": "worker_tool", "id": "S1", "tool": evil, "args": evil, "result": evil}
    )
    list(view.take({"type": "answer", "text": evil}))
    text = "\n".join([*lines, *(line.plain for line in final_view(view, 80))])
    rows = "".join(line.plain for line in worker_rows(list(view.workers.values()), 80, 5))

    assert set() == {"\x1b", "\x9b", "\u202e", "\r"} & set(text + rows + "".join(drawn(view, 80, 24)))


@pytest.mark.parametrize(
    ("number", "noun", "words"), [(1, "call", "1 call"), (2, "call", "2 calls"), (0, "entry", "0 entries")]
)
def test_plurals(number: int, noun: str, words: str) -> None:
    """A number and its noun agree."""
    assert counted(number, noun) == words


def test_words_of_a_plan() -> None:
    """A frame is told in words, without what is empty; a cost that nobody knows is said to be unknown."""
    frame = {"headcount": 1200, "indoors": True, "when": None, "rooms": ["hall", "yard"], "share": {"food": 2}}

    assert list(frame_lines(frame)) == [
        ("headcount", "1,200"),
        ("indoors", "yes"),
        ("rooms", "hall, yard"),
        ("share", "food 2"),
    ]
    assert cost_ahead({}) == "cost unknown"


def test_the_next_command() -> None:
    """The command to go on with can be pasted: the database is in it, quoted."""
    assert command("resume", "3f2a", "my runs.db", "--retry") == "orchestrate resume 3f2a --retry --db 'my runs.db'"


@pytest.mark.parametrize(("follow_ups", "doing"), [([], "writing the answer"), ([{}], "asking for more work first")])
def test_a_ledger_with_follow_ups_is_no_answer_yet(follow_ups: list[dict[str, Any]], doing: str) -> None:
    """No answer is told to be under way where the synthesiser asks for more work before it writes one."""
    _, lines = seen({"type": "ledger", "disagreements": [{}], "gaps": [], "follow_ups": follow_ups})

    assert lines == [f"1 disagreement, 0 gaps found; {doing} …"]
