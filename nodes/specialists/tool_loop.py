"""ToolLoop: where an agent's model calls and tool calls are made, counted and bounded."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.utils import message_chunk_to_message
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tools import Tool as FunctionTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.errors import GraphBubbleUp

from nodes.budget import LEAST_OUTPUT, Purse, input_bound, missing, spent
from nodes.errors import NoModel
from nodes.langgraph_private import has_async_side
from nodes.models import Call, CallFailed, OverBudget, Reply, as_text, ask, described, in_thread, price_of, read_calls
from nodes.providers import provider_of
from nodes.specialists.conversation import NOTED, broken_calls, calls_of, charges_of, clipped, noted_on, written
from nodes.specialists.registry import Specialist
from nodes.specialists.result import of_failure
from nodes.specialists.runnables import apart
from nodes.specialists.tools.toolbox import LEAST_RESULT, MODEL_CALLS, Tool
from nodes.specialists.usage_counter import UsageCounter
from nodes.state import Charge
from prompts import fence, render

TOOL_CALLS = 24
RESULT_LIMIT = 20_000  # characters of a tool's result that the model is shown
KEPT_LIMIT, TOLD_LIMIT = 2_000, 200  # characters of it in the outcome, and in an event

_IN_TEXT = frozenset({"scripted", "local"})  # providers whose models are told of tools in the prompt


@dataclass
class ToolLoop:
    """One worker's tools and its means: money, time, and how often it may ask."""

    call: Call  # its first messages are the worker's prompt
    specialist: Specialist
    tools: dict[str, Tool]
    tell: Callable[[Any], None]
    sync: bool = False  # under graph.invoke
    can_ask: bool = False  # the run is kept, so that it can wait for a person
    left: bool = False  # nobody waits for this work any more
    _refused_form: bool = False  # the endpoint has refused tools in its own form
    _replied: float | None = None
    _schemas: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._schemas = [convert_to_openai_tool(tool.tool) for tool in self.tools.values()]

    @property
    def _spec(self) -> str:
        return self.call.spec or self.call.settings.model("worker")

    @property
    def _in_text(self) -> bool:
        return provider_of(self._spec)[0] in _IN_TEXT or self._refused_form

    async def reply(self, messages: Sequence[AnyMessage]) -> AIMessage:
        """Ask the model to go on; whatever happens is a message, so that it is kept with the conversation."""
        self._count_tools_time()
        charges = charges_of(messages)
        number = sum(isinstance(message, AIMessage) for message in messages)
        if self.call.hold.ended:
            return self._ended("failed", self.call.hold.ended)
        if self.left or (self.call.clock and self.call.clock.left <= 0):
            return self._ended(
                "timed_out", f"No result within {self.call.clock.seconds:g} s." if self.call.clock else ""
            )
        self._draw(messages, charges)
        stopped = self._why_last(messages, number, self._purse(charges))
        try:
            reply = await self._asked(messages, charges, stopped)
        except (CallFailed, OverBudget) as error:
            failed = of_failure(error)
            return self._ended(failed.status, failed.error or "", failed.charges)
        except NoModel as error:
            return self._ended("failed", str(error))
        finally:
            self._replied = time.monotonic()
        return self._said(reply, number, stopped)

    def heard(self) -> dict[str, Any] | None:
        """Give the conversation what a person has said since it was last looked (None: nothing)."""
        words = self.call.hold.heard()
        return {"messages": [HumanMessage(render("advice", advice=said)) for said in words]} if words else None

    def _count_tools_time(self) -> None:
        """Charge the clock with what the tools took, together: they run side by side."""
        if self._replied is not None and self.call.clock is not None:
            self.call.clock.used += time.monotonic() - self._replied
            self._replied = None

    async def _asked(self, messages: Sequence[AnyMessage], charges: list[Charge], stopped: str | None) -> Reply:
        try:
            return await ask(self._next_call(messages, charges, stopped))
        except CallFailed as error:
            if self._in_text or stopped or error.fault.kind != "no_tools":
                raise
            self._refused_form = True
            return await ask(self._next_call(messages, [*charges, *error.charges], stopped))

    def _next_call(self, messages: Sequence[AnyMessage], charges: list[Charge], stopped: str | None) -> Call:
        purse, in_text = self._purse(charges), self._in_text
        system = str(self.call.messages[0].text)
        if stopped:
            last = HumanMessage(f"No tool can be used any more: {stopped}. Deliver the result now from what you have.")
            return replace(self.call, messages=[SystemMessage(system), *as_text(messages), last], purse=purse)
        if in_text:
            tools = f"{render('tools')}\n\n{described(self._schemas)}"
            asked: list[BaseMessage] = [SystemMessage(f"{system}\n\n{tools}"), *as_text(messages)]
            return replace(self.call, messages=asked, purse=purse, cap=self._cap(asked, purse))
        asked = [SystemMessage(system), *messages]
        return replace(self.call, messages=asked, purse=purse, tools=self._schemas, cap=self._cap(asked, purse))

    def _purse(self, charges: list[Charge]) -> Purse:
        return spent(self.call.purse.plus(self.call.part.drawn), charges)

    def _draw(self, messages: Sequence[BaseMessage], charges: list[Charge]) -> None:
        """Take from what the workers share where the allowance would not reach for this call and another one."""
        purse = self._purse(charges)
        if not purse.open:
            price = price_of(self._spec, None, self.call.endpoints)
            self.call.part.draw(
                missing(purse, price, 2 * self._bound(messages) + LEAST_RESULT, 4 * LEAST_OUTPUT["worker"])
            )

    def _bound(self, messages: Sequence[BaseMessage]) -> int:
        return input_bound([*written(self.call.messages[0], *messages), *map(str, self._schemas)], self._spec)

    def _why_last(self, messages: Sequence[AnyMessage], number: int, purse: Purse) -> str | None:
        """Say why this must be the last call (None: it need not be)."""
        if number >= MODEL_CALLS - 1:
            return f"{MODEL_CALLS} calls to the model are the most"
        if sum(len(calls_of(message)) for message in messages) >= TOOL_CALLS:
            return f"{TOOL_CALLS} tool calls are the most"
        if self._spare(messages, purse) < 0:
            return "its share of the budget is nearly spent"
        return None

    def _spare(self, messages: Sequence[BaseMessage], purse: Purse) -> float:
        """Output tokens that can be spent now so that another call, with a tool's result, can still be paid for."""
        bound = self._bound(messages)
        least, spare = LEAST_OUTPUT["worker"], float("inf")
        if purse.tokens is not None:
            spare = purse.tokens - 2 * bound - LEAST_RESULT - 3 * least
        price = price_of(self._spec, None, self.call.endpoints)
        if purse.usd is not None and price is not None and price.input + price.output > 0:
            need = (2 * bound + LEAST_RESULT + least) * price.input + 2 * least * price.output
            spare = min(spare, (purse.usd - need) / (price.input + price.output))
        return spare

    def _cap(self, messages: Sequence[BaseMessage], purse: Purse) -> int | None:
        spare = self._spare(messages[1:], purse)
        if spare == float("inf"):
            return self.call.cap
        most = LEAST_OUTPUT["worker"] + int(max(0.0, spare) / 2)
        return most if self.call.cap is None else min(self.call.cap, most)

    def _said(self, reply: Reply, number: int, stopped: str | None) -> AIMessage:
        noted: dict[str, Any] = {"charges": reply.charges, "finish": reply.finish, "stopped": stopped}
        whole = message_chunk_to_message(reply.message) if reply.message is not None else AIMessage(reply.text)
        assert isinstance(whole, AIMessage)  # noqa: S101 - for mypy: a chunk of it
        calls = [] if stopped else list(whole.tool_calls)
        if self._in_text and not stopped:
            calls = read_calls(reply.text, number)
        broken = broken_calls(reply) if calls else {}
        unreadable: dict[str, Any] = {f"bad_{number}_{at}": call for at, call in enumerate(whole.invalid_tool_calls)}
        unreadable = (
            {}
            if stopped
            else {**unreadable, **{f"cut_{number}_{at}": calls[at] | {"args": text} for at, text in broken.items()}}
        )
        calls = [call for at, call in enumerate(calls) if at not in broken]
        noted["unreadable"] = {key: str(call.get("args"))[:TOLD_LIMIT] for key, call in unreadable.items()}
        calls += [
            {"name": str(call.get("name")), "args": {}, "id": key, "type": "tool_call"}
            for key, call in unreadable.items()
        ]
        seen: set[str | None] = {None, ""}
        for at, call in enumerate(calls):  # some servers give every call the same id, or none
            if call["id"] in seen:
                call["id"] = f"call_{number}_{at}"
            seen.add(call["id"])
        content = reply.text if stopped or unreadable or isinstance(whole.content, str) else whole.content
        metadata = {**whole.response_metadata, NOTED: noted}
        return AIMessage(
            content, tool_calls=calls[:TOOL_CALLS], response_metadata=metadata, id=f"{self.call.subtask_id}-{number}"
        )

    def _ended(self, status: str, error: str, charges: Sequence[Charge] = ()) -> AIMessage:
        return AIMessage("", response_metadata={NOTED: {"charges": list(charges), "failed": status, "error": error}})

    async def use(self, call: Any, messages: Sequence[AnyMessage]) -> ToolMessage:
        """Make one tool call. What goes wrong is told to the model; only the specialist's own tools can be called."""
        began, charges = time.monotonic(), list[Charge]()
        text, ok = self._refused(call, messages), False
        if text is None:
            text, ok, charges = await self._used(self.tools[call["name"]], call)
        seconds = round(time.monotonic() - began, 3)
        return self.answered(call, text, ok=ok, seconds=seconds, charges=charges)

    def _refused(self, call: Any, messages: Sequence[AnyMessage]) -> str | None:
        last = next(message for message in reversed(messages) if isinstance(message, AIMessage))
        made = [made_call["id"] for message in messages for made_call in calls_of(message)]
        unreadable = noted_on(last).get("unreadable", {})
        if call["name"] not in self.tools:
            return f"Refused: you have no tool named {call['name']!r}; yours: {', '.join(self.tools)}."
        if call["id"] in unreadable:
            return f"Refused: the arguments are no JSON object: {unreadable[call['id']]}"
        if call["id"] in made[TOOL_CALLS:]:
            return f"Refused: {TOOL_CALLS} tool calls are the most."
        return None

    async def _used(self, tool: Tool, call: Any) -> tuple[str, bool, list[Charge]]:
        limit = tool.timeout or self.specialist.tool_timeout
        if self.call.clock is not None:
            limit = min(limit, max(0.0, self.call.clock.left))
        usage = UsageCounter(self.call.endpoints, self.call.subtask_id or "", self.call.round)
        try:
            async with asyncio.timeout(limit) as bound, self.call.hold.wanted(), apart(usage):
                result = await _invoked(tool.tool, {**call, "type": "tool_call"}, sync=self.sync)
        except GraphBubbleUp:
            return "Failed: the tool stopped to ask a person, which it cannot do here.", False, usage.charges
        except Exception as error:  # noqa: BLE001 - a tool may raise anything; the model is told, the run goes on
            if isinstance(error, TimeoutError) and bound.expired():
                return f"Failed: no result within {limit:g} s.", False, usage.charges
            return f"Failed: {type(error).__name__}: {error}"[:KEPT_LIMIT], False, usage.charges
        failed = isinstance(result, ToolMessage) and result.status == "error"
        text = str(result.text) if isinstance(result, BaseMessage) else str(result)
        return text, not failed, usage.charges

    def answered(
        self, call: Any, text: str, *, ok: bool, seconds: float = 0.0, charges: Sequence[Charge] = ()
    ) -> ToolMessage:
        """Word a tool's answer for the model, keep it for the outcome, and tell it to whoever watches."""
        self.tell(
            {
                "type": "worker_tool",
                "id": self.call.subtask_id,
                "tool": call["name"],
                "args": clipped(json.dumps(call["args"], ensure_ascii=False, default=str), TOLD_LIMIT),
                "result": clipped(" ".join(text.split()), TOLD_LIMIT),
            }
        )
        purse = self.call.purse
        most = RESULT_LIMIT if purse.open else LEAST_RESULT // 2
        return ToolMessage(
            fence(f"result of {call['name']}"[:80], clipped(text, most)),
            tool_call_id=call["id"],
            name=call["name"],
            status="success" if ok else "error",
            additional_kwargs={"text": clipped(text, KEPT_LIMIT), "seconds": seconds, "charges": list(charges)},
        )


async def _invoked(tool: BaseTool, call: Any, *, sync: bool) -> Any:
    """Run a tool: an async one on this loop (under `invoke`: on a loop of its own), a sync one in a thread."""
    plain = isinstance(tool, (StructuredTool, FunctionTool)) and tool.coroutine is None
    if plain or not has_async_side(tool):
        return await in_thread(lambda: tool.invoke(call))
    return await (in_thread(lambda: asyncio.run(tool.ainvoke(call))) if sync else tool.ainvoke(call))
