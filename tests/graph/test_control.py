"""Control: a person's hand on a run: stop one, do one again, a message, pause, write up, leave. Nothing finished is lost."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from graph import AllWorkersFailed, BadRequest, Left, RunHandle, Specialist, begin
from tests.endpoint import Endpoint
from tests.graph.test_retry import Keeper
from tests.minds import REQUEST, Team, calls_of, disagreement, join_all, plan_of, prompts_of, synthesis_of
from tests.turn import Body, Turn

SLOW = Turn("One word follows another. " * 40, chunk_delay=0.02)  # a second, if it is let


class Watched:
    """A run and what it has told."""

    def __init__(self, **settings: Any) -> None:
        """Begin it."""
        self.events: list[Any] = []
        self._news = threading.Condition()
        self.run: RunHandle = begin(REQUEST, on_event=self._told, **settings)

    def _told(self, event: Any) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def until(self, seen: Callable[[Any], bool]) -> None:
        """Wait for an event."""
        with self._news:
            assert self._news.wait_for(lambda: any(map(seen, self.events)), 20)

    def until_all_but_the_publicist(self) -> None:
        """Wait until the caterer and the safety officer have ended, and the publicist writes."""
        self.until(_text_of("S2"))
        self.until(_done("S1"))
        self.until(_done("S3"))


def _text_of(name: str) -> Callable[[Any], bool]:
    return lambda event: event["type"] == "worker_text" and event["id"] == name


def _done(name: str) -> Callable[[Any], bool]:
    return lambda event: event["type"] == "worker" and event["id"] == name and event["status"] == "done"


def statuses(state: Any) -> dict[str, str]:
    """Give what became of each subtask."""
    return {outcome["id"]: outcome["status"] for outcome in state["outcomes"]}


def test_one_is_stopped(endpoint: Endpoint, team: Team) -> None:
    """A stopped worker is a partial result with its text so far, charged, and named in the answer."""
    team.workers = {"publicist": SLOW}
    watched = Watched()
    watched.until_all_but_the_publicist()
    watched.run.stop("S2")
    state = watched.run.result(20).state
    stopped = state["outcomes"][1]

    assert statuses(state) == {"S1": "done", "S2": "partial", "S3": "done"}
    assert stopped["error"] == "stopped by a person"
    assert 0 < len(stopped["output"]) < len(SLOW.text)
    assert [charge["known"] for charge in stopped["charges"]] == [False]
    assert (state["complete"], [gap["subtask_id"] for gap in state["gaps"]]) == (False, ["S2"])


def test_one_is_begun_anew_with_advice(endpoint: Endpoint, team: Team) -> None:
    """A worker at work begins anew with a person's words in its task, and both tries are on its bill."""
    tries: list[Turn] = [SLOW]
    team.workers = {"publicist": lambda _: tries.pop() if tries else "A leaflet in Dutch."}
    watched = Watched()
    watched.until(_text_of("S2"))
    watched.run.again("S2", "Write it in Dutch.")
    state = watched.run.result(20).state

    assert (state["complete"], state["outcomes"][1]["output"]) == (True, "A leaflet in Dutch.")
    assert len(state["outcomes"][1]["charges"]) == 2
    assert sum("Write it in Dutch." in prompt for prompt in prompts_of(endpoint, "worker")) == 1


def test_a_finished_one_is_done_again(endpoint: Endpoint, team: Team) -> None:
    """What is finished is done again after the others, before the answer is written, and is paid for twice."""
    team.workers = {"publicist": SLOW}
    watched = Watched()
    watched.until(_done("S1"))
    watched.run.again("S1", "No nuts.")
    state = watched.run.result(20).state

    assert (state["complete"], statuses(state)) == (True, {"S1": "done", "S2": "done", "S3": "done"})
    assert (len(calls_of(endpoint, "worker")), len(calls_of(endpoint, "synthesiser"))) == (4, 1)
    assert "No nuts." in prompts_of(endpoint, "worker")[-1]
    assert state["spend"]["calls"] == 6


def test_written_up_now(endpoint: Endpoint, team: Team) -> None:
    """What is finished becomes the answer; the rest is stopped and named, and no follow-up is asked for."""
    team.workers = {"publicist": Turn("", delay=20)}
    watched = Watched()
    watched.until(_done("S1"))
    watched.until(_done("S3"))
    watched.run.stop_and_write_up()
    answer = watched.run.result(20)

    assert statuses(answer.state) == {"S1": "done", "S2": "failed", "S3": "done"}
    assert "publicist" in answer.partition("What is missing")[2]
    assert (answer.state["complete"], len(calls_of(endpoint, "synthesiser"))) == (False, 1)


