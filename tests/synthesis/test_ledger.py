"""The ledger: quotes are looked up, disagreements shown, gaps joined."""

from typing import Any, cast

import pytest

from nodes.state import Outcome
from nodes.synthesis import ledger
from prompts.replies import Disagreement, Gap, Position

OUTPUT = "The music goes on until 19:00, because the **open microphone** draws\nmost people; it costs £1,250 in all."


def outcome(one: str = "S1", output: str = OUTPUT, status: Any = "done", **more: Any) -> Outcome:
    base: dict[str, Any] = {"specialist": f"adviser {one}", "task": f"Task of {one}.", "round": 1, "error": None}
    base |= {"seconds": 1.0, "charges": [], "data": None, "tools": [], "process": "p"}
    made: Any = {**base, "id": one, "output": output, "status": status, **more}
    return cast("Outcome", made)


QUOTES = {
    "exact": ("The music goes on until 19:00", True),
    "across lines": ("the open microphone draws most people", True),
    "other case and dashes": ("THE MUSIC — goes on until 19.00", True),
    "without marks": ("because the open microphone draws", True),
    "nearly": ("the open microphones draw most people", True),
    "one short word": ("19:00", True),
    "part of a short word": ("9:0", False),
    "changed time": ("The music goes on until 18:00", False),
    "changed sum": ("it costs £1,350 in all", False),
    "figure from elsewhere": ("the open microphone draws 1,250 people", False),
    "invented": ("the band leaves at noon and takes the piano along", False),
    "empty": ("", False),
    "marks alone": ("“…”", False),
    "turned round": ("most people draw the open microphone until the music costs", False),
}


@pytest.mark.parametrize("case", QUOTES)
def test_quotes(case: str) -> None:
    """A quote stands in an output but for marks and white space, or nearly; a changed figure never does."""
    quote, expected = QUOTES[case]

    assert ledger.quoted(quote, OUTPUT) is expected


@pytest.mark.parametrize(
    ("quote", "output"),
    [
        ("音乐在晚上七点结束", "我们认为,音乐在晚上七点结束。"),
        ("تنتهي الموسيقى في السابعة", "نرى أن تَنتهي الموسيقى في السابعة مساء."),
    ],
)
def test_quotes_in_other_scripts(quote: str, output: str) -> None:
    """Quotes are found without spaces between words, and without vowel signs."""
    assert ledger.quoted(quote, output) is True


def entry(*positions: tuple[str, str], topic: str = "end") -> Disagreement:
    return Disagreement(
        topic=topic, positions=[Position(subtask_id=one, claim="c", quote=quote) for one, quote in positions]
    )


BOTH = [outcome("S1", "Music ends at seven."), outcome("S2", "Silence from six o'clock.")]


def test_true_positions() -> None:
    """Two positions with true quotes are verified, without a fault."""
    entries, faults = ledger.checked([entry(("S1", "ends at seven"), ("S2", "from six o'clock"))], BOTH)

    assert [[one["verified"] for one in each["positions"]] for each in entries] == [[True, True]]
    assert faults == []


