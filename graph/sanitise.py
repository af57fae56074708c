"""Sanitise: text from outside, made fit for a terminal, for a Markdown file and for a page. Pure."""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import nh3
from markdown_it import MarkdownIt

# What a page that shows text from outside may load: nothing at all but the styles that stand in it.
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

TAGS = frozenset(
    ("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "dl", "dt", "em", "h2", "h3", "h4", "h5", "h6", "hr", "i",
     "ins", "kbd", "li", "ol", "p", "pre", "q", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr",
     "ul")
)  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_SCHEMES = frozenset({"http", "https", "mailto"})

# Escape sequences, and what turns the reading direction: text from a model must not steer a terminal or hide words.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|\x9b[0-?]*[ -/]*[@-~]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_STEERING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")  # what JSON lets through as it is

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"^( {0,3}(?:> ?){0,20})#{1,6}[ \t]++(?=\S)")
_UNDERLINE = re.compile(r"^ {0,3}(?:=+|-+)[ \t]*$")
_DEFINITION = re.compile(r"^( {0,3})\[(?=[^\]]{1,999}\]:)")
_CODE = re.compile(r"((?<!`)`++[^`]{1,10000}`++)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def harmless(text: str) -> str:
    """Take terminal control sequences, control characters and bidi overrides out of a text."""
    text = _BIDI.sub("", _SEQUENCE.sub("", text))
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def one_line(text: Any) -> str:
    """Write anything as one harmless line."""
    return " ".join(harmless(str(text)).split())


def as_json(value: Any) -> str:
    """Write JSON in which no character steers a terminal or the eye; it reads back as the same value."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return _STEERING.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def escaped(text: Any) -> str:
    """Write text into a Markdown table cell, a heading or a label without letting it be markup."""
    return re.sub(r"([\\`*_\[\]<>|#!~])", r"\\\1", one_line(text))


def tame_markdown(text: str, *, headings: bool = False) -> str:
    """Keep a Markdown text within its place in a larger document.

    It loads nothing (images become links), holds no HTML, catches no reference of the document ("[S1]: …" is text),
    and a code block that it leaves open is closed.

    Args:
        text: Markdown from outside.
        headings: keep its headings, one level down (else they become bold lines: a document's outline is its own).
    """
    return "\n".join(_tame_lines(harmless(text).split("\n"), headings=headings))


def _tame_lines(lines: list[str], *, headings: bool) -> Iterator[str]:
    fence = ""
    for number, line in enumerate(lines):
        if fence:
            yield line
            fence = "" if re.match(rf" {{0,3}}{fence[0]}{{{len(fence)},}}[ \t]*$", line) else fence
        elif opening := _FENCE.match(line):
            fence = opening.group(1)
            yield line
        elif number and _UNDERLINE.match(line) and lines[number - 1].strip():
            yield line.replace("=", "-") if headings else ""  # it makes a heading of the line before
        else:
            yield _tame_line(line, headings=headings)
    if fence:
        yield fence


def _tame_line(line: str, *, headings: bool) -> str:
    line = _DEFINITION.sub(r"\1\\[", line)
    pieces = _CODE.split(line)
    pieces[::2] = [_TAG.sub(r"\\<", piece).replace("![", "[") for piece in pieces[::2]]
    line = "".join(pieces)
    heading = _HEADING.match(line)
    if heading is None:
        return line
    if headings:
        return line.replace("#", "##", 1) if not line.lstrip("> ").startswith("######") else line
    words = line[heading.end() :].rstrip(" \t#").replace("**", "")
    return f"{heading.group(1)}**{words}**" if words else ""


def to_html(text: str, *, headings: bool = False) -> str:
    """Render Markdown from outside as HTML that can stand in a page of ours: no image, script, style, id or frame."""
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
    return clean(reader.render(tame_markdown(text, headings=headings)))


def clean(markup: str) -> str:
    """Sanitise HTML: only tags and links that can load nothing, run nothing and be mistaken for nothing of ours."""
    return nh3.clean(
        markup,
        tags=set(TAGS),
        attributes=_ATTRIBUTES,
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer nofollow",
    )
