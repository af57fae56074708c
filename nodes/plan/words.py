"""Words: the vocabularies of the checks, of every language at once (words.yaml)."""

from pathlib import Path
from typing import Any

import yaml

from nodes.text import folded_letters

# Read at import: a first read inside an event loop would block it.
_BY_LANGUAGE: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("words.yaml").read_text(encoding="utf-8")
)


def words(kind: str) -> frozenset[str]:
    """Return the words or phrases of one kind, folded as nodes.text.folded_letters folds."""
    listed = (language.get(kind, ()) for language in _BY_LANGUAGE.values())
    return frozenset(
        folded_letters(word) for entry in listed for word in (entry.split() if isinstance(entry, str) else entry)
    )
