"""Assignment: what one worker has to do and what it does it with; the words and the call that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from nodes.budget import Purse, owing
from nodes.control import Hold
from nodes.events import heard
from nodes.host import Host
from nodes.models import Call, Clock
from nodes.pool import Part
from nodes.specialists import Specialist
from nodes.state import Allowance, Charge, Context, WorkerInput
from nodes.times import Times
from prompts import fence, render


@dataclass(frozen=True)
class Assignment:
    """One subtask, and who does it.

    Attributes:
        given: what the fan-out sent: the goal, the frame, the subtask with its allowance and documents.
        specialist: who does it.
        host: what this machine has fixed.
        tell: is told what becomes of it.
        part: in what the workers share.
        hold: a person's hand on it.
    """

    given: WorkerInput
    specialist: Specialist
    host: Host
    tell: Times
    part: Part
    hold: Hold = field(default_factory=Hold)

    @property
    def name(self) -> str:
        """The id of its subtask."""
        return self.given["subtask"]["id"]

    @property
    def purse(self) -> Purse:
        """What may be spent on it."""
        return Purse(**self.given["subtask"]["allowance"])

    @property
    def seconds(self) -> float:
        """What it may take."""
        most = Context.of(self.given["settings"]).worker_timeout_s
        return min(most, self.specialist.timeout or most)

    def advised(self, advice: str, charges: Sequence[Charge]) -> "Assignment":
        """Put a person's advice into the task, and take off its allowance what was spent, of what it drew from the pool too."""
        subtask, left = self.given["subtask"], owing(self.purse, charges)
        task = f"{subtask['task']}\n\n{render('advice', advice=advice)}" if advice else subtask["task"]
        allowance: Allowance = {"usd": left.usd, "tokens": left.tokens}
        return replace(self, given={**self.given, "subtask": {**subtask, "task": task, "allowance": allowance}})

    def task(self) -> str:
        """Word it for other people's code: bare where the task is all there is."""
        more = self.given.get("frame") or self.given["subtask"].get("excerpts")
        return self._fenced() if more else self.given["subtask"]["task"]

    def call(self) -> Call:
        """Make the call that it asks of a model of ours."""
        settings, specialist = Context.of(self.given["settings"]), self.specialist
        if specialist.temperature is not None:
            settings = settings.model_copy(update={"worker_temperature": specialist.temperature})
        caps = [
            cap for cap in (self.given["subtask"]["max_output_tokens"], specialist.max_output_tokens) if cap is not None
        ]
        return Call(
            endpoints=self.host.endpoints,
            settings=settings,
            role="worker",
            messages=self._messages(),
            purse=self.purse,
            part=self.part,
            cap=min(caps, default=None),
            spec=specialist.model,
            subtask_id=self.name,
            round=self.given["round"],
            clock=Clock(self.seconds),
            hold=self.hold,
            config={"metadata": {"subtask_id": self.name}},  # tells the tokens of `messages` mode apart
            on_text=self.on_text if self.hold.control or heard(self.tell) else None,
            on_restart=lambda why: self.tell({"type": "worker_restart", "id": self.name, "why": why}),
            on_waiting=self._on_waiting,
        )

    def on_text(self, text: str) -> None:
        """Pass on a further piece of its text."""
        self.tell({"type": "worker_text", "id": self.name, "text": text})

    def _on_waiting(self, waiting: bool) -> None:  # noqa: FBT001 - the one thing there is to tell
        self.hold.waits = waiting
        self.tell({"type": "worker_waiting", "id": self.name, "waiting": waiting})

    def _messages(self) -> list[BaseMessage]:
        frame, documents = bool(self.given.get("frame")), self.host.documents is not None
        who = {"specialist": self.given["subtask"]["specialist"], "instructions": self.specialist.instructions}
        system = render("worker", **who, frame=frame, documents=documents)
        return [SystemMessage(system), HumanMessage(f"{fence('goal', self.given['request'])}\n\n{self._fenced()}")]

    def _fenced(self) -> str:
        subtask, frame = self.given["subtask"], self.given.get("frame")
        parts = [fence("frame", render("frame", frame=frame))] if frame else []
        parts.append(fence("task", subtask["task"]))
        if subtask.get("excerpts"):
            parts.append(fence("documents", subtask["excerpts"]))
        return "\n\n".join(parts)
