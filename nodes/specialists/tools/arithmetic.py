"""Estimator: exact arithmetic, units and dates, as tools. Nothing here needs a key or the network."""

import ast
import math
import operator
import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

from langchain_core.tools import tool
from simpleeval import InvalidExpression, SimpleEval  # type: ignore[import-untyped]

EXPRESSION_LIMIT = 1_000  # characters
DIGITS_LIMIT = 2_000  # of a number, before and after the stroke
POWER_LIMIT = 1_000
SHOWN_DIGITS = 12  # after the point, where a number has no end

UNIT_LIMIT = 60  # characters
# What pint would work out as a number, towers of powers included: only m^2 and the like may hold a digit.
_NO_UNIT = re.compile(r"^\s*\d|\d\d|\d\s*(?:\*\*|\^)|[()\[\]{}=,;:]|__")

_GROUPED = re.compile(r"(?<![\w.])(\d{1,3}(?:,\d{3})+)(?![\d,])")  # 12,500 is one number to people
_PERCENT = re.compile(r"([\d)])\s*+%(?!\s*+[\d(a-z])")  # 12% of something, not 12 % 5


def _bounded(value: Any) -> Fraction:
    number = value if isinstance(value, Fraction) else Fraction(value)
    bits = DIGITS_LIMIT * 10 // 3
    if max(abs(number.numerator).bit_length(), number.denominator.bit_length()) > bits:
        raise ValueError(f"a number of more than {DIGITS_LIMIT:,} digits")
    return number


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if abs(exponent) > POWER_LIMIT:
        raise ValueError(f"the exponent is beyond {POWER_LIMIT}")
    if exponent.denominator == 1:
        size = max(abs(base.numerator).bit_length(), base.denominator.bit_length()) * abs(int(exponent))
        if size > DIGITS_LIMIT * 10 // 3:
            raise ValueError(f"a number of more than {DIGITS_LIMIT:,} digits")
        return _bounded(base ** int(exponent))
    if base < 0:
        raise ValueError("a broken power of a number below zero")
    return Fraction(Decimal(base.numerator / base.denominator) ** Decimal(float(exponent)))


