"""Finish: how a reply ended, in every provider's words."""

from enum import Enum
from typing import Any

import pytest

from nodes.models.finish import finish_of, worst

Google = Enum("Google", ["STOP", "MAX_TOKENS", "SAFETY"])

STOP, LENGTH, FILTER, REFUSAL = "stop", "length", "content_filter", "refusal"
ENDS: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"finish_reason": None}, None),
    ({"finish_reason": ""}, None),
    ({"finish_reason": "stop"}, STOP),
    ({"finish_reason": "tool_calls"}, STOP),
    ({"finish_reason": "length"}, LENGTH),
    ({"finish_reason": "content_filter"}, FILTER),
    ({"stop_reason": "end_turn"}, STOP),
    ({"stop_reason": "stop_sequence"}, STOP),
    ({"stop_reason": "tool_use"}, STOP),
    ({"stop_reason": "max_tokens"}, LENGTH),
    ({"stop_reason": "model_context_window_exceeded"}, LENGTH),
    ({"stop_reason": "refusal"}, REFUSAL),
    ({"finish_reason": "STOP"}, STOP),
    ({"finish_reason": "MAX_TOKENS"}, LENGTH),
    ({"finish_reason": "SAFETY"}, FILTER),
    ({"finish_reason": "RECITATION"}, FILTER),
    ({"finish_reason": "SPII"}, FILTER),
    ({"finish_reason": "MALFORMED_FUNCTION_CALL"}, LENGTH),
    ({"finish_reason": Google.MAX_TOKENS}, LENGTH),
    ({"prompt_feedback": {"block_reason": "SAFETY"}}, FILTER),
    ({"prompt_feedback": {"block_reason": 0, "safety_ratings": []}, "finish_reason": "STOP"}, STOP),
    ({"done_reason": "stop"}, STOP),
    ({"done_reason": "length"}, LENGTH),
    ({"done_reason": "load"}, LENGTH),
    ({"stopReason": "end_turn"}, STOP),
    ({"stopReason": "max_tokens"}, LENGTH),
    ({"stopReason": "guardrail_intervened"}, FILTER),
    ({"stopReason": "content_filtered"}, FILTER),
    ({"finish_reason": "COMPLETE"}, STOP),
    ({"finish_reason": "ERROR_TOXIC"}, FILTER),
    ({"finish_reason": "ERROR_LIMIT"}, LENGTH),
    ({"finish_reason": "model_length"}, LENGTH),
    ({"finish_reason": "eos_token"}, STOP),
    ({"stop_reason": "token_limit"}, LENGTH),
    ({"finish_reason": "insufficient_system_resource"}, LENGTH),
    ({"finish_reason": ["stop"]}, STOP),
    ({"finish_reason": ["stop", "length"]}, LENGTH),
    ({"status": "completed"}, None),
    ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, LENGTH),
    ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, FILTER),
]


@pytest.mark.parametrize(("metadata", "finish"), ENDS, ids=lambda value: str(value)[:60])
def test_ends(metadata: dict[str, Any], finish: str | None) -> None:
    """Each provider's word for a whole, a cut off, a filtered and a refused reply is known."""
    assert finish == finish_of(metadata)


def test_the_worst_counts() -> None:
    """A refusal counts more than a filter, that more than a cut, and that more than a whole reply."""
    assert worst("stop", "length", "content_filter", "refusal") == "refusal"
    assert worst("stop", None, "length") == "length"
    assert worst(None) is None
