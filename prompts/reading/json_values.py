"""Scanning: the JSON values that stand in a reply, strict ones as they are, near-JSON by the lenient reader."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prompts.reading import reasoning
from prompts.reading.cut import Broken, OutOfWork, WorkLimit, objects
from prompts.reading.escapes import unescape
from prompts.reading.near_json import BLANK, NearJsonReader

FAILURES = 300  # starts that lead nowhere: an honest reply has a few
START = re.compile(
    rf"""\{{(?={BLANK}*(?:["'“‘„`«\w}}]|//|/\*|\#|\\["n]|\Z))"""
    rf"""|\[(?={BLANK}*(?:["'“‘„`«{{(\[\]]|//|/\*|\#|\\["n]|\Z))"""
    r"""|"(?=\s{0,80}(?:\\[nrt]\s{0,80}){0,9}[\[{](?:\s|\\[nrt]){0,80}(?:\\"|[{\[\]}]))"""
)
LOOKS_JSON = re.compile(
    rf"""[\[{{(]{BLANK}*(?:[\[{{]{BLANK}*){{0,4}}(?:["'“‘„`«][^\n]{{1,60}}["'”’“`»]{BLANK}*[:：,]|\w{{2,40}}\s*:\s*["'\[{{]|\\")"""
)
ESCAPED = re.compile(r'[\[{](?:\s|\\[nrt]|[\[{]){0,40}+\\"')
VALUE = 40  # what a value costs: no honest reply holds many hundreds
NESTED = 3  # JSON in a string of JSON in a string of JSON: no deeper


@dataclass(frozen=True)
class JsonValue:
    """One JSON value and where it stands; strict when json.loads reads it, whole when the text did not end in it."""

    value: Any
    start: int
    end: int
    strict: bool
    whole: bool


@dataclass
class Scan:
    """What a reply holds: its values in order, and what went wrong on the way."""

    values: list[JsonValue] = field(default_factory=list)
    reasoning: list[tuple[int, int]] = field(default_factory=list)  # reasoning blocks
    unclosed: bool = False  # a reasoning block was never closed
    cut_at: int | None = None  # an unfinished value nothing could be read from
    broken_at: int | None = None  # something like JSON that could not be read
    exhausted: bool = False


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits[:300])  # noqa: PLR2004


_STRICT = json.JSONDecoder(object_pairs_hook=objects, parse_int=_whole_number)


def scan(text: str, wanted: Callable[[Any], bool], work: WorkLimit, level: int = 0) -> Scan:
    """Find the JSON values in a text, reasoning left out; near-JSON counts only where `wanted` says so."""
    result = Scan()
    try:
        _Scanner(text, wanted, work, level, result).run()
    except OutOfWork:
        result.exhausted = True
    return result


@dataclass
class _Scanner:
    text: str
    wanted: Callable[[Any], bool]
    work: WorkLimit
    level: int
    result: Scan
    failures: int = 0
    tag: re.Match[str] | None = None  # the next reasoning tag

    def run(self) -> None:
        """Go through the text once: reasoning is passed over, values are read where they start."""
        pos = 0
        self.tag = reasoning.TAG.search(self.text)
        start = START.search(self.text)
        while start or self.tag:
            if self.tag and (start is None or self.tag.start() < start.start()):
                after = self._behind(self.tag)
                if after is None:
                    return
                pos = after
            elif start:
                pos = self._value_at(start.start())
            if self.tag and self.tag.start() < pos:
                self.tag = reasoning.TAG.search(self.text, pos)
            if start and start.start() < pos:
                start = START.search(self.text, pos)

    def _behind(self, tag: re.Match[str]) -> int | None:
        """Leave a reasoning block out: give where to go on, None where it never ends."""
        self.work.spend(20)
        if reasoning.closes(tag):
            # Its opening tag stood in the prompt, as DeepSeek's template has it: all before it was reasoning.
            self.result.values.clear()
            self.result.cut_at = self.result.broken_at = None
            self.result.reasoning = [(0, tag.end())]
            return tag.end()
        after = reasoning.end_of(self.text, tag)
        self.result.unclosed = after is None
        self.result.reasoning.append((tag.start(), after or len(self.text)))
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
            self.result.values.append(JsonValue(value, at, end, strict=True, whole=True))
            return end
        self.failures += 1
        if self.failures > FAILURES:
            raise OutOfWork
        return self._near_value(at)

    def _near_value(self, at: int) -> int:
        if ESCAPED.match(self.text, at) and self.level < NESTED:
            return self._escaped_value(at)
        reader = NearJsonReader(self.text, at, self.work)
        try:
            value = reader.read()
        except Broken:
            self._note_broken(at)
            return at + 1
        if not reader.cut or self.wanted(value):
            self.work.spend(VALUE)
            self.result.values.append(JsonValue(value, at, reader.pos, strict=False, whole=not reader.cut))
            return reader.pos
        self.result.cut_at = at if self.result.cut_at is None else self.result.cut_at
        return at + 1

    def _escaped_value(self, at: int) -> int:
        """Read JSON whose quotes are escaped once too often, to the end of the text."""
        self.work.spend(200 + (len(self.text) - at) // 16)
        try:
            inner = scan(unescape(self.text[at:], self.work), self.wanted, self.work, self.level + 1)
        except Broken:
            inner = Scan()
        if not inner.values or not self.wanted(inner.values[-1].value):
            self._note_broken(at)
            return at + 1
        last = inner.values[-1]
        self.result.values.append(JsonValue(last.value, at, len(self.text), strict=False, whole=last.whole))
        return len(self.text)

    def _note_broken(self, at: int) -> None:
        if self.result.broken_at is None and LOOKS_JSON.match(self.text, at):
            self.result.broken_at = at
