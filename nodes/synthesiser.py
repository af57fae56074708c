"""Synthesiser: reads every outcome, lists disagreements and gaps as data, then writes the answer."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessageChunk
from langgraph.graph.message import push_message
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from nodes.budget import all_charges, totals
from nodes.errors import AllWorkersFailed
from nodes.host import Host, this_process
from nodes.models import CallFailed, OverBudget
from nodes.state import Context, Draft, Dropped, Outcome, State
from nodes.synthesis import AnswerStream, Joiner, Joint, ledger
from prompts.replies import BadReply, Synthesis

SYNTHESIS_FAILED = "synthesis failed"  # how stop_reason begins then; a resume tries the synthesis alone again
_ended: deque[str] = deque(maxlen=10_000)  # tasks of this process that ended without a synthesis


async def synthesiser(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Join the outcomes into one answer, or ask for further subtasks as well.

    Where no synthesis can be had, the answer is the outcomes themselves. A run that is kept then waits here: a resume,
    with or without a value, tries the synthesis again, and nothing else.

    Raises:
        AllWorkersFailed: there is nothing to join. A resume tries the workers again.
    """
    outcomes, settings = state["outcomes"], Context(**state["settings"])
    if not any(_usable(outcome) for outcome in outcomes):
        return _all_failed(outcomes, runtime)
    if state.get("phase") == "synthesiser":
        _await_resume(state, runtime)
    tell = runtime.stream_writer
    tell({"type": "synthesis", "round": state["plan"]["round"]})
    listener = _Listener(tell)
    follow_ups = settings.max_subtasks if state["plan"]["round"] < settings.max_rounds else 0
    joiner = Joiner(state, settings, host, follow_ups, listener.text, listener.answer, listener.restart)
    job = _Job(state, settings, host, listener, joiner)
    try:
        joint = await joiner.join()
    except (CallFailed, OverBudget, BadReply) as error:
        again = not isinstance(error, OverBudget) and bool(runtime.execution_info and runtime.execution_info.thread_id)
        return job.without_synthesis(error, again=again)
    entries, reply = await job.check(joint.reply)
    return job.finished(joint, reply, entries)


def _usable(outcome: Outcome) -> bool:
    return outcome["status"] in ("done", "partial") and bool(outcome["output"])


def _await_resume(state: State, runtime: Runtime[Context]) -> None:
    """Wait after a failed synthesis, once: the second time this task runs, or in another process, it is a resume."""
    task = runtime.execution_info.task_id if runtime.execution_info else ""
    if state.get("failed_in") == this_process() and task not in _ended:
        _ended.append(task)
        interrupt({SYNTHESIS_FAILED: state["stop_reason"], "to go on": "resume; the synthesis alone is tried again"})


def _all_failed(outcomes: Sequence[Outcome], runtime: Runtime[Context]) -> dict[str, Any]:
    """Raise; but in a resume send the workers out again.

    It is a resume when this very task has ended so before, or the outcomes are another process's.
    """
    task = runtime.execution_info.task_id if runtime.execution_info else ""
    if (task and task in _ended) or any(outcome["process"] != this_process() for outcome in outcomes):
        return {"phase": "worker", "charges": [charge for one in outcomes for charge in one["charges"]]}
    _ended.append(task)
    listed = "\n".join(f"- {one['id']} {one['specialist']}: {one['status']}: {one['error']}" for one in outcomes)
    raise AllWorkersFailed(
        f"No subtask could be done, so there is nothing to answer from:\n{listed}\n"
        "Mend the cause and resume this run (the same thread, without input); the plan is kept."
    )


@dataclass
class _Listener:
    """Passes the answer on while it arrives: the ledger first, then the text, piece by piece."""

    tell: Callable[[Any], None]
    message_id: str = field(default_factory=lambda: f"answer-{uuid.uuid4().hex}")
    stream: AnswerStream = field(default_factory=AnswerStream)
    ledger_told: bool = False
    spoken: bool = False  # the reader has seen some of the answer

    def text(self, piece: str) -> None:
        """Take the next piece of the raw reply."""
        found = self.stream.feed(piece)
        head = self.stream.ledger
        if head is not None and not self.ledger_told:
            self.ledger_told = True
            self.tell({"type": "ledger", **{key: head.get(key) or [] for key in ("disagreements", "gaps")}})
        self.answer(found)

    def answer(self, found: str) -> None:
        """Pass a piece of the answer on, to the `custom` and the `messages` stream."""
        if found:
            self.spoken = True
            self.tell({"type": "answer", "text": found})
            push_message(AIMessageChunk(content=found, id=self.message_id), state_key=None)

    def restart(self) -> None:
        """Forget what came: the endpoint failed, and the reply begins again."""
        self.stream, self.ledger_told, self.spoken = AnswerStream(), False, False
        self.tell({"type": "answer_restart"})