def _root(value: Any) -> Fraction:
    number = Fraction(value)
    if number < 0:
        raise ValueError("a square root of a number below zero")
    up, down = math.isqrt(number.numerator), math.isqrt(number.denominator)
    if up * up == number.numerator and down * down == number.denominator:
        return Fraction(up, down)
    scale = 10 ** (2 * SHOWN_DIGITS + 10)
    return Fraction(math.isqrt(number.numerator * scale * scale // number.denominator), scale)


def _rounded(value: Any, places: Any = 0) -> Fraction:
    """Round half up, as people do with money; Python rounds half to even."""
    scale = Fraction(10) ** int(places)
    return Fraction(math.floor(abs(Fraction(value)) * scale + Fraction(1, 2)), 1) / scale * (1 if value >= 0 else -1)


_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: lambda left, right: _bounded(left + right),
    ast.Sub: lambda left, right: _bounded(left - right),
    ast.Mult: lambda left, right: _bounded(left * right),
    ast.Div: lambda left, right: _bounded(left / right),
    ast.FloorDiv: lambda left, right: Fraction(left // right),
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "sum": lambda *numbers: sum(numbers, Fraction(0)),
    "round": _rounded,
    "ceil": lambda number: Fraction(math.ceil(number)),
    "floor": lambda number: Fraction(math.floor(number)),
    "sqrt": _root,
}


class _Exact(SimpleEval):  # type: ignore[misc]
    """Numbers, operators and a few functions: no names, no attributes, no strings."""

    nodes: dict[type[ast.AST], Callable[..., Any]]

    def __init__(self) -> None:
        super().__init__(operators=_OPERATORS, functions=_FUNCTIONS, names={})
        allowed: tuple[type[ast.AST], ...] = (ast.Expr, ast.BinOp, ast.UnaryOp, ast.Call, ast.Constant)
        known: dict[type[ast.AST], Callable[..., Any]] = self.nodes
        self.nodes = {**{kind: run for kind, run in known.items() if kind in allowed}, ast.Constant: self._number}

    def _number(self, node: ast.Constant) -> Fraction:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise InvalidExpression(f"{node.value!r} is no number")
        written = ast.get_source_segment(self.expr, node) or repr(node.value)
        if re.search(r"[eE][+-]?\d{4,}", written):  # 1e9999999 would be worked out digit by digit
            raise ValueError(f"a number of more than {DIGITS_LIMIT:,} digits")
        return _bounded(Fraction(written.replace("_", "")))  # as it is written: 0.1 is a tenth


@tool
def calculate(expression: str) -> str:
    """Work out an arithmetic expression exactly, e.g. "80 * 4.10 + 12.5% * 328" or "round(1/3, 2)".

    Takes + - * / // ** and %, brackets, and abs, min, max, sum, round, ceil, floor and sqrt.

    Args:
        expression: Numbers and operators alone; no units, no currency, no names.
    """
    return shown(_worked_out(expression))


def _worked_out(expression: str) -> Fraction:
    if len(expression) > EXPRESSION_LIMIT:
        raise ValueError(f"the expression is longer than {EXPRESSION_LIMIT:,} characters; split it")
    plain = expression.replace("×", "*").replace("·", "*").replace("÷", "/").replace("−", "-").replace("^", "**")
    while (joined := _GROUPED.sub(lambda match: match.group(1).replace(",", ""), plain)) != plain:
        plain = joined
    plain = re.sub(r"%\s*of\b", "% *", plain)
    plain = _PERCENT.sub(r"\1/100", plain.strip().removesuffix("="))
    try:
        ast.parse(plain, mode="eval")  # one expression: of several, simpleeval would take the first
        return Fraction(_Exact().eval(plain))
    except (InvalidExpression, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"{expression!r} cannot be worked out: {error}") from None
    except ZeroDivisionError:
        raise ValueError(f"{expression!r} divides by zero") from None


def shown(number: Fraction) -> str:
    """Write a number: whole or decimal where it ends, else as a decimal with the fraction beside it."""
    if number.denominator == 1:
        return str(number.numerator)
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    digits = _rounded(number, SHOWN_DIGITS)
    text = (
        f"{Decimal(digits.numerator) / Decimal(digits.denominator):f}"
        if abs(number) < Fraction(10) ** 14
        else f"{float(number):.15g}"
    )
    exact = rest == 1 and digits == number
    short = number.denominator < 10**6
    return text if exact else f"about {text}" + (f" (exactly {number.numerator}/{number.denominator})" if short else "")


def _unit_name(words: str) -> str:
    """Word a unit as pint knows it: "US pint" is us_pint to it, "MILES" is miles."""
    name = words.strip()
    name = name.lower() if name.isupper() and len(name) > 3 else name  # noqa: PLR2004 - kWh's and MW's case matters
    return name if re.search(r"[*/^]", name) else "_".join(name.split())


@cache
def _units() -> Any:
    import pint  # 0.2 s, and few runs convert anything

    return pint.UnitRegistry(non_int_type=Fraction, autoconvert_offset_to_baseunit=True)


@tool
def convert_units(value: str, unit: str, to: str) -> str:
    """Convert a quantity from one unit to another, e.g. value "2.5", unit "mile", to "km".

    Args:
        value: A number, or an arithmetic expression.
        unit: The unit it is in, such as "lb", "degF", "km/h", "US pint".
        to: The unit wanted.
    """
    for unit_name in (unit, to):
        if len(unit_name) > UNIT_LIMIT or not unit_name.strip() or _NO_UNIT.search(unit_name):
            raise ValueError(
                f'{unit_name[:UNIT_LIMIT]!r} is no unit; expected such as "km", "US pint", "km/h" or "m^2"'
            )
    import pint

    number = _worked_out(value)
    try:
        asked = _units().Quantity(number, _unit_name(unit)).to(_unit_name(to))
    except pint.UndefinedUnitError as error:
        raise ValueError(f"unknown unit: {error}") from None
    except pint.DimensionalityError as error:
        raise ValueError(str(error)) from None
    except (pint.PintError, AttributeError, TypeError, SyntaxError) as error:
        raise ValueError(f"{unit!r} to {to!r} cannot be converted: {error}") from None
    return f"{shown(number)} {unit} = {shown(Fraction(asked.magnitude))} {to}"


_STEPS = re.compile(r"([+-]?)\s{0,40}+(\d{1,6})\s{0,40}+(working day|weekday|day|week|month|year)s?", re.IGNORECASE)


@tool
def reckon_dates(start: str, shift: str = "", until: str = "") -> str:
    """Reckon with dates: shift one ("2026-05-30", "-12 weeks"), or count the days to another (until "2026-06-30").

    Args:
        start: A date as YYYY-MM-DD.
        shift: What to add or take away, such as "-12 weeks", "+3 months - 2 days", "10 working days".
        until: Another date as YYYY-MM-DD, to count the days between.
    """
    day = _date(start)
    if not shift and not until:
        return _told(day)
    if until:
        end = _date(until)
        days, low, high = (end - day).days, min(day, end), max(day, end)
        weeks, rest = divmod(abs(days), 7)
        working = weeks * 5 + sum((low + timedelta(weeks * 7 + day_after)).weekday() < 5 for day_after in range(rest))  # noqa: PLR2004
        return f"{_told(day)} to {_told(high if end >= day else end)}: {days} days ({weeks} weeks and {rest} days; {working} working days, Monday to Friday, the last day not counted)"
    if len(shift) > EXPRESSION_LIMIT:
        raise ValueError(f"the shift is longer than {EXPRESSION_LIMIT:,} characters")
    if _STEPS.sub("", shift).strip(" ,") or not _STEPS.search(shift):
        raise ValueError(f'{shift!r} is no shift; expected such as "-12 weeks" or "+3 months - 2 days"')
    try:
        for sign, count, unit in _STEPS.findall(shift):
            day = _shifted(day, -int(count) if sign == "-" else int(count), unit.lower())
    except (OverflowError, ValueError):
        raise ValueError("the date is beyond the years 1 to 9999") from None
    return _told(day)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no date; expected YYYY-MM-DD") from None


def _shifted(day: date, count: int, unit: str) -> date:
    if unit in ("month", "year"):  # the last of a month stays the last where the other month is shorter
        months = day.year * 12 + day.month - 1 + count * (12 if unit == "year" else 1)
        year, month = months // 12, months % 12 + 1
        return date(year, month, min(day.day, monthrange(year, month)[1]))
    if unit in ("working day", "weekday"):
        step = 1 if count > 0 else -1
        left = abs(count)
        while left:
            day += timedelta(step)
            left -= day.weekday() < 5  # noqa: PLR2004
        return day
    return day + timedelta(count * (7 if unit == "week" else 1))


def _told(day: date) -> str:
    return f"{day.isoformat()} ({day:%A})"


ARITHMETIC_TOOLS = (calculate, convert_units, reckon_dates)
