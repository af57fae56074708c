"""Chat: the orchestrator as a conversation, messages in and answers out, each message read against the run before it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphInterrupt
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages, push_message
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from pydantic import Field
from typing_extensions import TypedDict

from graph.build import build_graph, checked_request
from graph.trace import named
from nodes.errors import BadRequest, OrchestratorError
from nodes.langgraph_private import RunnableCallable
from nodes.state import REQUEST_LIMIT, Context
from nodes.synthesiser import is_failed_synthesis

Messages = Annotated[
    list[AnyMessage],
    Field(title="Messages", description="The last one is the request, or goes on from the answer before it."),
    add_messages,
]
EMPTY = "Your message is empty. Say in a sentence or more what you want worked out."
NOT_READ = "Only text is read here, and your message holds something else ({kinds}). Put what matters into words."
FAILED = (
    "This could not be worked out. {error}\n\nWhat can still be done: mend the cause and write “try again”, or change "
    "the request. Results that are finished are kept and not paid again."
)
CUT = " [… cut]"
MODES: Any = ["custom", "values"]


class ChatInput(TypedDict):
    """What a client sends."""

    messages: Messages


class ChatOutput(TypedDict, total=False):
    """What a client gets."""

    messages: Messages
    run_id: str
    complete: bool
    spend: dict[str, Any]


class ChatState(ChatOutput, total=False):
    """What a conversation knows."""

    request: str  # the message that is being answered ("": it has been answered)
    last: dict[str, Any]  # the public state of the last run that came to something
    unheard: str  # what was said since then, and came to nothing


Chat = CompiledStateGraph[ChatState, Context, ChatInput, ChatOutput]


def build_chat(checkpointer: BaseCheckpointSaver[Any] | None = None, **made: Any) -> Chat:
    """Build the conversation: on one thread each message goes on from the run before it.

    Args:
        checkpointer: keeps the conversation (None: each message stands alone).
        made: what `build_graph` takes besides.
    """
    inner: Any = build_graph(**made)

    def answered(state: ChatState, runtime: Runtime[Context]) -> dict[str, Any]:
        turn = _Turn(state, runtime)
        with turn.caught():
            for mode, part in inner.stream(turn.asked, turn.config, context=runtime.context, stream_mode=MODES):
                turn.take(mode, part)
        return turn.reply()

    async def answered_async(state: ChatState, runtime: Runtime[Context]) -> dict[str, Any]:
        turn = _Turn(state, runtime)
        with turn.caught():
            async for mode, part in inner.astream(turn.asked, turn.config, context=runtime.context, stream_mode=MODES):
                turn.take(mode, part)
        return turn.reply()

    way = RunnableCallable(_next, _next_async, name="next_step", trace=False)
    node = RunnableCallable(answered, answered_async, name="orchestrator", trace=False)
    compiled = (
        StateGraph(ChatState, context_schema=Context, input_schema=ChatInput, output_schema=ChatOutput)
        .add_node("listener", _heard, input_schema=ChatState)
        .add_node("orchestrator", node, input_schema=ChatState)
        .add_edge(START, "listener")
        .add_conditional_edges("listener", way, {"a request": "orchestrator", "nothing to work on": END})
        .add_edge("orchestrator", END)
        .compile(checkpointer=checkpointer, name="orchestrator_chat")
    )
    compiled.stream_channels = [*ChatOutput.__annotations__]
    return compiled


def _heard(state: ChatState) -> dict[str, Any]:
    """Take the last message as the request; what cannot be worked on gets a reply at once, and costs nothing."""
    # A request that is still there was never answered: its plan waited for a word, or its run was ended.
    unheard = "\n\n".join(filter(None, (state.get("unheard"), state.get("request"))))
    try:
        return {"request": _read(state.get("messages") or []), "unheard": unheard, "complete": False}
    except BadRequest as error:
        return {"request": "", "unheard": unheard, "messages": [AIMessage(str(error))]}


def _read(messages: list[AnyMessage]) -> str:
    """Read the last message.

    Raises:
        BadRequest: it is not a person's, holds something else than text, or is no request.
    """
    parts = messages[-1].content if messages and isinstance(messages[-1], HumanMessage) else ""
    blocks = [parts] if isinstance(parts, str) else parts
    texts = [block if isinstance(block, str) else str(block.get("text") or "") for block in blocks]
    kinds = [str(block.get("type")) for block in blocks if isinstance(block, dict) and block.get("type") != "text"]
    if kinds:
        raise BadRequest(NOT_READ.format(kinds=", ".join(dict.fromkeys(kinds)).replace("_", " ")))
    text = "\n".join(texts).strip()
    if not text:
        raise BadRequest(EMPTY)
    return checked_request(text)


def _next(state: ChatState) -> str:
    return "a request" if state["request"] else "nothing to work on"


async def _next_async(state: ChatState) -> str:
    return _next(state)


@dataclass
class _Turn:
    """One message's run: what it is asked, what is passed on of it, and what is told at its end."""

    state: ChatState
    runtime: Runtime[Context]
    values: dict[str, Any] = field(default_factory=dict)
    message_id: str | None = None
    error: str = ""

    @property
    def asked(self) -> dict[str, Any]:
        """The input of the run. What came to nothing before is no more than a part of the request."""
        request, unheard, last = self.state["request"], self.state.get("unheard"), self.state.get("last", {})
        if unheard and (room := REQUEST_LIMIT - len(request) - len(CUT) - 2) > 0:
            request = f"{unheard if len(unheard) <= room else unheard[:room] + CUT}\n\n{request}"
        return {"request": request, "after": last} if _has_results(last) else {"request": request}

    @property
    def config(self) -> RunnableConfig:
        """The config of the run: no message comes out of it but the answer."""
        quiet = {"emit-messages": False, "emit-tool-calls": False}  # AG-UI's words for the same
        return {"tags": ["nostream"], "metadata": quiet, **named(self.state["request"])}

    def take(self, mode: str, part: Any) -> None:
        """Pass an event on as it is, and the answer's text as one message besides."""
        if mode == "values":
            self.values = {key: value for key, value in part.items() if key != "__interrupt__"}
            return
        self.runtime.stream_writer(part)
        if part["type"] == "answer":
            self.message_id = part["message_id"]
            push_message(AIMessageChunk(content=part["text"], id=self.message_id), state_key=None)

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Make a reply of a run's error; a synthesis that failed has an answer, and waits for nobody here."""
        try:
            yield
        except OrchestratorError as error:
            self.error = str(error)
            self.values["spend"] = error.spend or self.values.get("spend")
        except GraphInterrupt as waiting:
            if not all(is_failed_synthesis(asked.value) for asked in waiting.args[0]):
                raise

    def reply(self) -> dict[str, Any]:
        """Write the reply; what the next message goes on from is kept beside it."""
        info, values = self.runtime.execution_info, self.values
        text = FAILED.format(error=self.error) if self.error else values.get("answer", "")
        message = AIMessage(text, id=None if self.error else self.message_id)
        # What came to nothing takes no earlier result's place.
        results = _has_results(values) and (not self.error or not _is_finished(self.state.get("last", {})))
        return {
            "messages": [message],
            "run_id": str((info and (info.run_id or info.thread_id)) or ""),
            "complete": bool(values.get("complete")) and not self.error,
            "spend": values.get("spend") or {},
            "request": "",
            "last": values if results else self.state.get("last", {}),
            "unheard": "" if results else self.asked["request"],
        }


def _has_results(run: dict[str, Any]) -> bool:
    return bool(run.get("outcomes") or run.get("answer"))


def _is_finished(run: dict[str, Any]) -> bool:
    return bool(run.get("answer")) or any(outcome["output"] for outcome in run.get("outcomes") or ())


def __getattr__(name: str) -> Chat:
    """Build `graph` when it is first used, as graph.build does."""
    if name != "graph":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["graph"] = built = build_chat()
    return built


graph: Chat
if "langgraph_api" in sys.modules:  # the server looks for it among what the module holds
    graph = build_chat()
