"""Synthesis: many results to one checked answer.

joining, pieces, material, rounds: reading all results, in steps where they are too long; ledger, quotes, gaps, checking,
sources: what is in dispute, what is missing, where it is from; answer, markdown, language: the text; answer_stream, listener:
how it is passed on while it arrives; beside: work beside the event loop.
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
