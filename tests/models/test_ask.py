"""Asking: what a call costs, what is tried again, and what an endpoint's failures are told as."""

import asyncio
import json
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from langchain_core.messages import HumanMessage

from graph import graph, settings
from nodes.budget import Price, Purse, input_bound
from nodes.control import Control, Hold
from nodes.models import Call, CallFailed, OverBudget, Reply, ask
from nodes.models.endpoints import Endpoints
from nodes.models.received import REPLY_LIMIT
from nodes.models.transport import EVERY_S
from nodes.state import Context
from tests.endpoint import FAULTS as ALL_FAULTS
from tests.endpoint import Endpoint, Turn
from tests.minds import MODEL, REQUEST, Team, completion

QUESTION = "What does the fox do?"
TEXT = "The quick brown fox jumps over the lazy dog."
USED = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
KEY = "sk-the-secret-of-the-tests"


def call_of(
    *,
    model: str = MODEL,
    prices: dict[str, Price] | None = None,
    purse: Purse | None = None,
    on_text: Callable[[str], None] | None = lambda _: None,
    **more: Any,
) -> Call:
    endpoints = Endpoints(prices or {}, environment=settings.endpoint_environment)
    given = Context(**{f"{role}_model": model for role in ("planner", "worker", "synthesiser")}, **more)
    return Call(
        endpoints=endpoints,
        settings=given,
        role="worker",
        messages=[HumanMessage(QUESTION)],
        purse=purse or Purse(),
        on_text=on_text,
    )


def asked(endpoint: Endpoint, said: Turn | str | Callable[[Any], Turn | str], **more: Any) -> Reply:
    endpoint.mind = said if callable(said) else lambda _: said
    return asyncio.run(ask(call_of(**more)))


def failed(endpoint: Endpoint, said: Turn | Callable[[Any], Turn | str], **more: Any) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        asked(endpoint, said, **more)
    return caught.value


def test_a_reply(endpoint: Endpoint) -> None:
    """A reply has its text, its end and one charge with the usage that the stream reports."""
    reply = asked(endpoint, Turn(TEXT, usage=USED))

    assert (reply.text, reply.finish) == (TEXT, "stop")
    assert reply.charges == [
        {
            "role": "worker",
            "subtask_id": None,
            "round": 1,
            "model": "gpt-4o",
            "input_tokens": 1000,
            "output_tokens": 500,
            "usd": pytest.approx(listed("gpt-4o")),
            "known": True,
        }
    ]


def listed(name: str, cached: int = 0) -> float:
    usage = Usage(input_tokens=1000, cache_read_tokens=cached, output_tokens=500)
    return float(calc_price(usage, name, provider_id="openai").total_price)


ENDS = {
    "length": (TEXT[:22], "length"),
    "content-filter": (TEXT[:22], "content_filter"),
    "empty": ("", "stop"),
    "missing-choices": ("", "stop"),  # in a stream; without one the envelope is refused
    "null-choices": ("", "stop"),
}


@pytest.mark.parametrize("fault", ENDS)
def test_ends(endpoint: Endpoint, fault: str) -> None:
    """A reply that was cut off or filtered is a reply, told as what it is; an empty one is asked for once more."""
    reply = asked(endpoint, Turn(TEXT, fault=fault))
    requests = 1 if reply.text else 2

    assert (reply.text, reply.finish) == ENDS[fault]
    assert (len(endpoint.requests), len(reply.charges)) == (requests, requests)


def test_a_refusal(endpoint: Endpoint) -> None:
    """A streamed refusal keeps its words."""
    reply = asked(endpoint, Turn(refusal="I cannot help with foxes."))

    assert (reply.text, reply.finish) == ("I cannot help with foxes.", "refusal")


def test_a_reply_without_end(endpoint: Endpoint) -> None:
    """A reply of ten million characters is cut at the limit and told as cut off."""
    reply = asked(endpoint, Turn(fault="huge"))

    assert REPLY_LIMIT < len(reply.text) < REPLY_LIMIT + 100_000
    assert reply.finish == "length"


def test_a_server_that_does_not_stream(endpoint: Endpoint) -> None:
    """A whole completion in answer to a stream request is read all the same, usage included."""
    reply = asked(endpoint, Turn(body=completion(TEXT)))

    assert (reply.text, reply.finish) == (TEXT, "stop")
    assert [(charge["input_tokens"], charge["output_tokens"], charge["known"]) for charge in reply.charges] == [
        (11, 7, True)
    ]


