"""Keyboard: whether somebody is there, and what they answer to a question."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.text import Text

from graph.cli.output import stderr


def person_is_there() -> bool:
    """Tell whether somebody can be asked."""
    return sys.stdin.isatty() and stderr.is_terminal


def confirm(question: str) -> bool:
    """Put a yes-or-no question."""
    return answer_to(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def answer_to(question: str) -> str:
    """Read the line that answers a question ("": the input has ended); what was typed before it is no answer."""
    forget_keys()
    stderr.print(Text(question), end="")
    return sys.stdin.readline()


def forget_keys() -> None:
    """Throw away what was typed and not read yet."""
    try:
        import termios
    except ImportError:  # Windows has none; there the keys stay
        return
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


@contextmanager
def unseen_keys() -> Iterator[None]:
    """Take keys one by one, unechoed: a live view would be drawn in the wrong place after a line's end."""
    try:
        import termios
    except ImportError:
        yield
        return
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    silent = [*before[:3], before[3] & ~(termios.ECHO | termios.ICANON), *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
