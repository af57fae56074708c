"""Answers: what a graph or function of other people's is given, and what it gave, as text and data."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

DATA_LIMIT = 1_000_000  # characters of structured output that are kept in the run's state

# By which names graphs take a task, and give their text; the first that a graph has is meant.
INPUTS = ("messages", "task", "request", "input", "question", "query", "topic", "prompt", "text")
OUTPUTS = ("answer", "output", "result", "text", "response", "report", "final_answer", "content", "summary")
_ITS_OWN = ("messages", "structured_response")


@dataclass(frozen=True)
class Returned:
    """What came back: the text to be joined, and the structured output beside it (None: there is none)."""

    text: str
    data: Any = None


class NoText(Exception):
    """What came back holds nothing to join."""


def input_for(names: Iterable[str], text: str) -> dict[str, Any]:
    """Word a task as the input of a graph that takes these keys (messages, when none of them is known)."""
    known = list(names)
    name = next((key for key in INPUTS if key in known), known[0] if len(known) == 1 else "messages")
    return {name: [{"role": "user", "content": text}] if name == "messages" else text}


def read_output(value: Any) -> Returned:
    """Read what a runnable returned.

    Raises:
        NoText: there is nothing in it that could be joined, or it is too large to keep.
    """
    if isinstance(value, str):
        return _checked(value, None)
    if isinstance(value, BaseMessage):
        return _checked(str(value.text), value.additional_kwargs.get("parsed"))
    if isinstance(value, Mapping):
        return _of_mapping(value)
    if value is None:
        raise NoText("it returned nothing")
    return _checked(_written(value), value)


def _of_mapping(value: Mapping[str, Any]) -> Returned:
    if value.get("__interrupt__"):
        raise NoText("it stopped to ask a person, which a specialist cannot do")
    messages = value.get("messages")
    text = _text_of(messages[-1]) if isinstance(messages, (list, tuple)) and messages else ""
    key = next((name for name in OUTPUTS if isinstance(value.get(name), str) and value[name].strip()), None)
    if key is not None:
        text = value[key]
    data = value.get("structured_response")
    if data is None:
        data = {name: content for name, content in value.items() if name not in _ITS_OWN and name != key} or None
    return _checked(text if text.strip() else _written(data) if data else "", data)


def _text_of(message: Any) -> str:
    if isinstance(message, BaseMessage):
        return str(message.text)
    content = message.get("content") if isinstance(message, Mapping) else message
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) if isinstance(part, Mapping) else str(part) for part in content)
    return str(content or "")


def _checked(text: str, data: Any) -> Returned:
    plain = _jsonable(data)
    if not text.strip():
        raise NoText("it returned no text")
    if len(text) > DATA_LIMIT or (plain is not None and len(json.dumps(plain)) > DATA_LIMIT):
        raise NoText(f"it returned more than {DATA_LIMIT:,} characters")
    return Returned(text.strip(), plain)


def _jsonable(data: Any) -> Any:
    """Turn data into what JSON can hold; the run's state is nothing else."""
    return None if data is None else to_jsonable_python(data, fallback=str, inf_nan_mode="strings")


def _written(data: Any) -> str:
    """Write structured output out, for the synthesis to read."""
    if isinstance(data, (BaseModel, Mapping, list, tuple)) or not isinstance(data, (int, float)):
        return f"```json\n{json.dumps(_jsonable(data), ensure_ascii=False, indent=2)}\n```"
    return str(data)
