"""Application: which graph a run is made with, and with what beside its settings."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from graph.build import build_graph
from graph.compiled import Graph
from graph.fetch import is_address
from nodes.errors import BadSettings

KEPT = "made with"  # beside the settings that a run was given: a resume is made with the same


@dataclass(frozen=True)
class Application:
    """What a run is made with besides its settings.

    Attributes:
        documents: files that come with the request.
        specialists: a folder of specialist files ("": as the environment says).
        graph: "module:attribute" of the user's own graph ("": ours).
    """

    documents: Sequence[str] = ()
    specialists: str = ""
    graph: str = ""

    @classmethod
    def of(cls, attach: Sequence[str] | None, specialists: Path | None, graph: str | None) -> Self:
        """Take what the command line says; paths are kept whole, addresses as they are, for a resume may run elsewhere."""
        files = [given if is_address(given) else str(Path(given).expanduser().resolve()) for given in attach or ()]
        return cls(files, str(specialists.expanduser().resolve()) if specialists else "", graph or "")

    def over(self, given: Mapping[str, Any]) -> Self:
        """Take what is said now over what a saved run was made with."""
        return type(self)(**{**given.get(KEPT, {}), **self.said()})

    def said(self) -> dict[str, Any]:
        """Give what was said of it."""
        return {name: value for name, value in asdict(self).items() if value}

    def build(self, checkpointer: Any = None) -> Graph:
        """Build the graph.

        Raises:
            BadSettings: there is no such folder, document or graph.
        """
        if self.specialists and not Path(self.specialists).is_dir():
            raise BadSettings(f"--specialists {self.specialists}: there is no such folder")
        if not self.graph:
            return build_graph(checkpointer, specialists_dir=self.specialists or None, documents=self.documents)
        if self.documents or self.specialists:
            raise BadSettings("--attach and --specialists are for the built-in graph; give them to your own in Python")
        return own_graph(self.graph, checkpointer)


def own_graph(name: str, checkpointer: Any = None) -> Graph:
    """Import a user's graph, "module:attribute": a compiled graph, or a function that takes checkpointer= and makes one.

    Raises:
        BadSettings: it cannot be imported, or is something else.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise BadSettings(f"--graph {name}: expected module:attribute, such as --graph my_app:graph")
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does: one's own module lies where one stands
    try:
        loaded = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BadSettings(f"--graph {name}: {error}") from None
    finally:
        sys.path.pop(0)
    made = loaded if hasattr(loaded, "aget_state") else loaded(checkpointer=checkpointer) if callable(loaded) else None
    if not hasattr(made, "aget_state"):
        raise BadSettings(f"--graph {name}: expected a compiled graph or a function that makes one, got {type(loaded)}")
    graph: Any = made.copy({"checkpointer": checkpointer}) if made is loaded else made
    return graph  # type: ignore[no-any-return] # a module of the user's own
