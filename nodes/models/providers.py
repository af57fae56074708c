"""Models: from "provider:name" to a chat model, with what we must know of it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from langchain.chat_models import init_chat_model
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr, SecretStr

from nodes.errors import NoModel
from nodes.models.endpoints import WAYS, Endpoints, provider_of
from nodes.models.engine import server as engine
from nodes.models.errors import fault_of
from nodes.models.http import http_client
from nodes.models.scripted import ScriptedChatModel, script_of
from nodes.models.stream import StreamedChat
from nodes.state import ROLES, Context, Role

# Used when a key is there and no model is named: the most capable for planning and joining, a lighter one for work.
DEFAULTS: dict[Role, str] = {"planner": "gpt-5.5", "worker": "gpt-5.4-mini", "synthesiser": "gpt-5.5"}


@dataclass(frozen=True)
class Model:
    """A chat model, ready to be called on the engine loop."""

    spec: str
    chat: BaseChatModel
    endpoint: str  # what its calls are counted against
    takes_schema: bool  # a JSON schema may be sent as response_format
    bounded: bool = False  # an output cap is always sent (the embedded engine would go on for ever)
    own_server: bool = False  # some other server than OpenAI's
    slots: int | None = None  # calls that the server works on at once (None: any number)


async def open_model(spec: str, settings: Context, role: Role, endpoints: Endpoints, cap: int | None) -> Model:
    """Make the chat model that a spec names.

    Args:
        spec: "provider:name".
        settings: the run's.
        role: whose temperature applies.
        endpoints: prices and the embedded engine's options.
        cap: output tokens at most (None: not sent).

    Raises:
        NoModel: unknown provider or script, missing key or package; says how to mend it.
    """
    provider, name = provider_of(spec)
    temperature = settings.temperature(role)
    if provider == "scripted":
        chat = ScriptedChatModel(script=script_of(name), name_of_script=name)
        return Model(spec, chat, "scripted", takes_schema=False)
    if provider == "openai":
        return _openai(spec, name, temperature, endpoints.openai_environment(), id(http_client()))
    if provider == "local":
        return await _local(spec, name, temperature, endpoints)
    return Model(spec, _any_provider(provider, name, temperature, cap), provider, takes_schema=False)


class OpenAIChat(StreamedChat):
    """ChatOpenAI that keeps a streamed refusal: langchain-openai 1.7 reads refusals of whole replies alone."""

    _heard: Callable[[dict[str, Any]], None] | None = PrivateAttr(None)

    def _convert_chunk_to_generation_chunk(
        self, chunk: dict[str, Any], default_chunk_class: type, base_generation_info: dict[str, Any] | None
    ) -> ChatGenerationChunk | None:
        made = super()._convert_chunk_to_generation_chunk(chunk, default_chunk_class, base_generation_info)
        refusal = next(
            (choice["delta"].get("refusal") for choice in chunk.get("choices") or () if choice["delta"]), None
        )
        if made is not None and refusal:
            made.message.additional_kwargs["refusal"] = refusal
        if self._heard is not None and isinstance(progress := chunk.get("prompt_progress"), dict):
            self._heard(progress)
        return made

    def hear(self, heard: Callable[[dict[str, Any]], None]) -> None:
        """Have the embedded engine's reports of its reading passed on: total, cache, processed (tokens), time_ms."""
        self._heard = heard


# The first ChatOpenAI of a process takes 0.1 s (lazy modules of the openai package): paid at import as well.
OpenAIChat(model="-", api_key=SecretStr("-"), http_async_client=httpx2.AsyncClient(verify=False))


@lru_cache(maxsize=64)
def _openai(spec: str, name: str, temperature: float | None, environment: Hashable, client: int) -> Model:  # noqa: ARG001
    """Make a ChatOpenAI once for each environment and client: it takes a millisecond that 20 workers would all pay."""
    given: dict[str, Any] = {"temperature": temperature} if temperature is not None else {}
    shared: dict[str, Any] = {
        "model": name,
        "http_async_client": http_client(),
        "max_retries": 0,  # retries are made in one layer, nodes/models/ask.py
        "stream_usage": True,
        "stream_chunk_timeout": 0,
        **given,
    }
    try:
        chat = OpenAIChat(**shared)
    except openai.OpenAIError:  # no key; a server of one's own may want none
        chat = OpenAIChat(**shared, api_key=SecretStr("no-key-set"))
        if _is_openai(chat):
            raise NoModel(f"model {spec!r} needs a key, and OPENAI_API_KEY is not set. {WAYS}") from None
    own_server = not _is_openai(chat)
    if own_server:
        chat = chat.model_copy(update={"use_responses_api": False})
    return Model(spec, chat, base_url(chat), takes_schema=True, own_server=own_server)


