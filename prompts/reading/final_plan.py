"""Final plan: which of the plans in one reply is meant, and whether it is all there."""

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from prompts.reading import reasoning, text_plan, vocabulary
from prompts.reading.cut import CutList, WorkLimit
from prompts.reading.frame import frame_of
from prompts.reading.json_plan import JsonPlan, JsonPlanReader
from prompts.reading.json_values import NESTED, JsonValue, Scan, scan
from prompts.reading.strings import clean
from prompts.reading.subtask_object import NEITHER, NotAPlan, specialist_of
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
_KEY = re.compile(r"""["'“‘]?([^\W\d][\w -]{0,40})["'”’]\s{0,40}[:：]""")
_REVISED = vocabulary.phrases("revised")
_FENCE = re.compile(r"\n\s{0,200}\n|```|~~~|</")
_DOTS = frozenset(("...", "…"))
_WORDS_BETWEEN = re.compile(r"[^\W\d_]{2}")
LEAD = 240  # characters before a value that may introduce it


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


def nested_value(text: str, work: WorkLimit) -> Any | None:
    """Read a string that is JSON itself; None where it holds none."""
    inner = scan(text, lambda _: True, work, NESTED - 1)
    if not inner.values or inner.unclosed or inner.broken_at is not None:
        return None
    values = [value.value for value in inner.values]
    if inner.cut_at is not None:
        return CutList(values)
    return values if len(values) > 1 else values[0]


@dataclass(frozen=True)
class Candidate:
    """One value that reads as a plan."""

    plan: JsonPlan
    value: JsonValue


@dataclass
class Group:
    """A plan: one value with several subtasks, or neighbours with one each."""

    members: list[Candidate]

    @property
    def single(self) -> bool:
        """Whether its members are bare subtasks."""
        return self.members[0].plan.single

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.members[0].value.start

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.members[-1].value.end

    @property
    def subtasks(self) -> tuple[Subtask, ...]:
        """The subtasks of all members."""
        return tuple(subtask for member in self.members for subtask in member.plan.subtasks)