@pytest.mark.parametrize("broken", ["{}", '{"choices": null}', '{"choices": []}', "[]", "<html>Log in</html>", "", "{"])
def test_an_answer_that_is_no_completion(endpoint: Endpoint, broken: str) -> None:
    """Status 200 with something else in it is told as such with its text kept; all but a web page is asked for again."""
    error = failed(endpoint, Turn(body=broken))
    requests = 1 if "<html>" in broken else 2

    assert (error.fault.kind, error.fault.text, len(endpoint.requests)) == ("envelope", broken, requests)


@pytest.mark.parametrize("first", [Turn(""), Turn(TEXT, fault="null-choices"), Turn(TEXT, fault="invalid-utf8")])
def test_a_reply_with_nothing_in_it(endpoint: Endpoint, first: Turn) -> None:
    """An empty or broken reply is asked for once more, and both requests are charged."""
    turns = iter([first, Turn(TEXT)])
    reply = asked(endpoint, lambda _: next(turns))

    assert (reply.text, len(endpoint.requests), len(reply.charges)) == (TEXT, 2, 2)


def test_every_fault_is_tested() -> None:
    """No fault of the endpoint stands untested; the other two have tests of their own."""
    assert set(FAULTS) | set(ENDS) | {"huge", "400-response-format"} == ALL_FAULTS


@pytest.mark.parametrize("delay", [0.1, 0.001])
def test_pieces_are_passed_on(endpoint: Endpoint, delay: float) -> None:
    """The text is handed on as it arrives, and what comes within 50 ms together."""
    endpoint.mind = lambda _: Turn(TEXT, chunk=10, chunk_delay=delay)
    call, pieces = call_of(), list[str]()
    call.on_text = pieces.append
    asyncio.run(ask(call))

    assert "".join(pieces) == TEXT
    assert (len(pieces) == 5) == (delay > EVERY_S)


def test_who_follows_a_call_is_told_where_he_asks(endpoint: Endpoint) -> None:
    """Text is handed on, on the thread of the loop that asks, before the call is over there."""
    endpoint.mind = lambda _: Turn(TEXT, chunk=10, chunk_delay=0.1)
    call, told = call_of(), list[tuple[str, int]]()
    call.on_text = lambda text: told.append((text, threading.get_ident()))
    asyncio.run(ask(call))

    assert ("".join(text for text, _ in told), {thread for _, thread in told}) == (TEXT, {threading.get_ident()})


