"""Rounds: follow-ups settle what is open, earlier work is kept, and nothing found is lost on the way."""

from typing import Any

import pytest

from graph import graph
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, TASKS, Team, calls_of, disagreement, fenced, prompts_of, synthesis_of

LATE, EARLY = "The music plays until 19:00, as people like it.", "All noise must stop at 18:00 sharp."
MUSIC = disagreement(
    "end of music", ("S1", "music until 19:00", "until 19:00"), ("S3", "silence at 18:00", "stop at 18:00 sharp")
)
RAIN = {"subtask_id": None, "what": "what happens when it rains", "why": "nobody was asked"}
WEATHER = ("weather adviser", "Say what changes when it rains on a Saturday afternoon, who decides it, and when.")
JUDGE = ("noise lawyer", "Find out from the rules for closed roads when the end of music has to be on a Saturday.")
CITED = "[S1] [S2] [S3]"
LATER = f"All done. {CITED} [S4]"


def run(team: Team, *said: Turn | str, **context: Any) -> dict[str, Any]:
    team.workers |= {"caterer": LATE, "safety officer": EARLY}
    team.synthesiser = list(said)
    settings: Any = context
    return dict(graph.invoke({"request": REQUEST}, context=settings))


def test_a_gap_is_filled(endpoint: Endpoint, team: Team) -> None:
    """A follow-up goes on with the ids; earlier outcomes are kept and not paid again."""
    state = run(team, synthesis_of(f"Not yet. {CITED}", gaps=[RAIN], follow_ups=[WEATHER]), synthesis_of(LATER))

    assert [(one["id"], one["round"]) for one in state["outcomes"]] == [("S1", 1), ("S2", 1), ("S3", 1), ("S4", 2)]
    assert (len(calls_of(endpoint, "worker")), len(calls_of(endpoint, "planner"))) == (4, 1)
    assert (state["answer"], state["gaps"], state["complete"]) == (LATER, [], True)


def test_one_round_is_the_plain_pattern(endpoint: Endpoint, team: Team) -> None:
    """With max_rounds=1 the synthesiser is told that there is no further round, and gets none."""
    state = run(team, synthesis_of(f"Not yet. {CITED}", gaps=[RAIN], follow_ups=[WEATHER]), max_rounds=1)

    assert (len(state["outcomes"]), state["gaps"]) == (3, [RAIN])
    assert "there is no further round" in prompts_of(endpoint, "synthesiser")[0]


def test_rounds_are_bounded(endpoint: Endpoint, team: Team) -> None:
    """A synthesiser that is never content stops at max_rounds."""
    more = [
        [("surveyor", f"Measure the {word} of the closed road, and draw where it is narrow.")]
        for word in ("length", "slope", "noise")
    ]
    state = run(
        team,
        *(synthesis_of("More! [S1] [S2] [S3] [S4] [S5]", gaps=[RAIN], follow_ups=one) for one in more),
        max_rounds=3,
    )

    assert [one["id"] for one in state["outcomes"]] == ["S1", "S2", "S3", "S4", "S5"]
    assert len(calls_of(endpoint, "synthesiser")) == 3


def test_a_tie_breaker_gets_both_positions(endpoint: Endpoint, team: Team) -> None:
    """A follow-up on an open disagreement is told who holds what, though its task did not say so."""
    run(team, synthesis_of(f"Open. {CITED}", [MUSIC], follow_ups=[JUDGE]), synthesis_of(LATER))
    task = fenced("task", calls_of(endpoint, "worker")[-1].body)

    assert task.startswith(JUDGE[1])
    assert [
        words
        for words in ("caterer: music until 19:00", "safety officer: silence at 18:00", "stop at 18:00 sharp")
        if words not in task
    ] == []


def test_a_later_round_forgets(endpoint: Endpoint, team: Team) -> None:
    """A disagreement that a later ledger leaves out stays, and is shown."""
    state = run(team, synthesis_of(f"Open. {CITED}", [MUSIC], follow_ups=[WEATHER]), synthesis_of(LATER))

    assert [one["topic"] for one in state["disagreements"]] == ["end of music"]
    assert "caterer [S1] holds: music until 19:00" in state["answer"]
    assert "end of music" in prompts_of(endpoint, "synthesiser")[1]


def test_a_later_round_resolves(endpoint: Endpoint, team: Team) -> None:
    """A later ledger may settle what an earlier one left open; it is one entry then, and says how."""
    team.workers = {"noise lawyer": "By-law 7 ends music at 18:00."}
    positions = [(one["subtask_id"], one["claim"], one["quote"]) for one in MUSIC["positions"]]
    settled = disagreement(
        "end of music",
        *positions,
        ("S4", "by-law ends it at 18:00", "ends music at 18:00"),
        resolution="by-law 7 decides",
    )
    state = run(team, synthesis_of(f"Open. {CITED}", [MUSIC], follow_ups=[JUDGE]), synthesis_of(LATER, [settled]))

    assert [one["resolution"] for one in state["disagreements"]] == ["by-law 7 decides"]
    assert "Settled: by-law 7 decides" in state["answer"]


def test_two_disagreements_of_the_same_two(endpoint: Endpoint, team: Team) -> None:
    """A new disagreement between the same subtasks does not take an old one's place."""
    other = disagreement(
        "end of music setup",
        ("S1", "as people like it", "as people like it"),
        ("S3", "all noise", "All noise must stop"),
    )
    state = run(team, synthesis_of(f"Open. {CITED}", [MUSIC], follow_ups=[WEATHER]), synthesis_of(LATER, [other]))

    assert [one["topic"] for one in state["disagreements"]] == ["end of music setup", "end of music"]


