"""Words: the vocabularies of what we read and write, in several languages, each in a words.yaml beside who uses it."""

from pathlib import Path
from typing import Any

import yaml

# libyaml's, which PyYAML's wheels have: 1 ms where Python's own takes 8, and they are read before the first call.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def words_beside(module: str) -> dict[str, dict[str, Any]]:
    """Read the words of a module, given as its __file__: language by language, kind by kind."""
    text = Path(module).with_name("words.yaml").read_text(encoding="utf-8")
    words: dict[str, dict[str, Any]] = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe one
    return words
