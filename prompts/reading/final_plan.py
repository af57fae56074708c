"""Final plan: which of the plans in one reply is meant, and whether it is all there."""

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from prompts.reading import reasoning, text_plan, vocabulary
from prompts.reading.cut import CutList, WorkLimit
from prompts.reading.frame import frame_of
from prompts.reading.json_plan import JsonPlanReader, ParsedPlan
from prompts.reading.json_values import JsonValue, Scan
from prompts.reading.strings import clean
from prompts.reading.subtask_object import NotAPlan, specialist_of

# What stands right before a plan that is only shown.
_EXAMPLE = re.compile(
    r"\b(?:for example|for instance|e\.g\.|such as|an example(?: \w+){0,3}|(?:would|could|might) (?:look like|be))\W*\Z",
    re.IGNORECASE,
)
_LEAD = 80  # characters before a plan in which that stands
_KEY = re.compile(r"""["'“‘]?([^\W\d][\w -]{0,40})["'”’]\s{0,40}[:：]""")
_REVISED = vocabulary.phrases("revised")
_APART = re.compile(r"\n\s{0,200}\n|```|~~~|</")
_AND_SO_ON = re.compile(r"[\s,;*`\[\]-]{0,40}(?:\.{3}|…)[\s,;*`\[\]-]{0,40}(?:\{|\Z)")
_WORDS_BETWEEN = re.compile(r"[^\W\d_]{2}")


def nested_value(text: str, work: WorkLimit) -> Any | None:
    """Read a string that is JSON itself; None where it holds none."""
    inner = Scan(text, lambda _: True, work)
    if not inner.values or inner.unclosed or inner.broken_at is not None:
        return None
    values = [value.value for value in inner.values]
    if inner.cut_at is not None:
        return CutList(values)
    return values if len(values) > 1 else values[0]


@dataclass
class FoundPlan:
    """A plan and where it stands: one value with several subtasks, or neighbours with one each."""

    plan: ParsedPlan
    values: list[JsonValue]

    @property
    def alone(self) -> bool:
        """Whether it is one bare subtask."""
        return self.plan.single and len(self.values) == 1

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.values[0].start

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.values[-1].end


class PlanSearch:
    """One search for the plan in a text, and what was wrong with it.

    Args:
        cut: the endpoint said that the reply was cut off by length.
    """

    def __init__(self, text: str, *, cut: bool) -> None:
        self.text = text
        self.cut = cut
        self.work = WorkLimit()
        self.why = ""
        self.reader = JsonPlanReader(partial(nested_value, work=self.work))
        self.scan = Scan(text, lambda value: self.reader.read_any(value) is not None, self.work)

    def run(self) -> ParsedPlan | None:
        """Give the plan; None where there is none that is surely meant."""
        if self.scan.unclosed or self.scan.exhausted:
            return None
        plans = self._plans()
        if plans:
            plan = self._last(plans)
            return self._framed(plan, alone=len(plans) == 1) if plan and self._is_whole(plan) else None
        if (self.scan.broken_at is None and self.scan.cut_at is None) or self._within_line():
            return text_plan.read(reasoning.visible(self.text)[0], cut=self.cut)
        return None

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

    def _within_line(self) -> bool:
        """Whether what could not be read stands within a line of other text, as code in a list item does."""
        at = min(place for place in (self.scan.broken_at, self.scan.cut_at) if place is not None)
        return len(self.text[self.text.rfind("\n", 0, at) + 1 : at].strip()) > 12  # noqa: PLR2004

    def _plans(self) -> list[FoundPlan]:
        """Sort what was found into plans: neighbours with one subtask each are one."""
        plans: list[FoundPlan] = []
        for value in self.scan.values:
            if _EXAMPLE.search(self.text, max(0, value.start - _LEAD), value.start):
                continue
            try:
                plan = self.reader.read(value.value)
            except NotAPlan as fault:
                if isinstance(value.value, dict | list) and value.value and not plans:
                    self.why = str(fault)
                continue
            if plan.single and plans and plans[-1].plan.single and not self._revised(plans[-1].end, value.start):
                plans[-1].values.append(value)
                plans[-1].plan = replace(plans[-1].plan, subtasks=plans[-1].plan.subtasks + plan.subtasks)
            else:
                plans.append(FoundPlan(plan, [value]))
        if plans:
            self.why = ""
        return plans

    def _revised(self, start: int, end: int) -> bool:
        return bool(_REVISED.search(self.text, start, end))

    def _last(self, plans: list[FoundPlan]) -> FoundPlan | None:
        """Give the plan that is meant: the last one, if the text says that it stands for those before it."""
        last = plans[-1]
        if len(plans) > 1 and not self._revised(plans[-2].end, last.start):
            before = plans[-2]
            if last.alone:
                if not _WORDS_BETWEEN.search(self.text, before.end, last.start):
                    self.why = "one subtask stands outside its list"
                    return None
                last = before  # a lone subtask in the prose behind a plan
            elif before.plan.subtasks != last.plan.subtasks:
                self.why = "it holds several lists of subtasks; write all of them in one list"
                return None
        if last.alone and specialist_of(last.values[0].value, sure=True) is None:
            self.why = "one object with a name and a description is not clearly a subtask"
            return None
        return last

    def _is_whole(self, plan: FoundPlan) -> bool:
        """Whether all of a plan is there, as far as the text tells."""
        broken, cut, single = self.scan.broken_at, self.scan.cut_at, plan.plan.single
        if broken is not None and (single or broken > plan.end):
            self.why = "part of its JSON could not be read"
        elif cut is not None and cut > plan.end and not single:
            self.why = "the reply was cut off before the first subtask of its last plan was complete"
        elif single and any(_AND_SO_ON.match(self.text, value.end) for value in plan.values):
            self.why = "it leaves subtasks out where it says '...'"
        elif self._leaves_some(plan):
            self.why = "part of its JSON could not be read"
        else:
            return True
        return False

    def _leaves_some(self, plan: FoundPlan) -> bool:
        """Whether keys of a plan stand outside every value that was read, near enough to belong to this plan."""
        read = [
            (value.start, value.end) for value in self.scan.values if value.strict or self.reader.read_any(value.value)
        ]
        spans = sorted([*read, *self.scan.reasoning])
        cut = self.scan.cut_at
        limit = cut if cut is not None and cut >= plan.end else len(self.text)
        gaps = zip([0, *(span[1] for span in spans)], [*(span[0] for span in spans), limit], strict=True)
        return any(
            (vocabulary.specialist_rank(match[1]) == 0 or vocabulary.task_rank(match[1]) is not None)
            and (
                plan.plan.single or not (match.end() < plan.start and _APART.search(self.text, match.end(), plan.start))
            )
            for gap, behind in gaps
            for match in _KEY.finditer(self.text, gap, min(behind, limit))
        )

    def _framed(self, chosen: FoundPlan, *, alone: bool) -> ParsedPlan:
        """Give a plan with what the reply says of all of it, also in an object beside it."""
        apart = (frame_of(value.value) for value in self.scan.values if alone and isinstance(value.value, dict))
        return replace(
            chosen.plan,
            source="native" if all(value.strict for value in chosen.values) else "repaired",
            truncated=self.scan.cut_at is not None or chosen.plan.truncated,
            frame=chosen.plan.frame or next(filter(None, apart), {}),
            single=False,
        )