# fault: how many requests it costs, what it is told as, how many charges of unknown usage
FAULTS = {
    "429": (4, "rate_limit", 0),
    "429-retry-after": (4, "rate_limit", 0),
    "quota": (1, "quota", 0),
    "400": (1, "bad_request", 0),
    "401": (1, "auth", 0),
    "403": (1, "auth", 0),
    "404": (1, "not_found", 0),
    "408": (4, "timeout", 0),
    "409": (4, "server", 0),
    "500": (4, "server", 0),
    "502-html": (4, "server", 0),
    "503": (4, "server", 0),
    "reset": (4, "connection", 4),
    "reset-mid": (4, "connection", 4),
    "cut-mid": (4, "connection", 4),
    "eof-mid": (4, "connection", 4),
    "error-mid": (4, "server", 4),
    "hang": (1, "timeout", 1),
    "drip": (1, "timeout", 1),
    "invalid-json": (2, "envelope", 2),
    "invalid-utf8": (2, "envelope", 2),
    "empty-body": (2, "envelope", 2),
    "html-200": (1, "envelope", 1),
    "context-length": (1, "context_length", 0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(endpoint: Endpoint, fault: str) -> None:
    """Each fault is tried again if that may help, told by its kind, and charged if it may have cost something."""
    headers = {"retry-after": "0.01"} if fault == "429-retry-after" else {}
    turn = Turn(TEXT, fault=fault, headers=headers, chunk_delay=0.05 if fault == "drip" else 0)
    error = failed(endpoint, turn, call_timeout_s=0.4 if fault in ("hang", "drip") else 10)
    unknown = [charge for charge in error.charges if not charge["known"]]

    assert (len(endpoint.requests), error.fault.kind, len(unknown)) == FAULTS[fault]
    assert len(error.charges) == len(unknown)


@pytest.mark.parametrize("fault", [fault for fault, (requests, _, _) in FAULTS.items() if requests > 1])
def test_faults_that_pass(endpoint: Endpoint, fault: str) -> None:
    """A fault that is gone the second time leaves no trace but its charges."""
    _, _, charges = FAULTS[fault]
    turns = iter([Turn(TEXT, fault=fault, headers={"retry-after": "0.01"}), Turn(TEXT)])
    reply = asked(endpoint, lambda _: next(turns))

    assert (reply.text, len(endpoint.requests)) == (TEXT, 2)
    assert [charge["known"] for charge in reply.charges] == [False] * (charges > 0) + [True]


def test_the_wait_that_is_asked_for(endpoint: Endpoint) -> None:
    """A Retry-After is waited for."""
    turns = iter([Turn(fault="429-retry-after", headers={"retry-after": "0.3"}), Turn(TEXT)])
    asked(endpoint, lambda _: next(turns))
    first, second = endpoint.requests

    assert second.started - first.started >= 0.3


@pytest.mark.parametrize("after", ["90", "1e9", "Mon, 01 Jan 2125 00:00:00 GMT"])
def test_a_wait_too_long(endpoint: Endpoint, after: str) -> None:
    """A Retry-After beyond the call's time is not waited for; the call fails at once."""
    began = time.monotonic()
    turn = Turn(fault="429-retry-after", headers={"retry-after": after, "date": "Wed, 01 Jan 2025 00:00:00 GMT"})
    error = failed(endpoint, turn, call_timeout_s=5)

    assert time.monotonic() - began < 3
    assert error.fault.kind == "rate_limit"


@pytest.mark.parametrize("fault", ["401", "400", "500"])
def test_the_key_stays_secret(endpoint: Endpoint, fault: str) -> None:
    """An endpoint that repeats the key does not bring it into an error, nor into its traceback."""
    said = Turn(fault="401") if fault == "401" else Turn(f"Bad key {KEY}!", status=int(fault))
    error = failed(endpoint, said)
    text = "".join(traceback.format_exception(error))

    assert error.fault.message
    assert KEY not in text


def test_an_error_tells_how_to_mend_it(endpoint: Endpoint) -> None:
    """What failed, where, and what to do stand in one line."""
    assert str(failed(endpoint, Turn(fault="404"))) == (
        "openai:gpt-4o: No such model or path (HTTP 404): The model 'gpt-4o' does not exist or you do not have access "
        "to it. Check the model's name and, for a server of your own, OPENAI_BASE_URL (it ends in /v1 as a rule)."
    )


def test_unknown_usage_is_charged_at_its_bound(endpoint: Endpoint) -> None:
    """Where the endpoint reports no usage, bytes in and the cap out are charged, as unknown."""
    (charge,) = asked(endpoint, Turn(TEXT, usage=None), worker_max_output_tokens=400).charges

    assert (charge["input_tokens"], charge["output_tokens"], charge["known"]) == (input_bound([QUESTION]), 400, False)
    assert charge["usd"] is not None


def test_unknown_usage_without_a_cap(endpoint: Endpoint) -> None:
    """Without a cap, unknown output is charged by the bytes that came."""
    (charge,) = asked(endpoint, Turn(TEXT, usage=None)).charges

    assert (charge["output_tokens"], charge["known"]) == (input_bound([TEXT]), False)


@pytest.mark.parametrize("sides", [(0, 0), (-5_500_000, 9), (1, 500)])
def test_usage_that_cannot_be_true(endpoint: Endpoint, sides: tuple[int, int]) -> None:
    """Usage below what the text must come to is not believed: the upper bound is charged, as unknown."""
    sent, received = sides
    usage = {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}
    (charge,) = asked(endpoint, Turn(TEXT, usage=usage), worker_max_output_tokens=400).charges

    assert (charge["input_tokens"], charge["output_tokens"], charge["known"]) == (input_bound([QUESTION]), 400, False)


def test_usage_in_every_chunk(endpoint: Endpoint) -> None:
    """Usage that a server sends so far in every chunk is taken once, not added up."""
    events = [
        {
            "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": number, "total_tokens": 1000 + number},
        }
        for number, word in enumerate(TEXT.split(), 1)
    ]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    (charge,) = asked(endpoint, Turn(body=body, headers={"content-type": "text/event-stream"})).charges

    assert (charge["input_tokens"], charge["output_tokens"], charge["known"]) == (1000, 9, True)


@pytest.mark.parametrize("told", ["gpt-4o-mini", "gpt-4o-mini-2024-07-18"])
def test_priced_by_the_name_in_the_reply(endpoint: Endpoint, told: str) -> None:
    """A gateway that serves another model than was asked for is priced by what it says it served."""
    (charge,) = asked(endpoint, Turn(TEXT, usage=USED, model=told)).charges

    assert charge["model"] == told
    assert charge["usd"] == pytest.approx(listed("gpt-4o-mini"))


@pytest.mark.parametrize("told", ["", "served-by-nobody"])
def test_priced_by_the_name_asked_for(endpoint: Endpoint, told: str) -> None:
    """Where the reply names no model, or none with a list price, the name that was asked for decides."""
    (charge,) = asked(endpoint, Turn(TEXT, usage=USED, model=told)).charges

    assert charge["usd"] == pytest.approx(listed("gpt-4o"))


def test_an_unknown_price(endpoint: Endpoint) -> None:
    """A model that no list knows has no price: None, not zero."""
    (charge,) = asked(endpoint, Turn(TEXT, usage=USED), model="openai:home-grown").charges

    assert (charge["usd"], charge["known"]) == (None, True)


def test_the_hosts_own_price(endpoint: Endpoint) -> None:
    """A price that the host sets goes before the list's."""
    (charge,) = asked(endpoint, Turn(TEXT, usage=USED), prices={"openai:gpt-4o": Price(1.0, 10.0)}).charges

    assert charge["usd"] == 1000 + 10 * 500


def test_cached_input_is_cheaper(endpoint: Endpoint) -> None:
    """Cached input is priced as such."""
    (charge,) = asked(endpoint, Turn(TEXT, usage={**USED, "prompt_tokens_details": {"cached_tokens": 800}})).charges

    assert charge["usd"] == pytest.approx(listed("gpt-4o", cached=800))
    assert listed("gpt-4o", cached=800) < listed("gpt-4o")


@pytest.mark.parametrize("purse", [Purse(tokens=100), Purse(usd=0.0001)])
def test_over_budget(endpoint: Endpoint, purse: Purse) -> None:
    """A call that the purse cannot pay for is not made."""
    with pytest.raises(OverBudget, match="needs room to answer; left: "):
        asked(endpoint, TEXT, purse=purse)

    assert endpoint.requests == []


def test_the_purse_caps_the_output(endpoint: Endpoint) -> None:
    """What is left after the input is the most that the output may take."""
    asked(endpoint, TEXT, purse=Purse(tokens=2000))

    assert endpoint.requests[0].body["max_completion_tokens"] == 2000 - input_bound([QUESTION], "openai:gpt-4o")


def test_retries_do_not_overspend(endpoint: Endpoint) -> None:
    """What a broken attempt may have cost is taken off before the next; when nothing is left, it ends."""
    with pytest.raises(CallFailed, match="What is left of the money does not allow another try") as caught:
        asked(endpoint, Turn(TEXT * 20, fault="reset-mid"), purse=Purse(tokens=2000))
    total = sum(charge["input_tokens"] + charge["output_tokens"] for charge in caught.value.charges)

    assert len(endpoint.requests) == len(caught.value.charges) == 1
    assert total <= 2000


def test_max_parallel_holds_over_loops_and_threads(endpoint: Endpoint) -> None:
    """Calls of several loops in several threads share the slots of an endpoint."""
    endpoint.mind = lambda _: Turn(TEXT, delay=0.05)

    async def four() -> None:
        await asyncio.gather(*(ask(call_of(max_parallel=3)) for _ in range(4)))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: asyncio.run(four()), range(3)))

    assert (len(endpoint.requests), endpoint.most_in_flight) == (12, 3)


