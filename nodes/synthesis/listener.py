"""Listener: passes the answer on while it arrives, the ledger first, then the text, piece by piece."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessageChunk
from langgraph.config import get_config
from langgraph.constants import TAG_NOSTREAM
from langgraph.graph.message import push_message

from nodes.events import called_back, heard
from nodes.synthesis.answer_stream import AnswerStream


def _new_id() -> str:
    return f"answer-{uuid.uuid4().hex}"


@dataclass
class Listener:
    """Tells the `custom` and the `messages` stream of an answer.

    Attributes:
        tell: writes an event to the `custom` stream.
        spoken: the reader has seen some of the answer.
    """

    tell: Callable[[Any], None]
    spoken: bool = False
    _message_id: str = field(default_factory=_new_id)
    _stream: AnswerStream = field(default_factory=AnswerStream)
    _ledger_told: bool = False

    @property
    def heard(self) -> bool:
        """Tell whether anybody hears it."""
        return heard(self.tell) or called_back()

    def text(self, piece: str) -> None:
        """Take the next piece of the raw reply."""
        fresh = self._stream.feed(piece)
        ledger = self._stream.ledger
        if ledger is not None and not self._ledger_told:
            self._ledger_told = True
            self.tell(
                {"type": "ledger", **{key: ledger.get(key) or [] for key in ("disagreements", "gaps", "follow_ups")}}
            )
        self.answer(fresh)

    def answer(self, piece: str) -> None:
        """Pass on a piece of the answer itself."""
        if piece:
            self.spoken = True
            self.tell({"type": "answer", "text": piece, "message_id": self._message_id})
            if TAG_NOSTREAM not in (get_config().get("tags") or ()):  # whoever has tagged the run tells it himself
                push_message(AIMessageChunk(content=piece, id=self._message_id), state_key=None)

    def restart(self, why: str = "") -> None:
        """Have forgotten what came: the endpoint failed (says why), or it was not the answer. A new message begins."""
        if self.spoken or self._ledger_told:
            self._stream, self._ledger_told, self.spoken, self._message_id = AnswerStream(), False, False, _new_id()
        self.tell({"type": "answer_restart", "why": why})

    def end(self, body: str, answer: str) -> None:
        """Make what was told whole: `body` is what the model wrote, `answer` is that with what code has put into it."""
        if self.spoken and answer.startswith(body):
            self.answer(answer[len(body) :])
            return
        if self.spoken:
            self.restart()
        self.answer(answer)
