"""Synthesis: many results to one checked answer."""

from nodes.synthesis.joining import Joiner, Joint
from nodes.synthesis.stream import AnswerStream

__all__ = ["AnswerStream", "Joiner", "Joint"]