def test_nothing_to_write_up(endpoint: Endpoint, team: Team) -> None:
    """Where nothing is finished there is no answer to be written, and the error lists who was stopped."""
    team.workers = dict.fromkeys(("caterer", "publicist", "safety officer"), Turn("", delay=20))
    watched = Watched()
    watched.until(lambda event: event["type"] == "worker" and event["id"] == "S3")
    watched.run.stop_and_write_up()

    with pytest.raises(AllWorkersFailed, match="S2 publicist: failed: stopped by a person"):
        watched.run.result(20)


def test_a_pause(endpoint: Endpoint, team: Team) -> None:
    """While a run is paused no call begins; afterwards it goes on to its whole answer."""
    team.workers = {"caterer": SLOW}
    watched = Watched(max_parallel=1)
    watched.until(_text_of("S1"))
    watched.run.pause()
    watched.until(_done("S1"))
    time.sleep(0.1)
    asked = len(calls_of(endpoint, "worker"))
    watched.run.go_on()

    assert (asked, watched.run.result(20).state["complete"]) == (1, True)


def test_a_message_to_one_that_waits(endpoint: Endpoint, team: Team) -> None:
    """A worker that waits for a slot hears a message though it has no tools; one that writes refuses it."""
    team.workers = {"caterer": SLOW}
    watched = Watched(max_parallel=1)
    watched.until(_text_of("S1"))
    watched.until(lambda event: event["type"] == "worker_waiting" and event["id"] == "S3")
    watched.run.tell("S3", "The road is steep.")

    with pytest.raises(BadRequest, match="S1 works without tools"):
        watched.run.tell("S1", "No nuts.")
    with pytest.raises(BadRequest, match="S9 is not at work; at work: S1, S2, S3"):
        watched.run.stop("S9")
    state = watched.run.result(20).state
    assert (state["complete"], len(calls_of(endpoint, "worker"))) == (True, 3)
    assert sum("The road is steep." in prompt for prompt in prompts_of(endpoint, "worker")) == 1


