"""View: what a terminal shows of a run, from the events of its `custom` stream. Pure; cli.py prints it."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from graph.report import harmless

TAIL = 12  # lines of the answer that are kept in sight while it arrives

# For the guess of how long an embedded model takes: how often a run reads as much as the planner's prompt, how many
# tokens it writes, and how many read tokens a written one takes as long as (on a laptop's CPU about five).
READ, WRITTEN, WRITING_COSTS = 5, 2600, 5

_MARKS = {"done": ("✓", "green"), "partial": ("◐", "yellow"), "waiting": ("·", "dim"), "started": ("", "cyan")}
_FAILED = ("✗", "red")


@dataclass
class _Line:
    specialist: str
    task: str
    status: str = "waiting"
    began: float = 0.0
    seconds: float = 0.0
    error: str | None = None
    written: int = 0


@dataclass
class View:
    """The state of a run as far as its events have told it."""

    plan: dict[str, Any] = field(default_factory=dict)
    workers: dict[str, _Line] = field(default_factory=dict)
    answer: str = ""
    doing: str = "planning"
    ledger: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""
    pace: float = 0.0  # tokens that an embedded model reads in a second

    def take(self, event: dict[str, Any]) -> Iterator[str]:
        """Take one event; yield the plain lines that tell it where there is no terminal."""
        handler = getattr(self, f"_on_{event.get('type')}", None)
        if handler is not None:
            for line in handler(event):
                yield harmless(line)

    def _on_run(self, event: dict[str, Any]) -> Iterator[str]:
        self.run_id = event["id"]
        yield f"run {self.run_id}"

    def _on_planning(self, event: dict[str, Any]) -> Iterator[str]:
        self.doing = "planning" if event["attempt"] == 1 else "planning again"
        yield f"{self.doing} …"

    def _on_reading(self, event: dict[str, Any]) -> Iterator[str]:
        """Say once, from the first tokens of the first prompt, how long a run takes on this machine."""
        read, took = event.get("processed", 0) - event.get("cache", 0), event.get("time_ms", 0) / 1000
        if self.pace or not read or not took:
            return
        self.pace = read / took
        seconds = (READ * event["total"] + WRITTEN * WRITING_COSTS) / self.pace
        about = f"{round(seconds / 60)} min" if seconds > 90 else f"{round(seconds)} s"  # noqa: PLR2004
        yield f"this machine reads some {self.pace:,.0f} tokens a second; a run of this size takes about {about}"

    def _on_plan(self, event: dict[str, Any]) -> Iterator[str]:
        self.plan = event["plan"]
        self.doing = "working"
        yield f"plan, round {self.plan['round']} ({self.plan['source']}): {len(self.plan['subtasks'])} subtasks; {cost_ahead(self.plan)}"
        for one in self.plan["subtasks"]:
            self.workers[one["id"]] = _Line(one["specialist"], one["task"])
            yield f"  {one['id']} {one['specialist']}: {_line(one['task'])}"
            for change in one.get("changes", []):
                yield f"     mended: {change}"
        for drop in self.plan["dropped"]:
            yield f"  dropped: {drop['specialist']}: {_line(drop['task'])} ({drop['reason']})"

    def _on_worker(self, event: dict[str, Any]) -> Iterator[str]:
        line = self.workers.setdefault(event["id"], _Line(event["specialist"], ""))
        line.status = event["status"]
        if line.status == "started":
            line.began = time.monotonic()
            yield f"{event['id']} {line.specialist}: started"
            return
        line.seconds, line.error = event["seconds"], event["error"]
        why = f": {line.error}" if line.error else ""
        yield f"{event['id']} {line.specialist}: {line.status.replace('_', ' ')} in {line.seconds:.1f} s{why}"

    def _on_worker_text(self, event: dict[str, Any]) -> Iterator[str]:
        self.workers[event["id"]].written += len(event["text"])
        yield from ()

    def _on_worker_restart(self, event: dict[str, Any]) -> Iterator[str]:
        self.workers[event["id"]].written = 0
        yield f"{event['id']} {self.workers[event['id']].specialist}: the endpoint failed, trying again"

    def _on_worker_tool(self, event: dict[str, Any]) -> Iterator[str]:
        yield f"{event['id']} {self.workers[event['id']].specialist}: {event['tool']}({event['args']}) → {event['result']}"

    def _on_synthesis(self, _: dict[str, Any]) -> Iterator[str]:
        self.doing, self.answer = "joining the results", ""
        yield "joining the results …"

    def _on_ledger(self, event: dict[str, Any]) -> Iterator[str]:
        self.ledger = event
        self.doing = "writing the answer"
        yield f"{len(event['disagreements'])} disagreements, {len(event['gaps'])} gaps found; writing the answer …"

    def _on_answer(self, event: dict[str, Any]) -> Iterator[str]:
        self.doing = "writing the answer"
        self.answer += event["text"]
        yield from ()

    def _on_answer_restart(self, _: dict[str, Any]) -> Iterator[str]:
        self.answer = ""
        yield from ()

    def shown(self) -> RenderableType:
        """Draw the whole view."""
        parts: list[RenderableType] = []
        if self.workers:
            parts += [self._heading(), self._table(), *self._drops()]
        if self.answer:
            tail = "\n".join(harmless(self.answer).splitlines()[-TAIL:])
            parts += [Text(""), Text(tail)]
        parts.append(Spinner("dots", Text(f" {self.doing} …", "cyan"), style="cyan"))
        return Group(*parts)

    def settled(self) -> RenderableType:
        """Draw what stays on the screen when the run has ended: the plan and how each worker fared."""
        return Group(self._heading(), self._table(), *self._drops())

    def _drops(self) -> list[Text]:
        told = [
            f"{_line(drop['specialist'])}: {_line(drop['task'])} ({drop['reason']})"
            for drop in self.plan.get("dropped", [])
        ]
        return [Text(f"  dropped: {harmless(one)}", "dim") for one in told]

    def _heading(self) -> Text:
        return Text.assemble(("Plan", "bold"), f"  {len(self.workers)} subtasks, {cost_ahead(self.plan)}")

    def _table(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 1), expand=True)
        for width, ratio in ((3, None), (2, None), (None, 2), (None, 5), (9, None)):
            table.add_column(width=width, ratio=ratio, no_wrap=True, overflow="ellipsis")
        for one, line in self.workers.items():
            table.add_row(one, self._mark(line), harmless(line.specialist), self._doing(line), self._time(line))
        return table

    @staticmethod
    def _mark(line: _Line) -> RenderableType:
        if line.status == "started":
            return Spinner("dots", style="cyan")
        return Text(*_MARKS.get(line.status, _FAILED))

    @staticmethod
    def _doing(line: _Line) -> Text:
        if line.error and line.status not in ("done", "started"):
            return Text(harmless(_line(line.error)), "red")
        written = f"({line.written // 4:,} tokens) " if line.status == "started" and line.written else ""
        return Text(written + harmless(_line(line.task)), "dim" if line.status == "waiting" else "")

    @staticmethod
    def _time(line: _Line) -> Text:
        if line.status == "waiting":
            return Text("waiting", "dim")
        seconds = line.seconds or time.monotonic() - line.began
        return Text(f"{seconds:6.1f} s", justify="right")


def cost_ahead(plan: dict[str, Any]) -> str:
    """Say what a plan may cost."""
    most = plan.get("at_most") or {}
    if not most:
        return "cost unknown"
    usd = "an unknown sum (no price for this model)" if most["usd"] is None else f"${most['usd']:.4f}"
    return f"at most {most['calls']} calls, {most['tokens']:,} tokens, {usd}" + (
        "" if most["capped"] else " (no cap set)"
    )


def summary(state: Mapping[str, Any], seconds: float | None) -> list[tuple[str, str]]:
    """Say how a run ended, as (text, style) lines: disagreements, gaps, what it spent by role, how long it took."""
    lines: list[tuple[str, str]] = []
    for entry in state.get("disagreements") or []:
        held = "; ".join(
            f"{one['subtask_id']}: {_line(one['claim'])}" + ("" if one["verified"] else " (not verified)")
            for one in entry["positions"]
        )
        lines.append(
            (f"disagreement: {_line(entry['topic'])} ({held}) {_line(entry['resolution'] or 'open')}", "yellow")
        )
    for gap in state.get("gaps") or []:
        which = f"{gap['subtask_id']} " if gap["subtask_id"] else ""
        lines.append(
            (f"gap: {which}{_line(gap['what'])}" + (f" ({_line(gap['why'])})" if gap["why"] else ""), "yellow")
        )
    spend = state.get("spend") or {}
    if spend:
        lines += [(f"{role:<12}{_spent(one)}", "dim") for role, one in spend["by_role"].items()]
        time_taken = "" if seconds is None else f", {seconds:.1f} s"
        lines.append((f"{'in all':<12}{_spent(spend)}{time_taken}", ""))
    if state.get("complete"):
        lines.append(("complete", "green"))
    else:
        lines.append((f"incomplete: {_line(state.get('stop_reason') or 'the run has not ended')}", "red"))
    return [(harmless(text), style) for text, style in lines]


def _spent(one: dict[str, Any]) -> str:
    usd = "price unknown" if one["usd"] is None else f"${one['usd']:.4f}"
    unknown = f", {one['unknown']} of unknown usage" if one["unknown"] else ""
    return f"{one['calls']:>3} calls {one['input_tokens']:>9,} in {one['output_tokens']:>8,} out  {usd}{unknown}"


def _line(text: Any) -> str:
    return " ".join(str(text).split())
