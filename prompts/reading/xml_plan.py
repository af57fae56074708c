"""XML plan: a plan in tags, as <task><type>caterer</type><description>…</description></task>."""

import html
import re
from dataclasses import dataclass, field, replace

from prompts.reading import vocabulary
from prompts.reading.listing import LabelledText, Listing, Row, part_of, rows_of

TAG = re.compile(r"""<(/?)([^\W\d][\w.:-]{0,60})((?:\s+[\w:-]{1,40}\s*=\s*(?:"[^"]*"|'[^']*')){0,8})\s*(/?)>""")
ATTRIBUTE = re.compile(r"""([\w:-]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)')""")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
HALF_TAG = re.compile(r"<[^<>\s][^<>]{0,200}\Z")
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
    root, cut = _tree(text)
    if root is None:
        return None
    texts = _texts(root, text)
    while cut and texts and not texts[-1].closed:
        texts.pop()  # half-written
    if cut and texts and "specialist" in texts[-1].part:
        texts.pop()  # its task never came
    rows = rows_of(texts)
    if rows is None or not all(row.closed for row in rows):
        return None
    return Listing(tuple(Row(row.subtask, closed=True) for row in rows), cut)


def _tree(text: str) -> tuple[Node | None, bool]:
    """Build the elements' tree in one pass; say also whether an element was left open at the end."""
    root = Node("", {}, 0, len(text), closed=True)
    stack = [root]
    for tag in TAG.finditer(text):
        shut, name, attributes, alone = tag.groups()
        if shut:
            depth = max((depth for depth, node in enumerate(stack) if depth and node.name == name), default=None)
            if depth is not None:
                stack[depth].end, stack[depth].closed = tag.start(), True
                del stack[depth:]
            continue
        values = {match[1]: html.unescape(match[2] or match[3] or "") for match in ATTRIBUTE.finditer(attributes)}
        node = Node(name, values, tag.end(), tag.end() if alone else len(text), closed=bool(alone))
        stack[-1].children.append(node)
        if not alone:
            stack.append(node)
        if len(stack) > DEPTH:
            return None, False
    left_open = any(part_of(node.name) or vocabulary.wrapper_rank(node.name) is not None for node in stack[1:])
    return root, left_open or HALF_TAG.search(text[-240:]) is not None


def _texts(node: Node, text: str) -> list[LabelledText]:
    """Give an element's labelled texts in reading order: those of its parts, or its own text."""
    if node.name.casefold() in PARAMETERS and "name" in node.attributes:  # <parameter name="task">
        node = replace(node, name=node.attributes["name"], attributes={})
    named = {part_of(key): value for key, value in node.attributes.items()}
    who = named.get("specialist") or (None if node.children else named.get("perhaps specialist"))
    if who and node.name:
        what = LabelledText("task", named.get("task") or _text(node, text), node.closed)
        return [
            LabelledText("specialist", who, closed=True),
            what,
            LabelledText("cross-check", named.get("cross-check", ""), closed=True),
        ]
    part = part_of(node.name) if node.name else None
    inner = [labelled for child in node.children for labelled in _texts(child, text)]
    parts = {labelled.part for labelled in inner}
    names = parts & {"specialist", "perhaps specialist"}
    if part is None or (names and ("task" in parts or part == "task")):
        return inner  # an item of a plan, not a text
    return [LabelledText(part, _text(node, text), node.closed)]


def _text(node: Node, text: str) -> str:
    raw = text[node.start : node.end].strip()
    if raw.startswith("<![CDATA[") and raw.endswith("]]>") and "]]>" not in raw[:-3]:
        return raw[9:-3]
    return html.unescape(raw)
