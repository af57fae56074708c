"""Specialists: who can be given a subtask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from rapidfuzz import fuzz, process, utils

from nodes.errors import BadSettings
from prompts.words import words_beside

NEAR_MISS = 90  # of 100, token_sort_ratio: "caterers" is "caterer", "exterior designer" no "interior designer"
_WORDS = words_beside(__file__).values()
_ARTICLES, _TITLES = (
    {word for words in _WORDS for word in words.get(kind, "").split()} for kind in ("articles", "titles")
)


@dataclass(frozen=True)
class Specialist:
    """One kind of worker: our own (instructions and tools), a Python object (runnable), or a graph elsewhere (url).

    Attributes:
        name: what the planner calls it.
        description: what it is for, in a sentence; the planner reads it.
        runnable: a LangChain runnable, compiled graph, agent or (async) function from task to text (None: our worker).
        instructions: how it works, added to the worker's prompt.
        model: "provider:name" ("": the run's worker model).
        tools: the names of the tools it has; no others, whatever is asked of it.
        asks: those of its tools that wait for a person's word, besides those marked as changing the world.
        max_output_tokens: for one reply (None: the run's setting). A budget may lower it.
        timeout: seconds (None: the run's worker_timeout_s, which also bounds it).
        tool_timeout: seconds for one tool call.
        temperature: None: the run's setting.
        url: a LangGraph server, for a specialist that is a graph there.
        graph: the graph's name, or an assistant's id, on that server.
        key: sent to that server as x-api-key ("": none).
        origin: where it was defined, for messages.
        built_in: comes with us: at hand where specialists are improvised, no part of a user's own closed team.
    """

    name: str
    description: str
    runnable: Any = None
    instructions: str = ""
    model: str = ""
    tools: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    max_output_tokens: int | None = None
    timeout: float | None = None
    tool_timeout: float = 30.0
    temperature: float | None = None
    url: str = ""
    graph: str = ""
    key: str = field(default="", repr=False)
    origin: str = ""
    built_in: bool = False

    def __post_init__(self) -> None:
        """Refuse what the planner could not name or choose by.

        Raises:
            BadSettings: no name, or no description.
        """
        if not isinstance(self.name, str) or not bare_name(self.name):
            raise BadSettings(f"a specialist needs a name, got {self.name!r}")
        if not isinstance(self.description, str) or not self.description.strip():
            raise BadSettings(f"specialist {self.name!r} needs a description: the planner chooses by it")

    @property
    def ours(self) -> bool:
        """True when our worker does it, with a model of the run."""
        return self.runnable is None and not self.url

    @property
    def where(self) -> str:
        """Say where it was defined."""
        return self.origin or f"specialist {self.name!r}"


@dataclass(frozen=True)
class Roster:
    """The registered specialists, by name."""

    members: Mapping[str, Specialist] = field(default_factory=dict)

    @classmethod
    def of(cls, specialists: Iterable[Specialist]) -> "Roster":
        """Register specialists; of two with one name the later wins."""
        members: dict[str, Specialist] = {}
        for specialist in specialists:
            for name in [name for name in members if bare_name(name) == bare_name(specialist.name)]:
                del members[name]
            members[specialist.name] = specialist
        return cls(members)

    def find(self, name: str) -> Specialist | None:
        """Return the specialist of that name, or of a name so near that it must be meant (None: there is none)."""
        if name in self.members:
            return self.members[name]
        bare = bare_name(name)
        if bare in self._by_bare_name or not bare:
            return self._by_bare_name.get(bare)
        near = process.extractOne(bare, [*self._by_bare_name], scorer=fuzz.token_sort_ratio, score_cutoff=NEAR_MISS)
        return None if near is None else self._by_bare_name[near[0]]

    @cached_property
    def _by_bare_name(self) -> dict[str, Specialist]:
        return {bare_name(name): specialist for name, specialist in self.members.items()}

    def names(self, *, improvise: bool) -> list[str]:
        """Name whom the planner may choose: the user's own, and while it may improvise those that come with us too."""
        return [specialist.name for specialist in self.members.values() if improvise or not specialist.built_in]

    def listed(self, *, improvise: bool = True) -> list[dict[str, str]]:
        """Return what the planner is told of each: its name, what it is for, and what it can do besides writing."""
        chosen = [self.members[name] for name in self.names(improvise=improvise)]
        tools = [f" Has tools: {', '.join(specialist.tools)}." if specialist.tools else "" for specialist in chosen]
        return [
            {"name": specialist.name, "description": specialist.description + has}
            for specialist, has in zip(chosen, tools, strict=True)
        ]


@lru_cache(maxsize=1024)
def bare_name(name: str) -> str:
    """Fold a name for comparison: case, punctuation, articles and titles."""
    words = utils.default_process(name).split()
    bare = [word for word in words if word not in _ARTICLES]
    while len(bare) > 1 and bare[-1] in _TITLES:
        bare.pop()
    return " ".join(bare or words)
