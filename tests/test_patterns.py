"""Patterns: no compiled pattern of the project takes more than linear time on signs that repeat."""

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator

import graph
import nodes
import prompts

SIZES = (1_000, 4_000, 16_000)  # repetitions; the few first: some patterns would never end
LIMIT = 0.1  # seconds of CPU
GROWTH = 2.8  # twice the text takes a linear pattern twice the time, a quadratic one four times
SIGNS = [*" \t\n\r\"'`“’.,:;!?()[]{}<>|/\\-–*_#=+~@$%&a1é任\u200b\0"]
SIGNS += [
    "a ",
    " a",
    "1 ",
    "a1",
    "a.",
    "a,",
    "1,",
    "a:",
    ": ",
    "| ",
    "- ",
    "* ",
    "# ",
    "\n ",
    " \n",
    "\n-",
    "a\n",
    "[a",
]
SIGNS += ["a]", "<a", "</", "<!", '" ', '":', '",', '"a', '\\"', "{'", "{ ", "[ ", "|-", "a-", "S1", "S1 ", "and "]


def patterns() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Give every compiled pattern that a module of ours holds, alone or in a collection, by name."""
    for package in (graph, nodes, prompts):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(info.name)).items():
                held = [*value.values()] if isinstance(value, dict) else value
                for pattern in held if isinstance(held, list | tuple) else [held]:
                    if isinstance(pattern, re.Pattern) and isinstance(pattern.pattern, str):
                        yield f"{info.name}.{name}", pattern


def seconds(pattern: re.Pattern[str], text: str) -> float:
    """Time one text: the CPU that search, match and fullmatch take together."""
    start = time.thread_time()
    pattern.search(text)
    pattern.match(text)
    pattern.fullmatch(text)
    return time.thread_time() - start


def is_slow(pattern: re.Pattern[str]) -> bool:
    """Say whether some sign's repetition takes a pattern more than linear time, and long."""
    for sign in SIGNS:
        for count in SIZES:
            if seconds(pattern, sign * count) <= LIMIT:
                continue
            half, whole = (min(seconds(pattern, sign * size) for _ in range(3)) for size in (count // 2, count))
            if whole > LIMIT and whole > GROWTH * half:
                return True
    return False


def test_no_pattern_takes_quadratic_time() -> None:
    """Every pattern of the project takes linear time on repeated signs."""
    distinct = {pattern: name for name, pattern in patterns()}
    slow = [name for pattern, name in distinct.items() if is_slow(pattern)]

    assert slow == []


def test_a_quadratic_pattern_is_found() -> None:
    """The measure tells a pattern that goes back over spaces from its possessive form with a bound."""
    measured = [is_slow(re.compile(pattern)) for pattern in (r"\s+:", r"\s{0,40}+:")]

    assert [True, False] == measured
