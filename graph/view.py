"""View: a run as its events tell it, and the plain lines that tell them where there is no terminal. Pure."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from graph.plan_text import about, cost_ahead, counted, dropped_lines
from graph.sanitise import one_line
from nodes.budget import summed
from nodes.state import Charge

# For the guess of how long an embedded model takes: how often a run reads as much as the planner's prompt, how many
# tokens it writes, and how many read tokens a written one takes as long as (on a laptop's CPU about five).
READ, WRITTEN, WRITING_COSTS = 5, 2600, 5
MINUTES_FROM_S = 90  # from here on a length of time is told in minutes
TOKEN_CHARACTERS = 4  # of a text that is still arriving, to guess its tokens

OPEN = ("waiting", "started")  # what a subtask is while nothing has come of it


@dataclass
class Progress:
    """How far one subtask has come."""

    id: str
    specialist: str
    task: str = ""
    round: int = 1
    status: str = "waiting"
    began: float = 0.0
    seconds: float = 0.0
    error: str | None = None
    written: int = 0  # characters
    waits_since: float | None = None  # for a free slot
    waited: float = 0.0  # seconds, which are not its own time
    note: str = ""  # what it is just doing, where that is not writing: a tool, another try, waiting for a slot
    tools: list[str] = field(default_factory=list)  # what it has called, each with what came of it

    def at_work(self) -> float:
        """Say for how many seconds a worker that has started has been at work."""
        waits = 0.0 if self.waits_since is None else time.monotonic() - self.waits_since
        return time.monotonic() - self.began - self.waited - waits


@dataclass
class Costs:
    """What a run's requests have cost so far: its journal, as its events tell it."""

    settled: dict[str, list[Charge]] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)

    def take(self, note: str, charges: Sequence[Charge], *, settled: bool) -> None:
        """Take what a request is charged at; until it is settled that is only the most it can cost."""
        if settled:
            self.under_way.discard(note)
            self.settled[note] = list(charges)
        else:
            self.under_way.add(note)

    def by_subtask(self) -> dict[str, float | None]:
        """Say what each subtask has cost, in USD (None: a price is unknown)."""
        usd: dict[str, float | None] = {}
        for charge in self.charges:
            if name := charge["subtask_id"]:
                before, cost = usd.get(name, 0.0), charge["usd"]
                usd[name] = None if before is None or cost is None else before + cost
        return usd

    @property
    def charges(self) -> list[Charge]:
        """What is known to have been spent."""
        return [charge for charges in self.settled.values() for charge in charges]

    def in_words(self) -> str:
        """Say it in a few words."""
        spent = summed(self.charges)
        calls = counted(spent["calls"] + len(self.under_way), "call")
        price = "price unknown" if spent["usd"] is None else f"${spent['usd']:.4f}"
        return f"{calls} · {counted(spent['input_tokens'] + spent['output_tokens'], 'token')} · {price}"


