"""Rounds: follow-ups settle what is open, earlier work is kept, and nothing found is lost on the way."""

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph import build_graph, graph
from graph.build import whole
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, TASKS, Team, calls_of, disagreement, fenced, prompts_of, synthesis_of

LATE, EARLY = "The music plays until 19:00, as people like it.", "All noise must stop at 18:00 sharp."
SIDES = (("S1", "music until 19:00", "until 19:00"), ("S3", "silence at 18:00", "stop at 18:00 sharp"))
MUSIC = disagreement("end of music", *SIDES)
RAIN = {"id": "G1", "subtask_id": None, "what": "what happens when it rains", "why": "nobody was asked"}
WEATHER = ("weather adviser", "Say what changes when it rains on a Saturday afternoon, who decides it, and when.", "G1")
JUDGE = ("noise lawyer", "Find out from the rules for closed roads when music has to end on a Saturday.", "D1")
CITED = "[S1] [S2] [S3]"
LATER = f"All done. {CITED} [S4]"
MORE = synthesis_of("", gaps=[RAIN], follow_ups=[WEATHER])
LAW = synthesis_of("", [MUSIC], follow_ups=[JUDGE])


def run(team: Team, *said: Turn | str, **context: Any) -> dict[str, Any]:
    team.workers |= {"caterer": LATE, "safety officer": EARLY}
    team.synthesiser = list(said)
    settings: Any = context
    return dict(whole(graph).invoke({"request": REQUEST}, context=settings))


def test_a_gap_is_filled(endpoint: Endpoint, team: Team) -> None:
    """A follow-up goes on with the ids; earlier outcomes are kept and not paid again; what it filled is a gap no more."""
    state = run(team, MORE, synthesis_of(LATER))

    assert [(outcome["id"], outcome["round"]) for outcome in state["outcomes"]] == [
        ("S1", 1),
        ("S2", 1),
        ("S3", 1),
        ("S4", 2),
    ]
    assert (len(calls_of(endpoint, "worker")), len(calls_of(endpoint, "planner"))) == (4, 1)
    assert (state["answer"], state["gaps"], state["complete"]) == (LATER, [], True)


def test_no_answer_is_thrown_away(endpoint: Endpoint, team: Team) -> None:
    """While follow-ups are run there is no answer, and what is streamed is the last round's answer alone."""
    team.workers = {"caterer": LATE, "safety officer": EARLY}
    team.synthesiser = [LAW, synthesis_of(LATER, [{"id": "D1", "status": "settled", "resolution": "by-law 7 decides"}])]
    events: Any = [*whole(graph).stream({"request": REQUEST}, stream_mode=["custom", "values"])]
    between = [part["answer"] for mode, part in events if mode == "values" and part.get("phase") == "validator"]
    told = "".join(part["text"] for mode, part in events if mode == "custom" and part["type"] == "answer")

    assert set(between) == {""}
    assert told == events[-1][1]["answer"]
    assert told.startswith(LATER)


def test_one_round_is_the_plain_pattern(endpoint: Endpoint, team: Team) -> None:
    """With max_rounds=1 the synthesiser is told that there is no further round, and gets none."""
    state = run(team, synthesis_of(f"No word on rain [G1]. {CITED}", gaps=[RAIN], follow_ups=[WEATHER]), max_rounds=1)

    assert (len(state["outcomes"]), state["gaps"]) == (3, [RAIN])
    assert "there is no further round" in prompts_of(endpoint, "synthesiser")[0]


def test_rounds_are_bounded(endpoint: Endpoint, team: Team) -> None:
    """A synthesiser that is never content stops at max_rounds."""
    more = [
        [("surveyor", f"Measure the {word} of the closed road, and draw where it is narrow.", "G1")]
        for word in ("length", "slope", "noise")
    ]
    state = run(
        team,
        *(synthesis_of("More! [S1] [S2] [S3] [S4] [S5]", gaps=[RAIN], follow_ups=follow_ups) for follow_ups in more),
        max_rounds=3,
    )

    assert [outcome["id"] for outcome in state["outcomes"]] == ["S1", "S2", "S3", "S4", "S5"]
    assert len(calls_of(endpoint, "synthesiser")) == 3


