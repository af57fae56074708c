"""Contradictions: figures in the results that may not agree, found without a model. Questions, never entries.

Precision before recall: two figures are compared only if nearly the same words stand around them, and not at all where
one of the two texts knows both. What is left needs no knowledge of any field, only of how figures are written.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from nodes.state import Outcome
from nodes.synthesis.clauses import Clause, clauses
from nodes.text import folded

SAME_LABEL = 0.7  # of the words around two figures that both share, for them to be the same quantity
LEAST_SHARED = 2  # words; one word alone ("deposit", "total") may be said of many things
FAR = 20  # times: amounts further apart measure different things (a premium and the sum insured)
COMPARED = 100_000  # pairs at most; where figures are so many, a few more questions would help nobody
READ = 200_000  # characters of all results together; less than a second of a thread's time
MOST = 20  # questions
SLACK = 1.02  # a sum that is over the budget by rounding alone is not over it

_REQUEST = "the request"
_BUDGET = re.compile(
    r"budget|spend|afford|no more than|at most|maximum|cap of|presupuesto|orcamento|bilancio|begroting|ausgeben|"
    r"hochstens|depenser|gastar|бюджет|预算|預算|予算|ميزاني"
)
_TOTAL = re.compile(
    r"\b(?:in all|totals?|altogether|overall|sum|gesamt\w*|insgesamt|summe|zusammen|au total|en total|somme|suma|"
    r"in totale|totaal|итого|всего)\b|合计|合計|总计|總計|总共|共计|المجموع|الاجمالي|اجمالي"
)
_EACH = re.compile(
    r"^\W*(?:a|an|per|each|pro|je|par|por|chacun\w*|cada|jeweils|pp|apiece|every|/)\b|^\s*/|^\s*(?:每|一人)|^\s*لكل"
)
_FREE = re.compile(  # what is said of a figure that binds nobody: a bound, a condition, an alternative, money that comes in
    r"\b(?:over|above|under|below|more than|less than|up to|at least|at most|no more than|beyond|exceed\w*|within|"
    r"if|unless|in case|would|otherwise|instead of|rather than|compared|alternativ\w*|insur\w*|cover\w*|fines?|raise[sd]?|"
    r"income|revenue|donat\w*|sponsor\w*|grants?|uber|unter|mehr als|weniger als|bis zu|mindestens|hochstens|falls|wenn|"
    r"sonst|statt|wurde|versicher\w*|einnahmen|spenden|plus de|moins de|jusqu'a|au moins|si|sinon|assur\w*|recettes?|"
    r"mas de|menos de|hasta|al menos|sino|seguro|ingresos|если|более|менее)\b|超过|超過|以上|以下|至少|如果|保险|保險|もし|اكثر من|اقل من|اذا"
)
_ROOM = re.compile(
    r"\b(?:holds?|seats?|fits?|capacity|room for|up to|fasst|platz|capacite|aforo|capienza)\b|容纳|定員|تتسع|يتسع"
)


@dataclass(frozen=True)
class _Source:
    """One text and what it says in figures."""

    id: str
    told: list[Clause] = field(default_factory=list)

    def knows(self, clause: Clause) -> bool:
        """Tell whether this text has that figure somewhere, of whatever."""
        return any(_comparable(one, clause) and one.figure.agrees(clause.figure) for one in self.told)


def questions(outcomes: Sequence[Outcome], request: str) -> list[str]:
    """List what may contradict, each as a question that names its subtasks and quotes both passages."""
    share = READ // max(1, len(outcomes))
    asked = _Source(_REQUEST, clauses(request[:READ]))
    results = [_Source(one["id"], clauses(one["output"][:share])) for one in outcomes if one["output"]]
    found = chain(_over_budget(results, asked), _more_people(results, asked), _different([asked, *results]))
    return list(dict.fromkeys(islice(found, MOST)))


def _different(sources: Sequence[_Source]) -> Iterator[str]:
    """Find the same words around different figures, in two texts of which neither knows the other's figure."""
    counts = Counter(word for source in sources for one in source.told for word in one.label)
    index: dict[str, list[tuple[int, Clause]]] = {}
    told = set[tuple[int, int]]()
    left = COMPARED
    for at, source in enumerate(sources):
        mine = [one for one in source.told if len(one.label) >= LEAST_SHARED and not _unbound(one)]
        for clause in mine:
            near = {
                id(other): (place, other) for word in _rarest(clause, counts) for place, other in index.get(word, ())
            }
            left -= len(near)
            if left < 0:
                return
            for place, other in near.values():
                if (place, at) in told or not _same_quantity(clause, other):
                    continue
                if source.knows(other) or sources[place].knows(clause):
                    continue
                told.add((place, at))
                yield _question(sources[place].id, other, source.id, clause, "Do these give different figures for the same thing?")  # fmt: skip
        for clause in mine:
            for word in _rarest(clause, counts):
                index.setdefault(word, []).append((at, clause))


