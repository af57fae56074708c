"""Diagnosis: which fault an exception tells of, whoever's package raised it."""

from typing import Any

import httpx
import httpx2
import pytest
from langchain_core import exceptions as langchain

from nodes.models.diagnosis import fault_of
from nodes.models.faults import Fault


class Odd(Exception):
    """What some provider's package raises."""

    def __init__(self, message: str, **attributes: Any) -> None:
        super().__init__(message)
        vars(self).update(attributes)


def raised_from(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


RESPONSE = httpx.Response(429, headers={"retry-after": "7"})
KINDS: list[tuple[BaseException, str]] = [
    (langchain.ModelRateLimitError("Slow down."), "rate_limit"),
    (langchain.ModelTimeoutError("Late."), "timeout"),
    (langchain.ModelConnectionError("Gone."), "connection"),
    (langchain.ModelAPIError("Down."), "server"),
    (langchain.ModelAuthenticationError("No."), "auth"),
    (langchain.ModelPermissionDeniedError("No."), "auth"),
    (langchain.ModelNotFoundError("What?"), "not_found"),
    (langchain.ModelInvalidRequestError("No."), "bad_request"),
    (langchain.ModelInvalidRequestError("Your credit balance is too low."), "quota"),
    (langchain.ContextOverflowError("Too long."), "context_length"),
    (langchain.ModelError("Whatever."), "bad_request"),
    (raised_from(langchain.ModelError("Wrapped."), httpx.ReadTimeout("late")), "timeout"),
    (raised_from(Odd("Wrapped."), httpx2.ConnectError("nobody there")), "connection"),
    (raised_from(Odd("Wrapped."), ConnectionResetError("gone")), "connection"),
    (raised_from(Odd("Wrapped."), Odd("Slow down.", response=RESPONSE)), "rate_limit"),
    (ExceptionGroup("several", [Odd("no"), httpx2.ReadError("gone")]), "connection"),
    (Odd("Slow down.", code=429), "rate_limit"),
    (Odd("Down.", status_code=503), "server"),
    (Odd("Pay.", status_code=402), "quota"),
    (Odd("Too large.", status_code=400, body={"error": {"message": "prompt is too long"}}), "context_length"),
    (Odd("In mid stream.", status_code=200, body={"error": {"type": "overloaded_error"}}), "server"),
]


@pytest.mark.parametrize(("error", "kind"), KINDS, ids=lambda value: str(value)[:40])
def test_kinds(error: BaseException, kind: str) -> None:
    """LangChain's errors, those of HTTP clients, and what wraps either, are told apart."""
    fault = fault_of(error)
    assert fault is not None

    assert kind == fault.kind


def test_the_wait_that_a_cause_asks_for() -> None:
    """A Retry-After is found behind what wraps it."""
    fault = fault_of(raised_from(langchain.ModelRateLimitError("Slow down."), Odd("429", response=RESPONSE)))
    assert fault is not None

    assert fault.retry_after == 7


def test_our_bugs_fly() -> None:
    """An error that our own code raises is no fault of the endpoint's."""
    space = {"__name__": "nodes.worker"}
    exec("def work():\n    raise KeyError('bug')", space)  # noqa: S102 - a function of a module of ours
    with pytest.raises(KeyError) as caught:
        space["work"]()  # type: ignore[operator]

    assert fault_of(caught.value) is None


TOOLS = {
    "registry.ollama.ai/library/gemma:2b does not support tools": True,
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set': True,
    "tools param requires --jinja flag": True,
    "Function calling is not enabled for models/gemma-3-27b-it": True,
    "No endpoints found that support tool use. To learn more": True,
    "Unrecognized request argument supplied: tools": True,
    "`tool calling` is not supported with this model": True,
    "Unsupported parameter: 'tools' is not supported with this model.": True,
    "This model doesn't support function calling": True,
    "Invalid schema for function 'weigh': 'strin' is not valid": False,
    "Invalid 'tools[0].function.name': string does not match pattern": False,
    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'": False,
    "An assistant message with 'tool_calls' must be followed by tool messages": False,
    "tools.0.custom.input_schema: JSON schema is invalid": False,
    "The stool in the picture is too large": False,
}


@pytest.mark.parametrize("message", TOOLS)
def test_tools_that_are_not_taken(message: str) -> None:
    """Of the refusals that name a tool, those are told apart that no other call with tools would survive."""
    fault = fault_of(Odd("refused", status_code=400, body={"message": message}))
    assert fault is not None

    assert (fault.kind == "no_tools") == TOOLS[message]


OUT = {
    "openai:gpt-5.5": "OPENAI_API_KEY",
    "anthropic:claude-opus-5-5": "ANTHROPIC_API_KEY",
    "google_genai:gemini-3.8-flash": "GOOGLE_API_KEY or GEMINI_API_KEY",
    "mistralai:large": "MISTRAL_API_KEY",
    "groq:llama": "GROQ_API_KEY",
}


@pytest.mark.parametrize("spec", OUT)
def test_each_provider_has_its_own_way_out(spec: str) -> None:
    """A refused key is told with the name of that provider's variable."""
    assert (
        Fault("auth", "No.").explained(spec)
        == f"{spec}: No. Check the key ({OUT[spec]}) and that it may use this model."
    )
