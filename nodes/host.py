"""Host: what the machine a graph runs on has fixed. No caller's context names a path, an endpoint or a price."""

import os
import uuid
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nodes.budget import Price
from nodes.models.engine.server import EngineOptions
from nodes.specialists.registry import Specialist

if TYPE_CHECKING:
    from nodes.documents import Documents
    from nodes.specialists.registry import Roster
    from nodes.specialists.tools.registry import Tool, Toolbox


_BOOT = uuid.uuid4().hex


def this_process() -> str:
    """Name this process; a fork has another name. Tells a resume in another process from a run that goes on."""
    return f"{_BOOT}-{os.getpid()}"


READING = ("search_documents", "read_document")


@dataclass(frozen=True)
class Host:
    """Given to every node when the graph is built."""

    roster: "Roster"
    prices: Mapping[str, Price] = field(default_factory=dict)  # by model name, with or without its provider
    local: Callable[[str], EngineOptions] | None = None  # where an embedded model lies and how it is run
    openai_environment: Callable[[], Hashable] = tuple  # changes when the key or the endpoint in the environment does
    toolbox: "Toolbox | None" = None  # every tool that a specialist may name (None: no tools)
    documents: "Documents | None" = None  # what the user handed over with the request (None: nothing)

    def whoever(self, name: str) -> Specialist:
        """Return the specialist of a name; one who is not registered is improvised, and can read in the documents."""
        known = self.roster.find(name)
        if known is not None:
            return known
        reading = self.toolbox is not None and self.documents is not None and not self.documents.fit()
        return Specialist(name.strip() or "generalist", "improvised for this request", tools=READING if reading else ())

    def tools_of(self, one: Specialist) -> "dict[str, Tool]":
        """Return the tools of a specialist, by the names that a model calls them."""
        return {} if self.toolbox is None else self.toolbox.of(one)
