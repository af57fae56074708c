"""Stream: a ChatOpenAI whose chunks cost next to nothing.

A reply that nobody listens to is asked for whole: measured, a run of five workers takes 15 ms of CPU so, and 28 where its
replies of 75 chunks are streamed and listened to.
What a stream buys is had in other ways: the whole call is bounded in time, the body in size (nodes/models/http.py), a
reply beyond its limit is cut, and a second try is streamed, since a gateway may have taken the silence of the first for
a dead connection; every later call to that endpoint is streamed then. Of a reply that breaks off nothing is used either
way: it is asked for again. The embedded engine is always streamed: it sees in no other way that a caller has gone.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import httpx2
import openai
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI

from nodes.models.http import ENVELOPE
from nodes.models.sse import Decoder, Event, events_of, joined

DRAIN_S = 1.0  # for the end of an answer after its last event, so that the connection can be kept


class StreamedChat(ChatOpenAI):
    """ChatOpenAI that reads its streams itself; what a request looks like is langchain-openai's."""

    def has_chunks(self, options: dict[str, Any]) -> bool:
        """Tell whether a call goes to chat completions, whose chunks are read here."""
        return not self._use_responses_api({**self._default_params, **options})

    async def reads(
        self, messages: list[BaseMessage], *, whole: bool = False, stream_usage: bool | None = None, **options: Any
    ) -> AsyncGenerator[list[Event], None]:
        """Make one call; yield the chunks of each read, as the server wrote them; of a `whole` reply all at once.

        Raises:
            openai.APIError: as the openai client raises them, in mid stream too.
            BadEnvelope, ValueError: something came that is no chunk.
            httpx2.TransportError: the connection broke.
        """
        if not whole:
            options["stream"] = True
            if self._should_stream_usage(stream_usage, **options):
                options["stream_options"] = {"include_usage": True}
        payload = self._get_request_payload(messages, **options)
        body = {**(payload.pop("extra_body", None) or {}), **payload}
        response = await self.root_async_client.post(
            f"{self.root_async_client.base_url}chat/completions",  # a path alone would be parsed once more
            cast_to=httpx2.Response,
            body=body,
            options={"idempotency_key": ""},  # else a random one is made, which is not sent
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        if ENVELOPE in response.extensions:
            yield events_of(response.extensions[ENVELOPE])
            return
        decoder = Decoder()
        async with aclosing(response), aclosing(response.aiter_bytes()) as parts:
            async for part in parts:
                for events in _until_error(decoder.decode(part), response):
                    yield events
                if decoder.done:
                    break
            if decoder.done:
                await _drained(parts)
            else:
                for events in _until_error(decoder.rest(), response):
                    yield events

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        stream_usage: bool | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        if not self.has_chunks(kwargs):
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk
            return
        options = {**kwargs, **({"stop": stop} if stop else {})}
        async with aclosing(self.reads(messages, stream_usage=stream_usage, **options)) as reads:
            async for events in reads:
                for chunk in self.chunks(events):
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def chunks(self, events: list[Event]) -> list[ChatGenerationChunk]:
        """Make LangChain's chunks of some events, as few as may be."""
        made = [self._convert_chunk_to_generation_chunk(event, AIMessageChunk, None) for event in joined(events)]
        return [chunk for chunk in made if chunk is not None]


def _until_error(events: list[Event], response: httpx2.Response) -> Iterator[list[Event]]:
    """Give the events that come before an endpoint tells of an error in mid stream, then raise it."""
    wrong = next((at for at, event in enumerate(events) if event.get("error")), len(events))
    if wrong:
        yield events[:wrong]
    if wrong < len(events):
        error = events[wrong]["error"]
        said = error.get("message") if isinstance(error, dict) else error
        message = said if isinstance(said, str) and said else "An error occurred during streaming"
        raise openai.APIError(message, response.request, body=error)


async def _drained(parts: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in parts:
                pass
    except (TimeoutError, httpx2.TransportError):
        return
