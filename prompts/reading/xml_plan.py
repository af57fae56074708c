"""XML plan: a plan in tags, as <task><type>caterer</type><description>…</description></task>."""

import html
import re
from dataclasses import dataclass, field
from typing import Any

from prompts.reading import vocabulary
from prompts.reading.cut import CutStr, objects

TAG = re.compile(r"""<(/?)([^\W\d][\w.:-]{0,60})((?:\s+[\w:-]{1,40}\s*=\s*(?:"[^"]*"|'[^']*')){0,8})\s*(/?)>""")
ATTRIBUTE = re.compile(r"""([\w:-]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)')""")
HALF_TAG = re.compile(r"<[^<>\s][^<>]{0,200}\Z")
PAGE = re.compile(r"<(?:!doctype|html)\b", re.IGNORECASE)  # an error of the endpoint's, not a reply
DEPTH = 12


@dataclass
class Node:
    """One element; closed when its end tag stands in the text."""

    name: str
    attributes: dict[str, str]
    start: int
    end: int
    closed: bool = False
    children: list["Node"] = field(default_factory=list)

    def value(self, text: str) -> Any:
        """Give what JSON would have: an object of its attributes and children, or its text."""
        pairs = [*self.attributes.items(), *((child.name, child.value(text)) for child in self.children)]
        if self.children:
            return objects(pairs, cut=not self.closed)
        raw = text[self.start : self.end].strip()
        cdata = raw.startswith("<![CDATA[") and raw.endswith("]]>")
        leaf = raw[9:-3] if cdata else html.unescape(raw)
        leaf = leaf if self.closed else CutStr(leaf)
        return objects([*pairs, ("task", leaf)] if leaf else pairs, cut=not self.closed) if pairs else leaf


def read(text: str, *, cut: bool) -> Any:  # noqa: ARG001  # its tags show it
    """Read the elements of a text as JSON, None where they are none of a plan."""
    if ("</" not in text and "/>" not in text) or PAGE.search(text):
        return None
    root, labels = Node("", {}, 0, len(text), closed=HALF_TAG.search(text[-240:]) is None), set[str]()
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
        named = {key: value for key, value in values.items() if vocabulary.names_a_part(key)}
        node = Node(name, named, tag.end(), tag.end() if alone else len(text), closed=bool(alone))
        stack[-1].children.append(node)
        labels |= {name, *named, *(["task"] if named else [])}
        if not alone:
            stack.append(node)
        if len(stack) > DEPTH:
            return None
    return root.value(text) if vocabulary.labels_subtasks(labels) else None
