"""Reading along: the answer's text out of a structured reply that is still arriving."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

# Inside JSON strings every quote is escaped, so these marks can only be a key and the start of its value.
_MARK = 64  # characters; the key and its quotes, with white space between
_ANSWER = re.compile(r'"answer"\s*:\s*"')
# As much of a JSON string as can be decoded by itself: no half escape, no first half of a surrogate pair at its end.
_WHOLE = re.compile(
    r"""(?:[^"\\] | \\[^u] | \\u(?![dD][89abAB])[0-9a-fA-F]{4}
    | \\u[dD][89abAB][0-9a-fA-F]{2}
      (?:\\u[dD][c-fC-F][0-9a-fA-F]{2} | (?=[^\\]) | (?=\\[^u]) | (?=\\u(?![dD][c-fC-F])[0-9a-fA-F]{4})))*""",
    re.DOTALL | re.VERBOSE,
)


@dataclass
class AnswerStream:
    """Fed with pieces of a reply, gives the pieces of its answer as soon as they can be read.

    Attributes:
        ledger: what stood before the answer, once the answer has begun (None before).
    """

    ledger: dict[str, Any] | None = None
    _buffer: str = ""
    _plain: bool = False
    _ended: bool = False
    _text: list[str] = field(default_factory=list)
    _waiting: list[str] = field(default_factory=list)  # what has come before the answer
    _started: bool = False  # something has come that is no white space
    _seen: str = ""  # the end of what has come

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._text)

    def feed(self, piece: str) -> str:
        """Take the next piece of the reply; return the next piece of the answer ("" while there is none)."""
        if self._ended:
            return ""
        if not self._plain and self.ledger is None:
            self._waiting.append(piece)
            self._seen = (self._seen + piece)[-(len(piece) + _MARK) :]
            if self._started and _ANSWER.search(self._seen) is None:
                return ""  # looked for in the end alone: the whole, again and again, would take for ever
            self._buffer = "".join(self._waiting)
            if not self._begin():
                return ""
        else:
            self._buffer += piece
        answer = self._buffer if self._plain else self._decoded()
        if self._plain:
            self._buffer = ""
        self._text.append(answer)
        return answer

    def _begin(self) -> bool:
        start = self._buffer.lstrip()
        if start and start[0] not in "{`<[":  # no JSON, no fence, no reasoning: the text is the answer
            self._plain = True
            return True
        self._started = bool(start)
        match = _ANSWER.search(self._buffer)
        if match is None:
            return False
        head = self._buffer[: match.start()]
        self.ledger = _head(head[head.find("{") :])
        self._buffer = self._buffer[match.end() :]
        return True

    def _decoded(self) -> str:
        end = _WHOLE.match(self._buffer)
        body = end.group() if end else ""
        self._ended = self._buffer[len(body) :].startswith('"')
        self._buffer = self._buffer[len(body) :]
        try:
            decoded = str(json.loads(f'"{body}"', strict=False))
        except ValueError:  # not JSON after all; the whole reply is read again when it is complete
            self._ended = True
            return ""
        return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # half a pair is no text


def _head(text: str) -> dict[str, Any]:
    try:
        fields = from_json(text.rstrip().rstrip(",") + "}", allow_partial=True)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}
