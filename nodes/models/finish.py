"""Finish: how a reply ended, in whatever words its provider says it. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Literal

Finish = Literal["stop", "length", "content_filter", "refusal"]

_KEYS = ("finish_reason", "stop_reason", "done_reason", "finishReason", "stopReason")
_WORST: tuple[Finish, ...] = ("refusal", "content_filter", "length", "stop")

# In reasons in lower case, without signs; the first that fits decides.
_WORDS: tuple[tuple[Finish, re.Pattern[str]], ...] = (
    ("stop", re.compile(r"eos|stopsequence|finishreasonunspecified")),  # "eos_token" is whole, "token_limit" is not
    ("refusal", re.compile(r"refus")),
    (
        "content_filter",
        re.compile(r"filter|safety|block|prohibited|recitation|spii|guardrail|toxic|policy|moderat"),
    ),
    # Not the length alone: whatever broke a reply off left it as unfinished as a limit would have.
    (
        "length",
        re.compile(
            r"length|max|limit|exceed|incomplete|error|abort|cancel|interrupt|insufficient|malformed|unexpectedtool"
            r"|toomany|pauseturn|language|other|load"
        ),
    ),
)


def finish_of(metadata: Mapping[str, Any]) -> Finish | None:
    """Read a message's or chunk's response_metadata (None: it does not say how the reply ended).

    Knows OpenAI's words (both APIs), Anthropic's, Google's, Ollama's, Bedrock's, Cohere's, Mistral's and watsonx's;
    of one that nobody has seen it takes what its words suggest, and "stop" if they suggest nothing.
    """
    ends = [_finish(reason) for key in _KEYS for reason in _reasons(metadata.get(key))]
    details = metadata.get("incomplete_details")
    if isinstance(details, Mapping):
        ends += [_finish(reason) for reason in _reasons(details.get("reason"))]
    if metadata.get("status") in ("incomplete", "failed", "cancelled"):
        ends.append("length")
    feedback = metadata.get("prompt_feedback")
    if isinstance(feedback, Mapping) and feedback.get("block_reason"):
        ends.append("content_filter")
    return worst(*ends)


def worst(*ends: Finish | None) -> Finish | None:
    """Of several ends, take the one that a reader most needs to know of."""
    return next((finish for finish in _WORST if finish in ends), None)


def _reasons(value: Any) -> list[str]:
    """List the reasons in a value: most send a word, some a list, some an enum's member."""
    if isinstance(value, (list, tuple)):
        return [reason for entry in value for reason in _reasons(entry)]
    name = getattr(value, "name", value)
    return [name] if isinstance(name, str) and name.strip() else []


def _finish(reason: str) -> Finish:
    plain = "".join(sign for sign in reason.lower() if sign.isalpha())
    return next((finish for finish, words in _WORDS if words.search(plain)), "stop")
