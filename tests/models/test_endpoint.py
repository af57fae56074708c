"""The endpoint, as the real clients meet it."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from langchain_openai import ChatOpenAI
from openai import APIError, AsyncOpenAI, OpenAI, OpenAIError
from openai.types.chat import ChatCompletionMessageParam

from tests.endpoint import FAULTS, Endpoint, Turn, last_of, prompt_of, system_of

TEXT = "The quick brown fox jumps over the lazy dog."
HALF = TEXT[:22]
HUGE = 10_000_000
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What does the fox do?"}]
USAGE = {"include_usage": True}

# fault: what a client gets without streaming, and with it: (error, its code), or (finish reason, text)
HEARD: dict[str, list[tuple[object, object]]] = {
    "429": [("RateLimitError", "rate_limit_exceeded")] * 2,
    "429-retry-after": [("RateLimitError", "rate_limit_exceeded")] * 2,
    "quota": [("RateLimitError", "insufficient_quota")] * 2,
    "400": [("BadRequestError", None)] * 2,
    "400-response-format": [("BadRequestError", None)] * 2,
    "401": [("AuthenticationError", "invalid_api_key")] * 2,
    "403": [("PermissionDeniedError", "unsupported_country_region_territory")] * 2,
    "404": [("NotFoundError", "model_not_found")] * 2,
    "408": [("APIStatusError", "request_timeout")] * 2,
    "409": [("ConflictError", "conflict")] * 2,
    "500": [("InternalServerError", None)] * 2,
    "502-html": [("InternalServerError", None)] * 2,
    "503": [("InternalServerError", "overloaded")] * 2,
    "context-length": [("BadRequestError", "context_length_exceeded")] * 2,
    "reset": [("APIConnectionError", None)] * 2,
    "reset-mid": [("APIConnectionError", None)] * 2,
    "cut-mid": [("APIConnectionError", None)] * 2,
    "eof-mid": [("APIConnectionError", None), (None, TEXT[:20])],
    "error-mid": [("TypeError", None), ("APIError", "502")],
    "hang": [("APITimeoutError", None)] * 2,
    "invalid-json": [("JSONDecodeError", None)] * 2,
    "invalid-utf8": [("UnicodeDecodeError", None)] * 2,
    "missing-choices": [("TypeError", None), (None, "")],
    "null-choices": [("TypeError", None), (None, "")],
    "empty": [("stop", "")] * 2,
    "empty-body": [("JSONDecodeError", None), (None, "")],
    "html-200": [("AttributeError", None), (None, "")],
    "content-filter": [("content_filter", HALF)] * 2,
    "length": [("length", HALF)] * 2,
}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Give an endpoint that answers TEXT."""
    with Endpoint(lambda _: TEXT) as endpoint:
        yield endpoint


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[OpenAI]:
    """Give OpenAI's client for the endpoint, which asks once."""
    with OpenAI(base_url=endpoint.url, api_key="sk-shown", max_retries=0, timeout=5) as client:
        yield client


def hear(client: OpenAI, *, stream: bool, **more: Any) -> tuple[object, object]:
    """Ask, and give what came: (finish reason, text), or (the error's name, its code)."""
    try:
        if not stream:
            choice = client.chat.completions.create(model="m", messages=ASKED, **more).choices[0]
            return choice.finish_reason, choice.message.content
        chunks = client.chat.completions.create(model="m", messages=ASKED, stream=True, **more)
        choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
        text = "".join(choice.delta.content or "" for choice in choices)
        return choices[-1].finish_reason if choices else None, text
    except (OpenAIError, ValueError, TypeError, AttributeError) as error:
        return type(error).__name__, error.code if isinstance(error, APIError) else None


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", HEARD)
def test_fault(endpoint: Endpoint, client: OpenAI, fault: str, *, stream: bool) -> None:
    """Each fault gives a real client what a real server's fault gives it."""
    endpoint.mind = lambda _: Turn(TEXT, fault=fault)
    heard = hear(client, stream=stream, timeout=0.3 if fault == "hang" else 5)

    assert heard == HEARD[fault][int(stream)]


def test_every_fault_is_tested() -> None:
    """No fault stands untested; the slow and the big one have tests of their own."""
    assert set(HEARD) | {"drip", "huge"} == FAULTS