FAULTY = {
    "unknown id": (
        entry(("S1", "ends at seven"), ("S9", "from six o'clock")),
        [False, False],
        "there is no such subtask; there are S1, S2",
    ),
    "invented quote": (
        entry(("S1", "ends at noon"), ("S2", "from six o'clock")),
        [False, True],
        "does not stand in that result",
    ),
    "another's quote": (
        entry(("S1", "from six o'clock"), ("S2", "from six o'clock")),
        [False, True],
        "position of S1: the quote",
    ),
    "same subtask twice": (
        entry(("S1", "ends at seven"), ("S1", "Music ends")),
        [False, False],
        "positions of two different subtasks",
    ),
    "one position": (entry(("S1", "ends at seven")), [False], "positions of two different subtasks"),
    "no position": (entry(), [], "positions of two different subtasks"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_faulty_positions(case: str) -> None:
    """A position that is not borne out is marked, and the fault is worded for the model."""
    told, verified, words = FAULTY[case]
    entries, faults = ledger.checked([told], BOTH)

    assert [one["verified"] for one in entries[0]["positions"]] == verified
    assert [words in fault for fault in faults].count(True) == 1


def shown(answer: str) -> bool:
    positions = [
        {"claim": "music until 19:00", "quote": "goes on until 19:00"},
        {"claim": "silence at 18:00", "quote": "must stop at 18:00 sharp"},
    ]
    return ledger.shown({"positions": positions}, answer)


def test_shown_and_hidden() -> None:
    """A disagreement is shown when every side's claim or quote stands in the answer, figures and all."""
    answers = (
        "Some say music until 19:00, others say silence at 18:00.",
        "One holds that it GOES ON until 19.00, the other that it “must stop at 18:00 sharp”.",
        "Some say music until 19:00.",
        "Some say music until 19:30, others say silence at 18:00.",
        "It ends at half past six.",
        "",
    )

    assert [shown(answer) for answer in answers] == [True, True, False, False, False, False]


def test_the_section_of_disagreements() -> None:
    """The section names each side with its quote, marks what is not verified, and says how it was settled."""
    positions = [
        {"subtask_id": "S1", "claim": "until\nseven", "quote": "ends at seven", "verified": True},
        {"subtask_id": "S2", "claim": "six", "quote": "", "verified": False},
    ]
    told: list[Any] = [
        {"topic": "End", "positions": positions, "resolution": None},
        {"topic": "Cost", "positions": [], "resolution": "S2 is newer"},
    ]

    assert ledger.disagreement_section(told, BOTH).splitlines() == [
        "## Where the specialists disagree",
        "",
        "- **End**",
        "  - adviser S1 [S1] holds: until seven: “ends at seven”",
        "  - adviser S2 [S2] holds: six (not verified: these words were not found in that result)",
        "  - Open: nothing in the request settles it.",
        "- **Cost**",
        "  - Settled: S2 is newer",
    ]


def test_the_section_of_gaps() -> None:
    """The section names what is missing, of which subtask, and why, one line each."""
    gaps: list[Any] = [
        {"subtask_id": "S2", "what": "a\nmenu", "why": "failed"},
        {"subtask_id": None, "what": "rain", "why": ""},
    ]

    assert ledger.missing_section(gaps) == "## What is missing\n\n- a menu [S2]: failed\n- rain"


def test_gaps_that_code_finds() -> None:
    """What failed, was cut off or was dropped is a gap; what was dropped as a duplicate or nonsense is not."""
    outcomes = [
        outcome("S1"),
        outcome("S2", "", "failed", error="HTTP 500"),
        outcome("S3", "half", "partial"),
        outcome("S4", "", "timed_out"),
    ]
    reasons = [
        "over the limit of 5 subtasks",
        "the budget does not reach",
        "the same as subtask 1",
        "nearly the same as subtask 1",
        "empty task",
    ]
    gaps = ledger.code_gaps(
        outcomes, [{"specialist": "poet", "task": "Verses.", "reason": reason} for reason in reasons]
    )

    assert [(gap["subtask_id"], gap["why"]) for gap in gaps] == [
        ("S2", "failed: HTTP 500"),
        ("S3", "partial"),
        ("S4", "timed out"),
        (None, "dropped: over the limit of 5 subtasks"),
        (None, "dropped: the budget does not reach"),
    ]


def test_unused_results() -> None:
    """A result neither cited nor resembled is unused; an answer without any citation tells nothing of use."""
    outcomes = [
        outcome("S1", "alpha beta gamma"),
        outcome("S2", "delta epsilon zeta"),
        outcome("S3", "eta theta iota"),
        outcome("S4", "", "failed"),
    ]
    answers = ("Text [S1] with delta, epsilon and zeta.", "Text without citations.")

    assert [[gap["subtask_id"] for gap in ledger.unused_gaps(outcomes, answer)] for answer in answers] == [["S3"], []]


def test_joined_gaps() -> None:
    """Code's gap of a subtask goes before the model's; an id that does not exist becomes none."""
    told = [
        Gap(subtask_id="S2", what="w", why="model"),
        Gap(subtask_id="S8", what="x"),
        Gap(subtask_id=None, what="y", why="z"),
    ]
    found = [{"subtask_id": "S2", "what": "w", "why": "code"}]

    assert ledger.joined_gaps(told, found, {"S1", "S2"}) == [
        {"subtask_id": "S2", "what": "w", "why": "code"},
        {"subtask_id": None, "what": "x", "why": ""},
        {"subtask_id": None, "what": "y", "why": "z"},
    ]


def test_known_citations() -> None:
    """Citations of unknown subtasks are taken out with the space before them; known ones and other brackets stay."""
    assert ledger.known_citations("A [S1] b [S12]. C[S3] [x] [S1]", {"S1"}) == ("A [S1] b. C [x] [S1]", 2)
