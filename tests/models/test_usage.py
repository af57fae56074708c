"""Usage: what an endpoint says of it is taken where it can be true."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.budget import encoding_of
from nodes.models.usage import believable, joined, least_tokens

PROMPT = "What does the quick brown fox do when the lazy dog is asleep and nobody looks?"
REPLY = "It jumps over the dog, and over the fence behind it."


def usage(sent: Any, received: Any, **more: Any) -> dict[str, Any]:
    return {"input_tokens": sent, "output_tokens": received, **more}


LIES: dict[str, dict[str, Any]] = {
    "nothing at all": usage(0, 0),
    "no output": usage(20, 0),
    "no input": usage(0, 13),
    "negative": usage(-5_500_000, -3),
    "far too little": usage(2, 13),
    "half a token": usage(20.5, 13),
    "no numbers": usage("20", "13"),
    "true": {"input_tokens": True, "output_tokens": True},
    "more than was ever used": usage(10**30, 13),
    "endless": usage(float("inf"), 13),
    "not a number": usage(float("nan"), 13),
    "missing": {"input_tokens": 20},
    "negative parts": usage(20, 13, input_token_details={"cache_read": -4}),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies(lie: str) -> None:
    """What cannot be true is unknown: the upper bound stands."""
    assert believable(LIES[lie], [PROMPT], REPLY) is None


@pytest.mark.parametrize("told", [usage(20, 13), usage(20.0, 13.0), usage(10**9, 10**9)])
def test_what_can_be_true(told: dict[str, Any]) -> None:
    """Whole numbers that are enough are taken, as whole numbers."""
    counted = believable(told, [PROMPT], REPLY)
    assert counted is not None

    assert (told["input_tokens"], told["output_tokens"]) == (counted["input_tokens"], counted["output_tokens"])
    assert type(counted["input_tokens"]) is int


def test_nothing_was_told() -> None:
    """No usage is unknown usage."""
    assert believable(None, [PROMPT], REPLY) is None


def test_parts_beside_the_whole() -> None:
    """Cached and reasoning tokens that a server counts beside the others are added to them."""
    told = usage(3, 2, input_token_details={"cache_read": 17}, output_token_details={"reasoning": 40})
    counted = believable(told, [PROMPT], REPLY)
    assert counted is not None

    assert (20, 42) == (counted["input_tokens"], counted["output_tokens"])


def test_parts_of_the_whole() -> None:
    """Cached tokens that are counted among the others stay there."""
    counted = believable(usage(20, 13, input_token_details={"cache_read": 16}), [PROMPT], REPLY)
    assert counted is not None

    assert (20, 16) == (counted["input_tokens"], counted["input_token_details"]["cache_read"])


TEXTS = [
    PROMPT * 50,
    "昨天下午我们在公园里看到了很多人。" * 50,
    "Вчера днём мы видели в парке много людей. " * 50,
    "เมื่อวานบ่ายเราเห็นคนมากมายในสวนสาธารณะ" * 50,
    "أمس بعد الظهر رأينا الكثير من الناس في الحديقة. " * 50,
    "─" * 4_000,
    " " * 10_000,
    "=" * 10_000,
    '{"a":[1,2,3],"b":{"c":null}}' * 100,
    "| a | b |\n| --- | --- |\n" * 100,
    "def f(x):\n    return x + 1\n\n" * 100,
    "😀" * 400,
]


@pytest.mark.parametrize("model", ["openai:gpt-4", "openai:gpt-4o"])
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_no_false_alarms(text: str, model: str) -> None:
    """In no script does the least exceed three quarters of what real tokenisers count."""
    encoding = encoding_of(model)
    assert encoding is not None
    counted = len(list(encoding.encode(text)))

    assert 0 < least_tokens(text) <= 0.75 * counted


@given(st.text(max_size=400))
def test_never_above_the_bytes(text: str) -> None:
    """The least is never above the most: a token a byte."""
    assert least_tokens(text) <= len(text.encode("utf-8", "replace"))


def total(spec: str, *chunks: dict[str, Any]) -> dict[str, Any] | None:
    counted = None
    for chunk in chunks:
        counted = joined(spec, counted, chunk)
    return counted


def test_cumulative_in_every_chunk() -> None:
    """Usage so far in each chunk counts once: its largest numbers."""
    chunks = [usage(1000, 10 * number, input_token_details={"cache_read": 800}) for number in range(1, 23)]
    counted = total("openai:gpt-4o", *chunks)

    assert counted == usage(1000, 220, input_token_details={"cache_read": 800})


def test_a_zero_at_the_end() -> None:
    """A last chunk of zeros takes nothing back."""
    assert total("xai:grok", usage(1000, 220), usage(0, 0)) == usage(1000, 220)


def test_input_first_and_output_last() -> None:
    """Input at the start and output at the end, as Anthropic's servers send them, are one answer's."""
    assert total("anthropic:claude-sonnet-5-5", usage(1000, 1), usage(0, 220)) == usage(1000, 220)


def test_parts() -> None:
    """A provider whose chunks are known to hold what each has added is summed up."""
    assert total("google_genai:gemini-3.8-flash", usage(1000, 20), usage(0, 200)) == usage(1000, 220)
