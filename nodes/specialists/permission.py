"""Permission: tools that change the outside world wait for a person's word.

The question has the form that agent interfaces render (LangChain's human-in-the-loop requests); several calls of one
reply are one question. The agent's conversation is kept before it is put, so an answer repeats no model call.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from pydantic import BaseModel, ConfigDict, Field, create_model

from nodes import interrupts
from nodes.interrupts import ActionRequest
from nodes.specialists.conversation import calls_of
from nodes.specialists.tool_loop import ToolLoop


class Action(BaseModel):
    """A tool call as a person has changed it."""

    model_config = ConfigDict(extra="ignore")
    name: str
    args: dict[str, Any]


class ToolDecision(BaseModel):
    """A person's word on one tool call."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["approve", "edit", "reject"]
    message: str | None = Field(None, max_length=10_000)
    edited_action: Action | None = None


def ask_about_calls(loop: ToolLoop, messages: Sequence[AnyMessage]) -> dict[str, Any] | None:
    """Put those calls of the last reply to a person that change the world, and do as they say.

    Returns:
        The update of the agent's messages: changed calls, and answers in place of refused ones (None: no change).

    Raises:
        GraphInterrupt: waits for the person.
    """
    last = messages[-1]
    asking = [call for call in calls_of(last) if (tool := loop.tools.get(call["name"])) and tool.changes_world]
    if not asking or not isinstance(last, AIMessage):
        return None
    if not loop.can_ask:
        words = "Refused: this tool needs a person's approval, and this run is not kept, so that nobody can be asked."
        return {"messages": [loop.answered(call, words, ok=False) for call in asking]}
    decided = dict(zip((call["id"] for call in asking), _decisions(loop, asking), strict=True))
    answers, calls = list[ToolMessage](), list[Any]()
    for call in calls_of(last):
        decision = decided.get(call["id"])
        action = decision.edited_action if decision and decision.type == "edit" else None
        if decision is None or decision.type == "approve":
            calls.append(call)
        elif action is not None and action.name == call["name"]:
            calls.append({**call, "args": action.args})
        else:
            calls.append(call)
            why = f": {decision.message}" if decision.message else ""
            words = f"Refused by a person{why}. Do not make this call again; go on without it."
            answers.append(loop.answered(call, words, ok=False))
    edited = last.model_copy(update={"tool_calls": calls, "content": str(last.text)})
    return {"messages": [edited, *answers]}


def _decisions(loop: ToolLoop, calls: Sequence[Any]) -> list[ToolDecision]:
    """Wait for one decision a call; any other number is refused, and can be given again."""
    count = len(calls)
    shape = create_model("ToolDecisions", decisions=(list[ToolDecision], Field(min_length=count, max_length=count)))
    who = f"{loop.call.subtask_id} {loop.specialist.name}"
    requests = [
        ActionRequest(
            name=call["name"],
            args=call["args"],
            description=f"{who} wants to use {call['name']}: {json.dumps(call['args'], ensure_ascii=False)}",
        )
        for call in calls
    ]
    answer: Any = interrupts.ask_person(interrupts.question(requests), shape)
    return list(answer.decisions)
