"""Approval: shows the plan to a person before anything is spent on workers. The validator comes here if that was asked for."""

from typing import Any, Literal, Self

from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, model_validator

from nodes.events import under_way
from nodes.host import Host
from nodes.interrupts import ActionRequest, Question, ask_person, question
from nodes.state import Context, Draft, Plan, Replan, State
from prompts import render


class _Edited(BaseModel):
    specialist: str
    task: str
    cross_check: bool = False


class _Args(BaseModel):
    subtasks: list[_Edited] = Field(min_length=1)
    frame: dict[str, Any] | None = None  # None: as it was


class _Action(BaseModel):
    name: str = "run_plan"
    args: _Args


class Decision(BaseModel):
    """A person's word on the plan."""

    type: Literal["approve", "edit", "reject"]
    message: str | None = Field(None, max_length=10_000)
    edited_action: _Action | None = None

    @model_validator(mode="after")
    def _edit_has_a_plan(self) -> Self:
        if self.type == "edit" and self.edited_action is None:
            raise ValueError("an edit needs edited_action, the plan as it shall be")
        return self


class Decisions(BaseModel):
    """The resume value that agent interfaces send."""

    decisions: list[Decision] = Field(min_length=1, max_length=1)


async def approval(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:  # noqa: ARG001
    """Wait for a person.

    Raises:
        BadDecision: the person's word has another form than the one that was asked for.
    """
    decision = ask_person(_asked(state["plan"]), Decisions).decisions[0]
    if decision.type == "reject":
        return _rejected(state, decision.message)
    if decision.type == "edit" and decision.edited_action:
        return _edited(state, decision.edited_action.args)
    return {"phase": "worker", "stop_reason": under_way(f"{len(state['plan']['subtasks'])} with their workers")}


def _rejected(state: State, message: str | None) -> dict[str, Any]:
    """Plan again with the person's words; a follow-up round that is not wanted is left out, and the answer written."""
    if state["plan"]["round"] > 1:
        last = under_way("the follow-ups were rejected")
        return {"phase": "synthesiser", "stop_reason": last, **_without_this_round(state)}
    reply = state["draft"]["reply"] or "(no text)"
    replan = Replan(attempt=1, faults=[], reply=reply, message=message or "Make a better plan.")
    return {"phase": "planner", "replan": replan, "stop_reason": under_way("a person rejected the plan")}


def _edited(state: State, args: _Args) -> dict[str, Any]:
    """Have the plan validated as the person has written it; what a follow-up is to settle stays with its place."""
    plan, subtasks = state["plan"], [subtask.model_dump() for subtask in args.subtasks]
    for subtask, before in zip(subtasks, plan["subtasks"], strict=False):
        if before.get("settles"):
            subtask["settles"] = before["settles"]
    draft = Draft(**state["draft"])
    draft |= {"subtasks": subtasks, "faults": [], "final": True, "edited": True}
    draft["frame"] = plan.get("frame", {}) if args.frame is None else args.frame
    last = under_way("a person edited the plan")
    return {"phase": "validator", "draft": draft, "stop_reason": last, **_without_this_round(state)}


def _without_this_round(state: State) -> dict[str, Any]:
    """Put the plan of the round before back in its place (nothing in the first round)."""
    before = state.get("plans") or []
    return {"plan": before[-1], "plans": before[:-1]} if state["plan"]["round"] > 1 and before else {}


def _asked(plan: Plan) -> Question:
    shown = [
        {"id": subtask["id"], "specialist": subtask["specialist"], "task": subtask["task"]}
        for subtask in plan["subtasks"]
    ]
    most, frame = plan["at_most"], plan.get("frame") or {}
    cost = f"${most['usd']:.4f}" if most["usd"] is not None else "a sum unknown (no price for this model)"
    lines = [f"{most['calls']} calls, at most about {most['tokens']:,} tokens and {cost}."]
    lines += [note for note in (plan.get("why"), plan.get("note")) if note]
    lines += ["Shared by all:", render("frame", frame=frame), "Subtasks:"] if frame else []
    lines += [f"- {subtask['id']} {subtask['specialist']}: {subtask['task']}" for subtask in plan["subtasks"]]
    lines += [f"Kept of the run before: {', '.join(plan['kept'])}"] if plan.get("kept") else []
    lines += [f"- dropped: {drop['specialist']}: {drop['task']} ({drop['reason']})" for drop in plan["dropped"]]
    args: dict[str, Any] = ({"frame": frame} if frame else {}) | {"subtasks": shown}
    return question([ActionRequest(name="run_plan", args=args, description="\n".join(lines))])
