"""Words: how texts are compared, in any script."""

import re
import unicodedata
from functools import lru_cache

# Scripts that write no spaces between words: each pair of neighbouring characters stands for a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+(?:['’][^\W_{_UNSPACED}]+)*")
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_KANA_WORD = re.compile("[\u30a0-\u30ff]+")  # a run of katakana is one borrowed word, however long
_NOT_WORDS = re.compile(r"[\W_]+")
_ENDING = re.compile(r"(?<=\w{4})(?:s|es|en|e|n|er|x|ing)$")
_ARABIC_START = re.compile(r"^(?:[وف]?(?:بال|كال|لل|ال)|[بلو](?=\w{4}))(?=\w{3})")
_ARABIC = re.compile("[\u0621-\u064a]")


class _Folding(dict[int, int | str | None]):
    """A table for str.translate that learns each character once: marks and joiners go, some letters are one."""

    def __missing__(self, code: int) -> int | None:
        # The Japanese voicing marks make another letter; all others only decorate one.
        mark = unicodedata.category(chr(code)) in ("Mn", "Mc", "Me", "Cf") and code not in (0x3099, 0x309A)
        self[code] = None if mark else code
        return None if mark else code


_FOLDING = _Folding(
    {ord("’"): "'", ord("‘"): "'", ord("ʼ"): "'", ord("ة"): "ه", ord("ى"): "ي", ord("ـ"): None, ord("ı"): "i"}
)


def folded_letters(text: str) -> str:
    """Fold width, case, accents and Arabic vowel signs away, but keep punctuation."""
    if text.isascii():
        return text.lower()
    # Marks go first as well as last: unicodedata takes quadratic time to sort a long run of them.
    decomposed = unicodedata.normalize("NFKD", text.translate(_FOLDING)).casefold()
    return unicodedata.normalize("NFC", decomposed.translate(_FOLDING))


def folded(text: str) -> str:
    """Fold width, case, accents, Arabic vowel signs, punctuation and white space away, for comparison only."""
    return bare(folded_letters(text))


def bare(text: str) -> str:
    """Take punctuation and white space out of a text that is folded already."""
    return _NOT_WORDS.sub(" ", text).strip()


def terms(text: str) -> list[str]:
    """Split into words; unspaced scripts into overlapping pairs of characters."""
    return split(folded(text))


def split(text: str) -> list[str]:
    """Split folded text into words; unspaced scripts into overlapping pairs of characters."""
    words: list[str] = []
    for run in _RUN.findall(text):
        if _IS_UNSPACED.match(run):
            words += [run[at : at + 2] for at in range(len(run) - 1)] or [run]
        else:
            words.append(run)
    return words


def unspaced(text: str) -> bool:
    """Tell whether a text is in a script without spaces."""
    return bool(_IS_UNSPACED.search(text))


def length_in_words(text: str) -> float:
    """Count words of folded text; in unspaced scripts about three characters are counted as two words."""
    return sum(_length(run) for run in _RUN.findall(text))


def _length(run: str) -> float:
    if not _IS_UNSPACED.match(run):
        return 1.0
    bare, borrowed = _KANA_WORD.subn("", run)
    return len(bare) / 1.5 + borrowed


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """Cut the commonest endings (and the Arabic article) off a folded word, so that "menus" meets "menu"."""
    if _ARABIC.match(word):
        return _ARABIC_START.sub("", word)
    return _ENDING.sub("", word)
