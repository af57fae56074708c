"""The ledger: entries and gaps by id, from reply to reply, and what is none."""

from typing import Any, cast

import pytest

from nodes.state import Outcome
from nodes.synthesis import gaps
from nodes.synthesis.ledger import Ledger
from prompts.replies import Disagreement, Gap, Synthesis


def outcome(name: str = "S1", output: str = "Fine.", status: Any = "done", **more: Any) -> Outcome:
    base: dict[str, Any] = {"specialist": f"adviser {name}", "task": f"Task of {name}.", "round": 1, "error": None}
    base |= {"seconds": 1.0, "charges": [], "data": None, "tools": [], "process": "p"}
    made: Any = {**base, "id": name, "output": output, "status": status, **more}
    return cast("Outcome", made)


BOTH = [outcome("S1", "Music ends at seven."), outcome("S2", "Silence from six o'clock.")]
SEVEN, SIX = ("S1", "ends at seven"), ("S2", "from six o'clock")


def said(*positions: tuple[str, str], **more: Any) -> Disagreement:
    told = [{"subtask_id": name, "claim": "c", "quote": quote} for name, quote in positions]
    return Disagreement(**{"id": "D1", "topic": "end", "positions": told, "suggestion": "six", **more})


def ledger(*entries: Disagreement, gaps: Any = ()) -> Ledger:
    made = Ledger("A party until six o'clock.", BOTH)
    made.take(Synthesis(disagreements=list(entries), gaps=list(gaps)))
    return made


def test_true_positions() -> None:
    """Two positions with true quotes are verified, without a fault."""
    made = ledger(said(SEVEN, SIX))

    assert [position["verified"] for position in made.entries["D1"]["positions"]] == [True, True]
    assert made.faults(final=True) == []