async def _local(spec: str, name: str, temperature: float | None, endpoints: Endpoints) -> Model:
    """Start the embedded engine, or find it running; asked before every request, for it may have died in between."""
    if endpoints.local is None:
        raise NoModel(f"model {spec!r}: this graph was built without an embedded engine. {WAYS}")
    try:
        where = await engine.endpoint(endpoints.local(name))
    except engine.EngineError as error:
        raise NoModel(f"model {spec!r}: {error}") from None
    given: dict[str, Any] = {"temperature": temperature} if temperature is not None else {}
    chat = OpenAIChat(
        model=where.model,
        base_url=where.base_url,
        api_key=where.api_key,
        http_async_client=http_client(),
        use_responses_api=False,
        max_retries=0,
        stream_usage=True,
        stream_chunk_timeout=0,
        **given,
    )
    return Model(spec, chat, where.base_url, takes_schema=True, bounded=True, own_server=True, slots=where.slots)


def base_url(chat: ChatOpenAI) -> str:
    """Return where a ChatOpenAI sends its calls."""
    return str(chat.root_async_client.base_url)


def _is_openai(chat: ChatOpenAI) -> bool:
    return (urlsplit(base_url(chat)).hostname or "").endswith("openai.com")


@lru_cache(maxsize=64)
def _any_provider(provider: str, name: str, temperature: float | None, cap: int | None) -> BaseChatModel:
    given: dict[str, Any] = {"max_retries": 0}
    if temperature is not None:
        given["temperature"] = temperature
    if cap is not None:
        given["max_tokens"] = cap
    try:
        model: BaseChatModel = init_chat_model(name, model_provider=provider, **given)
    except ImportError as error:
        raise NoModel(f"model '{provider}:{name}': {error}") from None
    except ValueError as error:
        said = " ".join(str(error).split())[:300]
        raise NoModel(f"model '{provider}:{name}' cannot be set up: {said}. {WAYS}") from None
    return model


async def settle(settings: Context, endpoints: Endpoints) -> Context:
    """Name every role's model for good and make sure that each is there, before anything is spent.

    "openai:auto" becomes the model that the server at OPENAI_BASE_URL serves. Names are looked up in the server's own
    list where it keeps one that can be trusted: one that holds the planner's model.

    Raises:
        NoModel: a model cannot be set up, or its server does not have it.
    """
    specs = {role: settings.model(role) for role in ROLES}
    opened = {spec: await open_model(spec, settings, "planner", endpoints, None) for spec in set(specs.values())}
    if len(opened) == 1 and not specs["planner"].endswith(":auto"):
        return settings  # the planner's own call is the check, and costs no more
    served: dict[str, list[str]] = {}
    for model in opened.values():
        if isinstance(model.chat, ChatOpenAI) and model.endpoint not in served:
            served[model.endpoint] = await _served(model)
    named: dict[str, str] = {}
    for role in ROLES:
        model = opened[specs[role]]
        names = served.get(model.endpoint, [])
        named[f"{role}_model"] = _named(specs[role], role, names)
        _check_listed(named[f"{role}_model"], provider_of(named["planner_model"])[1], names)
    return settings.model_copy(update=named)


async def _served(model: Model) -> list[str]:
    """List the models of an OpenAI-compatible server ([]: it keeps no list)."""
    assert isinstance(model.chat, ChatOpenAI)  # noqa: S101 - for mypy; settle() asks of no other
    try:
        listed = await model.chat.root_async_client.with_options(timeout=10).models.list()
        return [name for one in listed.data or [] if isinstance(name := getattr(one, "id", None), str)]
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        if fault.kind in ("auth", "connection", "timeout"):
            raise NoModel(fault.told(model.spec)) from None
        return []


def _named(spec: str, role: Role, names: list[str]) -> str:
    if spec != "openai:auto":
        return spec
    if not names or DEFAULTS[role] in names:
        return f"openai:{DEFAULTS[role]}"
    if len(names) == 1:
        return f"openai:{names[0]}"
    listed = ", ".join(sorted(names)[:20])
    raise NoModel(f"The server has several models; name one in ORCHESTRATOR_MODEL as openai:NAME. It has: {listed}")


def _check_listed(spec: str, trusted: str, names: list[str]) -> None:
    provider, name = provider_of(spec)
    if provider == "openai" and trusted in names and name not in names:
        listed = ", ".join(sorted(names)[:20])
        raise NoModel(f"model {spec!r}: the server does not have it. It has: {listed}")
