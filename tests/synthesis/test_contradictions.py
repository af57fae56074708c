"""Contradictions: figures that may not agree are asked about, and nothing else is."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from nodes.synthesis.contradictions import MOST, questions
from nodes.synthesis.figures import figures, plain

DATA = Path(__file__).parents[2] / "evals" / "synthesis"
AGREEING: list[dict[str, str]] = yaml.safe_load((DATA / "agreeing.yaml").read_text("utf-8"))


def results(*texts: str) -> Any:
    return [{"id": f"S{at}", "output": text} for at, text in enumerate(texts, 1)]


READ = {
    "Brass band: £900": [("money", "£", 900)],
    "insgesamt 1.000,50 €": [("money", "€", 1000.5)],
    "total 1,000.50 USD": [("money", "$", 1000.5)],
    "12 000 kr": [("money", "kr", 12000)],
    "CHF 1'250": [("money", "CHF", 1250)],
    "£1.2 million": [("money", "£", 1_200_000)],
    "租金1.2万元": [("money", "¥", 12_000)],
    "大人は５００円": [("money", "¥", 500)],
    "٥٠ درهم": [("money", "درهم", 50)],
    "for 80 people": [("count", "people", 80)],
    "١٢٠ ضيفا": [("count", "ضيفا", 120)],
    "at 2:30 pm": [("time", "", 870)],
    "18.30 Uhr": [("time", "", 1110)],
    "14h30": [("time", "", 870)],
    "18時30分から": [("time", "", 1110)],
    "Version 1.2.3": [("count", "", 1.2)],
    "S1 or B52": [],
}


@pytest.mark.parametrize("text", READ)
def test_reads_figures(text: str) -> None:
    """An amount, a count or a time is read in any digits and in the usual ways of writing it."""
    found = [(one.kind, one.unit, one.most) for one in figures(plain(text))]

    assert found == READ[text]


@pytest.mark.parametrize(
    "text",
    [
        "14 May 2026",
        "May 14th, 2026",
        "2026-05-14",
        "14.5.2026",
        "5/14/2026",
        "14 de mayo de 2026",
        "14 mai 2026",
        "2026年5月14日",
        "14 مايو 2026",
    ],
)
def test_reads_dates(text: str) -> None:
    """A date is the same day however it is written."""
    (one,), (two,) = figures(plain(text)), figures("2026-05-14")

    assert (one.kind, one.agrees(two)) == ("date", True)


AGREEMENTS = [
    ("1.000 people", "1000 people", True),
    ("1.000 people", "1 people", True),
    ("about £1,000", "£1,042", True),
    ("£1,000", "£1,080", False),
    ("10–15 kg", "12 kg", True),
    ("6:00", "18:00", True),
    ("6:00 am", "18:00", False),
    ("3/4/2026", "4 March 2026", True),
    ("3/4/2026", "5 March 2026", False),
    ("14 May", "14 May 2027", True),
]


@pytest.mark.parametrize(("one", "two", "same"), AGREEMENTS)
def test_two_readings(one: str, two: str, same: bool) -> None:  # noqa: FBT001 - a column of the table
    """Two figures agree when any reading of both is the same, or one is the other's rounding."""
    assert figures(plain(one))[0].agrees(figures(plain(two))[0]) is same


CONFLICTS = [
    ("Party, budget £500.", ("The brass band costs £900.",), "over the stated budget", ("the request", "S1")),
    ("Fest, Budget 1.000 €.", ("Insgesamt: 600 €", "Summe: 550 €"), "these totals together (1150)", ("S1", "S2")),
    ("Party for 80 people.", ("Menu for 120 people.", "Seats for 80 people."), "another number", ("the request", "S1")),
    (
        "Party.",
        ("Brass band: £900.", "| Item | Cost |\n|---|---|\n| Brass band | £150 |"),
        "different figures",
        ("S1", "S2"),
    ),
    ("Party.", ("Brass band: £150.", "Brass band: €150."), "different figures", ("S1", "S2")),
    ("Party.", ("The council deadline is 3 May.", "Council deadline: 10 May"), "different figures", ("S1", "S2")),
    ("Party.", ("Die Musik endet um 19:00 Uhr.", "Die Musik endet 18 Uhr."), "different figures", ("S1", "S2")),
    ("会议。", ("场地租金500元", "场地租金为800元"), "different figures", ("S1", "S2")),
    (
        "حفل.",
        ("ينتهي برنامج الموسيقى الساعة ١٩:٠٠", "ينتهي برنامج الموسيقى الساعة 18:00"),
        "different figures",
        ("S1", "S2"),
    ),
]


@pytest.mark.parametrize(("request_text", "texts", "asks", "names"), CONFLICTS)
def test_asks(request_text: str, texts: tuple[str, ...], asks: str, names: tuple[str, str]) -> None:
    """A plain contradiction is one question, which names its subtasks and quotes both passages."""
    (question,) = questions(results(*texts), request_text)

    assert asks in question
    assert [name for name in names if name not in question] == []
    assert question.count("“") == 2 + ("totals" in question)


def test_asks_nothing_of_pairs_that_agree() -> None:
    """At most one in twenty of the pairs that agree is asked about."""
    asked = [pair for pair in AGREEING if questions(results(pair["one"], pair["two"]), pair["request"])]

    assert len(AGREEING) >= 60
    assert len(asked) <= len(AGREEING) / 20


def test_a_text_that_knows_both_figures() -> None:
    """Nothing is asked where one of the two texts has the other's figure as well."""
    assert questions(results("Brass band: £900.", "Brass band: £150. It was £900 last year."), "Party.") == []


def test_several_budgets() -> None:
    """Budgets for several parts bind no single result, as nobody knows which is whose."""
    assert questions(results("Band: £450."), "Budget £300 for food, budget £400 for music.") == []


HUGE = [
    "14:00, " * 30_000,
    "1" * 200_000,
    "1 " * 100_000,
    "| 1 " * 50_000,
    "1万" * 100_000,
    "£" * 200_000,
    "1,000" * 40_000,
]


@pytest.mark.parametrize("text", HUGE)
def test_hostile_lengths(text: str) -> None:
    """A long text of one pattern is read in a bounded time, and never asks more than the bound."""
    assert len(questions(results(text, text), text)) <= MOST
