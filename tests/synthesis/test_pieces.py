"""Windows: what fits is kept whole, what does not is cut evenly and says so."""

import pytest

from nodes.budget import Price, Purse, money_room
from nodes.models.prices import listed_window, window_room
from nodes.synthesis.pieces import Piece, batches, clipped, cut_up


def piece(number: int, size: int) -> Piece:
    return Piece((f"S{number}",), f"S{number}, cook, done", "x" * size)


def test_the_window_of_a_model() -> None:
    """A listed model's window is known; an unknown one's is not guessed."""
    assert listed_window("openai", "gpt-4o") == 128_000
    assert listed_window("openai", "no-such-model") is None


def test_room_in_a_window() -> None:
    """A quarter of the window is kept for the answer; without a window there is no limit."""
    assert window_room(8_000, 3_000) == 6_000 * 3 - 3_000
    assert window_room(1_024, 100_000) == 0
    assert window_room(None, 10) == float("inf")


@pytest.mark.parametrize(
    ("purse", "room"),
    [(Purse(), float("inf")), (Purse(tokens=10_000), 8_500), (Purse(tokens=100), 0), (Purse(usd=0.012), 9_500)],
)
def test_room_for_money(purse: Purse, room: float) -> None:
    """What can be read is what the purse pays for beside the prompt and the answer."""
    assert money_room(purse, Price(1e-6, 1e-6), 1_000 if purse.usd is None else 2_000, 500) == pytest.approx(
        room, rel=1e-6
    )


def test_short_texts_stay_whole() -> None:
    """Only the longest texts are cut, at their middle; the mark says how much is left out."""
    kept, cut = clipped([piece(1, 100), piece(2, 9_000)], 2_000)

    assert cut == ["S2"]
    assert kept[0] == piece(1, 100)
    assert "bytes left out here for lack of room" in kept[1].text
    assert sum(piece.size for piece in kept) <= 2_000


@pytest.mark.parametrize("room", [0, 10, 300, 1_000])
def test_cut_to_nothing(room: int) -> None:
    """Whatever the room, every piece is still there, with its id."""
    kept, cut = clipped([piece(1, 5_000), piece(2, 5_000)], room)

    assert [piece.ids for piece in kept] == [("S1",), ("S2",)]
    assert cut == ["S1", "S2"]


def test_never_cuts_inside_a_character() -> None:
    """A cut text is still a text in any script."""
    kept, _ = clipped([Piece(("S1",), "S1", "数" * 3_000)], 1_001)

    assert set(kept[0].text) <= set("数\n[…0123456789, bytes left out here for lack of room]")


def test_batches_in_order() -> None:
    """Batches keep the order, fill the room, and a piece too large for it stands alone."""
    groups = batches([piece(1, 100), piece(2, 100), piece(3, 5_000), piece(4, 100)], 400)

    assert [[piece.ids[0] for piece in group] for group in groups] == [["S1", "S2"], ["S3"], ["S4"]]


def test_cutting_up_loses_nothing() -> None:
    """A text that no window holds is cut at line ends into parts that together are the text."""
    text = "\n".join(f"line {number}" for number in range(2_000))
    parts = cut_up(Piece(("S1",), "S1, cook, done", text), 4_000)

    assert "".join(part.text for part in parts) == text
    assert max(part.size for part in parts) <= 4_000
    assert {part.ids for part in parts} == {("S1",)}
    assert all(part.text.endswith("\n") for part in parts[:-1])
