"""Synthesiser: reads every outcome, lists disagreements and gaps as data, then writes the answer."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from nodes.budget import all_charges, totals
from nodes.errors import AllWorkersFailed
from nodes.events import under_way
from nodes.host import Host, this_process
from nodes.memory import MEMORY
from nodes.models import CallFailed, OverBudget
from nodes.state import Charge, Context, State, final_draft
from nodes.synthesis import (
    Composed,
    Joiner,
    Joint,
    Ledger,
    Listener,
    Material,
    beside_loop,
    check,
    composed,
    handed,
    is_fallback,
    ledger_so_far,
    one_by_one,
    one_result,
    stop_reason,
)
from prompts.replies import BadReply, FollowUp

SYNTHESIS_FAILED = "synthesis_failed"  # the type of the interrupt after one


async def synthesiser(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:
    """Join the outcomes into one answer; or first ask for follow-ups that settle what is open.

    The result of a plan of one subtask is the answer as it is. Where no synthesis can be had, the answer is the outcomes
    themselves. A run that is kept then waits here: a resume, with or without a value, tries the synthesis again, and
    nothing else.

    Raises:
        AllWorkersFailed: there is nothing to join. A resume tries the workers again.
    """
    outcomes, settings = state["outcomes"], Context.of(state["settings"])
    if not any(outcome["status"] in ("done", "partial") and outcome["output"] for outcome in outcomes):
        return _all_failed(state, runtime)
    _await_resume(state, runtime)
    listener, ledger = Listener(runtime.stream_writer), await beside_loop(state, ledger_so_far, state)
    if len(outcomes) == 1 and outcomes[0]["status"] == "done":
        return _told(state, ledger, await beside_loop(state, one_result, ledger, state), listener)
    runtime.stream_writer({"type": "synthesis", "round": state["plan"]["round"]})
    joiner = Joiner(Material(state, settings, host, ledger), listener)
    try:
        # No follow-ups in the last round, nor where those of this round could not be run.
        further = state["draft"]["round"] <= state["plan"]["round"] < settings.max_rounds
        joint, follow_ups = await _joined(joiner, settings.max_subtasks if further else 0)
    except (CallFailed, OverBudget, BadReply) as error:
        kept = bool(runtime.execution_info and runtime.execution_info.thread_id)
        again = kept and not isinstance(error, OverBudget)
        return await _without_synthesis(joiner, error, again=again)
    if follow_ups:
        return await _next_round(joiner, follow_ups)
    text = await beside_loop(state, composed, joint, ledger, state)
    return _told(state, ledger, text, listener, joiner.charges)


def _ended() -> deque[str]:
    """Give the tasks of this process that ended without a synthesis."""
    return MEMORY.kept(deque, "without a synthesis", lambda: deque(maxlen=10_000))


def is_failed_synthesis(asked: Any) -> bool:
    """Tell what waits for a resume, which tries the synthesis alone again, from what waits for a person's word."""
    return isinstance(asked, dict) and asked.get("type") == SYNTHESIS_FAILED


async def _joined(joiner: Joiner, most: int) -> tuple[Joint, list[FollowUp]]:
    """Ask for the ledger with an answer, or with follow-ups; where the follow-ups are no good, for the answer alone."""
    for offered in dict.fromkeys((most, 0)):
        joint = await joiner.join(offered)
        follow_ups = await check(joiner, joint)
        if follow_ups or joint.reply.answer:
            return joint, follow_ups
    raise BadReply("the model wrote no answer")


def _await_resume(state: State, runtime: Runtime[Context]) -> None:
    """Wait after a failed synthesis, once: the second time this task runs, or in another process, it is a resume."""
    task = runtime.execution_info.task_id if runtime.execution_info else ""
    if state.get("failed_in") == this_process() and task not in _ended():
        _ended().append(task)
        wait = "resume; the synthesis alone is tried again"
        interrupt({"type": SYNTHESIS_FAILED, "stop_reason": state["stop_reason"], "to_go_on": wait})


def _all_failed(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """Raise; but in a resume send the workers out again.

    It is a resume when this very task has ended so before, or the outcomes are another process's.
    """
    outcomes, task = state["outcomes"], runtime.execution_info.task_id if runtime.execution_info else ""
    if (task and task in _ended()) or any(outcome["process"] != this_process() for outcome in outcomes):
        last = under_way("the workers are tried again")
        return {
            "phase": "worker",
            "stop_reason": last,
            "charges": [charge for outcome in outcomes for charge in outcome["charges"]],
        }
    _ended().append(task)
    listed = "\n".join(
        f"- {outcome['id']} {outcome['specialist']}: {outcome['status']}: {outcome['error']}" for outcome in outcomes
    )
    raise AllWorkersFailed(
        f"No subtask could be done, so there is nothing to answer from:\n{listed}\n"
        "Mend the cause and resume this run (the same thread, without input); the plan is kept.",
        totals(all_charges(state.get("charges", []), outcomes)),
    )


async def _next_round(joiner: Joiner, follow_ups: Sequence[FollowUp]) -> dict[str, Any]:
    """Hand the follow-ups to the validator, each with exactly what it is to settle; there is no answer yet."""
    state, ledger = joiner.material.state, joiner.material.ledger
    if joiner.listener.spoken:
        joiner.listener.restart()
    subtasks = await beside_loop(state, lambda: [handed(follow_up, ledger, state) for follow_up in follow_ups])
    draft = final_draft(state["plan"]["round"] + 1, subtasks)
    last = under_way(f"{len(follow_ups)} follow-ups are to settle what is open")
    return _update(state, ledger, "", last, joiner.charges) | {"phase": "validator", "draft": draft}


async def _without_synthesis(
    joiner: Joiner, error: CallFailed | OverBudget | BadReply, *, again: bool
) -> dict[str, Any]:
    """Answer with the outcomes themselves, in order, marked incomplete."""
    state, ledger, reason = joiner.material.state, joiner.material.ledger, str(error).rstrip(".")
    ledger.settle()
    text = await beside_loop(state, one_by_one, ledger, state, reason)
    joiner.listener.restart()
    joiner.listener.answer(text.text)
    update = _update(state, ledger, text.text, f"synthesis failed: {reason}", joiner.charges)
    return update | ({"phase": "synthesiser", "failed_in": this_process()} if again else {})


def _told(
    state: State, ledger: Ledger, answer: Composed, listener: Listener, charges: Sequence[Charge] = ()
) -> dict[str, Any]:
    """Turn an answer into state, and let its listeners have the whole of it."""
    listener.end(answer.body, answer.text)
    lost = [gap for gap in ledger.gaps.values() if gap.get("kind")]
    reasons = ["no plan could be made, so the request was answered as one task"] if is_fallback(state) else []
    reasons += [stop_reason(lost)] if lost else []
    update = _update(state, ledger, answer.text, "; ".join(reasons) or None, charges) | {"complete": not lost}
    if answer.unknown:
        update["spend"]["unknown_citations"] = answer.unknown
    return update


def _update(state: State, ledger: Ledger, answer: str, stop: str | None, charges: Sequence[Charge]) -> dict[str, Any]:
    return {
        "answer": answer,
        "disagreements": [*ledger.entries.values()],
        "gaps": [*ledger.gaps.values()],
        "rejected": ledger.rejected,
        "complete": stop is None,
        "stop_reason": stop,
        "charges": [*charges],
        "spend": totals([*all_charges(state.get("charges", []), state["outcomes"]), *charges]),
        "phase": "end",
        "failed_in": "",
    }
