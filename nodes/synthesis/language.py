"""Language: which one a text is in, and the few words that code adds to an answer, in it."""

import re
from functools import cache

from prompts.words import words_beside

READ = 20_000  # characters of a text that tell its language
SURE = 3  # common words without which a text in the Latin script may be in any language
ENGLISH = "en"
_LETTERS = re.compile(r"[^\W\d_]+")
# Scripts that tell a language by themselves. Kana come first: Japanese is written in Chinese characters too.
_SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "zh": re.compile("[\u3400-\u9fff]"),
    "ru": re.compile("[\u0400-\u04ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
}
_SHARE = 0.2  # of a text's letters; other scripts stand in names and quotations
_JAPANESE = 0.1  # kana among them

Words = dict[str, str]


@cache
def _all_words() -> dict[str, Words]:
    return words_beside(__file__)


def language_of(text: str) -> str | None:
    """Name the language of a text by its script and its commonest words; None where neither tells, or two as well."""
    read = text[:READ].casefold()
    words = _LETTERS.findall(read)
    letters = sum(map(len, words)) or 1
    for language, script in _SCRIPTS.items():
        if len(script.findall(read)) / letters > (_JAPANESE if language == "ja" else _SHARE):
            return language
    counts = {
        language: sum(word in common for word in words)
        for language, vocabulary in _all_words().items()
        if (common := frozenset(vocabulary["common"].split()))
    }
    (likeliest, most), (_, next_most) = sorted(counts.items(), key=lambda each: -each[1])[:2]
    return likeliest if most >= max(SURE, next_most + 1) else None


def words_for(*texts: str) -> Words:
    """Give the words that code adds, in the language of the first text that tells one, or in English.

    Reads a file when it is first used: call it off the event loop.
    """
    return _all_words()[next(filter(None, map(language_of, texts)), ENGLISH)]
