"""Checking: a reply's ledger against what the specialists wrote; what is wrong with it goes back once."""

from nodes.synthesis.answer import Joint
from nodes.synthesis.beside import beside_loop
from nodes.synthesis.joining import Joiner
from nodes.synthesis.ledger import Ledger
from prompts.replies import FollowUp


async def check(joiner: Joiner, joint: Joint) -> list[FollowUp]:
    """Take a reply into the ledger, and give the follow-ups that are worth a further round.

    An entry that is at fault is asked for once more; what is no entry after that is recorded as rejected.

    Args:
        joiner: who asked; its ledger is brought up to date.
        joint: what came.
    """
    ledger, reply = joiner.material.ledger, joint.reply
    await beside_loop(joiner.material.state, ledger.take, reply)
    further = [follow_up for follow_up in reply.follow_ups if _has_reason(follow_up, ledger)][: joint.offered]
    faults = ledger.faults(final=not further)
    mended = await joiner.mended(faults) if faults else None
    if mended is not None:
        await beside_loop(joiner.material.state, ledger.take, mended, again=True)
    ledger.settle()
    return [follow_up for follow_up in further if _has_reason(follow_up, ledger)]


def _has_reason(follow_up: FollowUp, ledger: Ledger) -> bool:
    """Tell whether there is something for it to settle: what it names, or, where it names nothing, anything."""
    return bool(ledger.open_of(follow_up.settles) if follow_up.settles else ledger.open_ids)
