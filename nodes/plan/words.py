"""Words: the vocabularies of the checks, of every language at once (words.yaml)."""

from nodes.text import folded_letters
from prompts.words import words_beside

# Read at import: a first read inside an event loop would block it.
_BY_LANGUAGE = words_beside(__file__)


def words(kind: str) -> frozenset[str]:
    """Return the words or phrases of one kind, folded as nodes.text.folded_letters folds."""
    listed = (language.get(kind, ()) for language in _BY_LANGUAGE.values())
    return frozenset(
        folded_letters(word) for entry in listed for word in (entry.split() if isinstance(entry, str) else entry)
    )
