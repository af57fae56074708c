"""YAML plan: a plan in a block of YAML, with or without a fence around it."""

import contextlib
import re
from typing import Any

import yaml

from prompts.reading import vocabulary
from prompts.reading.cut import CutDict, CutList, CutStr, objects

LOADER: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar stays the text it is
KEY = re.compile(r"\A[ ]{0,80}+(?:-[ ]{1,8}+){0,12}[\"']?([^\W\d][\w -]{0,60})[\"']?[ ]{0,8}:(?:[ ]|$)")
ITEM = re.compile(r"[ ]{0,200}(?:-[ ]){0,40}")
COMMENT = re.compile(r"(?m)^[^\"'\n#]*[ ]#")
NOT_OURS = re.compile(r"(?m)^[ ]{0,80}+(?:-[ ]{1,8}+){0,12}[\w-]{1,60}:[ ]{1,8}[&*!%@]")
LONGEST = 16_000  # characters of a block; a YAML reader is slow
DEEPEST = 60  # characters of indentation


def read(text: str, *, cut: bool) -> Any:
    """Give the value of the one block of YAML that is a plan, None where there is none or several."""
    lines, plans, number = text.split("\n"), [], 0
    while number < len(lines):
        block = _block(lines, number) if KEY.match(lines[number]) else []
        number += len(block) or 1
        plan = _loaded(block, cut=cut and not "".join(lines[number:]).strip()) if block else None
        plans += [] if plan is None else [plan]
    return plans[0] if len(plans) == 1 else None


def _block(lines: list[str], first: int) -> list[str]:
    """Take the lines that belong together: indented, blank, list items and keys."""
    indent = len(lines[first]) - len(lines[first].lstrip())
    end = first
    for number, line in enumerate(lines[first:], first):
        if not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        if not (depth > indent or (depth == indent and (line.lstrip().startswith("- ") or KEY.match(line)))):
            break
        end = number
    return lines[first : end + 1]


def _is_plan(lines: list[str]) -> bool:
    """Say whether a block is clearly a plan, and holds nothing that may mean something else than it says."""
    block = "\n".join(lines)
    names = [match[1] for line in lines if (match := KEY.match(line))]
    mapped = vocabulary.wrapper_rank(names[0]) is not None and len(lines) > 1
    deep = max(match.end() for line in lines if (match := ITEM.match(line))) > DEEPEST
    odd = NOT_OURS.search(block) or COMMENT.search(block)  # anchors and tags; a "#" may begin a comment or a number
    return (mapped or vocabulary.labels_subtasks(names)) and not deep and not odd


def _loaded(lines: list[str], *, cut: bool) -> Any:
    """Load a block; one that was cut in a quoted string without its last key."""
    if sum(map(len, lines)) > LONGEST or not _is_plan(lines):
        return None
    last = max(number for number, line in enumerate(lines) if KEY.match(line))
    for part in (lines, lines[:last]) if cut and last else (lines,):
        with contextlib.suppress(yaml.YAMLError, RecursionError, ValueError):
            value = _value(yaml.compose("\n".join(part), Loader=LOADER))
            return _cut(value) if cut else value
    return None


def _value(node: Any) -> Any:
    """Give a node's value, every scalar as the text it is, and repeated keys as several objects."""
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.value or node.style else None
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if not isinstance(node, yaml.MappingNode) or not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
        raise ValueError(node)
    return objects([(key.value, _value(inner)) for key, inner in node.value])


def _cut(value: Any) -> Any:
    """Mark the last of everything as cut: in YAML nothing shows where it would have ended."""
    if isinstance(value, list):
        return CutList([*value[:-1], *map(_cut, value[-1:])])
    if isinstance(value, dict):
        *rest, last = value.items()
        return CutDict([*rest, (last[0], _cut(last[1]))])
    return CutStr(value or "")
