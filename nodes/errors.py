"""Errors: what a person is told when a run cannot go on, each with what, where and how to mend it."""

import importlib.util
import sys
from typing import Any


class OrchestratorError(RuntimeError):
    """A foreseen end of a run; its text is fit to be shown as it is.

    A RuntimeError, because LangGraph's server shows the text of built-in kinds alone, and of all others
    "An internal error occurred" (langgraph_api/serde.py).

    Attributes:
        spend: what the run has cost by then, as the state key ({}: nothing).
    """

    def __init__(self, message: str, spend: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.spend = spend or {}


class BadRequest(OrchestratorError, ValueError):
    """The request is empty, not text, or over the limit."""


class BadSettings(OrchestratorError, ValueError):
    """A setting is unknown or out of range, or settings contradict each other."""


class NoModel(OrchestratorError):
    """No model can be reached: none named, wrong key, unknown name, dead endpoint."""


class NoPlan(OrchestratorError):
    """The planner refused the request; the text holds its reason."""


class BadDecision(OrchestratorError, ValueError):
    """A person's word on a plan or a tool call has another form than the one that was asked for."""


class BudgetTooSmall(OrchestratorError):
    """The budget cannot pay for one worker and a synthesis; the text names the least that would do."""


class AllWorkersFailed(OrchestratorError):
    """No worker delivered anything. A resume of the run tries them again."""


def install_command(package: str) -> str:
    """Say how a package gets into the environment that runs this: one made by uv has no pip."""
    if importlib.util.find_spec("pip") is None:
        return f"uv pip install --python {sys.executable} '{package}'"
    return f"{sys.executable} -m pip install '{package}'"
