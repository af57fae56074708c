"""Agents: a worker with tools, as a LangChain agent inside its allowance.

The agent's conversation is a graph inside the worker's node, and kept with the run: when a tool waits for a person, or
the process dies, the calls made so far are not made again.
"""

import asyncio
from dataclasses import replace
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.config import get_config

from nodes.langgraph_private import CONFIG_KEY_CHECKPOINTER
from nodes.models import Script, ScriptedChatModel, in_thread, on_engine_loop, wait_on_engine
from nodes.specialists.conversation import calls_of, charges_of, noted_on
from nodes.specialists.named_sources import used_sources
from nodes.specialists.permission import ask_about_calls
from nodes.specialists.result import Result, of_text
from nodes.specialists.tool_loop import ToolLoop

STEPS = 100  # super-steps; the loop's own bounds end an agent long before
# create_agent wants a model; every call goes through nodes/models/ask.py instead, and this one has nothing to say.
_NOBODY = ScriptedChatModel(script=Script(()), name_of_script="nobody")


class _ThroughToolLoop(AgentMiddleware[Any, Any]):
    """Sends every model call and every tool call of an agent to its loop."""

    def __init__(self, loop: ToolLoop) -> None:
        super().__init__()
        self.loop = loop

    async def awrap_model_call(self, request: Any, handler: Any) -> AIMessage:  # noqa: ARG002
        return await self.loop.reply(request.messages)

    def wrap_model_call(self, request: Any, handler: Any) -> AIMessage:  # noqa: ARG002
        return wait_on_engine(self.loop.reply(request.messages))

    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # noqa: ARG002
        return ask_about_calls(self.loop, state["messages"])

    async def aafter_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # noqa: ARG002
        return ask_about_calls(self.loop, state["messages"])

    async def awrap_tool_call(self, request: Any, handler: Any) -> ToolMessage:  # noqa: ARG002
        return await self.loop.use(request.tool_call, request.state["messages"])

    def wrap_tool_call(self, request: Any, handler: Any) -> ToolMessage:  # noqa: ARG002
        return asyncio.run(self.loop.use(request.tool_call, request.state["messages"]))


class _InHand(_ThroughToolLoop):
    """Lets a person's messages into the conversation: before each call of the model, and once more at its end."""

    def before_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # noqa: ARG002
        return self.loop.heard()

    async def abefore_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:  # noqa: ARG002
        return self.loop.heard()

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        update = super().after_model(state, runtime)
        return {"jump_to": "model"} if update is None and self._has_more(state["messages"]) else update

    @hook_config(can_jump_to=["model"])
    async def aafter_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        update = await super().aafter_model(state, runtime)
        return {"jump_to": "model"} if update is None and self._has_more(state["messages"]) else update

    def _has_more(self, messages: list[AnyMessage]) -> bool:
        hold = self.loop.call.hold
        return bool(hold.words and not hold.ended and not calls_of(messages[-1]))


async def use_tools(loop: ToolLoop) -> Result:
    """Do a subtask with tools.

    Under `graph.invoke` the agent runs in a thread and in its sync form: the run's checkpointer may know no other.

    Raises:
        GraphInterrupt: a tool waits for a person.
    """
    loop.sync = on_engine_loop()
    loop.can_ask = bool(get_config()["configurable"].get(CONFIG_KEY_CHECKPOINTER))
    through = _InHand(loop) if loop.call.hold.control else _ThroughToolLoop(loop)
    agent: Any = create_agent(
        _NOBODY, tools=[tool.tool for tool in loop.tools.values()], middleware=[through], name="agent"
    )
    given, config = {"messages": list(loop.call.messages[1:])}, {"recursion_limit": STEPS}
    try:
        if loop.sync:
            state = await in_thread(lambda: agent.invoke(given, config))
        else:
            state = await agent.ainvoke(given, config)
    except asyncio.CancelledError:
        loop.left = True
        raise
    return _result(state["messages"])


def _result(messages: list[AnyMessage]) -> Result:
    said = [message for message in messages if isinstance(message, AIMessage)]
    charges = charges_of(messages)
    tools, last = _log(messages), noted_on(said[-1])
    if last.get("failed"):
        return Result(last["failed"], error=last["error"], charges=charges, tools=tools)
    result = of_text(str(said[-1].text), last["finish"], charges, tools)
    shown = [
        str(message.text) for message in messages if isinstance(message, ToolMessage) and message.status != "error"
    ]
    result = replace(result, sources=used_sources(shown, result.output))
    if last.get("stopped") and result.status == "done":
        return replace(result, status="partial", error=f"the work with tools was ended: {last['stopped']}")
    return result


def _log(messages: list[AnyMessage]) -> list[dict[str, Any]]:
    """List the calls made, each with its result."""
    results = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
    return [
        _entry(call, results[call["id"]]) for message in messages for call in calls_of(message) if call["id"] in results
    ]


def _entry(call: Any, result: ToolMessage) -> dict[str, Any]:
    noted = result.additional_kwargs
    return {
        "tool": call["name"],
        "args": noted.get("args", call["args"]),
        "result": noted.get("text", str(result.text)),
        "error": result.status == "error",
        "seconds": noted.get("seconds", 0.0),
    }
