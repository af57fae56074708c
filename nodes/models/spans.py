"""Spans: what the trace of a model call is told of its cost, before it ends: what comes later is sent no more."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager

from nodes.langgraph_private import told_by, var_child_runnable_config
from nodes.models.call import Call
from nodes.models.loop import post
from nodes.state import Charge

Cost = Callable[[BaseException | None], Charge | None]  # of a request that ended so (None: nothing)


class Priced(BaseCallbackHandler):
    """Puts its cost on a request's run, in whichever trace it is; comes before the traces, for they send it at its end."""

    run_inline = True

    def __init__(self, call: Call, cost: Cost, traces: list[Any]) -> None:
        self.call, self.cost, self.traces = call, cost, traces

    def on_llm_end(self, response: Any, *, run_id: UUID, **_: Any) -> None:
        """Tell the cost of an answer, beside the tokens that it reports too: LangSmith adds up what stands there."""
        charge = self._tell(run_id, None)
        usage = getattr(response.generations[0][0].message, "usage_metadata", None)
        if usage and charge and charge["usd"] is not None:
            usage["total_cost"] = charge["usd"]

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Tell what a request costs that failed or was broken off."""
        self._tell(run_id, error)

    def _tell(self, run_id: UUID, error: BaseException | None) -> Charge | None:
        charge = self.cost(error)
        metadata: dict[str, Any] = {"role": self.call.role, "round": self.call.round, "unknown": 0}
        metadata |= {"usd": 0.0, "input_tokens": 0, "output_tokens": 0}  # if it was refused, or never sent
        if charge is not None:
            tokens = {side: charge[side] for side in ("input_tokens", "output_tokens")}
            cost = {} if charge["usd"] is None else {"total_cost": charge["usd"]}
            metadata |= {**tokens, "usd": charge["usd"], "unknown": int(not charge["known"]), "model": charge["model"]}
            metadata["usage_metadata"] = {**tokens, "total_tokens": sum(tokens.values()), **cost}
        for trace in self.traces:
            if run := getattr(trace, "run_map", {}).get(str(run_id)):
                run.extra["metadata"] = {**(run.extra.get("metadata") or {}), **metadata}
        return charge


def priced(call: Call, cost: Cost) -> dict[str, Any] | None:
    """Give the config of a request under which whoever traces it is told its cost."""
    callbacks = (var_child_runnable_config.get() or {}).get("callbacks")
    if not isinstance(callbacks, BaseCallbackManager):
        return call.config
    callbacks, home = callbacks.copy(), call.home
    if home is not None:  # one wake-up tells of all that comes at once
        callbacks.handlers = [told_by(partial(post, home), handler) for handler in callbacks.handlers]
    callbacks.handlers = [Priced(call, cost, callbacks.handlers), *callbacks.handlers]
    return {**(call.config or {}), "callbacks": callbacks}
