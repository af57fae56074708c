"""Host: what the machine a graph runs on has fixed. No caller's context names a path, an endpoint or a price."""

import os
import uuid
from dataclasses import dataclass, field

from nodes.documents import Documents
from nodes.models import Endpoints
from nodes.specialists import Roster, Specialist, Tool, Toolbox

_BOOT = uuid.uuid4().hex


def this_process() -> str:
    """Name this process; a fork has another name. Tells a resume in another process from a run that goes on."""
    return f"{_BOOT}-{os.getpid()}"


READING = ("search_documents", "read_document")


@dataclass(frozen=True)
class Host:
    """Given to every node when the graph is built."""

    roster: Roster
    endpoints: Endpoints = field(default_factory=Endpoints)
    toolbox: Toolbox | None = None  # every tool that a specialist may name (None: no tools)
    documents: Documents | None = None  # what the user handed over with the request (None: nothing)

    def whoever(self, name: str) -> Specialist:
        """Return the specialist of a name; one who is not registered is improvised, and can read in the documents."""
        known = self.roster.find(name)
        if known is not None:
            return known
        reading = self.toolbox is not None and self.documents is not None and not self.documents.fit()
        return Specialist(name.strip() or "generalist", "improvised for this request", tools=READING if reading else ())

    def tools_of(self, one: Specialist) -> dict[str, Tool]:
        """Return the tools of a specialist, by the names that a model calls them."""
        return {} if self.toolbox is None else self.toolbox.of(one)
