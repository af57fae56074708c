"""The answer: its marks are read, and what it leaves untold is added."""

import pytest

from nodes.synthesis.answer import marked

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
