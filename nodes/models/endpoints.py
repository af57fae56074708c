"""Endpoints: what the machine has fixed about where models are reached and what they cost."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from nodes.budget import Price
from nodes.errors import NoModel
from nodes.models.engine.server import EngineOptions

WAYS = (
    "Ways to get a model: set OPENAI_API_KEY; or set OPENAI_BASE_URL for any OpenAI-compatible server "
    "(vLLM, Ollama, llama.cpp, a gateway); or name one in ORCHESTRATOR_MODEL as provider:name, such as "
    "openai:gpt-5.5, anthropic:claude-opus-4-5 (with its LangChain package installed), local (a small model on this "
    'machine, with the extra "local") or scripted:street-party (a demonstration that calls no model).'
)


@dataclass(frozen=True)
class Endpoints:
    """Given to every call; no caller's context names an endpoint or a price.

    Attributes:
        prices: by model name, with or without its provider.
        local: where an embedded model lies and how it is run, by its name (None: there is no embedded engine).
        openai_environment: changes when the key or the endpoint in the environment does.
    """

    prices: Mapping[str, Price] = field(default_factory=dict)
    local: Callable[[str], EngineOptions] | None = None
    openai_environment: Callable[[], Hashable] = tuple


def provider_of(spec: str) -> tuple[str, str]:
    """Split "provider:name".

    Raises:
        NoModel: it is not of that form.
    """
    provider, colon, name = spec.partition(":")
    if provider == "local":
        return "local", name or "small"
    if not colon or not provider or not name:
        raise NoModel(f"model {spec!r}: expected provider:name. {WAYS}")
    return provider, name