@dataclass
class View:
    """The state of a run as far as its events have told it."""

    plan: dict[str, Any] = field(default_factory=dict)
    drafted: list[dict[str, Any]] = field(default_factory=list)  # subtasks of a plan that is being written
    workers: dict[str, Progress] = field(default_factory=dict)
    answer: str = ""
    doing: str = "planning"
    run_id: str = ""
    paused: bool = False
    costs: Costs = field(default_factory=Costs)
    began: float = field(default_factory=time.monotonic)
    pace: float = 0.0  # tokens that an embedded model reads in a second
    calls_before_plan: int = 0

    def take(self, event: dict[str, Any]) -> Iterator[str]:
        """Take one event; yield the plain lines that tell it where there is no terminal."""
        handler = getattr(self, f"_on_{event.get('type')}", lambda _: ())
        for line in handler(event) or ():
            yield line[: len(line) - len(line.lstrip())] + one_line(line)

    def _on_run(self, event: dict[str, Any]) -> Iterator[str]:
        self.run_id = event["id"]
        yield f"run {self.run_id}"

    @staticmethod
    def _on_nothing_to_do(event: dict[str, Any]) -> Iterator[str]:
        yield event["text"]

    _on_specialists_changed = _on_nothing_to_do

    def _on_steered(self, event: dict[str, Any]) -> Iterator[str]:
        self.paused = event.get("paused", self.paused)
        yield event["text"]

    def _on_request(self, event: dict[str, Any]) -> None:
        self.costs.take(event["note"], event["charges"], settled=event["settled"])

    def _on_planning(self, event: dict[str, Any]) -> Iterator[str]:
        self.doing, self.drafted = "planning" if event["attempt"] == 1 else "planning again", []
        yield f"{self.doing} …"

    def _on_planning_restart(self, event: dict[str, Any]) -> Iterator[str]:
        self.doing, self.drafted = f"planning; trying again: {event['why']}", []
        yield f"planning: trying again: {event['why']}"

    def _on_drafted(self, event: dict[str, Any]) -> None:
        self.drafted.append(event)
        self.doing = f"planning, {counted(len(self.drafted), 'subtask')} so far"

    def _on_reading(self, event: dict[str, Any]) -> Iterator[str]:
        """Say once, from the first tokens of the first prompt, how long a run takes on this machine."""
        read, took = event.get("processed", 0) - event.get("cache", 0), event.get("time_ms", 0) / 1000
        if self.pace or not read or not took:
            return
        self.pace = read / took
        seconds = (READ * event["total"] + WRITTEN * WRITING_COSTS) / self.pace
        about = f"{round(seconds / 60)} min" if seconds > MINUTES_FROM_S else f"{round(seconds)} s"
        yield f"this machine reads some {self.pace:,.0f} tokens a second; a run of this size takes about {about}"

    def _on_plan(self, event: dict[str, Any]) -> Iterator[str]:
        """Take a plan. One of a round that had a plan replaces it: what was rejected or edited away is gone."""
        self.plan, self.doing, self.drafted = event["plan"], "working", []
        self.calls_before_plan = len(self.costs.charges)
        self.forget_waiting()
        for subtask in self.plan["subtasks"]:
            name, who, task = subtask["id"], subtask["specialist"], subtask["task"]
            self.workers[name] = Progress(name, who, task, self.plan["round"])
        yield from self._plan_lines()

    def forget_waiting(self) -> None:
        """Forget the subtasks that were never begun: their plan was sent back, or another one stands."""
        self.workers = {name: worker for name, worker in self.workers.items() if worker.status != "waiting"}

    @property
    def ahead(self) -> str:
        """What the run may come to, from its first call on."""
        return cost_ahead(self.plan.get("at_most") or {}, self.calls_before_plan)

    def _plan_lines(self) -> Iterator[str]:
        plan = self.plan
        source = "" if plan["source"] == "native" else f" ({plan['source']})"
        yield f"plan, round {plan['round']}{source}: {counted(len(plan['subtasks']), 'subtask')}; {self.ahead}"
        yield from (text for text, _ in about(plan))
        for subtask in plan["subtasks"]:
            yield f"  {subtask['id']} {subtask['specialist']}: {subtask['task']}"
            for change in subtask.get("changes", []):
                yield f"     mended: {change}"
        yield from (text for text, _ in dropped_lines(plan))

    def _on_worker(self, event: dict[str, Any]) -> Iterator[str]:
        worker = self.workers.setdefault(event["id"], Progress(event["id"], event["specialist"]))
        worker.status, worker.note = event["status"], ""
        if worker.status == "started":
            worker.began, worker.written, worker.error = time.monotonic(), 0, None
            worker.waits_since, worker.waited, worker.tools = None, 0.0, []
            yield f"{worker.id} {worker.specialist}: started"
            return
        worker.seconds, worker.error = max(0.0, event["seconds"] - worker.waited), event["error"]
        why = f": {worker.error}" if worker.error else ""
        yield f"{worker.id} {worker.specialist}: {worker.status.replace('_', ' ')} in {worker.seconds:.1f} s{why}"

    def _on_worker_text(self, event: dict[str, Any]) -> None:
        worker = self.workers[event["id"]]
        if worker.status == "waiting":  # its start was told before anybody listened
            worker.status, worker.began = "started", time.monotonic()
        worker.written, worker.note = worker.written + len(event["text"]), ""

    def _on_worker_waiting(self, event: dict[str, Any]) -> Iterator[str]:
        worker = self.workers[event["id"]]
        now = time.monotonic()
        worker.note = "waits for a free slot" if event["waiting"] else ""
        if worker.waits_since is not None:
            worker.waited += now - worker.waits_since
        worker.waits_since = now if event["waiting"] else None
        if event["waiting"]:
            yield f"{worker.id} {worker.specialist}: waits for a free slot"

    def _on_worker_restart(self, event: dict[str, Any]) -> Iterator[str]:
        worker = self.workers[event["id"]]
        worker.written, worker.note = 0, f"trying again: {event['why']}"
        yield f"{worker.id} {worker.specialist}: {worker.note}"

    def _on_worker_tool(self, event: dict[str, Any]) -> Iterator[str]:
        worker = self.workers[event["id"]]
        call = f"{event['tool']}({event['args']})"
        worker.note = f"used {call}"
        worker.tools.append(f"{call} → {event['result']}")
        yield f"{worker.id} {worker.specialist}: {worker.tools[-1]}"

    def _on_synthesis(self, _: dict[str, Any]) -> Iterator[str]:
        self.doing, self.answer = "joining the results", ""
        yield "joining the results …"

    def _on_ledger(self, event: dict[str, Any]) -> Iterator[str]:
        self.doing = "asking for more work first" if event.get("follow_ups") else "writing the answer"
        listed = f"{counted(len(event['disagreements']), 'disagreement')}, {counted(len(event['gaps']), 'gap')}"
        yield f"{listed} found; {self.doing} …"

    def _on_answer(self, event: dict[str, Any]) -> None:
        self.doing = "writing the answer"
        self.answer += event["text"]

    def _on_answer_restart(self, event: dict[str, Any]) -> Iterator[str]:
        self.answer = ""
        if why := event.get("why"):
            self.doing = f"joining the results; trying again: {why}"
            yield self.doing
