"""Anthropic: its wire format, streams and errors, through langchain-anthropic as it is."""

import asyncio
from collections.abc import Iterator

import pytest
from langchain_core.messages import HumanMessage

from graph import NoModel, settings
from nodes.budget import Purse
from nodes.models import Call, CallFailed, Endpoints, Reply, ask, attempts
from nodes.state import Context
from tests.dialects import Answer, Dialect, anthropic_events

MODEL = "anthropic:claude-sonnet-5-5"
KEY = "sk-ant-the-secret-of-the-tests"
TEXT = "The quick brown fox jumps over the lazy dog."
WEIGH = {"type": "function", "function": {"name": "weigh", "description": "Weigh.", "parameters": {"type": "object"}}}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dialect]:
    """Give a server that answers TEXT, set up as a user would."""
    monkeypatch.setattr(attempts, "BACKOFF_S", (0.001, 0.002))
    with Dialect(lambda _: Answer(TEXT), anthropic_events) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.address)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        yield server


def asked(purse: Purse | None = None, *, tools: bool = False, model: str = MODEL) -> Reply:
    given = Context(planner_model=model, worker_model=model, synthesiser_model=model, call_timeout_s=20)
    call = Call(
        endpoints=Endpoints(environment=settings.endpoint_environment),
        settings=given,
        role="worker",
        messages=[HumanMessage("What does the fox do?")],
        purse=purse or Purse(),
        tools=[WEIGH] if tools else (),
    )
    return asyncio.run(ask(call))


def failed(server: Dialect, *answers: Answer) -> CallFailed:
    left = list(answers)
    server.mind = lambda _: left.pop(0) if len(left) > 1 else left[0]
    with pytest.raises(CallFailed) as caught:
        asked()
    return caught.value


def test_a_reply(server: Dialect) -> None:
    """A reply has its text, its end, and the usage that the stream reports, priced by the list."""
    reply = asked()
    (charge,) = reply.charges

    assert (TEXT, "stop") == (reply.text, reply.finish)
    assert (40, 12, True) == (charge["input_tokens"], charge["output_tokens"], charge["known"])
    assert charge["usd"] == pytest.approx(40 * 2e-6 + 12 * 10e-6)
    assert KEY in str(server.requests[0][1])


ENDS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "refusal": "refusal",
}


@pytest.mark.parametrize("end", ENDS)
def test_ends(server: Dialect, end: str) -> None:
    """A reply that was cut off or refused is told as such."""
    server.mind = lambda _: Answer(TEXT, end=end)

    assert asked().finish == ENDS[end]


def error(kind: str, message: str = "Said the test.") -> dict[str, object]:
    return {"type": "error", "error": {"type": kind, "message": message}}


# name: status, error, requests it costs, what it is told as
FAULTS = {
    "overloaded": (529, error("overloaded_error"), 4, "server"),
    "rate limit": (429, error("rate_limit_error"), 4, "rate_limit"),
    "server": (500, error("api_error"), 4, "server"),
    "key": (401, error("authentication_error", "invalid x-api-key"), 1, "auth"),
    "permission": (403, error("permission_error"), 1, "auth"),
    "model": (404, error("not_found_error", "model: claude-x"), 1, "not_found"),
    "credit": (400, error("invalid_request_error", "Your credit balance is too low to access the API."), 1, "quota"),
    "window": (400, error("invalid_request_error", "prompt is too long: 300000 tokens"), 1, "context_length"),
    "request": (400, error("invalid_request_error", "max_tokens: must be more than 0"), 1, "bad_request"),
    "redirect": (308, {}, 1, "redirect"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(server: Dialect, name: str) -> None:
    """Each failure is tried again if that may help, and told by its kind with the names of this provider's variables."""
    status, said, requests, kind = FAULTS[name]
    fault = failed(server, Answer(status=status, error=said, headers={"location": "http://127.0.0.1:9/v1"}))

    assert (requests, kind) == (len(server.requests), fault.fault.kind)
    assert "OPENAI" not in str(fault)


def test_a_wrong_key_names_its_variable(server: Dialect) -> None:
    """The way out names ANTHROPIC_API_KEY, and the key itself is nowhere."""
    fault = failed(server, Answer(status=401, error=error("authentication_error", f"invalid x-api-key: {KEY}")))

    assert "Check the key (ANTHROPIC_API_KEY)" in str(fault)
    assert KEY not in str(fault)


@pytest.mark.parametrize("kind", ["overloaded_error", "api_error"])
def test_an_error_in_mid_stream_is_tried_again(server: Dialect, kind: str) -> None:
    """An overloaded server that says so inside a stream that began well is asked again."""
    answers = iter([Answer(TEXT[:20], breaks=True, error={"type": kind, "message": "Overloaded"}), Answer(TEXT)])
    server.mind = lambda _: next(answers)
    reply = asked()

    assert (TEXT, 2, [False, True]) == (reply.text, len(server.requests), [charge["known"] for charge in reply.charges])


def test_a_stream_that_breaks_off(server: Dialect) -> None:
    """A stream that ends with no word of its end is not a whole reply."""
    fault = failed(server, Answer(TEXT, stops=True))

    assert (4, "connection") == (len(server.requests), fault.fault.kind)


def test_nobody_there(server: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead address is a connection that failed, with the variable that holds it."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(CallFailed, match="is ANTHROPIC_BASE_URL right") as caught:
        asked()

    assert (caught.value.fault.kind, caught.value.charges) == ("connection", [])


def test_no_key(server: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key nothing is sent, and the error names the variable."""
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(NoModel, match="ANTHROPIC_API_KEY"):
        asked()

    assert server.requests == []


def test_a_ceiling_caps_the_output(server: Dialect) -> None:
    """What is left of the tokens is sent as the most that the output may take."""
    asked(Purse(tokens=2000))

    assert 0 < server.requests[0][2]["max_tokens"] < 2000


def test_a_tool_is_called(server: Dialect) -> None:
    """Tools go in this provider's form, and come back as LangChain's calls."""
    server.mind = lambda _: Answer("", calls=({"name": "weigh", "args": {"thing": "iron"}},))
    reply = asked(tools=True)
    assert reply.message is not None
    (call,) = reply.message.tool_calls

    assert server.requests[0][2]["tools"][0]["name"] == "weigh"
    assert ("weigh", {"thing": "iron"}, "stop") == (call["name"], call["args"], reply.finish)
