"""Sources: what a worker was shown, by a tool or in its task, and names in its output."""

import re
from collections.abc import Iterable

LONGEST = 300  # characters of an address
READ = 200_000  # characters of one text
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\[\]{}|\\^]{3,2000}", re.IGNORECASE)
# As nodes/documents.py and the reading tools head a passage.
_PASSAGE = re.compile(r"^\[([^\n]{1,200}), (?:page|lines?|rows?) [\d-]{1,20}\]$", re.MULTILINE)


def used_sources(results: Iterable[str], output: str, excerpts: str = "") -> list[str]:
    """List the sources that an output names, in the order in which it was shown them.

    Args:
        results: of tools; the web addresses in them count, and the documents whose passages they show.
        output: the worker's text.
        excerpts: of documents, as a task carries them; an address that stands in one is no source.
    """
    named, said = {_key(address) for address in _addresses(output)}, output.casefold()
    sources = {name: name for name in _documents(excerpts) if name.casefold() in said}
    for result in results:
        sources |= {name: name for name in _documents(result) if name.casefold() in said}
        for address in _addresses(result):
            if _key(address) in named:
                sources.setdefault(_key(address), address)
    return list(sources.values())


def _documents(text: str) -> list[str]:
    return list(dict.fromkeys(_PASSAGE.findall(text[:READ])))


def _addresses(text: str) -> list[str]:
    """List the web addresses in a text, each without the punctuation of the sentence around it."""
    whole = (match.rstrip(".,;:!?*_") for match in _ADDRESS.findall(text[:READ]))
    bare = (address if "(" in address else address.partition(")")[0].rstrip(".,;:!?*_") for address in whole)
    return [address for address in bare if len(address) <= LONGEST]


def _key(address: str) -> str:
    return address.rstrip("/").casefold()
