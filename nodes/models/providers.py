"""Models: from "provider:name" to a chat model, with what we must know of it."""

import asyncio
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from nodes.errors import NoModel, install_command
from nodes.memory import MEMORY
from nodes.models.chats import OpenAIChat, any_chat, base_url
from nodes.models.endpoints import Endpoints
from nodes.models.engine import server as engine
from nodes.models.http import http_client
from nodes.models.scripted import ScriptedChatModel, script_of
from nodes.providers import WAYS, known_provider, provider_of
from nodes.state import Context, Role


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
    tells_end: bool = False  # a whole reply always says how it ended
    cap_option: str = ""  # what a call's own output cap is named ("": none but the one it was made with)


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
        return Model(spec, chat, "scripted", takes_schema=False, cap_option="max_tokens")
    if provider == "local":
        return await _local(spec, name, temperature, endpoints)
    key = spec, temperature, endpoints.environment(provider), id(http_client())
    if provider == "openai":
        return await _kept(key, lambda: _openai(spec, name, temperature))
    return await _kept((*key, cap), lambda: _other(spec, temperature, cap))


async def _kept(key: Hashable, make: Callable[[], Model]) -> Model:
    """Make a model once: it takes a millisecond, the first of a process 0.1 to 2 s, which would stall the loop."""
    model: Model | None = MEMORY.of(Model).get(key)
    return model if model is not None else await asyncio.to_thread(MEMORY.kept, Model, key, make)


def _chat_openai(temperature: float | None, **given: Any) -> OpenAIChat:
    if temperature is not None:
        given["temperature"] = temperature
    return OpenAIChat(
        http_async_client=http_client(),
        http_client=httpx2.Client(transport=httpx2.BaseTransport()),  # never used; its own takes 30 ms to make
        max_retries=0,  # retries are made in one layer, nodes/models/attempts.py
        stream_usage=True,
        stream_chunk_timeout=0,
        **given,
    )


def _openai(spec: str, name: str, temperature: float | None) -> Model:
    try:
        chat = _chat_openai(temperature, model=name)
    except openai.OpenAIError:  # no key; a server of one's own may want none
        chat = _chat_openai(temperature, model=name, api_key=SecretStr("no-key-set"))
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
    chat = _chat_openai(
        temperature,
        model=where.model,
        base_url=where.base_url,
        api_key=where.api_key,
        use_responses_api=False,
        default_headers={"Connection": "close"},  # llama.cpp's server drops kept ones now and then, with a call in them
    )
    return Model(spec, chat, where.base_url, takes_schema=True, bounded=True, own_server=True, slots=where.slots)


def _is_openai(chat: ChatOpenAI) -> bool:
    return (urlsplit(base_url(chat)).hostname or "").endswith("openai.com")


def _other(spec: str, temperature: float | None, cap: int | None) -> Model:
    provider, name = provider_of(spec)
    known = known_provider(provider)
    try:
        chat = any_chat(provider, name, temperature, cap)
    except ImportError as error:
        package = re.search(r"langchain[-_]\w[\w-]*", str(error))
        missing = package.group().replace("_", "-") if package else f"LangChain's package for {provider}"
        raise NoModel(f"model {spec!r} needs a package that is not installed: {install_command(missing)}") from None
    except ValueError as error:
        if "Unsupported provider" in str(error):
            raise NoModel(f"model {spec!r}: LangChain knows no provider {provider!r}. {WAYS}") from None
        said = " ".join(str(error).split())[:300]
        keys = f"Is {' or '.join(known.keys)} set? " if known.keys else ""
        raise NoModel(f"model {spec!r} cannot be set up: {said}. {keys}{WAYS}") from None
    endpoint = f"{provider} {(known.addresses and getattr(chat, 'base_url', None)) or ''}".strip()
    return Model(spec, chat, endpoint, takes_schema=False, tells_end=known.tells_end, cap_option=known.cap_option)