def test_unknown_fault() -> None:
    """A fault that nobody performs is refused where it is written."""
    with pytest.raises(ValueError, match="unknown fault 'slow'; known: "):
        Turn(fault="slow")


@pytest.mark.parametrize("stream", [False, True])
def test_text(client: OpenAI, *, stream: bool) -> None:
    """A text arrives whole, streamed or not."""
    assert hear(client, stream=stream) == ("stop", TEXT)


@pytest.mark.parametrize("stream", [False, True])
def test_huge(endpoint: Endpoint, client: OpenAI, *, stream: bool) -> None:
    """The huge reply has ten million characters."""
    endpoint.mind = lambda _: Turn(fault="huge")
    text = hear(client, stream=stream)[1]

    assert len(str(text)) == HUGE


def test_retry_after(endpoint: Endpoint, client: OpenAI) -> None:
    """The Retry-After header is the turn's own, or one second."""
    waits = []
    for headers in ({}, {"Retry-After": "90"}):
        endpoint.mind = lambda _, headers=headers: Turn(fault="429-retry-after", headers=headers)  # type: ignore[misc]
        raw = client.with_raw_response
        with pytest.raises(APIError) as caught:
            raw.chat.completions.create(model="m", messages=ASKED)
        waits.append(caught.value.response.headers["retry-after"])  # type: ignore[attr-defined]

    assert waits == ["1", "90"]


def test_wrong_key_is_echoed(endpoint: Endpoint, client: OpenAI) -> None:
    """A wrong key is refused before the mind is asked, and the message repeats it, as OpenAI's does."""
    endpoint.key = "sk-right"
    with pytest.raises(APIError, match="Incorrect API key provided: sk-shown"):
        client.chat.completions.create(model="m", messages=ASKED)


