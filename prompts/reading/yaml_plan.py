"""Labels: a plan in YAML, or in lines that begin with the name of what they give ("Specialist: …", "Task: …")."""

import re
from typing import Any

import yaml

from prompts.reading import vocabulary
from prompts.reading.json_plan import Shapes
from prompts.reading.listing import Listing, Row, part, rows_of
from prompts.reading.near_json import CutDict, CutList, CutStr, objects
from prompts.reading.subtask_object import NotAPlan

CAP = 16_000  # characters; a YAML reader is slow
LOADER: type = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar stays the text it is
LEAD = r"[ \t]*(?:>[ \t]*)?(?:(?:[-*+•‣▪–]|\d{1,3}[.)、:]|\(\d{1,3}\)|[A-Za-z][.)])[ \t]+)?(?:\[[ xX]\][ \t]+)?(?:#{1,6}[ \t]+)?"
LABEL = re.compile(
    rf"{LEAD}(?P<mark>\*\*|__|\*|`)?(?P<key>[^\W\d][\w -]{{0,40}}?)(?:[ \t]+(?:#[ \t]*)?\d{{1,3}})?[ \t]*(?:(?P=mark)[ \t]*[:：]|[:：][ \t]*(?P=mark)|(?(mark)(?!)|[:：]))[ \t]*(?P<text>.*)"
)
PLAIN_LABEL = re.compile(rf"{LEAD}(?P<key>[^\W\d][\w -]{{0,40}}?)[ \t]*[:：][ \t]*(?P<text>.*)")
INLINE = re.compile(
    r"[ \t]*(?:[|;,，；/]|[-–—→]+>?|\*\*)?[ \t]*(?:\*\*|__)?([^\W\d][\w -]{0,30}?)(?:\*\*|__)?[ \t]*[:：](?:\*\*|__)?[ \t]*"
)
YAML_LINE = re.compile(r"[ ]*(?:-[ ]+)*[\"']?[^\W\d][\w -]{0,60}[\"']?[ ]*:(?:[ ]|$)")
YAML_NAME = re.compile(r"[ ]*(?:-[ ]+)*[\"']?([^\W\d][\w -]{0,60})[\"']?[ ]*:(?:[ ]|$)")
BLOCKS = 6
QUOTES = tuple("\"'“‘`")
MARKED = re.compile(r"(?m)^[^\"'\n]*:[ ]+(?![|>\"'])[^\n]*[ ]#")
NOT_OURS = re.compile(r"(?m)^[ ]*(?:-[ ]+)*[\w-]+:[ ]+[&*!%@]")


def read(text: str, *, cut: bool) -> Listing | None:
    """Read labelled lines, as YAML first; None where they are no plan."""
    if len(text) > CAP or not any(mark in text for mark in ":："):
        return None
    return read_yaml(text, cut=cut) or read_lines(text)


def read_yaml(text: str, *, cut: bool) -> Listing | None:
    """Read the last block of YAML in a text that is a plan."""
    lines = text.split("\n")
    found = None
    number = tried = 0
    while number < len(lines) and tried < BLOCKS:
        if not YAML_LINE.match(lines[number]):
            number += 1
            continue
        block = _block(lines, number)
        tried += 1
        number += len(block)
        found = _loaded(block, cut=cut and not "".join(lines[number:]).strip()) or found
    return found


def _block(lines: list[str], first: int) -> list[str]:
    """Take the lines that belong together: indented, blank, list items and keys."""
    indent = len(lines[first]) - len(lines[first].lstrip())
    end = first
    for number in range(first, len(lines)):
        line = lines[number]
        depth = len(line) - len(line.lstrip())
        if line.strip() and not (
            depth > indent or (depth == indent and (line.lstrip().startswith("- ") or YAML_LINE.match(line)))
        ):
            break
        if line.strip():
            end = number
    return lines[first : end + 1]


