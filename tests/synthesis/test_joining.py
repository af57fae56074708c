"""Joining: results larger than the window, replies cut off by length, and money that does not reach."""

import json
import re
from typing import Any

import pytest

from graph import graph
from tests.endpoint import Endpoint, Turn, prompt_of, system_of
from tests.minds import REQUEST, Team, calls_of, disagreement, plan_of, synthesis_of
from tests.turn import Body

NAMES = ["anchor", "birch", "candle", "dragon", "ember", "falcon", "garden", "harbour", "island", "jungle"]


def many(number: int) -> str:
    """Write a plan of that many subtasks that are nothing like each other."""
    words = [f"{name}{two}" for name in NAMES for two in NAMES] * 2
    return plan_of(
        [
            (
                f"surveyor {at}",
                f"Measure {words[at]}{at} and weigh {words[-at - 1]}{at * 7} in {at + 3} steps of {words[at * 3 % 200]}x{at}.",
            )
            for at in range(number)
        ]
    )


def long_result(size: int) -> Any:
    """Give results of that size, of which two disagree."""

    def work(body: Body) -> Turn:
        match = re.search(r"specialist: surveyor (\d+)\.", system_of(body))
        assert match is not None
        own = {"3": "The tower stands 300 metres high.", "4": "The tower stands 240 metres high."}
        line = own.get(match[1], f"Nothing odd about number {match[1]}.")
        return Turn((f"{line}\n" + "All the rest is as usual here.\n" * (size // 31 + 1))[:size], chunk=50_000)

    return work


class Reader:
    """A synthesiser that counts tokens, refuses what is over its window, and knows only what it reads."""

    def __init__(self, window: int, bytes_a_token: float) -> None:
        self.window, self.bytes_a_token = window, bytes_a_token
        self.refused = 0
        self.largest = 0.0

    def __call__(self, body: Body) -> Turn:
        """Answer, or refuse, one request."""
        prompt = prompt_of(body)
        tokens = len(prompt.encode()) / self.bytes_a_token
        if tokens > self.window:
            self.refused += 1
            return Turn(fault="context-length")
        self.largest = max(self.largest, tokens)
        part = "these are part" in prompt_of(body)
        quotes = dict.fromkeys(re.findall(r"The tower stands \d+ metres high\.", prompt))
        ids = list(dict.fromkeys(re.findall(r"^(S\d+), surveyor|\[(S\d+)\]", prompt, re.MULTILINE)))
        cited = " ".join(f"[{subtask_id or two}]" for subtask_id, two in ids)
        entries = [TOWER] if len(quotes) == 2 and (part or "height of the tower" not in prompt) else []
        gaps = [{"subtask_id": None, "what": "the tower's colour", "why": "nobody says"}] if part and quotes else []
        return Turn(synthesis_of(f"{' '.join(quotes)} {cited}", entries, gaps), chunk=50_000)


TOWER = disagreement(
    "height of the tower",
    ("S4", "300 metres", "The tower stands 300 metres high."),
    ("S5", "240 metres", "The tower stands 240 metres high."),
)


def read(team: Team, number: int, size: int, reader: Reader, **context: Any) -> dict[str, Any]:
    work = long_result(size)
    team.planner, team.synthesiser = [many(number)], [reader]
    team.workers = {f"surveyor {at}": work for at in range(number)}
    settings: Any = {"max_subtasks": number, "max_rounds": 1, "max_parallel": 64, "context_window": 32_000}
    settings |= context
    return dict(graph.invoke({"request": REQUEST}, context=settings))


@pytest.mark.parametrize("bytes_a_token", [4.0, 1.7])
def test_two_hundred_long_results(endpoint: Endpoint, team: Team, bytes_a_token: float) -> None:
    """200 results of 20 kB on a window of 32,000 tokens: ids, quotes, gaps and the ledger survive to the top."""
    reader = Reader(32_000, bytes_a_token)
    state = read(team, 200, 20_000, reader)
    (entry,) = state["disagreements"]

    assert len(state["outcomes"]) == 200
    assert set(re.findall(r"\[(S\d+)\]", state["answer"])) == {f"S{at}" for at in range(1, 201)}
    assert [position["verified"] for position in entry["positions"]] == [True, True]
    assert [gap["what"] for gap in state["gaps"]] == ["the tower's colour"]
    assert "they were joined from" in state["answer"]
    assert reader.largest <= 32_000
    assert (reader.refused > 0) is (bytes_a_token < 3)


@pytest.mark.parametrize("window", [None, 32_000])
def test_a_window_that_is_smaller_than_told(endpoint: Endpoint, team: Team, window: int | None) -> None:
    """A refusal for length halves the step and goes on, whether a window was told or not."""
    reader = Reader(9_000, 4)
    endpoint.models.append("some-unknown-model")
    state = read(team, 12, 6_000, reader, context_window=window, synthesiser_model="openai:some-unknown-model")

    assert reader.refused > 0
    assert len(state["disagreements"]) == 1
    assert "The tower stands 240 metres high." in state["answer"]


def test_finished_parts_are_not_paid_again(endpoint: Endpoint, team: Team) -> None:
    """When one part is over the window, the parts that were joined are kept."""
    reader = Reader(100_000, 4)

    def refuse_one(body: Body) -> Turn:
        first = "these are part 1 of 3" in prompt_of(body) and reader.refused == 0
        reader.refused += first
        return Turn(fault="context-length") if first else reader(body)

    team.synthesiser = [refuse_one]
    state = read(team, 12, 6_000, refuse_one, context_window=16_000)  # type: ignore[arg-type]
    prompts = [prompt_of(call.body) for call in calls_of(endpoint, "synthesiser")]

    assert len(state["disagreements"]) == 1
    assert [sum(f"Nothing odd about number {at}." in prompt for prompt in prompts) for at in (0, 10)] == [2, 1]


def test_a_window_too_small_for_anything(endpoint: Endpoint, team: Team) -> None:
    """Where even the smallest step is refused, the results follow one by one and the run says why."""
    state = read(team, 3, 2_000, Reader(10, 4))

    assert state["stop_reason"].startswith("synthesis failed: the model's context window is too small")
    assert [words for words in ("[S1]", "[S2]", "[S3]") if words not in state["answer"]] == []


def test_a_part_that_fails_is_shortened(endpoint: Endpoint, team: Team) -> None:
    """A part whose call fails is shortened by code, its results are named as shortened, and its cost is counted."""
    reader = Reader(32_000, 4)

    def fail_one(body: Body) -> Turn:
        return Turn(fault="400") if "these are part 1 of" in prompt_of(body) else reader(body)

    state = read(team, 12, 6_000, fail_one, context_window=16_000)  # type: ignore[arg-type]
    shortened = [gap["subtask_id"] for gap in state["gaps"] if gap["why"].startswith("shortened")]

    assert shortened[:2] == ["S1", "S2"]
    assert (state["complete"], set(shortened) < {outcome["id"] for outcome in state["outcomes"]}) == (False, True)


@pytest.mark.parametrize("budget", [{"budget_tokens": 60_000}, {"budget_tokens": 150_000}, {"budget_usd": 0.5}])
def test_never_over_the_ceiling(endpoint: Endpoint, team: Team, budget: dict[str, float]) -> None:
    """With a budget, long results are joined within it, and there is still a synthesis."""
    state = read(team, 6, 20_000, Reader(32_000, 1), **budget)  # the dearest tokenizer there can be
    spend = state["spend"]

    assert spend["input_tokens"] + spend["output_tokens"] <= budget.get("budget_tokens", 10**9)
    assert spend["usd"] <= budget.get("budget_usd", 10**9)
    assert not (state["stop_reason"] or "").startswith("synthesis failed")


ONE_ROUND: Any = {"max_rounds": 1}
WHOLE = "The party begins at two. " * 30 + "[S1] [S2] [S3]"


def continued(team: Team, *pieces: Turn | str) -> dict[str, Any]:
    text = synthesis_of(WHOLE)
    cut = text.index("begins") + 100
    rest = json.loads(text)["answer"][len(text[text.index("The party") : cut]) :]
    said = [piece if isinstance(piece, Turn) else piece.replace("REST", rest) for piece in pieces]
    team.synthesiser = [Turn(text[:cut], finish_reason="length"), *said]
    return dict(graph.invoke({"request": REQUEST}, context=ONE_ROUND))


def test_a_cut_off_answer_is_continued(endpoint: Endpoint, team: Team) -> None:
    """An answer cut off by length is gone on with where it stopped."""
    state = continued(team, "REST")

    assert (state["answer"], state["complete"]) == (WHOLE, True)


def test_a_continuation_that_repeats(endpoint: Endpoint, team: Team) -> None:
    """What a continuation repeats of the text before it is not told twice."""
    whole = synthesis_of(f"One, two, three, four, five, six. {WHOLE}")
    cut = whole.index(" six.")
    team.synthesiser = [Turn(whole[:cut], finish_reason="length"), f"three, four, five, six. {WHOLE}"]
    state = graph.invoke({"request": REQUEST}, context=ONE_ROUND)

    assert state["answer"] == f"One, two, three, four, five, six. {WHOLE}"


def test_an_answer_without_end(endpoint: Endpoint, team: Team) -> None:
    """Going on is bounded; then the answer is marked incomplete, and what there is of it is kept."""
    state = continued(team, Turn("and so on, ", finish_reason="length"))

    assert len(calls_of(endpoint, "synthesiser")) == 4
    assert state["answer"].count("and so on,") == 3
    assert "cut off by the limit on its length" in state["stop_reason"]


def test_a_cut_off_answer_is_told_once(endpoint: Endpoint, team: Team) -> None:
    """The streamed text is the answer, also where it begins only in the continuation."""
    text = synthesis_of("x", gaps=[{"subtask_id": None, "what": "rain", "why": "nobody asked"}])
    team.synthesiser = [Turn(text[:80], finish_reason="length"), "All is well. [S1] [S2] [S3]"]
    events: Any = [*graph.stream({"request": REQUEST}, context=ONE_ROUND, stream_mode=["custom", "values"])]
    streamed = "".join(part["text"] for mode, part in events if mode == "custom" and part["type"] == "answer")

    assert streamed == events[-1][1]["answer"]