@dataclass
class _Job:
    """One synthesis: what it reads, what it has cost, where its text goes."""

    state: State
    settings: Context
    host: Host
    listener: _Listener
    joiner: Joiner

    @property
    def _rounds_left(self) -> bool:
        return self.state["plan"]["round"] < self.settings.max_rounds

    async def check(self, reply: Synthesis) -> tuple[list[dict[str, Any]], Synthesis]:
        """Check the ledger; what is wrong goes back once, what is still wrong is kept and marked."""
        outcomes = self.state["outcomes"]
        entries, faults = await asyncio.to_thread(ledger.checked, reply.disagreements, outcomes)
        mended = await self.joiner.mended(faults) if faults else None
        if mended is None:
            return entries, reply
        better, remaining = await asyncio.to_thread(ledger.checked, mended.disagreements, outcomes)
        if len(remaining) > len(faults):
            return entries, reply
        return [*better, *ledger.unmended(entries, better)], reply.model_copy(
            update={"gaps": mended.gaps or reply.gaps}
        )

    def finished(self, joint: Joint, reply: Synthesis, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Turn a checked reply into state."""
        outcomes = self.state["outcomes"]
        ids = {outcome["id"] for outcome in outcomes}
        answer, unknown = ledger.known_citations(reply.answer.strip(), ids)
        lost = [*ledger.code_gaps(outcomes, self._dropped()), *ledger.unused_gaps(outcomes, answer)]
        lost += ledger.condensed_gaps(outcomes, joint.condensed)
        if joint.cut_off:
            lost.append(
                {"subtask_id": None, "what": "the end of the answer", "why": "cut off by the limit on its length"}
            )
        gaps = ledger.joined_gaps(reply.gaps, lost, ids)
        untold = [entry for entry in entries if not ledger.told(entry, answer, outcomes)]
        added = [ledger.disagreement_section(untold, outcomes)] if untold else []
        added += [ledger.missing_section(lost)] if lost else []
        added = [ledger.known_citations(section, ids)[0] for section in added]
        if joint.parts:
            added.append(f"*The results were too long to be read at once; they were joined from {joint.parts} parts.*")
        if not self.listener.spoken:
            self.listener.answer(answer)
        if added:
            self.listener.answer("\n\n" + "\n\n".join(added))
        stop = None
        if lost:
            named = "; ".join(f"{gap['subtask_id'] or gap['what'][:60]} ({gap['why'][:120]})" for gap in lost)
            stop = f"{len(lost)} of what was planned is missing from the answer: {named}"
        follow_ups = self._follow_ups(reply, entries, gaps) if self._rounds_left else []
        update = self._state("\n\n".join([answer, *added]), entries, gaps, stop)
        if unknown:
            update["spend"]["unknown_citations"] = unknown
        if follow_ups:
            update["phase"] = "validator"
            update["draft"] = Draft(
                round=self.state["plan"]["round"] + 1,
                attempt=1,
                source="native",
                subtasks=follow_ups,
                faults=[],
                reply="",
                final=True,
            )
        return update

    def _follow_ups(
        self, reply: Synthesis, entries: list[dict[str, Any]], gaps: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Give the further subtasks, if there is anything for them to settle; a tie-breaker gets both positions."""
        undecided = [entry for entry in entries if not entry["resolution"]]
        if not undecided and not gaps:
            return []
        names = {outcome["id"]: outcome["specialist"] for outcome in self.state["outcomes"]}
        return [
            {"specialist": one.specialist, "task": one.task + ledger.positions_for(one.task, undecided, names)}
            for one in reply.follow_ups
        ]

    def without_synthesis(self, error: CallFailed | OverBudget | BadReply, *, again: bool) -> dict[str, Any]:
        """Answer with the outcomes themselves, in order, marked incomplete; an earlier round's answer stays before them."""
        if not isinstance(error, BadReply):
            self.joiner.charges += [charge for charge in error.charges if charge not in self.joiner.charges]
        outcomes = self.state["outcomes"]
        told = str(error).rstrip(".")
        tried = str(self.state.get("stop_reason") or "").startswith(SYNTHESIS_FAILED)
        before = self.state.get("answer") if self.state["plan"]["round"] > 1 and not tried else ""
        new = [one for one in outcomes if _usable(one) and (not before or one["round"] == self.state["plan"]["round"])]
        parts = [before] if before else []
        parts.append(f"*The results could not be joined into one answer ({told}). They follow one by one.*")
        parts += [f"## {one['specialist']} [{one['id']}]\n\n{one['output']}" for one in new]
        gaps = ledger.code_gaps(outcomes, self._dropped())
        parts += [ledger.missing_section(gaps)] if gaps else []
        answer = "\n\n".join(parts)
        self.listener.restart()
        self.listener.answer(answer)
        entries = self.state.get("disagreements") or [] if before else []
        update = self._state(answer, entries, gaps, f"{SYNTHESIS_FAILED}: {told}")
        if again:
            update |= {"phase": "synthesiser", "failed_in": this_process()}
        return update

    def _dropped(self) -> list[Dropped]:
        return [drop for plan in [*self.state.get("plans", []), self.state["plan"]] for drop in plan["dropped"]]

    def _state(
        self, answer: str, entries: list[dict[str, Any]], gaps: list[dict[str, Any]], stop: str | None
    ) -> dict[str, Any]:
        mine = self.joiner.charges
        everything = [*all_charges(self.state.get("charges", []), self.state["outcomes"]), *mine]
        return {
            "answer": answer,
            "disagreements": entries,
            "gaps": gaps,
            "complete": stop is None,
            "stop_reason": stop,
            "charges": mine,
            "spend": totals(everything),
            "phase": "end",
        }