def _loaded(lines: list[str], *, cut: bool) -> Listing | None:
    block = "\n".join(lines)
    names = [match[1] for line in lines if (match := YAML_NAME.match(line))]
    labelled = any(vocabulary.specialist(name) is not None for name in names) and any(
        vocabulary.task(name) is not None for name in names
    )
    mapped = (
        bool(names)
        and vocabulary.wrapper(names[0]) is not None
        and len(lines) > 1
        and not lines[1].lstrip().startswith("- ")
    )
    deep = max(len(match[0]) for line in lines if (match := re.match(r"[ ]*(?:- )*", line))) > 60  # noqa: PLR2004
    if deep or not (labelled or mapped) or NOT_OURS.search(block) or MARKED.search(block) or "**" in block:
        return None  # not clearly a plan; anchors and tags; a "#" that may be a comment or a number
    try:
        value = _composed(block)
    except (yaml.YAMLError, RecursionError, ValueError):
        last = max((number for number, line in enumerate(lines) if YAML_LINE.match(line)), default=0)
        return _loaded_part(lines[:last]) if cut and last else None
    return _read(_cut(value) if cut else value)


def _loaded_part(lines: list[str]) -> Listing | None:
    """Read YAML that was cut in a quoted string, without its last key."""
    try:
        return _read(_cut(_composed("\n".join(lines))))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _read(value: Any) -> Listing | None:
    try:
        reading = Shapes(lambda _: None, strictly=True).read(value)
    except NotAPlan:
        return None
    return Listing(tuple(Row(one, closed=True) for one in reading.subtasks), reading.cut)


def _composed(block: str) -> Any:
    """Load YAML with every scalar as the text it is, and repeated keys as several objects."""
    node = yaml.compose(block, Loader=LOADER)
    return _plain(node)


def _plain(node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.value or node.style else None
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one) for one in node.value]
    if not isinstance(node, yaml.MappingNode) or not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
        raise ValueError(node)
    return objects([(key.value, _plain(one)) for key, one in node.value])


def _cut(value: Any) -> Any:
    """Mark the last of everything as cut: in YAML nothing shows where it would have ended."""
    if isinstance(value, list):
        return CutList([*value[:-1], *map(_cut, value[-1:])])
    if isinstance(value, dict):
        *rest, last = value.items()
        return CutDict([*rest, (last[0], _cut(last[1]))])
    return CutStr(value or "")


def read_lines(text: str) -> Listing | None:
    """Read "Specialist: …" and "Task: …" lines, in Markdown or plain."""
    fields: list[tuple[str, str, bool]] = []
    openness = False  # whether a following line may belong to the last field
    lines = text.split("\n")
    for line in lines:
        match = LABEL.match(line)
        kind = part(match["key"]) if match else None
        if match and kind and (kind != "what" or fields or match["text"].strip()):
            openness = _take(fields, kind, match["text"])
        elif match and (
            vocabulary.other(match["key"]) or vocabulary.wrapper(match["key"]) is not None or match["mark"]
        ):
            openness = False
        elif not line.strip() or re.match(r"\s*(?:#{1,6}\s|-{3,}\s*$|```|~~~)", line):
            openness = openness and not line.strip() and False
        elif openness and fields and line[:1] in " \t":
            key, before, _ = fields[-1]
            fields[-1] = (key, f"{before}\n{line.strip()}", False)
        elif openness and fields:
            return None  # a line that may or may not belong to the task
    if any(text.startswith(QUOTES) and text.endswith(",") for _, text, _ in fields):
        return None  # lines of broken JSON
    rows = rows_of(fields) if any(kind in {"who", "perhaps who"} for kind, _, _ in fields) else None
    if rows is None or not (any(kind == "who" for kind, _, _ in fields) or len(rows) > 1):
        return None
    ends_open = openness
    return Listing(
        tuple(Row(row.subtask, closed=number < len(rows) or not ends_open) for number, row in enumerate(rows, 1))
    )


def _take(fields: list[tuple[str, str, bool]], kind: str, text: str) -> bool:
    """Add a field; a second label in the same line gives a second one."""
    if not text.strip():
        return False
    if kind in {"who", "perhaps who"}:
        for match in INLINE.finditer(text):
            if part(match[1]) == "what" and match.start() > 0:
                fields += [
                    (kind, unmarked(text[: match.start()]), True),
                    ("what", unmarked(text[match.end() :]), False),
                ]
                return True
    fields.append((kind, unmarked(text), False))
    return True


def unmarked(text: str) -> str:
    """Take emphasis, code marks or quotes off a text that stands wholly in them."""
    text = text.strip()
    match = re.fullmatch(r"(\*\*|__|`|\*|\"|')((?:(?!\1).)+)\1", text, re.DOTALL)
    return match[2] if match else text
