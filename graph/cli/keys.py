"""Keys: what a person can press while a run is shown, and the order that comes of it. Pure; screen.py reads the keys."""

from collections.abc import Callable
from typing import Any

Order = dict[str, Any]  # as graph/orders.py carries it out

HINT = "p pause · s stop one · a again, with advice · m message · w write up now · Ctrl-C end"
ASKED = {
    "s": ("stop", "stop which?"),
    "a": ("again", "do again which, with what advice? (S2 …)"),
    "m": ("tell", "tell whom what? (S2 …)"),
    "w": ("write-up", "stop all and write up what is finished?"),
}
ENTER, ESCAPE, BACKSPACE = "\r\n", "\x1b", "\x7f\b"
TYPED_LIMIT = 2_000


class Keys:
    """Takes keys one by one; an order that needs more than its key is typed to its end below the live view."""

    def __init__(self, give: Callable[[Order], None], is_paused: Callable[[], bool]) -> None:
        self._give, self._is_paused = give, is_paused
        self._asked = ""
        self._typed = ""

    @property
    def line(self) -> str:
        """What stands below the live view."""
        if self._asked:
            return f"{ASKED[self._asked][1]} {self._typed}▏ (Enter does it, Esc does not)"
        return HINT.replace("p pause", "p go on") if self._is_paused() else HINT

    def press(self, key: str) -> None:
        """Take one key."""
        if self._asked:
            self._type(key)
        elif key == "p":
            self._give({"do": "go-on" if self._is_paused() else "pause"})
        elif key in ASKED:
            self._asked, self._typed = key, ""

    def _type(self, key: str) -> None:
        if key in ENTER:
            self._end()
        elif key == ESCAPE:
            self._asked = ""
        elif key in BACKSPACE:
            self._typed = self._typed[:-1]
        elif key.isprintable():
            self._typed = (self._typed + key)[:TYPED_LIMIT]

    def _end(self) -> None:
        name, typed = ASKED[self._asked][0], self._typed.strip()
        self._asked = ""
        subtask, _, words = typed.partition(" ")
        if name == "write-up":
            self._give({"do": name})
        elif subtask:
            self._give({"do": name, "subtask": subtask_id(subtask), "words": words.strip()})


def subtask_id(typed: str) -> str:
    """Read a subtask's id as people type it: "2", "s2" and "[S2]" are S2."""
    name = typed.strip("[],.:").upper()
    return f"S{name}" if name.isdigit() else name
