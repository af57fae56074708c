"""Chats: LangChain's chat models where ours differ. The only place that names private parts of their packages.

Each sends its calls through our HTTP client: no redirects, the key taken out of answers, one pool of connections.
"""

from collections.abc import Callable
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import PrivateAttr

from nodes.models.http import http_client
from nodes.models.streamed_chat import StreamedChat


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


def base_url(chat: ChatOpenAI) -> str:
    """Return where a ChatOpenAI sends its calls."""
    return str(chat.root_async_client.base_url)


def any_chat(provider: str, name: str, temperature: float | None, cap: int | None) -> BaseChatModel:
    """Make a chat model of any provider that LangChain knows.

    Raises:
        ImportError: its package is not installed.
        ValueError: it cannot be set up; a key is missing, as a rule.
    """
    from langchain.chat_models import init_chat_model  # other providers' runs alone need it

    # Retries are made in one layer, nodes/models/attempts.py. Google's package takes 0 for "as usual".
    given: dict[str, Any] = {"max_retries": 1 if provider == "google_genai" else 0}
    if temperature is not None:
        given["temperature"] = temperature
    if cap is not None:
        given["max_tokens"] = cap
    chat: Any = init_chat_model(name, model_provider=provider, **given)
    if provider == "anthropic":
        _wire_anthropic(chat)
    elif provider == "google_genai":
        _wire_google(chat)
    made: BaseChatModel = chat
    return made


def _wire_anthropic(chat: Any) -> None:
    import anthropic  # an extra

    if not chat.anthropic_api_key.get_secret_value():
        raise ValueError("there is no key")  # its client would say so in a TypeError, at the first call
    chat.__dict__["_async_client"] = anthropic.AsyncAnthropic(**chat._client_params, http_client=http_client())  # noqa: SLF001


def _wire_google(chat: Any) -> None:
    from google.genai import Client  # an extra
    from google.genai.types import HttpOptions

    if chat.client.vertexai:  # signs its requests in a way of its own
        return
    options = HttpOptions(base_url=chat.base_url, api_version=chat.api_version, httpx_async_client=http_client())
    chat.client = Client(api_key=chat.google_api_key.get_secret_value(), http_options=options)