def test_max_parallel_holds_over_runs(endpoint: Endpoint, team: Team) -> None:
    """Several runs at once together keep to max_parallel."""
    team.workers = dict.fromkeys(("caterer", "publicist", "safety officer"), Turn(TEXT, delay=0.05))

    async def runs() -> Any:
        given: Any = {"max_parallel": 2}
        return await asyncio.gather(*(graph.ainvoke({"request": REQUEST}, context=given) for _ in range(4)))

    states = asyncio.run(runs())

    assert [len(state["outcomes"]) for state in states] == [3] * 4
    assert endpoint.most_in_flight == 2


def test_a_cancelled_call_gives_its_slot_back(endpoint: Endpoint) -> None:
    """Who is cancelled hangs up, and the next call finds the slot free."""
    endpoint.mind = lambda _: Turn(fault="hang")

    async def impatient() -> Reply:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(call_of(max_parallel=1)), 0.2)
        endpoint.mind = lambda _: TEXT
        return await ask(call_of(max_parallel=1))

    reply = asyncio.run(impatient())
    given_up = time.monotonic() + 5  # the endpoint may see the next call before it sees that the first has gone
    while not endpoint.requests[0].gone and time.monotonic() < given_up:
        time.sleep(0.01)

    assert reply.text == TEXT
    assert [call.gone for call in endpoint.requests] == [True, False]


