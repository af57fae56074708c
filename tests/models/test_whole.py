"""Whole replies: what a worker's call asks for when nobody listens, and that nothing is lost by it."""

import asyncio
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from graph import graph, settings
from nodes.models import Call, Endpoints, Reply, ask
from nodes.models.received import REPLY_LIMIT
from nodes.state import Context
from tests.endpoint import Endpoint, Turn
from tests.minds import MODEL, REQUEST, calls_of

TEXT = "The quick brown fox jumps over the lazy dog."
USED = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
LOOK_UP = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


def asked(endpoint: Endpoint, *turns: Turn, **more: Any) -> Reply:
    left = iter(turns)
    endpoint.mind = lambda _: next(left)
    given = Context(worker_model=MODEL)
    environment = Endpoints({}, environment=settings.endpoint_environment)
    call = Call(endpoints=environment, settings=given, role="worker", messages=[HumanMessage("What?")], **more)
    return asyncio.run(ask(call))


def streamed(endpoint: Endpoint) -> list[bool]:
    return [bool(request.body.get("stream")) for request in endpoint.requests]


@pytest.mark.parametrize(("turn", "text", "finish"), [
    (Turn(TEXT), TEXT, "stop"),
    (Turn(TEXT, finish_reason="length"), TEXT, "length"),
    (Turn(refusal="I cannot help with foxes."), "I cannot help with foxes.", "refusal"),
    (Turn(TEXT * (REPLY_LIMIT // 40)), (TEXT * (REPLY_LIMIT // 40))[: REPLY_LIMIT + 1], "length"),
])  # fmt: skip
def test_a_whole_reply(endpoint: Endpoint, turn: Turn, text: str, finish: str) -> None:
    """A reply that nobody listens to comes whole, with its text up to the limit and its end."""
    reply = asked(endpoint, turn)

    assert streamed(endpoint) == [False]
    assert (reply.text, reply.finish) == (text, finish)


def test_its_usage(endpoint: Endpoint) -> None:
    """A whole reply is charged by its usage."""
    (charge,) = asked(endpoint, Turn(TEXT, usage=USED)).charges

    assert (charge["known"], charge["input_tokens"], charge["output_tokens"]) == (True, 1000, 500)


def test_its_tool_calls(endpoint: Endpoint) -> None:
    """A whole reply keeps its tool calls."""
    calls = [{"id": "c1", "name": "look_up", "args": {}}]
    reply = asked(endpoint, Turn("", tool_calls=calls), tools=[LOOK_UP])

    assert streamed(endpoint) == [False]
    assert reply.message is not None
    assert [call["name"] for call in reply.message.tool_calls] == ["look_up"]


@pytest.mark.parametrize("fault", ["500", "reset", "cut-mid", "error-mid", "invalid-json"])
def test_a_second_try(endpoint: Endpoint, fault: str) -> None:
    """A request that is made again is streamed: silence may have been why the first one failed."""
    reply = asked(endpoint, Turn(TEXT, fault=fault), Turn(TEXT))

    assert streamed(endpoint) == [False, True]
    assert reply.text == TEXT


@pytest.mark.parametrize(("modes", "listened"), [(["values"], False), (["custom"], True), (["messages"], True)])
def test_who_listens(endpoint: Endpoint, modes: list[Any], listened: bool) -> None:  # noqa: FBT001 - a parameter
    """Workers' replies and the answer are streamed where `custom` events or `messages` are read, and only there."""
    for _ in graph.stream({"request": REQUEST}, stream_mode=modes):
        pass

    calls = [*calls_of(endpoint, "worker"), *calls_of(endpoint, "synthesiser")]
    assert {bool(call.body.get("stream")) for call in calls} == {listened}


def test_silence_that_was_too_long(endpoint: Endpoint) -> None:
    """Where a connection broke off before a whole reply came, the endpoint's later replies are streamed."""
    asked(endpoint, Turn(TEXT, fault="reset"), Turn(TEXT))
    asked(endpoint, Turn(TEXT))

    assert streamed(endpoint) == [False, True, True]
