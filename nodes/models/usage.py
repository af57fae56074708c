"""Usage: how many tokens one answer took, as far as what its endpoint says of it can be believed. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from nodes.providers import known_provider, provider_of

Usage = dict[str, Any]  # LangChain's UsageMetadata: input_tokens, output_tokens, input_token_details …

_SIDES = ("input_tokens", "output_tokens")
# Real tokenisers come to 1.2 to 1.6 tokens a word, those that join words to 0.6 at the least; and to one token for at
# most four letters where words are not set apart. Half of that is the least: a false alarm would cost the exact bill.
WORDS_A_TOKEN = 2
EXTRA_BYTES_A_TOKEN = 12  # bytes beyond one a letter: Chinese and Thai have two, Cyrillic has one
MOST_TOKENS = 10**12  # no request has used so many
LONGEST_TOKEN = 256  # bytes; the longest tokens there are, of spaces and rules, have 128
_REPEATED = re.compile(r"(.)\1{3,}", re.DOTALL)


def least_tokens(text: str) -> int:
    """Say how many tokens a text comes to at the least, in any script and by any tokeniser in use.

    Words count where spaces part them, bytes beyond ASCII where nothing does. Takes 60 ms for a megabyte.
    """
    size = len(text.encode("utf-8", "replace"))
    words = len(text.split())
    least = max(words // WORDS_A_TOKEN, size // LONGEST_TOKEN, min(size, 1))
    if (size - len(text)) // EXTRA_BYTES_A_TOKEN <= least:
        return least
    text = _REPEATED.sub(r"\1", text)  # rules of one sign are few tokens
    return max(least, (len(text.encode("utf-8", "replace")) - len(text)) // EXTRA_BYTES_A_TOKEN)


def believable(usage: Mapping[str, Any] | None, sent: Iterable[str], received: str) -> Usage | None:
    """Return the usage with whole numbers, cached and reasoning tokens counted in; None: unknown.

    Not believed are numbers that are negative or not whole, and fewer tokens than the text that was sent and received
    must come to: then the upper bound stands, and the call counts as unknown.

    Args:
        usage: what the endpoint said (None: nothing).
        sent: every text of the request.
        received: the answer's text, tool calls included.
    """
    counted = _counted(usage)
    if counted is None:
        return None
    least = (sum(map(least_tokens, sent)), least_tokens(received))
    enough = all(counted[side] >= bound for side, bound in zip(_SIDES, least, strict=True))
    return counted if enough else None


def _counted(usage: Mapping[str, Any] | None) -> Usage | None:
    """Make all numbers whole (None: they cannot be made so)."""
    if usage is None:
        return None
    counted: Usage = {"input_token_details": {}, "output_token_details": {}}
    for side in _SIDES:
        tokens = _whole(usage.get(side))
        if tokens is None:
            return None
        details = usage.get(f"{side.removesuffix('s')}_details") or {}
        parts = {name: _whole(part) for name, part in details.items() if part is not None}
        if None in parts.values():
            return None
        counted[f"{side.removesuffix('s')}_details"] = parts
        counted[side] = tokens
    # Some count cached and reasoning tokens beside the others, not among them.
    for side, part in (("input", "cache_read"), ("output", "reasoning")):
        beside = counted[f"{side}_token_details"].get(part) or 0
        if beside > counted[f"{side}_tokens"]:
            counted[f"{side}_tokens"] += beside
    return counted


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < MOST_TOKENS and value == value // 1 else None


def joined(spec: str, old: Usage | None, new: Mapping[str, Any]) -> Usage:
    """Take the usage of one more chunk of an answer into that of those before it.

    Many servers send what the answer has used so far in every chunk, so the largest number of each kind counts; of
    the providers whose chunks are known to hold parts, the sum.
    """
    if old is None:
        return dict(new)
    in_parts = known_provider(provider_of(spec)[0]).usage_in_parts
    return {**old, **{key: _together(old.get(key), value, in_parts=in_parts) for key, value in new.items()}}


def _together(old: Any, new: Any, *, in_parts: bool) -> Any:
    if isinstance(new, Mapping):
        before = old if isinstance(old, Mapping) else {}
        return {**before, **{key: _together(before.get(key), part, in_parts=in_parts) for key, part in new.items()}}
    if not isinstance(old, (int, float)) or not isinstance(new, (int, float)):
        return old if new is None else new
    return old + new if in_parts else max(old, new)