def test_a_tie_breaker_gets_both_positions(endpoint: Endpoint, team: Team) -> None:
    """A follow-up is handed exactly what it is to settle, in the words of those who hold it, under no heading."""
    other = disagreement("volume", ("S1", "loud", "as people like it"), ("S3", "none", "All noise"), name="D2")
    run(team, synthesis_of("", [MUSIC, other], [RAIN], [JUDGE]), synthesis_of(LATER))
    task = fenced("task", calls_of(endpoint, "worker")[-1].body)

    assert task.splitlines() == [
        JUDGE[1],
        "",
        "- end of music",
        "  - caterer: music until 19:00 (“until 19:00”)",
        "  - safety officer: silence at 18:00 (“stop at 18:00 sharp”)",
    ]


def test_a_later_round_forgets(endpoint: Endpoint, team: Team) -> None:
    """A disagreement that a later ledger leaves out stays, and is told; the later round was shown it with its id."""
    state = run(team, synthesis_of("", [MUSIC], [RAIN], [WEATHER]), synthesis_of(LATER))
    shown = fenced("ledger", calls_of(endpoint, "synthesiser")[1].body)

    assert [disagreement["id"] for disagreement in state["disagreements"]] == ["D1"]
    assert "- end of music [D1]: caterer [S1]: music until 19:00" in state["answer"]
    assert '"id": "D1", "topic": "end of music"' in shown
    assert "S4, weather adviser, done, asked to settle G1" in prompts_of(endpoint, "synthesiser")[1]


def test_a_later_round_settles(endpoint: Endpoint, team: Team) -> None:
    """A later ledger settles by id what an earlier one left open; its positions need not be said again."""
    team.workers = {"noise lawyer": "By-law 7 ends music at 18:00."}
    settled = {"id": "D1", "status": "settled", "resolution": "by-law 7 decides [S4]"}
    state = run(team, LAW, synthesis_of(f"Music ends at six, by by-law 7 [D1]. {CITED} [S4]", [settled]))
    (entry,) = state["disagreements"]

    assert (entry["resolution"], entry["status"]) == ("by-law 7 decides [S4]", "settled")
    assert [position["subtask_id"] for position in entry["positions"]] == ["S1", "S3"]
    assert state["answer"] == f"Music ends at six, by by-law 7 [D1]. {CITED} [S4]"


def test_a_later_round_withdraws(endpoint: Endpoint, team: Team) -> None:
    """An entry of an earlier round can be withdrawn: then it is none, and is told to nobody."""
    withdrawn = {"id": "D1", "status": "withdrawn", "resolution": "both fit"}
    state = run(team, LAW, synthesis_of(LATER, [withdrawn]))

    assert (state["disagreements"], state["answer"]) == ([], LATER)
    assert state["rejected"] == [{"topic": "end of music", "why": "both fit"}]


def test_two_disagreements_of_the_same_two(endpoint: Endpoint, team: Team) -> None:
    """A new disagreement does not take an old one's place, though it is given the old one's id."""
    other = disagreement(
        "end of music setup",
        ("S1", "as people like it", "as people like it"),
        ("S3", "all noise", "All noise must stop"),
    )
    state = run(team, synthesis_of("", [MUSIC], [RAIN], [WEATHER]), synthesis_of(LATER, [other]))

    assert [(disagreement["id"], disagreement["topic"]) for disagreement in state["disagreements"]] == [
        ("D1", "end of music"),
        ("D2", "end of music setup"),
    ]


@pytest.mark.parametrize("follow_up", [("caterer", TASKS["caterer"]), ("cook", "todo")])
def test_a_follow_up_that_cannot_be_run(endpoint: Endpoint, team: Team, follow_up: tuple[str, str]) -> None:
    """Where no follow-up can be run, the answer is asked for, with none to be had, and nothing is lost of the ledger."""
    said = synthesis_of("", gaps=[RAIN], follow_ups=[follow_up])
    state = run(team, said, synthesis_of(f"No word on rain [G1]. {CITED}"))

    assert (state["answer"], state["gaps"]) == (f"No word on rain [G1]. {CITED}", [RAIN])
    assert (len(state["outcomes"]), state["complete"], state["plan"]["round"]) == (3, True, 1)
    assert "there is no further round" in prompts_of(endpoint, "synthesiser")[1]
    assert len(calls_of(endpoint, "synthesiser")) == 2


