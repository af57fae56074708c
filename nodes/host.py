"""Host: what the machine a graph runs on has fixed. No caller's context names a path, an endpoint or a price."""

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nodes.attachments import documents_in
from nodes.documents import Documents, together
from nodes.models import Endpoints
from nodes.specialists import Roster, Specialist, Tool, Toolbox, document_tools, tools_by_name
from nodes.state import Attachment

_BOOT = uuid.uuid4().hex


def this_process() -> str:
    """Name this process; a fork has another name. Tells a resume in another process from a run that goes on."""
    return f"{_BOOT}-{os.getpid()}"


READING = ("search_documents", "read_document")
READER = "the shipped reader"  # the source of these tools; a tool of the user's own may have such a name


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

    def with_documents(self, attachments: Sequence[Attachment]) -> "Host":
        """Add the documents of one run to those that came with the graph; its tools read in all of them."""
        if not attachments:
            return self
        members = self.documents.members if self.documents else ()
        documents, toolbox = together([*members, *documents_in(attachments)]), self.toolbox
        if toolbox is not None:
            tools = tools_by_name(document_tools(documents), READER)
            shipped = {name: tool for name, tool in toolbox.tools.items() if tool.source == READER}
            toolbox = toolbox.with_tools({name: tools[name] for name in shipped})
        return replace(self, documents=documents, toolbox=toolbox)

    def reads_on(self, name: str) -> bool:
        """Tell whether a specialist has a tool to read in the documents beyond what its task carries."""
        return (
            self.documents is not None and not self.documents.fit() and bool({*self.whoever(name).tools} & {*READING})
        )

    def tools_of(self, specialist: Specialist) -> dict[str, Tool]:
        """Return the tools of a specialist, by the names that a model calls them."""
        return {} if self.toolbox is None else self.toolbox.of(specialist)
