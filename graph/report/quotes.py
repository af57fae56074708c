"""Quotes: a worker's text with what is quoted from it marked in its place. Pure."""

import html
import re
from itertools import groupby

from nodes.synthesis import place_of

_UNIT = re.compile(r'<(?:"[^"]*"|[^>"])*>|&[^;\s<]{1,31};|.', re.DOTALL)  # of sanitised HTML: a tag, or a character


def marked(markup: str, quote: str, anchor: str = "") -> str:
    """Mark a quote in a text's HTML, across its tags; as it is where the quote does not stand there.

    Args:
        markup: sanitised.
        quote: from that text.
        anchor: an id for the mark.
    """
    units = _UNIT.findall(markup)
    shown = [number for number, unit in enumerate(units) if not (unit.startswith("<") and unit.endswith(">"))]
    place = place_of(quote, "".join(html.unescape(units[number])[0] for number in shown))
    if place is None:
        return markup
    within, parts = frozenset(shown[slice(*place)]), list[str]()
    for quoted, run in groupby(enumerate(units), lambda numbered: numbered[0] in within):
        text = "".join(unit for _, unit in run)
        named = f' id="{html.escape(anchor)}"' if anchor else ""
        parts.append(f"<mark{named}>{text}</mark>" if quoted and text.strip() else text)
        anchor = "" if quoted and text.strip() else anchor
    return "".join(parts)
