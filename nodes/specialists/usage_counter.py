"""UsageCounter: counts the model calls that other people's code makes through LangChain."""

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, LLMResult

from nodes.budget import cost_usd
from nodes.models import Endpoints, price_of
from nodes.state import Charge


class UsageCounter(BaseCallbackHandler):
    """Makes a charge of every model call that LangChain reports. What it does not report is unknown to us too."""

    run_inline = True  # a charge must be there when the runnable has returned

    def __init__(self, endpoints: Endpoints, subtask_id: str, round_: int) -> None:
        self.charges: list[Charge] = []
        self._endpoints, self._subtask, self._round = endpoints, subtask_id, round_

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """Take one finished call."""
        last = next(
            (
                generation
                for batch in response.generations
                for generation in batch
                if isinstance(generation, ChatGeneration)
            ),
            None,
        )
        message = last.message if last is not None else None
        name = str((message.response_metadata if message else {}).get("model_name") or "unknown")
        self._charge(name, message.usage_metadata if isinstance(message, AIMessage) else None)

    def unknown(self, model: str) -> None:
        """Charge what another server's run has cost: something, and nobody tells us what."""
        self._charge(model, None)

    def _charge(self, model: str, usage: UsageMetadata | None) -> None:
        sent, got = (usage["input_tokens"], usage["output_tokens"]) if usage else (0, 0)
        self.charges.append(
            Charge(
                role="worker",
                subtask_id=self._subtask,
                round=self._round,
                model=model.removeprefix("scripted:"),
                input_tokens=sent,
                output_tokens=got,
                usd=cost_usd(price_of(_spec(model), None, self._endpoints), sent, got) if usage else None,
                known=usage is not None,
            )
        )


def _spec(name: str) -> str:
    """Guess the provider: LangChain's reports do not name it."""
    return (
        name
        if ":" in name
        else f"{'anthropic' if name.startswith('claude') else 'google_genai' if name.startswith('gemini') else 'openai'}:{name}"
    )