FAULTY: dict[str, tuple[Disagreement, list[bool], str]] = {
    "unknown side": (
        said(SEVEN, ("S9", "from six")),
        [True, False],
        "no subtask 'S9'; a side is one of request, S1, S2",
    ),
    "invented quote": (said(("S1", "ends at noon"), SIX), [False, True], "does not stand in what S1 wrote"),
    "another's quote": (said(("S1", "from six o'clock"), SIX), [False, True], "does not stand in what S1 wrote"),
    "one side twice": (said(SEVEN, ("S1", "Music ends")), [True, True], "positions of two different subtasks"),
    "one position": (said(SEVEN), [True], "positions of two different subtasks"),
    "not in the request": (said(SEVEN, ("request", "until five")), [True, False], "in what request wrote"),
    "no suggestion": (said(SEVEN, SIX, suggestion=None), [True, True], "it is open and has no suggestion"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_faulty_entries(case: str) -> None:
    """A position that is not borne out is marked, and each fault is worded for the model."""
    entry, verified, words = FAULTY[case]
    made = ledger(entry)

    assert [position["verified"] for position in made.entries["D1"]["positions"]] == verified
    assert [words in fault for fault in made.faults(final=True)].count(True) == 1


def test_what_is_no_entry() -> None:
    """Without two existing sides an entry goes, with its reason; an unknown side beside two others goes alone."""
    made = ledger(said(SEVEN), said(SEVEN, SIX, ("S9", "x"), id="D2", topic="volume"))
    made.settle()

    assert [position["subtask_id"] for position in made.entries["D2"]["positions"]] == ["S1", "S2"]
    assert (list(made.entries), made.rejected) == (["D2"], [{"topic": "end", "why": "it has no two different sides"}])


def test_by_id() -> None:
    """A later reply speaks of an entry by its id alone; what it does not say stays."""
    made = ledger(said(SEVEN, SIX))
    made.take(Synthesis(disagreements=[Disagreement(id="D1", status="settled", resolution="six it is")]))
    entry = made.entries["D1"]

    assert (entry["topic"], entry["status"], entry["resolution"]) == ("end", "settled", "six it is")
    assert (len(entry["positions"]), made.open_ids) == (2, [])


def test_better_words() -> None:
    """A side's new words take the place of its old ones, unless only the old ones are true."""
    made = ledger(said(("S1", "ends at noon"), SIX))
    made.take(Synthesis(disagreements=[said(SEVEN, ("S2", "from nine"))]), again=True)

    assert sorted(position["quote"] for position in made.entries["D1"]["positions"]) == [
        "ends at seven",
        "from six o'clock",
    ]


def test_an_id_that_is_taken() -> None:
    """A new entry under an old one's id gets one of its own, and marks of it are read as that."""
    made = ledger(said(SEVEN, SIX))
    made.take(Synthesis(disagreements=[said(("S1", "Music"), ("S2", "Silence"), topic="what there is")]))

    assert [(name, entry["topic"]) for name, entry in made.entries.items()] == [("D1", "end"), ("D2", "what there is")]
    assert made.aliases == {"D1": "D2"}


def test_the_same_words_twice() -> None:
    """The very same words set against each other again are the same entry, whatever its id and topic."""
    made = ledger(said(SEVEN, SIX))
    made.take(Synthesis(disagreements=[said(SIX, SEVEN, id="D7", topic="the end of the music")]))

    assert (list(made.entries), made.aliases) == (["D1"], {"D7": "D1"})


def test_parts() -> None:
    """Ledgers of parts begin to count anew; none of their entries takes another's place."""
    made = Ledger("A party.", BOTH)
    for topic, quote in (("end", "ends"), ("kind", "Music"), ("kind", "Music")):
        made.take_apart(
            Synthesis(disagreements=[said(("S1", quote), SIX, topic=topic)], gaps=[Gap(id="G1", what=topic)])
        )

    assert [(name, entry["topic"]) for name, entry in made.entries.items()] == [("D1", "end"), ("D2", "kind")]
    assert [(name, gap["what"]) for name, gap in made.gaps.items()] == [("G1", "end"), ("G2", "kind")]


def test_codes_gaps_stand() -> None:
    """What code has found is a fact: no reply takes it away, and a reply's own words for it are the same gap."""
    made = Ledger("A party.", [*BOTH, outcome("S3", "", "failed", error="HTTP 500")])
    made.add(gaps.undone([outcome("S3", "", "failed", error="HTTP 500")], []))
    replies = [Gap(id="G1", status="withdrawn"), Gap(id="G2", subtask_id="S3", what="menu"), Gap(id="G1", what="rain")]
    for reply in replies:
        made.take(Synthesis(gaps=[reply]))

    assert [(gap["id"], gap["subtask_id"], gap["what"]) for gap in made.gaps.values()] == [
        ("G1", "S3", "adviser S3: Task of S3."),
        ("G2", None, "rain"),
    ]


def test_gaps_go() -> None:
    """A gap that is settled or withdrawn, or that a follow-up has filled, is none."""
    made = ledger(gaps=[Gap(id=f"G{number}", what=f"gap {number}") for number in (1, 2, 3, 4)])
    made.take(Synthesis(gaps=[Gap(id="G1", status="settled"), Gap(id="G2", status="withdrawn"), Gap(id="G3")]))
    made.fill({"G4", "D1", "S1"})

    assert {"G3": "gap 3"} == {name: gap["what"] for name, gap in made.gaps.items()}


def test_gaps_that_code_finds() -> None:
    """What failed, was cut off or was dropped is a gap; what was dropped as a duplicate or nonsense is not."""
    outcomes = [
        outcome("S1"),
        outcome("S2", "", "failed", error="HTTP 500"),
        outcome("S3", "half", "partial"),
        outcome("S4", "", "timed_out"),
    ]
    kinds: Any = ["over_limit", "over_budget", "unregistered", "duplicate", "near_duplicate", "empty", "follow_up"]
    dropped: Any = [{"specialist": "poet", "task": "Verses.", "kind": kind, "reason": kind} for kind in kinds]

    assert [(gap["subtask_id"], gap["kind"], gap["why"]) for gap in gaps.undone(outcomes, dropped)] == [
        ("S2", "failed", "failed: HTTP 500"),
        ("S3", "partial", "partial"),
        ("S4", "timed_out", "timed out"),
        (None, "dropped", "dropped: over_limit"),
        (None, "dropped", "dropped: over_budget"),
        (None, "dropped", "dropped: unregistered"),
    ]
