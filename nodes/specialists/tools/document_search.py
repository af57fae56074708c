"""Reader: tools with which a worker reads further in the documents that came with the request."""

from langchain_core.tools import BaseTool, tool

from nodes.documents import Document, Documents, Passage

SHOWN = 12_000  # characters of one reading
FOUND = 8  # passages of one search


def document_tools(documents: Documents | None) -> list[BaseTool]:
    """Make the tools; without documents they say that there are none."""

    @tool
    def search_documents(query: str) -> str:
        """Find passages in the documents that came with the request.

        Args:
            query: A few words that the passage would hold.
        """
        if documents is None:
            return _NONE
        likeliest = documents.ranked(query[:1000])[:FOUND]
        if not likeliest:
            return f"Nothing shares a word with {query[:100]!r}. {_listed(documents)}"
        return _shown([documents.passages[at] for at in likeliest], SHOWN)

    @tool
    def read_document(name: str, from_passage: int = 1) -> str:
        """Read one of the documents that came with the request, from one of its passages on.

        Args:
            name: The document's name.
            from_passage: 1 for its beginning; a reading says which comes next.
        """
        if documents is None:
            return _NONE
        document = documents.find(name)
        if document is None:
            raise ValueError(f"there is no document {name!r}. {_listed(documents)}")
        return _read_on(document, from_passage)

    return [search_documents, read_document]


def _read_on(document: Document, from_passage: int) -> str:
    """Show a document from a passage on, and say which comes next."""
    passages = document.passages()
    if not 1 <= from_passage <= len(passages):
        raise ValueError(f"{document.name} has passages 1 to {len(passages)}")
    kept, used = list[Passage](), 0
    for passage in passages[from_passage - 1 :]:
        used += len(passage.text)
        if kept and used > SHOWN:
            break
        kept.append(passage)
    after = from_passage + len(kept)
    more = (
        f"\n\n[{len(passages) - after + 1} more passages; next: from_passage={after}]" if after <= len(passages) else ""
    )
    return _shown(kept, SHOWN * 2) + more


_NONE = "No documents came with the request."


def _listed(documents: Documents) -> str:
    listed = ", ".join(f"{document.name} ({len(document.passages())} passages)" for document in documents.members)
    return f"There are: {listed}."


def _shown(passages: list[Passage], limit: int) -> str:
    return "\n\n".join(passage.cited for passage in passages)[:limit]
