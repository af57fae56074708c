"""Figures: amounts, counts, times and dates in a text, in any digits and in the usual ways of writing them. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["money", "count", "time", "date"]
Span = tuple[float, float]  # from, to; one number is both

_PLAIN = {ord(odd): usual for odd, usual in zip("，．：／％￡￥＄－～٫٬⁄", ",.:/%£¥$-~.,/", strict=True)}
_CURRENCIES = {
    "£": "£|gbp|pounds?(?! of)|quid|sterling|جنيه",
    "€": "€|eur|euros?|يورو|евро|欧元|ユーロ",
    "$": "us\\$|\\$|usd|dollars?|dólares|دولار|美元|ドル",
    "¥": "¥|cny|rmb|jpy|yen|yuan|人民币|日圆|元|円",  # one sign, two currencies: told apart by nobody
    "₹": "₹|inr|rupees?|rs\\.?",
    "₽": "₽|rub|руб\\w*\\.?",
    "kr": "sek|nok|dkk|kr\\.?|kronor|kroner",
    "CHF": "chf|fr\\.|franken|sfr\\.?",
    "zł": "zł|pln|złotych",
    "درهم": "درهم|aed",
    "ريال": "ريال|sar",
}
_CURRENCY = "|".join(f"(?P<c{at}>{one})" for at, one in enumerate(_CURRENCIES.values()))
_NUMBER = r"\d{1,3}(?:([., '’\u00a0\u202f\u2009])\d{3}(?:\1\d{3})*)(?:[.,]\d{1,2})?(?![\d])|\d+(?:[.,]\d{1,3})?"
_TIMES = {
    "k": 1e3,
    "tsd": 1e3,
    "thousand": 1e3,
    "mio": 1e6,
    "mln": 1e6,
    "million": 1e6,
    "万": 1e4,
    "億": 1e8,
    "亿": 1e8,
}
_SCALE = r"(?:\s?(?P<scale>k|tsd|thousand|mio|mln|m|million(?:en|es|s)?|millones|万|億|亿)(?![a-z])\.?)?"
_BEFORE = re.compile(rf"(?<![^\W\d_])(?<!\d[ \u00a0])(?:{_CURRENCY})\s?$", re.IGNORECASE)
_AFTER = re.compile(rf"{_SCALE}\s?(?:{_CURRENCY})(?![^\W\d_])", re.IGNORECASE)
_AFTER_UNSPACED = re.compile(r"(?P<scale>万|億|亿)?\s?(?P<c3>元|円|人民币|日圆)")
_SCALED = re.compile(_SCALE, re.IGNORECASE)
_FOUND = re.compile(_NUMBER)

_CLOCK = re.compile(
    r"(?<![\d:.])(?<!\d,)(?P<h>[01]?\d|2[0-4])(?:"
    r"(?::(?P<m>[0-5]\d)(?![\d:])|\.(?P<m2>[0-5]\d)(?=\s?(?:uhr|[ap]\.?m)))?\s?(?P<half>[ap])\.?m\b\.?|"
    r":(?P<m3>[0-5]\d)(?![\d:])(?:\s?uhr\b)?|[:.]?(?P<m4>[0-5]\d)?\s?uhr\b|\s?h\s?(?P<m5>[0-5]\d)\b|"
    r"[時点點时](?:(?P<m6>[0-5]?\d)分)?(?!間|间))",
    re.IGNORECASE,
)
_MONTHS = [
    "jan(?:uary|uar|vier|uari|eiro)?|enero|gennaio|января|يناير", "feb(?:ruary|ruar|ruari|brero|braio)?|février|fevereiro|febrero|февраля|فبراير",
    "mar(?:ch|s|zo|ço)?|märz|maart|марта|مارس", "apr(?:il|ile)?|avril|abril|апреля|أبريل|ابريل",
    "may|mai|mei|mayo|maio|maggio|мая|مايو", "june?|juni|juin|junio|junho|giugno|июня|يونيو",
    "july?|juli|juillet|julio|julho|luglio|июля|يوليو", "aug(?:ust|ustus)?|août|agosto|августа|أغسطس",
    "sept?(?:ember|embre|tiembre|iembre)?|settembre|setembro|сентября|سبتمبر", "oct(?:ober|obre|ubre)?|okt(?:ober)?|ottobre|outubro|октября|أكتوبر",
    "nov(?:ember|embre|iembre|embro)?|ноября|نوفمبر", "dec(?:ember)?|dez(?:ember|embro)?|décembre|diciembre|dicembre|декабря|ديسمبر",
]  # fmt: skip
_MONTH = "|".join(f"(?P<n{at}>(?:{one})(?!\\w))" for at, one in enumerate(_MONTHS, 1))
_ISO = re.compile(r"(?<![\d-])(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?![\d-])")
_SLASHED = re.compile(r"(?<![\d./])(?P<a>\d{1,2})([./])(?P<b>\d{1,2})\2(?P<y>\d{4})(?![\d/])")
_UNSPACED = re.compile(r"(?:(?P<y>\d{4})年)?(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号號]")
_DAY_FIRST = re.compile(rf"(?<![\d.,:/])(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.|º|er)?\s(?:de\s|of\s)?(?:{_MONTH})\.?(?:,?\s(?:de\s)?(?P<y>\d{{4}}))?(?!\w)", re.IGNORECASE)  # fmt: skip
_MONTH_FIRST = re.compile(rf"(?<!\w)(?:{_MONTH})\.?\s(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:.,]\d|\w)(?:,?\s(?P<y>\d{{4}}))?", re.IGNORECASE)  # fmt: skip
_UNIT = re.compile(r"\s?(%|°\s?[CF]\b|[^\W\d_]+(?:[²³])?)")
_RANGE = re.compile(r"\s?[-–—~〜]\s?(?:£|€|\$|¥)?\s?$")


@dataclass(frozen=True)
class Figure:
    """A figure as it stands in a text.

    Attributes:
        kind: what it measures.
        unit: the currency's sign, or the word behind a count ("" where there is none).
        readings: every way it can be read ("1.000" is 1000 or 1); two figures agree when any two readings do.
        start: where it begins in the text.
        end: where it ends.
    """

    kind: Kind
    unit: str
    readings: frozenset[Span]
    start: int
    end: int

    @property
    def least(self) -> float:
        """The smallest value it can mean."""
        return min(low for low, _ in self.readings)

    @property
    def most(self) -> float:
        """The largest value it can mean."""
        return max(high for _, high in self.readings)

    def agrees(self, other: "Figure") -> bool:
        """Tell whether both can mean the same: equal, overlapping ranges, or one the other's rounding."""
        return any(_agree(self.kind, one, two) for one in self.readings for two in other.readings)


