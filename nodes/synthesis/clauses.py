"""Clauses: what a figure in a text is a figure of, told by the words around it. Pure."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nodes.synthesis.figures import Figure, figures, plain
from nodes.text import folded, split, stem
from nodes.text import plain as fold

BACK = 3  # segments to the left that may still tell what a figure is
WIDE = 160  # characters to each side of a figure that may tell what it is
LONG = 2_000  # characters of one sentence or row that are read; no person writes longer ones
PASSAGE = 120  # characters of a passage that are quoted

# Words that say nothing about what is measured. Short ASCII words (up to two letters) go anyway.
_EMPTY = frozenset(
    stem(folded(word))
    for word in """
    the and for from with that this they their there these those are was were will would shall should can could may
    must has have had not but than then when which who its our your his her all any each about around roughly
    approximately circa some more most other into onto over under between per head person it's will be been being
    cost costs costing price prices priced fee fees charge charges amount amounts estimate estimated figure need needs
    needed require requires required plan planned assume assumed assuming total totals altogether budget including
    der die das den dem des und für fur von mit dass dieser diese dieses sind war wird werden soll sollen kann muss
    müssen hat haben nicht aber etwa rund ungefähr circa pro insgesamt gesamt kosten kostet preis betrag gebühr gegen
    les des une pour avec dans que qui est sont sera environ coût coûte prix montant par sur aux
    los las una para con que son será cuesta coste costo precio importe unos unas aproximadamente por del
    gli della delle per con che sono sarà circa costa costo prezzo
    uma para com que são será custa custo preço cerca
    het een voor van met dat zijn wordt ongeveer kost kosten prijs
    من في على إلى الى عن مع هذا هذه أن ان حوالي نحو تكلفه التكلفه سعر السعر هو هي يكون
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
_EMPTY_PAIRS = frozenset(["费用", "價格", "价格", "大约", "大約", "需要", "料金", "費用", "です", "ます", "約 "])
_SENTENCE = re.compile(r"(?<=[!?;。！？；])\s*|(?<=[.])\s+(?=\D)|\n+")
_SEGMENT = re.compile(r"[,،、(){}\[\]–—]|\s-\s")
_MARKUP = re.compile(r"[*_`#>]+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NAME = re.compile(r"([^\W\d_]{3,}) $")
_RULE = re.compile(r"[\s|:—–-]*")


@dataclass(frozen=True)
class Clause:
    """One figure in its surroundings.

    Attributes:
        figure: what it says.
        label: the words that tell what it measures.
        passage: the sentence or table row that it stands in, short enough to be quoted.
        behind: the folded words that follow the figure.
    """

    figure: Figure
    label: frozenset[str]
    passage: str
    behind: str


def clauses(text: str) -> list[Clause]:
    """Find every figure of a text with its label."""
    found: list[Clause] = []
    heading, header, seen = "", list[str](), set[tuple[str, str]]()
    for line in text.splitlines():
        if line.count("|") >= 2:  # noqa: PLR2004 - a table row
            cells = line[:LONG].strip().strip("|").split("|")
            if not header or _RULE.fullmatch(line):
                header = header or cells
                if _RULE.fullmatch(line) or not figures(plain(line)):
                    continue
            found += _row(cells, header)
            continue
        header = []
        if line.startswith("#") or re.fullmatch(r"\s*\*\*[^*]+\*\*:?\s*", line):
            heading = line
        for sentence in _SENTENCE.split(line):
            if (heading, sentence) in seen:  # what is said twice is one statement
                continue
            seen.add((heading, sentence))
            found += _sentence(sentence[:LONG], heading)
    return found


def _sentence(sentence: str, heading: str) -> Iterator[Clause]:
    text = plain(sentence)
    listed = figures(text)
    if not listed:
        return
    within = {place for one in listed for place in range(one.start, one.end)}
    # A comma inside "1,000" is no end of a segment: it stands inside the figure.
    cuts = [0, *(cut.end() for cut in _SEGMENT.finditer(text) if cut.start() not in within)]
    under = _words(plain(heading), figures(plain(heading)), 0, len(heading))
    for at, figure in enumerate(listed):
        place = bisect_right(cuts, figure.start) - 1
        end = cuts[place + 1] if place + 1 < len(cuts) else len(text)
        label = frozenset[str]()
        for start in reversed(cuts[max(0, place - BACK) : place + 1]):
            label = _words(text, listed, max(start, figure.start - WIDE), min(end, figure.end + WIDE))
            if len(label) >= 2:  # noqa: PLR2004 - one word alone does not tell two things apart
                break
        if len(label) < 2:  # noqa: PLR2004
            label |= under
        after = listed[at - 1].end if at else 0
        yield Clause(figure, label, _passage(sentence, figure, after), _behind(text, figure))


def _row(cells: list[str], header: list[str]) -> Iterator[Clause]:
    texts = [plain(cell) for cell in cells]
    told = [figures(text) for text in texts]
    words = [_words(text, told[at], 0, len(text)) for at, text in enumerate(texts)]
    head = next((own for own in words if own), frozenset[str]())
    passage = " | ".join(cell.strip() for cell in cells)
    for at, listed in enumerate(told):
        for figure in listed:
            others = [one for place, many in enumerate(told) if place != at for one in many if one.kind == figure.kind]
            # Where a row has several figures of one kind, the column's heading is what tells them apart.
            column = _words(header[at], [], 0, len(header[at])) if others and at < len(header) else frozenset[str]()  # fmt: skip
            yield Clause(figure, head | words[at] | column, _passage(passage, figure, 0), _behind(texts[at], figure))


def _words(text: str, inside: Sequence[Figure], start: int, end: int) -> frozenset[str]:
    """List the words of a stretch without its figures; where it is unspaced, its pairs of characters."""
    bare, found = list(text[start:end]), set[str]()
    first = bisect_left(inside, start, key=lambda one: one.end)
    for one in inside[first:]:
        if one.start >= end:
            break
        for place in range(max(start, one.start), min(end, one.end)):
            bare[place - start] = " "
        if numbers := _number_of_a_thing(text, one):
            found.add(numbers)
    for word in split(folded("".join(bare))):
        cut = stem(word)
        if cut in _EMPTY or word in _EMPTY_PAIRS:
            continue
        if len(word) > 2 or not word.isascii():  # noqa: PLR2004
            found.add(cut)
    return frozenset(found)


def _number_of_a_thing(text: str, figure: Figure) -> str:
    """Give the number in "lesson 2" or "in 2026": it tells which one, not how many ("" for any other figure)."""
    before = _NAME.search(text[max(0, figure.start - 24) : figure.start])
    if figure.kind == "count" and _YEAR.fullmatch(text[figure.start : figure.end]):
        return f"#{text[figure.start : figure.end]}"
    if figure.kind != "count" or not before or stem(folded(before.group(1))) in _EMPTY:
        return ""
    return f"#{text[figure.start : figure.end]}"


def _passage(text: str, figure: Figure, after: int) -> str:
    """Cut a passage around a figure, at word ends where there are any."""
    start = 0 if figure.end <= PASSAGE else max(min(after, figure.start), figure.end - PASSAGE)
    cut = text[start : max(start + PASSAGE, figure.end)]
    return " ".join(_MARKUP.sub("", cut).split()).strip(" |-")


def _behind(text: str, figure: Figure) -> str:
    return fold(text[figure.end : figure.end + 24])