def _rarest(clause: Clause, counts: Counter[str]) -> list[str]:
    """List the words of a label of which at least one must be shared for two labels to be nearly the same."""
    words = sorted(clause.label, key=lambda word: (counts[word], word))
    return words[: len(words) - math.ceil(SAME_LABEL * len(words)) + 1]


def _same_quantity(one: Clause, two: Clause) -> bool:
    shared = len(one.label & two.label)
    if shared < LEAST_SHARED or shared / len(one.label | two.label) < SAME_LABEL:
        return False
    if one.figure.kind != two.figure.kind or (one.figure.agrees(two.figure) and one.figure.unit == two.figure.unit):
        return False
    if one.figure.kind == "money":
        return _each(one) == _each(two) and _near(one, two)
    return _comparable(one, two) and (one.figure.kind != "count" or _near(one, two))


def _comparable(one: Clause, two: Clause) -> bool:
    return one.figure.kind == two.figure.kind and one.figure.unit == two.figure.unit


def _near(one: Clause, two: Clause) -> bool:
    least, most = sorted([one.figure.most, two.figure.most])
    return least > 0 and most <= FAR * least


def _over_budget(results: Sequence[_Source], request: _Source) -> Iterator[str]:
    """Find single amounts over the stated budget, and totals that are over it only together."""
    stated = [one for one in request.told if one.figure.kind == "money" and not _each(one) and _BUDGET.search(folded(one.passage))]  # fmt: skip
    if len({(one.figure.unit, one.figure.most) for one in stated}) != 1:
        return  # none, or several that bind different parts
    budget, limit, totals = stated[0], stated[0].figure.most, list[tuple[_Source, Clause]]()
    for result in results:
        own = [one for one in result.told if one.figure.kind == "money" and one.figure.unit == budget.figure.unit]
        over = [one for one in own if limit * SLACK < one.figure.least <= limit * FAR and not _unbound(one)]
        if over:
            yield _question(_REQUEST, budget, result.id, over[0], "Is this over the stated budget?")
            continue
        sums = [one for one in own if _TOTAL.search(folded(one.passage)) and not _each(one) and not _unbound(one)]
        if sums:
            totals.append((result, min(sums, key=lambda one: one.figure.least)))
    # A total that is the budget itself is the whole's, not a part's.
    parts = [(result, one) for result, one in totals if one.figure.most < limit / SLACK]
    whole = sum(one.figure.least for _, one in parts)
    if len(parts) > 1 and len(parts) == len(totals) and whole > limit * SLACK:
        listed = "; ".join(f"{result.id}: “{one.passage}”" for result, one in parts)
        yield f"Are these totals together ({whole:g}) over the stated budget, “{budget.passage}”? {listed}"


def _more_people(results: Sequence[_Source], request: _Source) -> Iterator[str]:
    """Find a count that is larger than the request's only count in the same unit, in a text that never says that one."""
    asked: dict[str, list[Clause]] = {}
    for one in request.told:
        if one.figure.kind == "count" and len(one.figure.unit) > 2 - (not one.figure.unit.isascii()) * 2:
            asked.setdefault(one.figure.unit, []).append(one)
    for unit, stated in asked.items():
        if len(stated) != 1 or _unbound(stated[0]):
            continue
        whole = stated[0]
        for result in results:
            own = [one for one in result.told if one.figure.kind == "count" and one.figure.unit == unit]
            if any(one.figure.agrees(whole.figure) for one in own) or not unit:
                continue
            larger = [one for one in own if whole.figure.most < one.figure.least <= whole.figure.most * 3
                and not _unbound(one)
                and not _ROOM.search(folded(one.passage))  # room for more is no contradiction
            ]  # fmt: skip
            if larger:
                yield _question(_REQUEST, whole, result.id, larger[0], "Does this count with another number than the request?")  # fmt: skip


def _unbound(clause: Clause) -> bool:
    return bool(_FREE.search(folded(clause.passage)))


def _each(clause: Clause) -> bool:
    return bool(_EACH.match(clause.behind))


def _question(first: str, one: Clause, second: str, two: Clause, asks: str) -> str:
    return f"{asks} {first}: “{one.passage}” / {second}: “{two.passage}”"