def test_a_person_wants_no_further_round(endpoint: Endpoint, team: Team) -> None:
    """Where a person rejects the follow-ups, the answer is written from what there is."""
    kept: Any = build_graph(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "one"}}
    team.synthesiser = [MORE, synthesis_of(f"No word on rain [G1]. {CITED}")]
    settings: Any = {"approve_plan": True}
    kept.invoke({"request": REQUEST}, config, context=settings)
    for word in ("approve", "reject"):
        state = kept.invoke(Command(resume={"decisions": [{"type": word}]}), config)

    assert (state["answer"], len(state["outcomes"])) == (f"No word on rain [G1]. {CITED}", 3)


def test_a_follow_up_without_a_reason(endpoint: Endpoint, team: Team) -> None:
    """Where nothing is open and nothing is missing, no further round is paid for."""
    state = run(team, synthesis_of(f"Fine. {CITED}", follow_ups=[WEATHER]))

    assert (state["answer"], len(state["outcomes"])) == (f"Fine. {CITED}", 3)
    assert len(calls_of(endpoint, "synthesiser")) == 1


def test_a_follow_up_that_fails(endpoint: Endpoint, team: Team) -> None:
    """A follow-up that fails is a gap beside the one it was to fill; the answer is still given from what there is."""
    team.workers = {"weather adviser": Turn(fault="400")}
    state = run(team, MORE, synthesis_of(f"Fine, but for rain [G1] [G2]. {CITED}"))

    assert state["answer"] == f"Fine, but for rain [G1] [G2]. {CITED}"
    assert [(gap["id"], gap["subtask_id"], gap.get("kind")) for gap in state["gaps"]] == [
        ("G1", None, None),
        ("G2", "S4", "failed"),
    ]
    assert state["complete"] is False


def test_what_failed_is_done_again(endpoint: Endpoint, team: Team) -> None:
    """A follow-up that settles the gap of a failed subtask takes its place: then nothing is missing."""
    team.workers = {"publicist": Turn(fault="400")}
    again = ("copywriter", "Write the invitation to the neighbours on one page, with the day and the hour.", "G1")
    state = run(team, synthesis_of("", follow_ups=[again]), synthesis_of("All done. [S1] [S3] [S4]"))

    assert (state["answer"], state["gaps"], state["complete"]) == ("All done. [S1] [S3] [S4]", [], True)


def test_follow_ups_within_the_money(endpoint: Endpoint, team: Team) -> None:
    """Follow-ups are asked for only where the answer can still be paid for after them; the ceiling holds."""
    for budget in (20_000, 30_000, 60_000):
        state = run(team, MORE, synthesis_of(f"Fine. {CITED}"), budget_tokens=budget)
        spend = state["spend"]

        assert state["answer"].startswith("Fine.")
        assert spend["input_tokens"] + spend["output_tokens"] <= budget


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
    assert answer.startswith(f"Fine. {CITED}\n\n## Where the results differ")


def test_the_first_piece_comes_at_once(endpoint: Endpoint, team: Team) -> None:
    """The ledger comes before the answer, and the answer's first piece while the reply is still arriving."""
    team.synthesiser = [Turn(synthesis_of("word " * 160 + CITED, [MUSIC]), chunk=10, chunk_delay=0.02)]
    kinds, in_flight = list[str](), list[int]()
    events: Any = graph.stream({"request": REQUEST}, stream_mode="custom")
    for event in events:
        if event["type"] in ("ledger", "answer"):
            kinds.append(event["type"])
            in_flight.append(endpoint.in_flight)

    assert kinds[:2] == ["ledger", "answer"]
    assert in_flight[:2] == [1, 1]
    assert len(kinds) > 20  # pieces of some 50 ms each


def test_a_restart_is_told(endpoint: Endpoint, team: Team) -> None:
    """When the endpoint fails in mid answer and the reply begins again, the reader is told to forget what came."""
    reply = synthesis_of("word " * 60 + CITED)
    team.synthesiser = [Turn(reply, fault="reset-mid"), reply]
    events: Any = list(graph.stream({"request": REQUEST}, stream_mode="custom"))
    last = max(at for at, event in enumerate(events) if event["type"] == "answer_restart")
    text = "".join(event["text"] for event in events[last:] if event["type"] == "answer")

    assert text == "word " * 60 + CITED
