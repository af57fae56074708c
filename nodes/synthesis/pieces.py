"""Pieces: how results are fitted into what a model can read at once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nodes.state import Outcome
from prompts import fence

MARK = 160  # bytes at most of the mark that stands where a text was cut


@dataclass(frozen=True)
class Piece:
    """A text to be joined, and the subtasks it comes from."""

    ids: tuple[str, ...]
    head: str
    text: str

    @cached_property
    def size(self) -> int:
        """Bytes, with the markers around it."""
        return len(f"{self.head}{self.text}".encode("utf-8", "replace")) + 64


def piece_of(outcome: Outcome, settles: Sequence[str] = ()) -> Piece:
    """Give a result with what the synthesiser must know of it: its id, who did it, how it ended, its task.

    `settles` are the ids of what a follow-up was to settle.
    """
    head = f"{outcome['id']}, {outcome['specialist']}, {outcome['status'].replace('_', ' ')}"
    if settles:
        head += f", asked to settle {', '.join(settles)}"
    if outcome["error"]:
        head += f" ({outcome['error'][:300]})"
    return Piece((outcome["id"],), f"{head}\n{fence('task', outcome['task'])}", outcome["output"])


def cut_up(piece: Piece, room: float) -> list[Piece]:
    """Cut a text that no window holds into several, at line ends where there are any."""
    size = max(400, int(room / 2))
    if piece.size <= room:
        return [piece]
    texts, left = list[str](), piece.text
    while len(left.encode("utf-8", "replace")) > size:
        head = left.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
        at = head.rfind("\n") + 1 if head.rfind("\n") > len(head) // 2 else len(head)
        texts.append(left[:at])
        left = left[at:]
    texts.append(left)
    return [Piece(piece.ids, f"{piece.head[:600]} ({at} of {len(texts)})", text) for at, text in enumerate(texts, 1)]


def clipped(pieces: Sequence[Piece], room: float) -> tuple[list[Piece], list[str]]:
    """Cut the longest texts until all fit; what is cut says so.

    Returns:
        The pieces, and the ids of those that were cut.
    """
    if sum(piece.size for piece in pieces) <= room:
        return list(pieces), []
    sizes = [len(piece.text.encode("utf-8", "replace")) for piece in pieces]
    fixed = sum(piece.size for piece in pieces) - sum(sizes)
    # A text as short as the mark that tells of a cut stays whole: cutting it would win nothing and lose all.
    short = sum(size for size in sizes if size <= MARK)
    long = [size for size in sizes if size > MARK]
    level = _level(long, room - fixed - short - MARK * len(long))
    kept, cut = [], list[str]()
    for piece in pieces:
        whole = piece.text.encode("utf-8", "replace")
        if len(whole) <= max(level, MARK):
            kept.append(piece)
            continue
        cut += piece.ids
        head, tail = whole[: int(level * 2 / 3)], whole[len(whole) - int(level / 3) :] if level >= 3 else b""  # noqa: PLR2004
        mark = f"\n[… {len(whole) - len(head) - len(tail):,} bytes left out here for lack of room …]\n"
        text = head.decode("utf-8", "ignore") + mark + tail.decode("utf-8", "ignore")
        kept.append(Piece(piece.ids, piece.head, text))
    return kept, cut


def _level(sizes: Sequence[int], room: float) -> float:
    """Find the size to which the longest must be cut for all to fit (short ones stay whole)."""
    left, waiting = max(0.0, room), sorted(sizes)
    for at, size in enumerate(waiting):
        share = left / (len(waiting) - at)
        if size > share:
            return share
        left -= size
    return float("inf")


def batches(pieces: Sequence[Piece], room: float) -> list[list[Piece]]:
    """Group pieces, in order, into batches that fit; a piece larger than the room is a batch of its own."""
    groups: list[list[Piece]] = []
    used = 0.0
    for piece in pieces:
        if groups and used + piece.size <= room:
            groups[-1].append(piece)
            used += piece.size
        else:
            groups.append([piece])
            used = piece.size
    return groups