def plain(text: str) -> str:
    """Write every digit as 0-9 and full-width signs as usual ones, character by character: places stay the same."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text.translate(_PLAIN))


def figures(text: str) -> list[Figure]:
    """Find the figures of a text (as `plain` gives it), in order."""
    found: list[Figure] = []
    taken = [False] * (len(text) + 1)
    for one in [*_dates(text), *_times(text)]:
        if not any(taken[one.start : one.end]):
            taken[one.start : one.end] = [True] * (one.end - one.start)
            found.append(one)
    for match in _FOUND.finditer(text):
        if any(taken[match.start() : match.end()]) or _part_of_a_word(text, match.start()):
            continue
        found.append(_number(text, match))
    return _ranged(text, sorted(found, key=lambda one: one.start))


def _part_of_a_word(text: str, start: int) -> bool:
    before = text[start - 1] if start else " "
    return (before.isascii() and before.isalpha()) or before in "_#.:/"


def _number(text: str, match: re.Match[str]) -> Figure:
    start, end = match.span()
    values = _values(match.group())
    before, behind = _BEFORE.search(text[max(0, start - 10) : start]), _AFTER.match(text, end)
    behind = behind or _AFTER_UNSPACED.match(text, end)
    sign = next((one for one in (before, behind) if one), None)
    if sign is None:
        unit = _UNIT.match(text, end)
        return Figure("count", unit.group(1).casefold() if unit else "", values, start, end)
    scaled = behind if sign is behind else _SCALED.match(text, end)
    scale = (scaled.group("scale") or "").casefold() if scaled else ""
    factor = next((by for name, by in _TIMES.items() if scale.startswith(name)), 1e6 if scale[:1] == "m" else 1.0)
    found = next(name for name, value in sign.groupdict().items() if value and name != "scale")
    currency = list(_CURRENCIES)[int(found[1:])]
    last = scaled.end() if scaled else end
    values = frozenset((low * factor, high * factor) for low, high in values)
    return Figure("money", currency, values, sign.start() + max(0, start - 10) if before else start, last)


def _values(digits: str) -> frozenset[Span]:
    bare = re.sub(r"[ '’\u00a0\u202f\u2009]", "", digits)
    marks = re.findall(r"[.,]", bare)
    readings = {float(re.sub(r"[.,]", "", bare[: bare.rfind(marks[-1])]) + "." + bare[bare.rfind(marks[-1]) + 1 :])} if marks else {float(bare)}  # fmt: skip
    if marks and len(set(marks)) == 1 and re.fullmatch(r"[1-9]\d{0,2}(?:[.,]\d{3})+", bare):
        whole = float(re.sub(r"[.,]", "", bare))
        readings = {whole} if len(marks) > 1 else {whole, *readings}
    return frozenset((one, one) for one in readings)


def _ranged(text: str, found: list[Figure]) -> list[Figure]:
    """Join "10-15 kg" and "£10–15" into one figure that reaches from one to the other."""
    joined: list[Figure] = []
    for one in found:
        last = joined[-1] if joined else None
        gap = text[last.end : one.end] if last else ""
        numeric = last is not None and one.kind in ("money", "count") and last.kind in ("money", "count")
        if last and numeric and _RANGE.match(gap[: max(0, one.start - last.end)]) and last.least <= one.most:
            kind: Kind = "money" if "money" in (last.kind, one.kind) else "count"
            unit = one.unit if one.kind == kind else last.unit
            joined[-1] = Figure(kind, unit, frozenset({(last.least, one.most)}), last.start, one.end)
        else:
            joined.append(one)
    return joined


def _times(text: str) -> Iterator[Figure]:
    for match in _CLOCK.finditer(text):
        minutes = next((value for name, value in match.groupdict().items() if name[0] == "m" and value), "0")
        hour = int(match["h"])
        half = (match["half"] or "").lower()
        hours = [hour, hour + 12] if 1 <= hour <= 11 else [hour]  # noqa: PLR2004 - "6:00" may be the evening
        if half:
            hours = [hour % 12 + (12 if half == "p" else 0)]
        values = frozenset((float(one * 60 + int(minutes)),) * 2 for one in hours)
        yield Figure("time", "", values, match.start(), match.end())


def _dates(text: str) -> Iterator[Figure]:
    for pattern in (_ISO, _SLASHED, _UNSPACED, _DAY_FIRST, _MONTH_FIRST):
        for match in pattern.finditer(text):
            told = match.groupdict()
            days = {(told.get("m"), told.get("d"))}
            if "a" in told:
                days = {(told["a"], told["b"]), (told["b"], told["a"])}
            elif "m" not in told:
                days = {(next(name[1:] for name, value in told.items() if name[0] == "n" and value), told["d"])}
            values = {_day(told.get("y"), int(month or 0), int(day or 0)) for month, day in days} - {None}
            if values:
                yield Figure("date", "", frozenset((one, one) for one in values if one), match.start(), match.end())


def _day(year: str | None, month: int, day: int) -> float | None:
    """Number a day; without a year it gets the year 4, so that it is only compared by month and day."""
    try:
        return float(date(int(year or 4), month, day).toordinal())
    except ValueError:
        return None


def _agree(kind: Kind, one: Span, two: Span) -> bool:
    if kind == "date":
        first, second = date.fromordinal(int(one[0])), date.fromordinal(int(two[0]))
        return first == second or (4 in (first.year, second.year) and (first.month, first.day) == (second.month, second.day))  # fmt: skip  # noqa: PLR2004
    if max(one[0], two[0]) <= min(one[1], two[1]):
        return True
    return kind != "time" and (_rounded(one[0]) == two[0] or _rounded(two[0]) == one[0])


def _rounded(value: float) -> float:
    """Round to two significant digits, as people do."""
    return float(f"{value:.1e}")
