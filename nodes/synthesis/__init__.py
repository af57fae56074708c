"""Synthesis: many results to one checked answer.

joining, pieces, material: reading all results, in steps where they are too long; ledger, quotes, gaps, checking: what
is in dispute and what is missing; answer, stream, listener: the text, and how it is passed on while it arrives.
"""

from nodes.synthesis.answer import Composed, Joint, composed, handed, one_by_one, one_result
from nodes.synthesis.answer_stream import AnswerStream
from nodes.synthesis.beside import beside_loop
from nodes.synthesis.checking import check
from nodes.synthesis.gaps import stop_reason
from nodes.synthesis.joining import Joiner
from nodes.synthesis.language import language_of, words_for
from nodes.synthesis.ledger import Ledger
from nodes.synthesis.listener import Listener
from nodes.synthesis.material import Material
from nodes.synthesis.quotes import place_of
from nodes.synthesis.rounds import is_fallback, ledger_so_far