@pytest.mark.parametrize("follow_up", [("caterer", TASKS["caterer"]), ("cook", "todo"), ("", "")])
def test_a_follow_up_that_cannot_be_run(endpoint: Endpoint, team: Team, follow_up: tuple[str, str]) -> None:
    """A follow-up that repeats finished work, or is nonsense, is dropped, and the answer stands."""
    state = run(team, synthesis_of(f"Fine. {CITED}", gaps=[RAIN], follow_ups=[follow_up]))

    assert (state["answer"], len(state["outcomes"]), state["complete"]) == (f"Fine. {CITED}", 3, True)
    assert len(calls_of(endpoint, "synthesiser")) == 1


def test_a_follow_up_without_a_reason(endpoint: Endpoint, team: Team) -> None:
    """Where nothing is open and nothing is missing, no further round is paid for."""
    state = run(team, synthesis_of(f"Fine. {CITED}", follow_ups=[WEATHER]))

    assert (state["answer"], len(state["outcomes"])) == (f"Fine. {CITED}", 3)


def test_a_follow_up_that_fails(endpoint: Endpoint, team: Team) -> None:
    """A follow-up that fails is a gap; the answer is still given from what there is."""
    team.workers = {"weather adviser": Turn(fault="400")}
    state = run(
        team, synthesis_of(f"Not yet. {CITED}", gaps=[RAIN], follow_ups=[WEATHER]), synthesis_of(f"Fine. {CITED}")
    )

    assert state["answer"].startswith(f"Fine. {CITED}")
    assert [(gap["subtask_id"], gap["why"].split(":")[0]) for gap in state["gaps"]] == [("S4", "failed")]
    assert state["complete"] is False


def test_follow_ups_within_the_money(endpoint: Endpoint, team: Team) -> None:
    """Follow-ups that the budget does not reach are left out, and the answer stands."""
    state = run(team, synthesis_of(f"Fine. {CITED}", gaps=[RAIN], follow_ups=[WEATHER]), budget_tokens=45_000)
    spend = state["spend"]

    assert state["answer"].startswith("Fine.")
    assert spend["input_tokens"] + spend["output_tokens"] <= 45_000


def test_a_resolution_is_told(endpoint: Endpoint, team: Team) -> None:
    """A resolved disagreement that the text tells without its resolution is shown with it."""
    settled = {**MUSIC, "resolution": "The road opens again at six."}
    text = f"The caterer has music until 19:00, the safety officer silence at 18:00. {CITED}"
    state = run(team, synthesis_of(text, [settled]))

    assert "Settled: The road opens again at six." in state["answer"]


def test_positions_without_holders_are_not_shown(endpoint: Endpoint, team: Team) -> None:
    """An answer that tells two positions but not whose they are gets the section that does."""
    text = f"## Music\n\nMusic until 19:00, or silence at 18:00.\n\n## Sources\n\n{CITED}"
    state = run(team, synthesis_of(text, [MUSIC]))

    assert "caterer [S1] holds: music until 19:00" in state["answer"]


def test_tokens_carry_their_subtask(endpoint: Endpoint, team: Team) -> None:
    """In `messages` mode a worker's tokens name their subtask, and the synthesiser's are the answer's text alone."""
    team.synthesiser = [synthesis_of(f"Fine. {CITED}", [MUSIC])]
    team.workers = {"caterer": LATE, "safety officer": EARLY}
    by_id: dict[str, str] = {}
    answer = ""
    parts: Any = graph.stream({"request": REQUEST}, stream_mode="messages")
    for message, meta in parts:
        if meta["langgraph_node"] == "worker":
            by_id[meta["subtask_id"]] = by_id.get(meta["subtask_id"], "") + message.text
        elif meta["langgraph_node"] == "synthesiser":
            answer += message.text

    assert (by_id["S1"], by_id["S3"]) == (LATE, EARLY)
    assert answer.startswith(f"Fine. {CITED}\n\n## Where the specialists disagree")


def test_the_first_piece_comes_at_once(endpoint: Endpoint, team: Team) -> None:
    """The ledger comes before the answer, and the answer's first piece while the reply is still arriving."""
    team.synthesiser = [Turn(synthesis_of("word " * 100 + CITED, [MUSIC]), chunk=10, chunk_delay=0.004)]
    kinds, in_flight = list[str](), list[int]()
    events: Any = graph.stream({"request": REQUEST}, stream_mode="custom")
    for event in events:
        if event["type"] in ("ledger", "answer"):
            kinds.append(event["type"])
            in_flight.append(endpoint.in_flight)

    assert kinds[:2] == ["ledger", "answer"]
    assert in_flight[:2] == [1, 1]
    assert len(kinds) > 20


def test_a_restart_is_told(endpoint: Endpoint, team: Team) -> None:
    """When the endpoint fails in mid answer and the reply begins again, the reader is told to forget what came."""
    reply = synthesis_of("word " * 60 + CITED)
    team.synthesiser = [Turn(reply, fault="reset-mid"), reply]
    events: Any = list(graph.stream({"request": REQUEST}, stream_mode="custom"))
    last = max(at for at, event in enumerate(events) if event["type"] == "answer_restart")
    text = "".join(event["text"] for event in events[last:] if event["type"] == "answer")

    assert text == "word " * 60 + CITED
