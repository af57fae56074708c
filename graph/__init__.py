"""Graph: assembly and the outside world. What Python programs import.

build, compiled: the graph; settings, assembly, application, fetch: what it is made with; answers, run, retry, follow, handle, orders:
how it is run and steered; chat, completions, clients, assistants: conversations; view, plan_text, sanitise: how it is
shown; trace, auth, shared: what a host adds; inside: this process's own server; testing: for tests of one's own.
Rooms: cli/ the command line, page/ the page in a browser, report/ files, store/ kept runs, local/ models on this machine.
"""

import gc
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph.answers import Answer, Settings, aanswer, answer
    from graph.build import build_graph, graph
    from graph.follow import Left
    from graph.handle import RunHandle, begin
    from nodes.errors import (
        AllWorkersFailed,
        BadRequest,
        BadSettings,
        BudgetTooSmall,
        NoModel,
        NoPlan,
        OrchestratorError,
    )
    from nodes.events import Event
    from nodes.specialists import Specialist
    from nodes.state import Context, State

__all__ = [
    "AllWorkersFailed",
    "Answer",
    "BadRequest",
    "BadSettings",
    "BudgetTooSmall",
    "Context",
    "Event",
    "Left",
    "NoModel",
    "NoPlan",
    "OrchestratorError",
    "RunHandle",
    "Settings",
    "Specialist",
    "State",
    "aanswer",
    "answer",
    "begin",
    "build_graph",
    "graph",
]

_FEW = 100_000
_FIRST = len(gc.get_objects()) < _FEW  # not much was there before us that the collector could miss
_HOMES = (
    "nodes.errors", "nodes.events", "nodes.state", "nodes.specialists",
    "graph.answers", "graph.build", "graph.follow", "graph.handle",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the command line answers at once, and imports what a command needs.

    Without the garbage collector: among what an import makes, and keeps, it finds nothing, and takes a quarter of the time.
    Nor is it to walk through all of that later, which takes a fifth of the CPU of many runs: in a process that began with
    us it never does again, in another not until it next looks at what is old.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        for home in _HOMES if name in __all__ else ():
            module = import_module(home)
            if hasattr(module, name):
                globals()[name] = value = getattr(module, name)
                return value
    finally:
        if collects:
            gc.freeze()
            if not _FIRST:
                gc.unfreeze()
            gc.enable()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
