"""Synthesis: many results to one checked answer."""

from nodes.synthesis.answer import Composed, Joint, composed, handed, one_by_one, one_result
from nodes.synthesis.checking import check
from nodes.synthesis.gaps import stop_reason
from nodes.synthesis.joining import Joiner
from nodes.synthesis.ledger import Ledger
from nodes.synthesis.listener import Listener
from nodes.synthesis.material import Material
from nodes.synthesis.rounds import is_fallback, ledger_so_far

__all__ = [
    "Composed",
    "Joiner",
    "Joint",
    "Ledger",
    "Listener",
    "Material",
    "check",
    "composed",
    "handed",
    "is_fallback",
    "ledger_so_far",
    "one_by_one",
    "one_result",
    "stop_reason",
]