def test_a_run_that_is_left_is_resumed(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """Told to leave off, a run finishes what is under way and begins nothing; a resume does the rest, and no more."""
    team.workers = {"caterer": SLOW}
    watched = Watched(max_parallel=1, database=tmp_path / "runs.db")
    watched.until(_text_of("S1"))
    watched.until(lambda event: event["type"] == "worker_waiting" and event["id"] == "S3")
    watched.run.leave()
    with pytest.raises(Left):
        watched.run.result(20)
    asked = len(calls_of(endpoint, "worker"))
    keeper = Keeper(tmp_path / "runs.db")
    keeper.id = watched.run.id
    before = keeper.shown()[0].status
    state = keeper.resume()

    assert (asked, before, len(calls_of(endpoint, "worker"))) == (1, "interrupted", 3)
    assert (state["complete"], state["spend"]["calls"]) == (True, 5)


def test_a_run_that_rests_is_written_up(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """A run that was left in the middle is written up from what it has, without asking one more worker."""
    team.workers = {"caterer": SLOW}
    watched = Watched(max_parallel=1, database=tmp_path / "runs.db")
    watched.until(_text_of("S1"))
    watched.run.leave()
    with pytest.raises(Left):
        watched.run.result(20)
    keeper = Keeper(tmp_path / "runs.db")
    keeper.id = watched.run.id
    state = keeper.resume(writing_up=True)

    assert statuses(state) == {"S1": "done", "S2": "failed", "S3": "failed"}
    assert (state["complete"], len(calls_of(endpoint, "worker"))) == (False, 1)
    assert "publicist" in state["answer"].partition("What is missing")[2]


def test_a_message_to_one_with_tools(endpoint: Endpoint, team: Team) -> None:
    """A worker with tools hears a message before its next call, and once more before it would end."""
    heard: list[Body] = []
    watched: list[Watched] = []

    def caterer(body: Body) -> Turn:
        heard.append(body)
        if len(heard) == 1:
            watched[0].run.tell("S1", "No nuts.")
            return Turn(tool_calls=[{"name": "calculate", "args": {"expression": "80 * 2"}}])
        if len(heard) == 2:
            watched[0].run.tell("S1", "No fish.")
        return Turn("Rice for 160.")

    team.workers = {"caterer": caterer}
    team.planner = [plan_of({"caterer": "Feed 80 people."})]
    cook = Specialist("caterer", "feeds people", tools=("calculate",))
    watched.append(Watched(specialists=[cook]))
    watched[0].run.result(20)

    assert ["No nuts." in str(body["messages"]) for body in heard] == [False, True, True]
    assert ["No fish." in str(body["messages"]) for body in heard] == [False, False, True]


def test_begun_anew_within_the_ceiling(endpoint: Endpoint, team: Team) -> None:
    """However often one that drew from the pool is begun anew, the run stays under its ceiling."""
    asked = []
    usage = {"prompt_tokens": 2_500, "completion_tokens": 10, "total_tokens": 2_510}

    def work(body: Body) -> Turn | str:
        asked.append(body)
        if len(asked) > 60 or not body.get("tools"):
            return "Nothing is found."
        if len(asked) >= 11 and len(asked) % 2:
            watched.run.again("S1", "Look again.")
        return Turn(
            "", tool_calls=[{"name": "calculate", "args": {"expression": f"{len(asked)} + 1"}}], usage=usage, delay=0.05
        )

    team.planner, team.workers = [plan_of({"finder": "Find it.", "publicist": "Tell of it."})], {"finder": work}
    finder = Specialist("finder", "finds", instructions="Find.", tools=("calculate",))
    watched = Watched(specialists=[finder], budget_tokens=100_000)
    spend = watched.run.result(30).state["spend"]

    assert 20_000 < spend["input_tokens"] + spend["output_tokens"] <= 100_000


def test_nothing_planned_is_lost(endpoint: Endpoint, team: Team) -> None:
    """One that has not begun begins with the advice and is done once; all of the plan that waited for approval is done."""
    said = []

    def approve(_asked: Any) -> Any:
        said.append(watched.run.again("S3", "Cheaper."))
        return {"decisions": [{"type": "approve"}]}

    watched = Watched(approve_plan=True, on_question=approve)
    state = watched.run.result(20).state

    assert (state["complete"], list(statuses(state))) == (True, ["S1", "S2", "S3"])
    assert said == ["S3 has not begun; it begins with these words"]
    assert ["Cheaper." in prompt for prompt in prompts_of(endpoint, "worker")].count(True) == 1
    assert len(calls_of(endpoint, "worker")) == 3


def test_a_queued_one_is_done_once(endpoint: Endpoint, team: Team) -> None:
    """One that waits for its turn hears the advice before its first call, and is paid for once."""
    team.workers = {"caterer": SLOW}
    watched = Watched(max_parallel=1)
    watched.until(_text_of("S1"))
    watched.run.again("S3", "Cheaper.")
    state = watched.run.result(20).state

    assert (state["complete"], len(calls_of(endpoint, "worker"))) == (True, 3)
    assert ["Cheaper." in prompt for prompt in prompts_of(endpoint, "worker")].count(True) == 1
    assert len(state["outcomes"][2]["charges"]) == 1


def test_left_while_it_waits(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """A run that waits for a person can be left; it still waits then, and a resume asks again."""
    asked = threading.Event()

    def ask(_asked: Any) -> Any:
        asked.set()
        time.sleep(20)

    watched = Watched(approve_plan=True, on_question=ask, database=tmp_path / "runs.db")
    assert asked.wait(20)
    watched.run.leave()
    with pytest.raises(Left, match="waits for your decision"):
        watched.run.result(10)

    assert len(calls_of(endpoint, "worker")) == 0


def test_no_follow_up_is_lost(endpoint: Endpoint, team: Team) -> None:
    """What is done again while the synthesiser asks for a follow-up is done beside it; an unknown id hinders neither."""

    def ask_for_more(_body: Body) -> str:
        watched.run.again("S1", "Cheaper.")
        with pytest.raises(BadRequest, match="there is no S9 in this run; there are: S1, S2, S3"):
            watched.run.again("S9")
        unsettled = disagreement(
            "menu", ("S1", "a", "The caterer has done it."), ("S2", "b", "The publicist has done it.")
        )
        return synthesis_of("", [unsettled], follow_ups=[("accountant", "Work out what the party costs.", "D1")])

    team.synthesiser = [ask_for_more, join_all]
    watched = Watched()
    state = watched.run.result(20).state

    assert list(statuses(state)) == ["S1", "S2", "S3", "S4"]
    assert "Cheaper." in "".join(prompts_of(endpoint, "worker")[3:])
