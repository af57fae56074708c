"""Reading along: the answer comes out the same, however the reply is cut into pieces."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.synthesis.answer_stream import AnswerStream

ANSWER = 'A “quoted” "word",\nC:\\new\\u00e9 \t/ <b>, é, 日本, 😀 and a lone \\ at {"answer": "no"}. [S1]'
LEDGER: dict[str, Any] = {
    "disagreements": [{"topic": 'The "answer": "x"', "positions": [], "resolution": None}],
    "gaps": [],
    "follow_ups": [],
}
REPLIES = {
    "ascii": (json.dumps({**LEDGER, "answer": ANSWER}), ANSWER),
    "unicode": (json.dumps({**LEDGER, "answer": ANSWER}, ensure_ascii=False), ANSWER),
    "indented": (json.dumps({**LEDGER, "answer": ANSWER}, indent=2), ANSWER),
    "fenced": (f"```json\n{json.dumps({**LEDGER, 'answer': ANSWER})}\n```", ANSWER),
    "thought before": (f"<think>Well.</think>{json.dumps({**LEDGER, 'answer': ANSWER})}", ANSWER),
    "answer first": (json.dumps({"answer": ANSWER, **LEDGER}), ANSWER),
    "answer alone": (json.dumps({"answer": ANSWER}), ANSWER),
    "raw line breaks": ('{"gaps": [], "answer": "one\ntwo"}', "one\ntwo"),
    "plain text": ("## The party\n\nIt will be \\fine.", "## The party\n\nIt will be \\fine."),
    "blank before": ("\n\n The party.", "\n\n The party."),
    "empty answer": (json.dumps({**LEDGER, "answer": ""}), ""),
    "no answer": (json.dumps(LEDGER), ""),
    "half a pair": ('{"answer": "a \\ud83d b \\ude00\\ud83d\\ud83d\\ude00"}', "a \ufffd b \ufffd\ufffd😀"),
    "cut off": ('{"gaps": [], "answer": "one\\u00e9 two \\ud83d', "oneé two "),
}


def fed(pieces: list[str]) -> tuple[str, str]:
    stream = AnswerStream()
    return "".join(stream.feed(piece) for piece in pieces), stream.text


@pytest.mark.parametrize("case", REPLIES)
def test_every_split_in_two(case: str) -> None:
    """Cut at any one place, a reply gives the same answer."""
    reply, answer = REPLIES[case]
    seen = {fed([reply[:at], reply[at:]]) for at in range(len(reply) + 1)}

    assert seen == {(answer, answer)}


@pytest.mark.parametrize("case", REPLIES)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_every_size_of_piece(case: str, size: int) -> None:
    """In pieces of any size, a reply gives the same answer."""
    reply, answer = REPLIES[case]

    assert fed([reply[at : at + size] for at in range(0, len(reply), size)]) == (answer, answer)


@given(st.text(max_size=40), st.booleans(), st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_any_answer_in_any_pieces(answer: str, ascii_only: bool, sizes: list[int]) -> None:  # noqa: FBT001
    """Whatever the answer holds and however it is cut, it is read along as it is written."""
    reply = json.dumps({**LEDGER, "answer": answer}, ensure_ascii=ascii_only)
    pieces, at = list[str](), 0
    while at < len(reply):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(reply[at : at + size])
        at += size

    assert fed(pieces) == (answer, answer)


def test_the_ledger_comes_before_the_answer() -> None:
    """What stands before the answer is there as data once the answer begins, and not before."""
    reply = json.dumps({**LEDGER, "answer": "Well."})
    at = reply.index('"Well')
    stream = AnswerStream()
    stream.feed(reply[:at])
    before = stream.ledger
    stream.feed(reply[at:])

    assert (before, stream.ledger, stream.text) == (None, LEDGER, "Well.")


def test_pieces_come_at_once() -> None:
    """No text is held back that can be read already."""
    stream = AnswerStream()

    assert [stream.feed(piece) for piece in ('{"answer": "', "One", " two", "\\", "n", '"}', "more")] == [
        "",
        "One",
        " two",
        "",
        "\n",
        "",
        "",
    ]
