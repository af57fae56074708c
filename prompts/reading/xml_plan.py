"""Markup: a plan in XML tags, as <task><type>caterer</type><description>…</description></task>."""

import html
import re
from dataclasses import dataclass, field, replace

from prompts.reading import vocabulary
from prompts.reading.listing import Listing, Row, part, rows_of

TAG = re.compile(r"""<(/?)([^\W\d][\w.:-]{0,60})((?:\s+[\w:-]{1,40}\s*=\s*(?:"[^"]*"|'[^']*')){0,8})\s*(/?)>""")
ATTRIBUTE = re.compile(r"""([\w:-]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)')""")
CDATA = re.compile(r"\s*<!\[CDATA\[(.*?)\]\]>\s*", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
DEPTH = 12
PARAMETERS = frozenset(("parameter", "param", "arg", "argument", "field", "property"))


@dataclass
class Node:
    """One element; closed when its end tag stands in the text."""

    name: str
    attributes: dict[str, str]
    start: int
    end: int
    closed: bool = False
    children: list["Node"] = field(default_factory=list)


def read(text: str) -> Listing | None:
    """Read the plan in a text's tags, None where there is none."""
    if "</" not in text and "/>" not in text:
        return None
    if "<!--" in text and "-->" in text:
        text = COMMENT.sub("", text)
    root, cut = tree(text)
    if root is None:
        return None
    fields = _fields(root, text)
    while cut and fields and not fields[-1][2]:
        fields.pop()  # half-written
    if cut and fields and fields[-1][0] in {"who", "perhaps who"}:
        fields.pop()  # its task never came
    rows = rows_of(fields)
    if rows is None or not all(row.closed for row in rows):
        return None
    return Listing(tuple(Row(row.subtask, closed=True) for row in rows), cut)


def tree(text: str) -> tuple[Node | None, bool]:
    """Build the elements' tree in one pass; say also whether an element was left open at the end."""
    root = Node("", {}, 0, len(text), closed=True)
    stack = [root]
    for tag in TAG.finditer(text):
        shut, name, attributes, alone = tag.groups()
        if shut:
            at = next((depth for depth in range(len(stack) - 1, 0, -1) if stack[depth].name == name), None)
            if at is not None:
                stack[at].end, stack[at].closed = tag.start(), True
                del stack[at:]
            continue
        values = {
            one[1]: html.unescape(one[2] if one[2] is not None else one[3]) for one in ATTRIBUTE.finditer(attributes)
        }
        node = Node(name, values, tag.end(), len(text), closed=bool(alone))
        if alone:
            node.end = tag.end()
        stack[-1].children.append(node)
        if not alone:
            stack.append(node)
        if len(stack) > DEPTH:
            return None, False
    half_tag = re.search(r"<[^<>\s][^<>]{0,200}\Z", text) is not None
    return root, half_tag or any(part(node.name) or vocabulary.wrapper(node.name) is not None for node in stack[1:])


def _fields(node: Node, text: str) -> list[tuple[str, str, bool]]:
    """Give an element's fields in reading order: those of its parts, or its own text."""
    if node.name.casefold() in PARAMETERS and "name" in node.attributes:  # <parameter name="task">
        node = replace(node, name=node.attributes["name"], attributes={})
    named = {part(key): value for key, value in node.attributes.items()}
    who = named.get("who") or (None if node.children else named.get("perhaps who"))
    if who and node.name:
        what = named.get("what") or _text(node, text)
        return [("who", who, True), ("what", what, node.closed), ("cross", named.get("cross") or "", True)]
    kind = part(node.name) if node.name else None
    inner = [one for child in node.children for one in _fields(child, text)]
    kinds = {one[0] for one in inner}
    if kind is None or {"who", "what"} <= kinds or {"perhaps who", "what"} <= kinds:
        return inner
    if inner and kind == "what" and kinds & {"who", "perhaps who"}:
        return inner  # <task> holds a specialist but no work: an item, not a text
    return [(kind, _text(node, text), node.closed)]


def _text(node: Node, text: str) -> str:
    raw = text[node.start : node.end]
    whole = CDATA.fullmatch(raw)
    return whole[1] if whole else html.unescape(raw)