def test_who_is_ahead_and_fails_lets_all_others_go(endpoint: Endpoint) -> None:
    """The siblings of a first call under a ceiling wait out its end alone, not one another's."""
    endpoint.mind = lambda _: Turn(fault="400", delay=0.1)

    async def five() -> list[Reply | BaseException]:
        calls = (ask(call_of(purse=Purse(usd=1.0))) for _ in range(5))
        return await asyncio.gather(*calls, return_exceptions=True)

    ends = asyncio.run(five())

    assert ([type(end) for end in ends], endpoint.most_in_flight) == ([CallFailed] * 5, 4)


def test_a_cancelled_call_is_ahead_of_nobody(endpoint: Endpoint) -> None:
    """The first call under a ceiling lets its siblings go when it is cancelled."""
    turns = iter([Turn(fault="hang"), Turn(TEXT)])
    endpoint.mind = lambda _: next(turns)

    async def both() -> Reply:
        first = asyncio.create_task(ask(call_of(purse=Purse(usd=1.0))))
        await requests(endpoint, 1)
        second = asyncio.create_task(ask(call_of(purse=Purse(usd=1.0))))
        first.cancel()
        return await asyncio.wait_for(second, 10)

    assert asyncio.run(both()).text == TEXT


def test_a_paused_run_holds_up_no_other(endpoint: Endpoint) -> None:
    """A call that waits behind the first one to a model, and is paused meanwhile, holds up no call of another run."""
    turns, control = iter([Turn(fault="400", delay=0.2), Turn(TEXT)]), Control()
    endpoint.mind = lambda _: next(turns)

    async def runs() -> Reply:
        first = asyncio.create_task(ask(call_of(purse=Purse(usd=1.0))))
        await requests(endpoint, 1)
        paused = asyncio.create_task(ask(replace(call_of(purse=Purse(usd=1.0)), hold=Hold(control))))
        await asyncio.sleep(0.05)
        control.pause()
        other = asyncio.create_task(ask(call_of(purse=Purse(usd=1.0))))
        await asyncio.gather(first, return_exceptions=True)
        reply = await asyncio.wait_for(other, 5)
        paused.cancel()
        return reply

    assert asyncio.run(runs()).text == TEXT


async def requests(endpoint: Endpoint, number: int) -> None:
    while len(endpoint.requests) < number:  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0.01)


def test_the_environment_may_change(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key and an endpoint set later are used by the next call."""
    asked(endpoint, TEXT)
    with Endpoint(lambda _: "Another place.") as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-another-key")
        reply = asyncio.run(ask(call_of()))
        (call,) = other.requests

    assert reply.text == "Another place."
    assert call.headers["authorization"] == "Bearer sk-another-key"


WEIGH = {"type": "function", "function": {"name": "weigh", "parameters": {"type": "object", "properties": {}}}}
TOOLS_REFUSED = {
    "no tools": ("model:2b does not support tools", "no_tools", 1),
    "schema": ("Invalid schema for function 'weigh': no", "bad_request", 2),
}


@pytest.mark.parametrize("case", TOOLS_REFUSED)
def test_tools_that_are_refused(endpoint: Endpoint, case: str) -> None:
    """An endpoint that takes no tools for a model is not sent them again; another refusal teaches nothing."""
    message, kind, requests = TOOLS_REFUSED[case]
    endpoint.mind = lambda body: Turn(message, status=400) if "tools" in body else Turn(TEXT)
    call = replace(call_of(), tools=[WEIGH])
    for _ in range(2):
        with pytest.raises(CallFailed) as caught:
            asyncio.run(ask(call))

        assert caught.value.fault.kind == kind
    assert len(endpoint.requests) == requests

    with Endpoint(lambda _: Turn(TEXT)) as other, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", other.url)

        assert asyncio.run(ask(call)).text == TEXT
