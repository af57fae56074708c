"""Providers: what each calls its key and its address, and which models are taken where none is named. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from nodes.context import Role
from nodes.errors import NoModel

WAYS = (
    "Ways to get a model: set OPENAI_API_KEY, ANTHROPIC_API_KEY or GOOGLE_API_KEY; or set OPENAI_BASE_URL for any "
    "OpenAI-compatible server (vLLM, Ollama, llama.cpp, a gateway); or name one in ORCHESTRATOR_MODEL as "
    "provider:name, such as openai:gpt-5.5, anthropic:claude-opus-5-5, google_genai:gemini-3.8-flash, local (a small "
    'model on this machine, with the extra "local") or scripted:street-party (a demonstration that calls no model).'
)


@dataclass(frozen=True)
class Provider:
    """What a provider is set up with.

    Attributes:
        keys: variables that may hold its key, the usual one first.
        addresses: variables that may hold its base URL.
        planner: the model to plan and join with when a key is there and no model is named: the most capable ("": none).
        worker: a lighter one for the work.
        tells_end: whole replies always say how they ended, so that one without an end has broken off.
        cap_option: what LangChain's class calls the output tokens that one call may take ("": not known).
        usage_in_parts: LangChain's chunks hold what each has added, not what the whole answer has used so far.
    """

    keys: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    planner: str = ""
    worker: str = ""
    tells_end: bool = False
    usage_in_parts: bool = False
    cap_option: str = ""

    def defaults(self, name: str) -> dict[Role, str]:
        """Give each role its model, as provider:name."""
        planner, worker = f"{name}:{self.planner}", f"{name}:{self.worker}"
        return {"planner": planner, "worker": worker, "synthesiser": planner}


# In the order in which their keys are looked for.
PROVIDERS: dict[str, Provider] = {
    "openai": Provider(("OPENAI_API_KEY",), ("OPENAI_BASE_URL", "OPENAI_API_BASE"), "gpt-5.5", "gpt-5.4-mini"),
    "anthropic": Provider(
        ("ANTHROPIC_API_KEY",),
        ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL"),
        "claude-opus-5-5",
        "claude-sonnet-5-5",
        tells_end=True,
        cap_option="max_tokens",
    ),
    "google_genai": Provider(
        ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        ("GOOGLE_GEMINI_BASE_URL",),
        "gemini-4-argon",
        "gemini-3.8-flash",
        tells_end=True,
        usage_in_parts=True,
        cap_option="max_output_tokens",
    ),
    "google_vertexai": Provider(("GOOGLE_APPLICATION_CREDENTIALS",), usage_in_parts=True),
    "azure_openai": Provider(("AZURE_OPENAI_API_KEY",), ("AZURE_OPENAI_ENDPOINT",)),
    "bedrock": Provider(("AWS_ACCESS_KEY_ID",), ("AWS_DEFAULT_REGION",)),
    "bedrock_converse": Provider(("AWS_ACCESS_KEY_ID",), ("AWS_DEFAULT_REGION",)),
    "mistralai": Provider(("MISTRAL_API_KEY",)),
    "huggingface": Provider(("HUGGINGFACEHUB_API_TOKEN",)),
    "perplexity": Provider(("PPLX_API_KEY",)),
    "ibm": Provider(("WATSONX_API_KEY",)),
    "ollama": Provider((), ("OLLAMA_HOST",)),
}

# A key or an address that changes makes another endpoint of the same name.
VARIABLES: tuple[str, ...] = tuple(name for known in PROVIDERS.values() for name in (*known.keys, *known.addresses))
VARIABLES_OF_OPENAI: tuple[str, ...] = (*PROVIDERS["openai"].keys, *PROVIDERS["openai"].addresses)


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


def variables_of(provider: str) -> tuple[str, ...]:
    """Name the variables that a provider's chat model may read; other packages than OpenAI's read one another's."""
    return VARIABLES_OF_OPENAI if provider == "openai" else (*VARIABLES, *known_provider(provider).keys)


def known_provider(provider: str) -> Provider:
    """Return what is known of a provider; of one that is not listed, the name that its key has by custom."""
    return PROVIDERS.get(provider) or Provider((f"{provider.upper()}_API_KEY",))


def default_models(environment: Mapping[str, str]) -> dict[Role, str] | None:
    """Name each role's model for the first provider whose key is at hand (None: no key is)."""
    for name, provider in PROVIDERS.items():
        if provider.planner and any(environment.get(key, "").strip() for key in provider.keys):
            return provider.defaults(name)
    return None
