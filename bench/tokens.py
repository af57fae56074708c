"""Tokens: how many a run's requests hold, counted as the model counts them."""

import json
from collections.abc import Callable
from itertools import chain
from typing import Any

from bench.cells import MODEL


def said(body: dict[str, Any]) -> list[str]:
    """Return the messages of a request."""
    return [message["content"] for message in body["messages"]]


def asked(body: dict[str, Any]) -> list[str]:
    """Return the schema that a request asks for, as it is sent, if it does."""
    return [json.dumps(body["response_format"])] if "response_format" in body else []


def tokens_of(texts: Callable[[dict[str, Any]], list[str]]) -> Callable[[list[dict[str, Any]]], int]:
    """Return what counts some texts of the requests of a measured run."""

    def count(measured: list[dict[str, Any]]) -> int:
        from nodes.budget import encoding_of  # when all is measured: a child's peak of memory begins at its parent's

        encoding: Any = encoding_of(MODEL)
        content = chain.from_iterable(texts(json.loads(body)) for body in measured[0]["bodies"])
        return sum(len(encoding.encode_ordinary(text)) for text in content)

    return count