class PlanSearch:
    """One search for the plan in a text, and what was wrong with it."""

    def __init__(self, text: str, *, strictly: bool) -> None:
        self.text = text
        self.strictly = strictly
        self.work = WorkLimit()
        self.scan = Scan()
        self.why = ""

    def run(self) -> ParsedPlan | None:
        """Give the plan; None where there is none that is surely meant."""
        self.scan = scan(self.text, lambda value: self._plan_in(value) is not None, self.work)
        if self.scan.unclosed or self.scan.exhausted:
            return None
        groups = self._groups()
        group = self._last(groups) if groups else None
        if group is not None and self._is_whole(group):
            return self._parsed(group, alone=len(groups) == 1)
        if self.why and not self._mostly_prose():
            return None
        if self.scan.broken_at is not None or self.scan.cut_at is not None:
            return self._from_text() if self._within_line() else None
        return self._from_text()

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

    def _mostly_prose(self) -> bool:
        """Whether the JSON found says nothing of a plan, and is but a part of the text."""
        return self.why == NEITHER and 2 * sum(value.end - value.start for value in self.scan.values) < len(self.text)

    def _within_line(self) -> bool:
        """Whether what could not be read stands within a line of other text, as code in a list item does."""
        at = min(place for place in (self.scan.broken_at, self.scan.cut_at) if place is not None)
        return len(self.text[self.text.rfind("\n", 0, at) + 1 : at].strip()) > 12  # noqa: PLR2004

    def _read(self, value: Any) -> JsonPlan:
        return JsonPlanReader(partial(nested_value, work=self.work), strictly=self.strictly).read(value)

    def _plan_in(self, value: Any) -> JsonPlan | None:
        try:
            return self._read(value)
        except NotAPlan:
            return None

    def _groups(self) -> list[Group]:
        """Sort what was found into plans."""
        groups: list[Group] = []
        for value in self.scan.values:
            if self._only_shown(value):
                continue
            try:
                candidate = Candidate(self._read(value.value), value)
            except NotAPlan as fault:
                if isinstance(value.value, dict | list) and value.value and not groups:
                    self.why = str(fault)
                continue
            joins = candidate.plan.single and groups and groups[-1].single
            if joins and not self._revised(groups[-1].end, value.start):
                groups[-1].members.append(candidate)
            else:
                groups.append(Group([candidate]))
        if groups:
            self.why = ""
        return groups

    def _revised(self, start: int, end: int) -> bool:
        return bool(_REVISED.search(self.text, start, end))

    def _only_shown(self, value: JsonValue) -> bool:
        """Whether a value is shown, not meant: introduced as an example, or in a block quotation."""
        lead = self.text[max(0, value.start - LEAD) : value.start]
        if lead.rpartition("\n")[2].lstrip().startswith(">"):
            return True
        lead = re.sub(r"(?:```|~~~)[\w.+-]*\s*$|[`\s]+$", "", lead.rstrip()).rstrip()
        last = re.split(r"\n\s*\n|[.!?]\s+(?=[A-Z])|[\]}]", lead)[-1]
        return bool(_EXAMPLE.search(last)) and not _HEEDED.search(last)

    def _last(self, groups: list[Group]) -> Group | None:
        """Give the plan that is meant: the last one, if the text says that it stands for those before it."""
        last = groups[-1]
        if len(groups) > 1 and not self._revised(groups[-2].end, last.start):
            before = groups[-2]
            said = _WORDS_BETWEEN.search(self.text, before.end, last.start)
            if last.single and len(last.members) == 1:
                if not said or not before.members[-1].value.strict:
                    self.why = "one subtask stands outside its list"
                    return None
                last = before  # a lone subtask in the prose behind a plan
            elif before.subtasks != last.subtasks:
                self.why = "it holds several lists of subtasks; write all of them in one list"
                return None
        if last.single and len(last.members) == 1 and specialist_of(last.members[0].value.value, sure=True) is None:
            self.why = "one object with a name and a description is not clearly a subtask"
            return None
        return last

    def _is_whole(self, group: Group) -> bool:
        """Whether all of a plan is there, as far as the text tells."""
        broken, cut = self.scan.broken_at, self.scan.cut_at
        if broken is not None and (group.single or broken > group.end or broken < group.start < self._end_of(broken)):
            self.why = "part of its JSON could not be read"
        elif cut is not None and cut > group.end and not group.single:
            self.why = "the reply was cut off before the first subtask of its last plan was complete"
        elif group.single and self._abbreviated(group):
            self.why = "it leaves subtasks out where it says '...'"
        elif self._leaves_some(group):
            self.why = "part of its JSON could not be read"
            self.scan.broken_at = min(
                group.start, self.scan.values[0].start, len(self.text) if broken is None else broken
            )
        else:
            return True
        return False

    def _abbreviated(self, group: Group) -> bool:
        """Whether dots stand between or behind a plan's objects: "and so on"."""
        starts = [*(member.value.start for member in group.members[1:]), group.end + 40]
        behind = (self.text[member.value.end : start][:40] for member, start in zip(group.members, starts, strict=True))
        return any(text.strip(" \n\t,;*`-[]") in _DOTS for text in behind)

    def _end_of(self, broken: int) -> int:
        """Give where a broken value may end at the latest: at a blank line or a fence behind it."""
        match = _FENCE.search(self.text, broken)
        return match.start() if match else len(self.text)

    def _leaves_some(self, group: Group) -> bool:
        """Whether keys of a plan stand outside every value that was read, near enough to belong to this plan."""
        start, end = group.start, group.end
        read = [(value.start, value.end) for value in self.scan.values if value.strict or self._plan_in(value.value)]
        spans = sorted([*read, *self.scan.reasoning])
        limit = self.scan.cut_at if self.scan.cut_at is not None and self.scan.cut_at >= end else len(self.text)
        gaps = zip([0, *(span[1] for span in spans)], [*(span[0] for span in spans), limit], strict=True)
        return any(
            (vocabulary.specialist_rank(match[1]) == 0 or vocabulary.task_rank(match[1]) is not None)
            and (group.single or not (match.end() < start and _FENCE.search(self.text, match.end(), start)))
            for gap, behind in gaps
            for match in _KEY.finditer(self.text, gap, min(behind, limit))
        )

    def _parsed(self, group: Group, *, alone: bool) -> ParsedPlan:
        plan = group.members[0].plan
        apart = [frame_of(value.value) for value in self.scan.values if alone and isinstance(value.value, dict)]
        return ParsedPlan(
            group.subtasks,
            "native" if all(member.value.strict for member in group.members) else "repaired",
            self.scan.cut_at is not None or any(member.plan.cut for member in group.members),
            plan.frame or next(filter(None, apart), {}),
            plan.why,
        )

    def _from_text(self) -> ParsedPlan | None:
        plan = text_plan.read(reasoning.visible(self.text)[0], cut=self.strictly)
        return plan and ParsedPlan(plan.subtasks, "repaired", plan.cut, plan.frame, plan.why)
