"""Approval: shows the plan to a person before anything is spent on workers, if that was asked for."""

from typing import Any, Literal, Self

from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from nodes.host import Host
from nodes.state import Context, Draft, Replan, State


class _Edited(BaseModel):
    model_config = ConfigDict(extra="ignore")
    specialist: str
    task: str
    cross_check: bool = False


class _Args(BaseModel):
    model_config = ConfigDict(extra="ignore")
    subtasks: list[_Edited] = Field(min_length=1)


class _Action(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str = "run_plan"
    args: _Args


class Decision(BaseModel):
    """A person's word on the plan."""

    model_config = ConfigDict(extra="ignore")
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

    model_config = ConfigDict(extra="ignore")
    decisions: list[Decision] = Field(min_length=1, max_length=1)


async def approval(state: State, runtime: Runtime[Context], host: Host) -> dict[str, Any]:  # noqa: ARG001
    """Wait for a person where the settings say so; else go on."""
    settings, plan, draft = Context(**state["settings"]), state["plan"], state["draft"]
    if not settings.approve_plan or (draft.get("edited") and not plan["dropped"]):
        return {"phase": "worker"}
    decision = _ask_person(state).decisions[0]
    if decision.type == "reject":
        if plan["round"] > 1:  # the person wants no further round: the answer is written now
            before = (state.get("plans") or [plan])[-1]
            return {"phase": "synthesiser", "plan": before, "plans": (state.get("plans") or [])[:-1]}
        message = decision.message or "Make a better plan."
        reply = draft["reply"] or "(no text)"
        return {"phase": "planner", "replan": Replan(attempt=1, faults=[], reply=reply, message=message)}
    if decision.type == "edit" and decision.edited_action:
        subtasks = [one.model_dump() for one in decision.edited_action.args.subtasks]
        edited = Draft(**{**draft, "subtasks": subtasks, "faults": [], "final": True, "edited": True})
        return {"phase": "validator", "draft": edited}
    return {"phase": "worker"}


def _ask_person(state: State) -> Decisions:
    plan = state["plan"]
    shown = [{key: one[key] for key in ("id", "specialist", "task")} for one in plan["subtasks"]]
    most = plan["at_most"]
    cost = f"${most['usd']:.4f}" if most["usd"] is not None else "a sum unknown (no price for this model)"
    lines = [f"- {one['id']} {one['specialist']}: {one['task']}" for one in plan["subtasks"]]
    lines += [f"- dropped: {one['specialist']}: {one['task']} ({one['reason']})" for one in plan["dropped"]]
    description = "\n".join([f"{most['calls']} calls, at most about {most['tokens']:,} tokens and {cost}.", *lines])
    decisions: Decisions = interrupt(
        {
            "action_requests": [{"name": "run_plan", "args": {"subtasks": shown}, "description": description}],
            "review_configs": [{"action_name": "run_plan", "allowed_decisions": ["approve", "edit", "reject"]}],
        },
        response_schema=Decisions,
    )
    return decisions
