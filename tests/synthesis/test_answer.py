"""The answer: its marks are read, and what it leaves untold is added."""

from typing import Any

import pytest

from nodes.synthesis.answer import marked, one_result
from nodes.synthesis.ledger import Ledger

MARKS = {
    "A [S1] b [S12]. C[S3] [x] [S1]": ("A [S1] b. C [x] [S1]", {"S1"}, 2),
    "A [S1, S2] b [s2; D1]": ("A [S1] [S2] b [S2] [D1]", {"S1", "S2", "D1"}, 0),
    "A [S1 und S2] b [G1 et D1]": ("A [S1] [S2] b [G1] [D1]", {"S1", "S2", "G1", "D1"}, 0),
    "A [D7], b [S01]": ("A [D1], b [S1]", {"D1", "S1"}, 0),
    "A [S1](http://x) [see S1] S1": ("A [S1](http://x) [see S1] S1", {"S1"}, 0),
    "": ("", set(), 0),
}


@pytest.mark.parametrize("answer", MARKS)
def test_marks(answer: str) -> None:
    """Each mark gets brackets of its own, is called as the ledger calls it, and what names nothing is taken out."""
    read = marked(answer, {"S1", "S2", "D1", "G1"}, {"D7": "D1"})

    assert (read.text, set(read.ids), read.unknown) == MARKS[answer]


def test_one_result_lists_its_sources() -> None:
    """The result of a plan of one subtask is the answer, with the sources that it does not list itself."""
    outcome = {"id": "S1", "specialist": "reader", "task": "Read.", "status": "done", "output": "It is so. [S1]"}
    plan = {"subtasks": [], "dropped": [], "source": "native"}
    state: Any = {"request": "Is it so?", "plan": plan, "outcomes": [{**outcome, "sources": ["https://example.org/a"]}]}
    text = one_result(Ledger("Is it so?", state["outcomes"]), state).text

    assert text == "It is so. [S1]\n\n## Sources\n\n- https://example.org/a [S1]"
