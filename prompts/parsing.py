"""Parsing: a reply's text becomes a plan or a synthesis, or a BadReply that says why not."""

import asyncio
import html
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from prompts.reading import reasoning, synthesis
from prompts.reading.final_plan import Attempt, ParsedPlan
from prompts.reading.final_plan import nested as nested_value
from prompts.reading.json_values import Scan, scan, whole
from prompts.reading.near_json import CutStr, Work
from prompts.reading.reasoning import visible
from prompts.reading.subtask_object import clean
from prompts.replies import BadReply, Synthesis

__all__ = ["CAP", "CutReply", "ParsedPlan", "off_loop", "parse_plan", "parse_synthesis", "visible"]

P = ParamSpec("P")
T = TypeVar("T")

CAP = 250_000  # characters of a reply, reasoning not counted; more is no honest reply
INLINE = 8_000  # characters that are parsed where they are: about 5 ms
_PLANNER = (Path(__file__).parent / "planner.md").read_text(encoding="utf-8")


class CutReply(BadReply):
    """A synthesis cut off in its answer.

    Attributes:
        partial: the ledger's complete items and the answer so far, its last white space kept, so that a
            continuation can be put right behind it; the answer is "" when it had not begun.
    """

    def __init__(self, fault: str, text: str, partial: Synthesis) -> None:
        super().__init__(fault, text)
        self.partial = partial


async def off_loop(parse: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a parse; a long text in a thread, so that it never holds up the event loop."""
    if all(len(one) < INLINE for one in args if isinstance(one, str)):
        return parse(*args, **kwargs)
    return await asyncio.to_thread(parse, *args, **kwargs)


def parse_plan(text: str, *, truncated: bool = False) -> ParsedPlan:
    """Read the plan in a planner's reply: the last one, where a draft comes before it.

    Args:
        text: the reply, in any of the shapes that models write (JSON in many forms, XML, YAML, tables, lists).
        truncated: the endpoint said that the reply was cut off by length.

    Raises:
        BadReply: there is no plan in it, or none that is surely what the model meant.
    """
    body = _body(text)
    attempt = Attempt(body, strictly=truncated)
    plan = attempt.run()
    if plan is None and re.search(r"&(?:quot|#34|#x22);", body) and not attempt.scan.unclosed:
        second = Attempt(html.unescape(body), strictly=truncated)
        plan = second.run()
        plan = plan and replace(plan, source="repaired")
    if plan is None and re.search(r'\{\{\s*"', body) and not attempt.scan.unclosed:
        plan = _undoubled(body, strictly=truncated)
    if plan is None:
        raise BadReply(attempt.fault(), text)
    quoted = [one for one in plan.subtasks if len(one.task) > 30 and one.task in _PLANNER]  # noqa: PLR2004
    if quoted:
        raise BadReply(
            "the reply repeats the example of the instructions instead of giving a plan for the request", text
        )
    return replace(plan, truncated=plan.truncated or truncated)


def _undoubled(text: str, *, strictly: bool) -> ParsedPlan | None:
    """Read JSON whose braces are doubled, as in the template of a prompt; not if a task has braces of its own."""
    plan = Attempt(text.replace("{{", "{").replace("}}", "}"), strictly=strictly).run()
    if plan is None or any("{" in one.task or "}" in one.task for one in plan.subtasks):
        return None
    return replace(plan, source="repaired")


def parse_synthesis(text: str, *, truncated: bool = False, taken: Collection[str] = ()) -> Synthesis:
    """Read the synthesiser's reply: {disagreements, gaps, follow_ups, answer}; what is missing is empty.

    Entries without an id are given one in order (D1 …, G1 …): none that the reply or an earlier round has given.

    Args:
        text: the reply.
        truncated: the endpoint said that the reply was cut off by length.
        taken: the ids that earlier rounds have given.

    Raises:
        CutReply: the answer was cut off; the error holds what there is.
        BadReply: no JSON with an answer or follow-ups. A reply in plain text is the caller's to use as it is.
    """
    body = _body(text)
    work = Work()
    nested = partial(nested_value, work=work)
    found = scan(body, lambda value: synthesis.find(value, nested) is not None, work)
    values = [
        one for each in found.found if not found.unclosed and (one := synthesis.find(each.value, nested)) is not None
    ]
    if not values:
        raise BadReply(_no_synthesis(found, truncated=truncated), text)
    value = values[-1]
    answer = synthesis.answer_of(value)
    if isinstance(answer, CutStr) or (answer is None and not whole(value)):
        so_far = synthesis.synthesis(value, "", taken).model_copy(update={"answer": _kept(answer or "")})
        raise CutReply("the answer was cut off before its end", text, so_far)
    read = synthesis.synthesis(value, clean(answer or ""), taken)
    if not read.answer and not read.follow_ups:
        raise BadReply(
            'the reply\'s "answer" is missing or empty: it must be the text for the reader, in Markdown', text
        )
    return read


def _body(text: str) -> str:
    """Give what of a reply is to be parsed; raise BadReply where it is empty or beyond the cap."""
    body = text.lstrip("\ufeff\u200b \n\r\t")
    if len(body) > CAP:
        body = _behind_reasoning(body, text)
    if len(body) > CAP:
        raise BadReply(f"the reply is {len(body)} characters long, more than the {CAP} that are read", text)
    if not body.strip():
        raise BadReply("the reply is empty", text)
    return body


def _behind_reasoning(body: str, text: str) -> str:
    """Leave out a long reasoning block at the start, by plain search: a pattern is too slow for megabytes."""
    opened = reasoning.TAG.match(body)
    shut = f"</{opened['name']}>" if opened and opened["name"] else "</think>"
    end = body.rfind(shut)
    if end < 0 and opened:
        raise BadReply("the reasoning block was never closed, so there is no reply behind it", text)
    return body[end + len(shut) :] if end >= 0 else body


def _kept(answer: str) -> str:
    end = answer[len(answer.rstrip()) :]
    return clean(answer) + end if clean(answer) else ""


def _no_synthesis(found: Scan, *, truncated: bool) -> str:
    if found.unclosed:
        return "the reasoning block was never closed, so there is no reply behind it"
    if truncated or found.cut_at is not None:
        return "the reply was cut off before its answer began"
    if found.exhausted or found.broken_at is not None:
        return f"the JSON could not be read, from character {found.broken_at or 0} on"
    return 'the reply holds no JSON object with an "answer"'
