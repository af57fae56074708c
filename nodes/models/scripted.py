"""Scripted minds: a chat model that plays a written script, for demonstrations, examples and tests.

It is a LangChain chat model like any other: it streams, reports usage and takes its time. A script is a YAML file:

    chunk: 24            # characters a streamed piece (default 24)
    delay_s: 0.02        # seconds before each piece (default 0)
    replies:             # the first whose words all stand in the prompt is played
      - when: ["You are the planner"]
        say: '{"subtasks": […]}'
        wait_s: 0.5      # seconds before the first piece (default 0)
    otherwise: "…"       # played when none fits (without it, that is an error)
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from nodes.errors import NoModel

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Line:
    """One reply, and the words that a prompt must hold for it."""

    say: str
    when: tuple[str, ...] = ()
    wait_s: float = 0.0


@dataclass(frozen=True)
class Script:
    """What a scripted mind says to what."""

    lines: tuple[Line, ...]
    chunk: int = 24
    delay_s: float = 0.0
    otherwise: str | None = None

    def line(self, prompt: str) -> Line:
        """Return the reply to a prompt.

        Raises:
            NoModel: the script has nothing to say to it.
        """
        for line in self.lines:
            if all(words in prompt for words in line.when):
                return line
        if self.otherwise is None:
            raise NoModel("This scripted model has no reply for that request; it plays one demonstration only.")
        return Line(self.otherwise)

    def play(self, prompt: str, max_tokens: int | None) -> "Played":
        """Say what to answer to a prompt, in which pieces, and what it counts as."""
        line = self.line(prompt)
        said = line.say if max_tokens is None else line.say[: max_tokens * 4]
        pieces = tuple(said[at : at + self.chunk] for at in range(0, len(said), self.chunk))
        return Played(pieces, (len(prompt) // 4, -(-len(said) // 4)), cut=len(said) < len(line.say), wait_s=line.wait_s)


@dataclass(frozen=True)
class Played:
    """An answer as it is streamed. `usage` is (tokens in, tokens out); None: not told."""

    pieces: tuple[str, ...]
    usage: tuple[int, int] | None
    cut: bool = False
    wait_s: float = 0.0
    error: Exception | None = None  # raised after the pieces


_registered: dict[str, Script] = {}


def register(name: str, script: Script) -> None:
    """Make a script known as "scripted:<name>" in this process."""
    _registered[name] = script


def script_of(name: str) -> Script:
    """Find a script by name.

    Raises:
        NoModel: there is none of that name; the text lists those that exist.
    """
    if name not in _registered:
        raise NoModel(f"unknown scripted model {name!r}; known: {', '.join(sorted(_registered))}")
    return _registered[name]


def read_script(path: Path) -> Script:
    """Read a script file (YAML, as in this module's docstring)."""
    script: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    lines = tuple(
        Line(say=str(reply["say"]), when=tuple(reply.get("when", ())), wait_s=float(reply.get("wait_s", 0)))
        for reply in script.get("replies", ())
    )
    return Script(lines, int(script.get("chunk", 24)), float(script.get("delay_s", 0)), script.get("otherwise"))


class ScriptedChatModel(BaseChatModel):
    """Plays a script behind LangChain's interface. Usage is counted as a quarter of the characters."""

    script: Script
    name_of_script: str

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _play(self, messages: list[BaseMessage], max_tokens: int | None) -> Played:
        return self.script.play("\n".join(str(message.text) for message in messages), max_tokens)

    def _end(self, played: Played) -> ChatGenerationChunk:
        if played.error is not None:
            raise played.error
        metadata = {
            "finish_reason": "length" if played.cut else "stop",
            "model_name": f"scripted:{self.name_of_script}",
        }
        usage = None
        if played.usage is not None:
            sent, got = played.usage
            usage = UsageMetadata(input_tokens=sent, output_tokens=got, total_tokens=sent + got)
        last = AIMessageChunk(content="", usage_metadata=usage, response_metadata=metadata, chunk_position="last")
        return ChatGenerationChunk(message=last)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        max_tokens: int | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> AsyncIterator[ChatGenerationChunk]:
        played = self._play(messages, max_tokens)
        await asyncio.sleep(played.wait_s)
        for piece in played.pieces:
            await asyncio.sleep(self.script.delay_s)
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                await run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
        yield self._end(played)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        max_tokens: int | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> Iterator[ChatGenerationChunk]:
        played = self._play(messages, max_tokens)
        time.sleep(played.wait_s)
        for piece in played.pieces:
            time.sleep(self.script.delay_s)
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
        yield self._end(played)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))


for _path in SCRIPTS.glob("*.yaml"):  # read at import: a first read inside an event loop would block it
    register(_path.stem, read_script(_path))
