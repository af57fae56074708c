"""Web search: one tool, over Tavily for those with a key, over a SearXNG server for those without."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from langchain_core.tools import BaseTool, tool
from pydantic import BaseModel, ValidationError

RESULTS = 6
SNIPPET = 700  # characters of one result
TAVILY = "https://api.tavily.com"


@dataclass(frozen=True)
class SearchEngine:
    """Where to search.

    Attributes:
        url: a SearXNG server, or Tavily's.
        key: Tavily's key ("": it is a SearXNG server).
    """

    url: str
    key: str = field(default="", repr=False)


class _Result(BaseModel):
    title: str = ""
    url: str
    content: str | None = ""


class _Results(BaseModel):
    results: list[_Result]


def web_search_tool(engine: SearchEngine) -> BaseTool:
    """Make the tool `web_search`. A failed search is told to the model, as any tool's failure."""

    @tool
    async def web_search(query: str) -> str:
        """Search the web. Returns titles, addresses and excerpts; give the address where you use what one says.

        Args:
            query: A few words, as one would type them into a search box.
        """
        async with httpx.AsyncClient(base_url=engine.url, timeout=20) as client:
            response = await _asked(client, engine, query[:400])
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"the search engine answered with HTTP {response.status_code}{_hint(engine, response)}")
        try:
            results = _Results.model_validate_json(response.content).results[:RESULTS]
        except ValidationError:
            raise ValueError("the search engine's answer holds no list of results") from None
        if not results:
            return f"Nothing was found for {query[:100]!r}."
        return "\n\n".join(
            f"{' '.join(result.title.split()) or 'untitled'}\n{result.url}\n{' '.join((result.content or '').split())[:SNIPPET]}"
            for result in results
        )

    return web_search


async def _asked(client: httpx.AsyncClient, engine: SearchEngine, query: str) -> httpx.Response:
    """Send one search. Sources: https://docs.tavily.com (POST /search), https://docs.searxng.org/dev/search_api."""
    if engine.key:
        body: dict[str, Any] = {"query": query, "max_results": RESULTS}
        return await client.post("/search", json=body, headers={"Authorization": f"Bearer {engine.key}"})
    return await client.get("/search", params={"q": query, "format": "json"})


def _hint(engine: SearchEngine, response: httpx.Response) -> str:
    if response.status_code == httpx.codes.FORBIDDEN and not engine.key:
        return "; does its settings.yml allow the format json?"
    if response.status_code == httpx.codes.UNAUTHORIZED:
        return "; check TAVILY_API_KEY"
    return ""
