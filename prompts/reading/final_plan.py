"""Choosing: which of the plans in one reply is meant, and whether it is all there."""

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from prompts.reading import bullet_plan, reasoning, vocabulary
from prompts.reading.json_plan import Reading, Shapes
from prompts.reading.json_values import NESTED, Found, Scan, scan
from prompts.reading.near_json import CutList, Work
from prompts.reading.subtask_object import NEITHER, NotAPlan, clean, specialist_of
from prompts.replies import Subtask

_EXAMPLE = re.compile(
    r"\b(?:for example|for instance|e\.\s?g\.|such as|example(?: \w+){0,3}\W*$|an example|example (?:of|from|in|given|you)"
    r"|(?:would|should|could|might|must) (?:look|be|have been|have looked)\b|looks? like|placeholder"
    r"|(?:format|schema|template|structure)(?: \w+){0,4} (?:is|was|were)\b|schema\W*$|prompt (?:says|said|shows|showed|gave))",
    re.IGNORECASE,
)
_HEEDED = re.compile(
    r"\b(?:follow(?:s|ing)?|based on|as in|per|match(?:es|ing)?|according to|using|like|after|in) (?:in )?(?:your|the|this|that) (?:\w+ )?(?:example|format|schema|template|structure)",
    re.IGNORECASE,
)
_KEY = re.compile(r"""["'“‘]?([^\W\d][\w -]{0,40})["'”’]\s*[:：]""")
_REVISED = re.compile(
    r"\b(?:final|revis|updat|instead|correct|improv|second thought|better|actually|scratch|wait|endgültig|überarbeit|finale?|définiti|corrig|definitiv|revisad)"
    r"|最终|最終|修正|修订|改訂|окончательн|исправлен|نهائي|최종",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ParsedPlan:
    """A plan as read.

    Attributes:
        source: native when strict JSON gave it.
        truncated: only the complete subtasks of a reply that was cut are here.
        frame: what several tasks share, as in replies.Plan; {} where the reply is no JSON.
        why: why there are so few or so many subtasks.
    """

    subtasks: tuple[Subtask, ...]
    source: Literal["native", "repaired"]
    truncated: bool
    frame: dict[str, Any] = field(default_factory=dict)
    why: str = ""


def nested(text: str, work: Work) -> Any | None:
    """Read a string that is JSON itself; None where it holds none."""
    inner = scan(text, lambda _: True, work, NESTED - 1)
    if not inner.found or inner.unclosed or inner.broken_at is not None:
        return None
    values = [found.value for found in inner.found]
    if inner.cut_at is not None:
        return CutList(values)
    return values if len(values) > 1 else values[0]


@dataclass(frozen=True)
class Candidate:
    """One value that reads as a plan."""

    reading: Reading
    found: Found


class Attempt:
    """One reading of one text, and what was wrong with it."""

    def __init__(self, text: str, *, strictly: bool) -> None:
        self.text = text
        self.strictly = strictly
        self.work = Work()
        self.scan = Scan()
        self.why = ""

    def run(self) -> ParsedPlan | None:  # noqa: D102
        self.scan = scan(self.text, lambda value: self._reading(value) is not None, self.work)
        if self.scan.unclosed or self.scan.exhausted:
            return None
        plan = self._chosen(self._groups())
        if plan:
            return plan
        if self.why and not self._mostly_prose():
            return None
        if self.scan.broken_at is not None or self.scan.cut_at is not None:
            return self._prose() if self._within_line() else None
        return self._prose()

    def _mostly_prose(self) -> bool:
        """Whether the JSON found says nothing of a plan, and is but a part of the text."""
        return self.why == NEITHER and 2 * sum(found.end - found.start for found in self.scan.found) < len(self.text)

    def _within_line(self) -> bool:
        """Whether what could not be read stands within a line of other text, as code in a list item does."""
        at = min(one for one in (self.scan.broken_at, self.scan.cut_at) if one is not None)
        return len(self.text[self.text.rfind("\n", 0, at) + 1 : at].strip()) > 12  # noqa: PLR2004

    def fault(self) -> str:
        """Say what was wrong, for the model."""
        if self.scan.unclosed:
            return "the reasoning block was never closed, so there is no plan behind it"
        if self.scan.exhausted:
            return "the reply holds too many brackets that lead nowhere to be read as a plan"
        if self.why:
            return f"the reply holds no usable plan: {self.why}"
        if self.scan.cut_at is not None:
            return "the reply was cut off before its first subtask was complete"
        if self.scan.broken_at is not None:
            near = clean(self.text[self.scan.broken_at : self.scan.broken_at + 40])
            return f"the JSON that begins with {near!r} could not be read"
        return "the reply holds no plan: no list of subtasks, each with a specialist and a task"

    def _reading(self, value: Any) -> Reading | None:
        try:
            return Shapes(partial(nested, work=self.work), strictly=self.strictly).read(value)
        except NotAPlan:
            return None

    def _groups(self) -> list[list[Candidate]]:
        """Sort what was found into plans: one value with several subtasks, or neighbours with one each."""
        groups: list[list[Candidate]] = []
        for found in self.scan.found:
            if self._quoted(found):
                continue
            try:
                reading = Shapes(partial(nested, work=self.work), strictly=self.strictly).read(found.value)
            except NotAPlan as fault:
                if isinstance(found.value, dict | list) and found.value and not groups:
                    self.why = str(fault)
                continue
            joins = (
                reading.single and groups and groups[-1][-1].reading.single and not self._revised(groups[-1][-1], found)
            )
            if joins:
                groups[-1].append(Candidate(reading, found))
            else:
                groups.append([Candidate(reading, found)])
        if groups:
            self.why = ""
        return groups

    def _revised(self, before: Candidate, found: Found) -> bool:
        return bool(_REVISED.search(self.text, before.found.end, found.start))

    def _quoted(self, found: Found) -> bool:
        """Whether a value is only shown, not meant: introduced as an example, or in a block quotation."""
        lead = self.text[max(0, found.start - 240) : found.start]
        line = lead.rpartition("\n")[2]
        if line.lstrip().startswith(">"):
            return True
        lead = re.sub(r"(?:```|~~~)[\w.+-]*\s*$|[`\s]+$", "", lead.rstrip()).rstrip()
        last = re.split(r"\n\s*\n|[.!?]\s+(?=[A-Z])|[\]}]", lead)[-1]
        return bool(_EXAMPLE.search(last)) and not _HEEDED.search(last)

    def _chosen(self, groups: list[list[Candidate]]) -> ParsedPlan | None:  # noqa: PLR0911
        """Choose the final plan: the last one, unless something after or around it could not be read."""
        if not groups:
            return None
        group = groups[-1]
        if (
            len(groups) > 1
            and len(group) == 1
            and group[0].reading.single
            and not self._revised(groups[-2][-1], group[0].found)
        ):
            if not groups[-2][-1].found.strict or not re.search(
                r"[^\W\d_]{2}", self.text[groups[-2][-1].found.end : group[0].found.start]
            ):
                self.why = "one subtask stands outside its list"
                return None
            group = groups[-2]
        single = group[0].reading.single
        start, end = group[0].found.start, group[-1].found.end
        if single and len(group) == 1 and self._weak(group[0].found.value):
            self.why = "one object with a name and a description is not clearly a subtask"
            return None
        broken, cut = self.scan.broken_at, self.scan.cut_at
        if broken is not None and (single or broken > end or broken < start < self.scan_end(broken)):
            self.why = "part of its JSON could not be read"
            return None
        if cut is not None and (cut > end and not single):
            self.why = "the reply was cut off before the first subtask of its last plan was complete"
            return None
        if self._leaves_some(group):
            self.why = "part of its JSON could not be read"
            self.scan.broken_at = min(start, self.scan.found[0].start, len(self.text) if broken is None else broken)
            return None
        subtasks = tuple(one for candidate in group for one in candidate.reading.subtasks)
        truncated = cut is not None or any(candidate.reading.cut for candidate in group)
        native = all(candidate.found.strict for candidate in group)
        said = group[0].reading
        return ParsedPlan(subtasks, "native" if native else "repaired", truncated, said.frame, said.why)

    def _leaves_some(self, group: list[Candidate]) -> bool:
        """Whether keys of a plan stand outside every value that was read, near enough to belong to this plan."""
        start, end = group[0].found.start, group[-1].found.end
        read = [(found.start, found.end) for found in self.scan.found if found.strict or self._reading(found.value)]
        spans = sorted([*read, *self.scan.passed])
        limit = self.scan.cut_at if self.scan.cut_at is not None and self.scan.cut_at >= end else len(self.text)
        for gap, behind in zip([0, *(span[1] for span in spans)], [*(span[0] for span in spans), limit], strict=True):
            for match in _KEY.finditer(self.text, gap, min(behind, limit)):
                apart = match.end() < start and re.compile(r"\n\s*\n|```|~~~|</").search(self.text, match.end(), start)
                if (vocabulary.specialist(match[1]) == 0 or vocabulary.task(match[1]) is not None) and (
                    group[0].reading.single or not apart
                ):
                    return True
        return False

    def _weak(self, value: Any) -> bool:
        """Whether nothing but a name says who: {"name": "Pie", "description": "Mix eggs"} is more likely no subtask."""
        return isinstance(value, dict) and specialist_of(value, sure=True) is None

    def scan_end(self, broken: int) -> int:
        """Give where a broken value may end at the latest: at a blank line or a fence behind it."""
        match = re.compile(r"\n\s*\n|\n\s*(?:```|~~~)").search(self.text, broken)
        return match.start() if match else len(self.text)

    def _prose(self) -> ParsedPlan | None:
        body, _ = reasoning.visible(self.text)
        listing = bullet_plan.read(body, cut=self.strictly)
        if listing is None:
            return None
        rows = [row for row in listing.rows if row.closed or not self.strictly]
        if not rows:
            return None
        return ParsedPlan(tuple(row.subtask for row in rows), "repaired", listing.cut or len(rows) < len(listing.rows))
