"""Parsing: a reply's text becomes a plan or a synthesis, or a BadReply that says why not."""

import asyncio
import html
import json
import re
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from prompts.reading.cut import Broken, CutStr, OutOfWork, WorkLimit, is_cut
from prompts.reading.escapes import unescape
from prompts.reading.final_plan import PlanSearch, nested_value
from prompts.reading.json_plan import ParsedPlan
from prompts.reading.json_values import Scan
from prompts.reading.reasoning import visible
from prompts.reading.strings import clean, shortened
from prompts.reading.synthesis import answer_of, read_synthesis, synthesis_object
from prompts.reading.vocabulary import phrases
from prompts.replies import BadReply, Sequel, Synthesis

__all__ = [
    "CAP",
    "CutReply",
    "ParsedPlan",
    "is_refusal",
    "off_loop",
    "parse_plan",
    "parse_sequel",
    "parse_synthesis",
    "shortened",
    "visible",
]

P = ParamSpec("P")
T = TypeVar("T")

CAP = 250_000  # characters of a reply, reasoning not counted; more is no honest reply
INLINE = 8_000  # characters that are parsed where they are: about 5 ms
BLANKS = " \n\r\t\u200b\u200c\u200d\u2060\ufeff"
UNCLOSED = "the reasoning block was never closed, so there is no reply behind it"
ESCAPED = re.compile(r"[\[{](?:\s|\\n|[\[{]){0,40}+(?:&(?:quot|#34|#x22);|\\\")")
_OPENING, _REFUSAL = 200, 800  # characters in which a refusal is said, and of the whole of it
_DECLINED = phrases("declined")
_ASKS = re.compile(rf"[?？؟]|{phrases('asks_back').pattern}", re.IGNORECASE)
_ITEMS = re.compile(r"(?m)^\s{0,9}(?:[-*•|]|\d{1,2}[.)])\s|\[\s{0,9}[{\"]")  # of a list: whatever it is, it is more
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
    if all(len(text) < INLINE for text in args if isinstance(text, str)):
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
    search = PlanSearch(body, cut=truncated)
    plan = search.run()
    if plan is None and (plainer := _plainer(body)):
        plan = PlanSearch(plainer, cut=truncated).run()
        plan = plan and replace(plan, source="repaired")
    if plan is None:
        raise BadReply(search.fault(), text)
    if any(len(subtask.task) > 30 and subtask.task in _PLANNER for subtask in plan.subtasks):  # noqa: PLR2004
        raise BadReply(
            "the reply repeats the example of the instructions instead of giving a plan for the request", text
        )
    return replace(plan, truncated=plan.truncated or truncated)


def is_refusal(text: str) -> bool:
    """Say whether a reply does nothing but decline, in plain words or in JSON; one that asks for something does not."""
    said = visible(text[:CAP])[0].strip()
    opening = _DECLINED.search(said[:_OPENING])
    return len(said) <= _REFUSAL and bool(opening) and not _ASKS.search(said) and not _ITEMS.search(said)


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
    work = WorkLimit()
    nested = partial(nested_value, work=work)
    scanned = Scan(body, lambda value: synthesis_object(value, nested) is not None, work)
    objects = [] if scanned.unclosed else [synthesis_object(held.value, nested) for held in scanned.values]
    value = next(filter(None, reversed(objects)), None)
    if value is None:
        raise BadReply(_no_synthesis(scanned, truncated=truncated), text)
    answer = answer_of(value)
    if isinstance(answer, CutStr) or (answer is None and is_cut(value)):
        so_far = read_synthesis(value, "", taken).model_copy(update={"answer": _kept(answer or "")})
        raise CutReply("the answer was cut off before its end", text, so_far)
    synthesis = read_synthesis(value, clean(answer or ""), taken)
    if not synthesis.answer and not synthesis.follow_ups:
        raise BadReply(
            'the reply\'s "answer" is missing or empty: it must be the text for the reader, in Markdown', text
        )
    return synthesis


def parse_sequel(text: str, *, truncated: bool = False) -> Sequel:
    """Read what a further message asks for.

    Raises:
        BadReply: it is cut off, or no such object; or what its kind needs is missing.
    """
    scanned = Scan(_body(text), _is_sequel, WorkLimit())
    value = next((held.value for held in reversed(scanned.values) if _is_sequel(held.value)), None)
    if value is None or truncated or is_cut(value):
        raise BadReply('the reply is no whole JSON object with "kind": "answer", "change" or "new"', text)
    texts = {key: clean(str(value.get(key) or "")) for key in ("kind", "request", "answer")}
    needed = value.get("subtasks") and texts["request"] if value["kind"] == "change" else texts.get(value["kind"], True)
    if not needed:
        raise BadReply(f"what the kind {value['kind']!r} needs is missing in the reply", text)
    if value["kind"] != "change":
        return Sequel.model_validate(texts)
    planned = parse_plan(json.dumps({key: value.get(key) for key in ("frame", "subtasks", "why")}))
    keep = [str(name) for name in value.get("keep") or []]
    plan = {"keep": keep, "frame": planned.frame, "subtasks": planned.subtasks, "why": planned.why}
    return Sequel.model_validate({**texts, **plan})


def _is_sequel(value: object) -> bool:
    return isinstance(value, dict) and value.get("kind") in ("answer", "change", "new")


def _body(text: str) -> str:
    """Give what of a reply is to be parsed; raise BadReply where it is empty or beyond the cap."""
    body, unclosed = visible(text) if len(text) > CAP else (text, False)
    body = body.lstrip(BLANKS)
    if unclosed:
        raise BadReply(UNCLOSED, text)
    if len(body) > CAP:
        raise BadReply(f"the reply is {len(body)} characters long, more than the {CAP} that are read", text)
    if not body.strip():
        raise BadReply("the reply is empty", text)
    return body


def _plainer(body: str) -> str | None:
    """Give JSON that is escaped throughout, once too often, as it was meant; None for anything else."""
    escaped = ESCAPED.match(body)
    try:
        return escaped and (html.unescape(body) if "&" in escaped[0] else unescape(body, WorkLimit()))
    except (Broken, OutOfWork):
        return None


def _kept(answer: str) -> str:
    end = answer[len(answer.rstrip()) :]
    return clean(answer) + end if clean(answer) else ""


def _no_synthesis(scanned: Scan, *, truncated: bool) -> str:
    if scanned.unclosed:
        return UNCLOSED
    if truncated or scanned.cut_at is not None:
        return "the reply was cut off before its answer began"
    if scanned.exhausted or scanned.broken_at is not None:
        return f"the JSON could not be read, from character {scanned.broken_at or 0} on"
    return 'the reply holds no JSON object with an "answer"'
