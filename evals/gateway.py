"""Gateway: a loopback endpoint between the systems and who answers them: scripted minds, or a crew that dies before a real model.

In the survival suite planner and workers are scripted, so that it is known who dies of what and what each alone could
know; whatever joins them is the model under test. Any provider will do: the gateway asks it through LangChain.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from langchain.chat_models import init_chat_model

from evals import minds
from tests.endpoint import Endpoint
from tests.faults import perform
from tests.turn import Body, Turn
from tests.wire import Peer, Request

Upstream = Callable[[Body], Turn | str]


class Gateway(Endpoint):
    """An endpoint that lets the crew speak, and asks upstream for everything else."""

    def __init__(self, upstream: Upstream) -> None:
        """Take who answers what the crew does not."""
        super().__init__(upstream)

    async def _answer(self, request: Request, body: Body, number: int, peer: Peer) -> None:  # noqa: ARG002
        said = minds.crew(body)
        if said is None:
            said = await asyncio.to_thread(self.mind, body)
        await perform(Turn(said) if isinstance(said, str) else said, body, number, "", peer)


def upstream(model: str) -> Upstream:
    """Ask a real model what the crew leaves unanswered; its failure is told as the endpoint's."""
    chat = init_chat_model(model)

    def ask(body: Body) -> Turn:
        bound: Any = chat.bind_tools(body["tools"]) if body.get("tools") else chat
        try:
            message = bound.invoke(body["messages"])
        except Exception as error:  # noqa: BLE001
            return Turn(str(error)[:500], status=502)
        usage = message.usage_metadata
        told = usage and {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"], "total_tokens": usage["total_tokens"]}  # fmt: skip
        calls = [{"name": call["name"], "args": call["args"], "id": call["id"]} for call in message.tool_calls]
        return Turn(str(message.text), tool_calls=calls or None, usage=told)

    return ask


@contextmanager
def served(who: Upstream) -> Iterator[None]:
    """Send whatever asks OpenAI to a gateway, for the length of a with block."""
    with Gateway(who) as gateway:
        variables = {"OPENAI_BASE_URL": gateway.url, "OPENAI_API_KEY": "none", "LOOPBACK_BASE_URL": gateway.url, "LOOPBACK_API_KEY": "none"}  # fmt: skip
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
