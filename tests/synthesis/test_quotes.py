"""Quotes: words are found in a text however they are set, and a changed figure never is."""

import time

import pytest

from nodes.synthesis.quotes import LONGEST, Source

TEXT = "The music goes on until 19:00, because the **open microphone** draws\nmost people; it costs £1,250 in all."

QUOTES = {
    "exact": ("The music goes on until 19:00", True),
    "across lines": ("the open microphone draws most people", True),
    "other case and dashes": ("THE MUSIC — goes on until 19.00", True),
    "without marks": ("because the open microphone draws", True),
    "nearly": ("the open microphones draw most people", True),
    "one short word": ("19:00", True),
    "part of a short word": ("9:0", False),
    "changed time": ("The music goes on until 18:00", False),
    "changed sum": ("it costs £1,350 in all", False),
    "figure from elsewhere": ("the open microphone draws 1,250 people", False),
    "invented": ("the band leaves at noon and takes the piano along", False),
    "empty": ("", False),
    "marks alone": ("“…”", False),
    "turned round": ("most people draw the open microphone until the music costs", False),
}


@pytest.mark.parametrize("case", QUOTES)
def test_quotes(case: str) -> None:
    """A quote stands in a text but for marks and white space, or nearly; a changed figure never does."""
    quote, expected = QUOTES[case]

    assert Source(TEXT).has(quote) is expected


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("音乐在晚上七点结束", "我们认为,音乐在晚上七点结束。"),
        ("تنتهي الموسيقى في السابعة", "نرى أن تَنتهي الموسيقى في السابعة مساء."),
    ],
)
def test_quotes_in_other_scripts(quote: str, text: str) -> None:
    """Quotes are found without spaces between words, and without vowel signs."""
    assert Source(text).has(quote) is True


def test_a_near_quote_anywhere_in_a_long_text() -> None:
    """A nearly right quote is found wherever it stands, also where the text is read in stretches."""
    filler = "Nothing of note is said in this line of the report. "
    places = (0, 19_900, 20_000, 39_800, 60_000)
    texts = [(filler * 2_000)[:at] + TEXT + (filler * 2_000)[: 60_000 - at] for at in places]

    assert [Source(text).has("the open microphones draw most people") for text in texts] == [True] * len(places)


@pytest.mark.parametrize("quote", ["lorem ipsum dolor " * 1_200, "ab" * 10_000, ("word " * 200)[: LONGEST - 1]])
def test_a_long_quote_takes_no_time(quote: str) -> None:
    """One claim of 20,000 characters against a result of 20,000 holds the process up for no more than 50 ms."""
    source = Source(("word ward wort " * 1_400)[:20_000])
    before = time.thread_time()
    stands = source.has(quote)

    assert (stands, time.thread_time() - before < 0.05) == (False, True)
