"""Material: what the synthesiser is given to read, and how much of it fits."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from nodes.budget import Price, Purse, input_bound
from nodes.documents import EXCERPTS
from nodes.host import Host
from nodes.models import listed_window, price_of, synthesis_schema
from nodes.providers import provider_of
from nodes.state import Context, State, plans_of
from nodes.synthesis.ledger import Ledger
from nodes.synthesis.pieces import Piece, piece_of
from nodes.synthesis.rounds import frame_of
from prompts import fence, render

LEDGER = 6_000  # bytes of the ledger so far that the model is shown again; code keeps it all


@dataclass
class Material:
    """A run's results, its request and frame, and the ledger so far."""

    state: State
    settings: Context
    host: Host
    ledger: Ledger

    @property
    def pieces(self) -> list[Piece]:
        """Every result, with what must be known of it."""
        settles = {
            subtask["id"]: subtask.get("settles", []) for plan in plans_of(self.state) for subtask in plan["subtasks"]
        }
        return [piece_of(outcome, settles.get(outcome["id"], [])) for outcome in self.state["outcomes"]]

    def messages(
        self, pieces: Sequence[Piece], now: str, *, whole: bool, purse: Purse, ledger: int = LEDGER
    ) -> list[BaseMessage]:
        """Write the prompt: what never changes first, then what grows from round to round, then what is asked now.

        Of the ledger so far it holds `ledger` bytes at most.
        """
        frame = frame_of(self.state)
        parts = [fence("request", self.state["request"])]
        parts += [f"What the tasks shared:\n{fence('frame', json.dumps(frame, ensure_ascii=False))}"] if frame else []
        parts += ["The results:", *(f"{piece.head}\n{fence('result', piece.text or '(nothing)')}" for piece in pieces)]
        if whole:
            parts += self._extras(purse, ledger)
        return [SystemMessage(render("synthesiser")), HumanMessage("\n\n".join([*parts, now]))]

    def _extras(self, purse: Purse, ledger: int) -> list[str]:
        extras = []
        dropped = self.state["plan"]["dropped"]
        if dropped and purse.open:  # under a budget each word costs; code names what was dropped in any case
            listed = "\n".join(f"- {drop['specialist']}: {drop['task']} ({drop['reason']})" for drop in dropped)
            extras.append(f"Not done:\n{fence('dropped', listed)}")
        if self.host.documents and purse.open:
            passages = self.host.documents.excerpts(self.state["request"], EXCERPTS)
            heading = "Passages of the documents that came with the request, to be quoted where they matter:"
            extras.append(f"{heading}\n{fence('documents', passages)}")
        if shown := self.ledger.shown(ledger):
            extras.append(render("synthesiser_ledger", ledger=fence("ledger", shown)))
        return extras

    def window(self) -> int | None:
        """Tokens that the synthesiser's model can read at once, as far as that is known."""
        model = self.settings.model("synthesiser")
        if self.settings.context_window is not None:
            return self.settings.context_window
        if model.startswith("local"):
            return self.host.endpoints.local(provider_of(model)[1]).context if self.host.endpoints.local else None
        return listed_window(*provider_of(model))

    @property
    def price(self) -> Price | None:
        """What the synthesiser's model costs (None: unknown)."""
        return price_of(self.settings.model("synthesiser"), None, self.host.endpoints)

    def tokens(self, messages: Sequence[BaseMessage]) -> int:
        """Give an upper bound of the tokens of a prompt, with the schema that goes along."""
        texts = [*(str(message.text) for message in messages), str(synthesis_schema())]
        return input_bound(texts, self.settings.model("synthesiser"))


def fixed_bytes(messages: Sequence[BaseMessage]) -> int:
    """Bytes of a prompt without results, with the schema that goes along."""
    return input_bound(str(message.text) for message in messages) + len(str(synthesis_schema()))
