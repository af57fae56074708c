"""ResultWriter: what is written where. Answers and JSON go to stdout, all else to stderr, a report to its file."""

import sys
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from graph.cli.hints import Misused
from graph.sanitise import as_json, harmless, one_line

COMPLETE, OTHER, WRONG, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 130  # exit codes

# Not for --json: what only steers the run.
SUFFIXES = (".html", ".md", ".docx", ".json")  # of reports: graph.report.FORMATS
_INNER = ("draft", "replan", "phase")

stderr = Console(stderr=True, highlight=False)
stdout = Console(highlight=False)


@dataclass(frozen=True)
class ResultWriter:
    """How a run's result is written.

    Attributes:
        json: print the final state as one JSON document.
        report: also write the whole run to this file (its name ends in one of SUFFIXES; .docx holds the answer alone).
    """

    json: bool
    report: Path | None = None

    def check(self) -> None:
        """Refuse a report that could not be written."""
        if self.report is None:
            return
        if self.report.suffix not in SUFFIXES:
            raise Misused(f"--report {self.report}: the name must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
        if not self.report.absolute().parent.is_dir():
            raise Misused(f"--report {self.report}: there is no folder {self.report.absolute().parent}")

    def write(
        self,
        state: Mapping[str, Any],
        run_id: str | None = None,
        seconds: float | None = None,
        told_failures: AbstractSet[str] = frozenset(),
    ) -> None:
        """Write the answer, how the run ended, and the report.

        Args:
            state: the run's.
            run_id: under which it is kept (None: it is not).
            seconds: how long it took (None: not known).
            told_failures: ids of subtasks whose failure has been told_failures already.
        """
        from graph.cli.summary import summary

        self.check()
        answer = harmless(state.get("answer", ""))
        if self.json:
            kept = {key: value for key, value in state.items() if key not in _INNER}
            write_json({**({"id": run_id} if run_id else {}), **kept})
        elif answer and stdout.is_terminal:
            _write_markdown(answer)
        elif answer:
            sys.stdout.write(answer + "\n")
        sys.stdout.flush()
        if stderr.is_terminal:
            stderr.rule(style="dim")
        for text, style in summary(state, seconds, told_failures):
            say(text, style)
        self._write_report(state)

    def _write_report(self, state: Mapping[str, Any]) -> None:
        if self.report is None:
            return
        from graph.report import written

        write_file("--report", self.report, written(state, self.report.suffix.removeprefix(".")))


def _write_markdown(text: str) -> None:
    from rich.markdown import Markdown

    stdout.print(Markdown(text, hyperlinks=False))  # a link shows where it leads


def write_json(value: Any) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(as_json(value) + "\n")


def write_file(option: str, path: Path, content: bytes) -> None:
    """Write the report that an option names to its file."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Misused(f"{option} {path} cannot be written: {error.strerror}") from None
    say(f"report: {path}")


def write_bytes(content: bytes) -> None:
    """Write a file's content to stdout."""
    sys.stdout.buffer.write(content)


def write_list(rows: Sequence[Mapping[str, Any]], form: Callable[[Mapping[str, Any]], str], *, as_json: bool) -> None:
    """Write a list to stdout: as JSON, or a line for each of its rows."""
    if as_json:
        write_json(rows)
    for row in () if as_json else rows:
        write_row(form(row))


def write_text(text: str) -> None:
    """Write a text from outside to stdout."""
    sys.stdout.write(harmless(text) + "\n")


def write_row(text: str) -> None:
    """Write one row of a list to stdout; in a terminal what does not fit its width is left out after a whole word."""
    if stdout.is_terminal:
        from graph.cli.drawing import shortened

        head = text[: len(text) - len(text.lstrip())]
        text = text if len(text) <= stdout.width else head + _cut(text.lstrip(), stdout.width - len(head), shortened)
    sys.stdout.write(text + "\n")


def _cut(text: str, width: int, shortened: Callable[[str, int], str]) -> str:
    """Shorten a row's last column alone: the ones before it are padded with spaces that must stay."""
    columns, _, last = text.rpartition("  ")
    room = width - len(columns) - 2
    return f"{columns}  {shortened(last, room)}" if room > len(" …") else text[:width]


def say(text: str, style: str = "") -> None:
    """Say something to the person, on stderr."""
    stderr.print(Text(harmless(text), style), soft_wrap=not stderr.is_terminal)


def fail(error: Exception, more: str = "") -> int:
    """Tell a foreseen error and how to go on, and return its exit code."""
    from graph.store import RunBusy
    from nodes.errors import AllWorkersFailed

    say("\n".join(one_line(line) for line in str(error).split("\n")), "red")
    if more:
        say(more)
    return OTHER if isinstance(error, (AllWorkersFailed, RunBusy)) else WRONG
