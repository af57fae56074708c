"""Caller: how a baseline asks a model: LangChain's client, its tokens counted, and never more than it may spend.

The client is used in threads: langchain-openai keeps one async client for all its models, and each suite has a loop of
its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.messages import AIMessage

from graph.settings import prices
from nodes.budget import cost_usd
from nodes.models import Endpoints, in_thread, price_of

MOST_OUTPUT = 16_000  # tokens of one reply; more is refused by many models
LEAST_OUTPUT = 200  # with less left, nothing is asked any more
BYTES_A_TOKEN = 3  # a guess on the safe side, before the endpoint has counted

Run = dict[str, Any]


class Spent(Exception):
    """The tokens do not reach for another call."""


@dataclass
class Caller:
    """Asks one model for one run.

    Attributes:
        model: provider:name.
        tokens: input and output together that the run may take (None: no ceiling).
        timeout: seconds for one request.
    """

    model: str
    tokens: int | None = None
    timeout: float = 120.0
    sent: int = 0
    got: int = 0
    calls: int = 0

    @property
    def used(self) -> int:
        """Tokens so far."""
        return self.sent + self.got

    def room(self, prompt: str) -> int:
        """Tell how long the reply to a prompt may be."""
        left = MOST_OUTPUT if self.tokens is None else self.tokens - self.used - guess(prompt)
        return min(left, MOST_OUTPUT)

    async def say(self, prompt: str, *, system: str = "", cap: int = MOST_OUTPUT, schema: Any = None) -> Any:
        """Ask for text, or for an object of a schema.

        Raises:
            Spent: the tokens do not reach.
        """
        cap = min(cap, self.room(system + prompt))
        if cap < LEAST_OUTPUT:
            raise Spent(f"{self.used} of {self.tokens} tokens are used")
        chat = init_chat_model(self.model, max_tokens=cap, timeout=self.timeout)
        messages = [*([("system", system)] if system else []), ("user", prompt)]
        if schema is None:
            message = await in_thread(lambda: chat.invoke(messages))
            return self._count(message).text
        asked = chat.with_structured_output(schema, include_raw=True)
        said: Any = await in_thread(lambda: asked.invoke(messages))
        self._count(said["raw"])
        if said["parsed"] is None:
            raise ValueError(f"no {schema.__name__} in the reply: {said['parsing_error']}")
        return said["parsed"]

    def _count(self, message: AIMessage) -> AIMessage:
        usage = message.usage_metadata or {"input_tokens": 0, "output_tokens": guess(str(message.text))}
        self.calls, self.sent, self.got = (
            self.calls + 1,
            self.sent + usage["input_tokens"],
            self.got + usage["output_tokens"],
        )
        return message

    async def run(self, system: Callable[["Caller"], Awaitable[Run]]) -> Run:
        """Run a baseline to its result; a failure of any sort is one too."""
        began, run = time.monotonic(), made()
        try:
            run |= await system(self)
        except Exception as error:  # noqa: BLE001 - what a baseline dies of is what is measured
            run["error"] = f"{type(error).__name__}: {error}"[:500]
        price = price_of(self.model, None, Endpoints(prices()))
        usd = cost_usd(price, self.sent, self.got)
        return run | {"tokens": self.used, "usd": usd, "calls": self.calls, "seconds": time.monotonic() - began}


def made(text: str = "", **more: Any) -> Run:
    """Give the form that every system's result has; `entries` None: it keeps no ledger, else the quotes of each."""
    return {"text": text, "plan": [], "frame": {}, "entries": None, "error": None, "tokens": None, "usd": None} | more


def guess(text: str) -> int:
    """Guess how many tokens a text is."""
    return len(text.encode()) // BYTES_A_TOKEN


async def each(calls: list[Awaitable[str]]) -> list[str]:
    """Wait for calls that run at once."""
    return list(await asyncio.gather(*calls))
