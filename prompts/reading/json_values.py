"""Scanning: the JSON values that stand in a reply, strict ones as they are, near-JSON by the lenient reader."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prompts.reading import reasoning
from prompts.reading.cut import Broken, OutOfWork, WorkLimit, objects
from prompts.reading.near_json import BLANK, NearJsonReader

FAILURES = 300  # starts that lead nowhere: an honest reply has a few
START = re.compile(
    rf"""\{{(?={BLANK}*(?:["'“‘„`«\w}}]|//|/\*|\#|\Z))"""
    rf"""|\[(?={BLANK}*(?:["'“‘„`«{{(\[\]]|//|/\*|\#|\Z))"""
    r"""|"(?=\s{0,80}(?:\\[nrt]\s{0,80}){0,9}[\[{](?:\s|\\[nrt]){0,80}(?:\\"|[{\[\]}]))"""
)
LOOKS_JSON = re.compile(
    rf"""[\[{{(]{BLANK}*(?:[\[{{]{BLANK}*){{0,4}}(?:["'“‘„`«][^\n]{{1,60}}["'”’“`»]{BLANK}*[:：,]|\w{{2,40}}\s*:\s*["'\[{{])"""
)
VALUE = 40  # what a value costs: no honest reply holds many hundreds


@dataclass(frozen=True)
class JsonValue:
    """One JSON value and where it stands; strict when json.loads reads it."""

    value: Any
    start: int
    end: int
    strict: bool


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits[:300])  # noqa: PLR2004


_STRICT = json.JSONDecoder(object_pairs_hook=objects, parse_int=_whole_number)


@dataclass
class Scan:
    """What a text holds: its values in order, reasoning left out, and what went wrong on the way.

    Attributes:
        wanted: says whether a value is what is looked for; one that was cut counts only then.
        values: those that were read.
        reasoning: where reasoning blocks stand.
        unclosed: a reasoning block was never closed.
        cut_at: where an unfinished value begins from which nothing could be read.
        broken_at: where something like JSON begins that could not be read.
        exhausted: it asks for more work than is done.
    """

    text: str
    wanted: Callable[[Any], bool]
    work: WorkLimit
    values: list[JsonValue] = field(default_factory=list)
    reasoning: list[tuple[int, int]] = field(default_factory=list)
    unclosed: bool = False
    cut_at: int | None = None
    broken_at: int | None = None
    exhausted: bool = False
    _failures: int = 0

    def __post_init__(self) -> None:
        """Go through the text once: reasoning is passed over, values are read where they start."""
        try:
            self._run()
        except OutOfWork:
            self.exhausted = True

    def _run(self) -> None:
        pos = 0
        tag, start = reasoning.TAG.search(self.text), START.search(self.text)
        while start or tag:
            if tag and (start is None or tag.start() < start.start()):
                after = self._behind(tag)
                if after is None:
                    return
                pos = after
            elif start:
                pos = self._value_at(start.start())
            if tag and tag.start() < pos:
                tag = reasoning.TAG.search(self.text, pos)
            if start and start.start() < pos:
                start = START.search(self.text, pos)

    def _behind(self, tag: re.Match[str]) -> int | None:
        """Leave a reasoning block out: give where to go on, None where it never ends."""
        self.work.spend(20)
        if reasoning.closes(tag):
            # Its opening tag stood in the prompt, as DeepSeek's template has it: all before it was reasoning.
            self.values.clear()
            self.cut_at = self.broken_at = None
            self.reasoning = [(0, tag.end())]
            return tag.end()
        after = reasoning.end_of(self.text, tag)
        self.unclosed = after is None
        self.reasoning.append((tag.start(), after or len(self.text)))
        return after

    def _value_at(self, at: int) -> int:
        """Read the value that starts here; give where to go on."""
        self.work.spend(4)
        try:
            value, end = _STRICT.raw_decode(self.text, at)
        except RecursionError:
            self.work.spend(1000)
        except ValueError:
            self.work.spend(6)
        else:
            self.work.spend(VALUE + (end - at) // 64)
            self.values.append(JsonValue(value, at, end, strict=True))
            return end
        self._failures += 1
        if self._failures > FAILURES:
            raise OutOfWork
        return self._near_value(at)

    def _near_value(self, at: int) -> int:
        reader = NearJsonReader(self.text, at, self.work)
        try:
            value = reader.read()
        except Broken:
            if self.broken_at is None and LOOKS_JSON.match(self.text, at):
                self.broken_at = at
            return at + 1
        if not reader.cut or self.wanted(value):
            self.work.spend(VALUE)
            self.values.append(JsonValue(value, at, reader.pos, strict=False))
            return reader.pos
        self.cut_at = at if self.cut_at is None else self.cut_at
        return at + 1