@pytest.mark.parametrize(
    ("flag", "more"),
    [
        ("takes_json_schema", {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}}),
        ("takes_max_tokens", {"max_tokens": 9}),
        ("takes_stream_options", {"stream_options": USAGE}),
    ],
)
def test_what_it_does_not_take(endpoint: Endpoint, client: OpenAI, flag: str, more: dict[str, Any]) -> None:
    """A parameter is taken while its flag is up, and is a 400 when it is down."""
    before = hear(client, stream=True, **more)
    setattr(endpoint, flag, False)
    after = hear(client, stream=True, **more)

    assert (before, after[0]) == (("stop", TEXT), "BadRequestError")


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_and_usage(endpoint: Endpoint, *, stream: bool) -> None:
    """LangChain reads tool calls and usage, streamed or not."""
    endpoint.mind = lambda _: Turn(
        tool_calls=[{"name": "search", "args": {"for": "foxes, and dogs"}, "id": "c1"}, {"name": "stop"}],
        usage={"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12},
    )
    model = ChatOpenAI(base_url=endpoint.url, api_key="k", model="m", streaming=stream, stream_usage=True)  # type: ignore[arg-type]
    reply = model.invoke("Find foxes.")
    calls = [(call["name"], call["args"]) for call in reply.tool_calls]
    usage = reply.usage_metadata and reply.usage_metadata["total_tokens"]

    assert (calls, usage) == ([("search", {"for": "foxes, and dogs"}), ("stop", {})], 12)


@pytest.mark.parametrize("stream", [False, True])
def test_refusal(endpoint: Endpoint, client: OpenAI, *, stream: bool) -> None:
    """A refusal comes in its own field, streamed or not."""
    endpoint.mind = lambda _: Turn(refusal="I would rather not do this.")
    if stream:
        chunks = client.chat.completions.create(model="m", messages=ASKED, stream=True)
        said = "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks)
    else:
        said = str(client.chat.completions.create(model="m", messages=ASKED).choices[0].message.refusal)

    assert said == "I would rather not do this."


def test_usage_is_streamed_only_if_asked(client: OpenAI) -> None:
    """Usage comes as the last chunk of a stream, without choices, and only if it was asked for."""
    with_it = list(client.chat.completions.create(model="m", messages=ASKED, stream=True, stream_options=USAGE))  # type: ignore[call-overload]
    without = list(client.chat.completions.create(model="m", messages=ASKED, stream=True))
    last = with_it[-1]

    assert (last.choices, last.usage.total_tokens, [chunk.usage for chunk in without if chunk.usage]) == ([], 17, [])


def test_models(endpoint: Endpoint, client: OpenAI) -> None:
    """The models are listed and found by name; an unknown one is a 404."""
    endpoint.models.append("house/fox-1")
    listed = [model.id for model in client.models.list()]
    found = client.models.retrieve("house/fox-1").id
    with pytest.raises(APIError, match="The model 'fox-2' does not exist"):
        client.models.retrieve("fox-2")

    assert (listed, found) == (["gpt-4o", "gpt-4o-mini", "house/fox-1"], "house/fox-1")


def test_concurrency_is_recorded(endpoint: Endpoint) -> None:
    """Five hundred calls at once are answered at once, and counted."""
    count, latest = 500, time.monotonic() + 30
    endpoint.mind = lambda body: Turn(
        last_of(body), held=lambda: endpoint.most_in_flight < count and time.monotonic() < latest
    )

    async def ask() -> set[str | None]:
        async with AsyncOpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as client:
            create = client.chat.completions.create
            asked = (create(model="m", messages=[{"role": "user", "content": str(n)}]) for n in range(count))
            return {reply.choices[0].message.content for reply in await asyncio.gather(*asked)}

    said = asyncio.run(ask())

    assert said == {str(n) for n in range(count)}
    assert (endpoint.most_in_flight, endpoint.in_flight, len(endpoint.requests)) == (count, 0, count)


def test_request_is_recorded(endpoint: Endpoint, client: OpenAI) -> None:
    """A request is kept with its body, headers and times, until a reset."""
    hear(client, stream=False)
    call = endpoint.requests[0]
    endpoint.reset()

    assert (call.number, call.path, call.body["messages"]) == (1, "/v1/chat/completions", ASKED)
    assert call.headers["authorization"] == "Bearer sk-shown"
    assert call.finished is not None
    assert call.finished >= call.started
    assert endpoint.requests == []


@pytest.mark.parametrize("stream", [False, True])
def test_drip_never_times_out(endpoint: Endpoint, *, stream: bool) -> None:
    """A dripping reply outlives any read timeout; when the client leaves, the endpoint knows at once."""
    endpoint.mind = lambda _: Turn(fault="drip", chunk_delay=0.05)

    async def ask() -> None:
        async with AsyncOpenAI(base_url=endpoint.url, api_key="k", max_retries=0, timeout=0.2) as client:
            reply = await client.chat.completions.create(model="m", messages=ASKED, stream=stream)
            if stream:
                _ = [chunk async for chunk in reply]  # type: ignore[union-attr]

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(ask(), 0.6))
    time.sleep(0.1)

    assert [(call.gone, endpoint.in_flight) for call in endpoint.requests] == [(True, 0)]


def test_end_is_quick() -> None:
    """The with block ends at once, whoever is still waiting, and leaves neither thread nor port."""
    threads = threading.active_count()
    with Endpoint(lambda _: Turn(fault="hang")) as endpoint:
        address = urlsplit(endpoint.url)
        waiting = socket.create_connection(("127.0.0.1", address.port))
        waiting.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
        while not endpoint.in_flight:
            time.sleep(0.01)
        start = time.monotonic()
    took = time.monotonic() - start
    waiting.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", address.port))

    assert (took < 1, threading.active_count()) == (True, threads)


def test_mind_that_raises() -> None:
    """A bug in a test's mind is a 400 for the client, and is raised again at the end of the block."""
    with (
        pytest.raises(ZeroDivisionError),
        Endpoint(lambda _: str(1 // 0)) as endpoint,
        OpenAI(base_url=endpoint.url, api_key="k", max_retries=0) as client,
    ):
        heard = hear(client, stream=False)

    assert heard == ("BadRequestError", "mind_error")


def test_parts_of_a_prompt() -> None:
    """The helpers read a content that is a text and one that is a list of parts."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]},
    ]
    body = {"messages": messages}

    assert (prompt_of(body), system_of(body), last_of(body)) == ("Be brief.\nOne\ntwo", "Be brief.", "One\ntwo")
