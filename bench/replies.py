"""Replies: what the endpoint says to a planner, a worker and a synthesiser, as bytes made once."""

import json
import random
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

CALL_ID = b"chatcmpl-bench00000000"  # in every reply; the endpoint puts a fresh one of the same length in its place
SHORT, SHORT_TOKENS = 72, 60  # a reply of 60 tokens comes as 75 chunks: its text in 72, then role, finish and usage
SYLLABLES = ("ba", "co", "di", "fu", "ge", "ha", "ji", "ko", "lu", "me", "no", "pi", "ra", "su", "te", "vo", "wa", "xi", "yo", "zu")  # fmt: skip
ROLES = ("plan", "sections", "work", "synthesis", "join")  # ours and the others' words for planner, worker, synthesiser
JOIN = "Join these sections"  # how the peers without a schema begin their last request


@dataclass(frozen=True)
class Reply:
    """One reply, ready to be sent.

    Attributes:
        whole: with its head, for a client that does not stream.
        stream: the events in HTTP's chunked framing, one transfer chunk an event.
        ends: where each event ends in `stream`, in bytes.
    """

    whole: bytes
    stream: bytes
    ends: list[int]


@lru_cache(maxsize=64)
def reply_to(role: str, workers: int, pieces: int) -> Reply:
    """Make the reply to a role: "plan" and "synthesis" (ours), "sections" (the recipe), "work", "join".

    Args:
        role: who is asked.
        workers: subtasks of the plan.
        pieces: chunks of text in a worker's reply.
    """
    if role == "plan":
        subtasks = [{"specialist": name, "task": task, "cross_check": False} for name, task in tasks(workers)]
        return _reply(_tokens({"subtasks": subtasks}))
    if role == "sections":
        return _reply(_tokens({"sections": [{"name": name, "description": task} for name, task in tasks(workers)]}))
    if role == "synthesis":
        cited = " ".join(f"[S{number}]" for number in range(1, workers + 1))
        ledger: dict[str, Any] = {"disagreements": [], "gaps": [], "follow_ups": []}
        return _reply(_tokens({**ledger, "answer": f"Everything is planned. {cited}"}))
    return _reply([f" {word}" for word in words(pieces if role == "work" else SHORT, seed=1)])


def tasks(workers: int) -> list[tuple[str, str]]:
    """Give so many (specialist, task) pairs, none like another."""
    drawn = iter(words(4 * workers, seed=0))
    return [
        (f"{name} adviser", f"List {first} {other} and {third}.")
        for name, first, other, third in zip(*[drawn] * 4, strict=True)
    ]


def words(number: int, seed: int) -> list[str]:
    """Make up so many different words."""
    source, made = random.Random(seed), dict[str, None]()  # noqa: S311 - no secret
    while len(made) < number:
        made["".join(source.choices(SYLLABLES, k=3))] = None
    return list(made)


def _tokens(value: Any) -> list[str]:
    """Write JSON in pieces of four characters, about as long as tokens are."""
    text = json.dumps(value, separators=(",", ":"))
    return [text[start : start + 4] for start in range(0, len(text), 4)]


def _reply(pieces: list[str]) -> Reply:
    outer: dict[str, Any] = {"id": CALL_ID.decode(), "created": 1_790_000_000, "model": "gpt-4o-2024-08-06"}
    outer |= {"service_tier": "default", "system_fingerprint": "fp_bench00000"}
    tokens = max(1, len(pieces) * SHORT_TOKENS // SHORT)
    usage = {"prompt_tokens": 100, "completion_tokens": tokens, "total_tokens": 100 + tokens}
    message = {"role": "assistant", "content": "".join(pieces), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = json.dumps({**outer, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": piece} for piece in pieces]
    told = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas]
    told.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"})
    chunk = {**outer, "object": "chat.completion.chunk"}
    events = [json.dumps({**chunk, "choices": [choice], "usage": None}) for choice in told]
    events += [json.dumps({**chunk, "choices": [], "usage": usage}), "[DONE]"]
    framed = [_framed(f"data: {event}\n\n".encode()) for event in events]
    framed[-1] += b"0\r\n\r\n"
    return Reply(head.encode() + body, b"".join(framed), list(accumulate(len(event) for event in framed)))


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
