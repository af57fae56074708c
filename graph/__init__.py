"""Graph: assembly and the outside world."""

from graph.build import build_graph, graph
from graph.run import answer
from nodes.errors import AllWorkersFailed, BadRequest, BadSettings, BudgetTooSmall, NoModel, OrchestratorError
from nodes.specialists import Specialist

__all__ = [
    "AllWorkersFailed",
    "BadRequest",
    "BadSettings",
    "BudgetTooSmall",
    "NoModel",
    "OrchestratorError",
    "Specialist",
    "answer",
    "build_graph",
    "graph",
]
