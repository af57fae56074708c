"""Local: the embedded model, from its name to a running engine's options."""

import os
from pathlib import Path

from graph.local import weights
from nodes.errors import NoModel
from nodes.models import EngineOptions

CONTEXT = 8192  # tokens a slot; two slots of the small model take 1.9 GB beside its file


def options(name: str, own_file: Path | None, folder: Path | None = None) -> EngineOptions:
    """Say how an embedded model is run.

    Args:
        name: of the catalogue, such as "small".
        own_file: a GGUF file of the user's own, used whatever the name (None: the catalogue's).
        folder: where the catalogue's files lie (None: the user's data directory).

    Raises:
        NoModel: it has not been fetched, or there is none of that name.
    """
    cores = os.cpu_count() or 2
    slots = 2 if cores < 8 else 4  # noqa: PLR2004 - each slot needs cores of its own to be worth its memory
    if own_file is not None:
        return EngineOptions(path=str(own_file), slots=slots, context=CONTEXT)
    try:
        if weights.state(name, folder) != "present":
            raise NoModel(
                f"the model local:{name} is not on this machine yet. Fetch it: orchestrate models fetch {name}; "
                "or use a file of your own: ORCHESTRATOR_LOCAL_MODEL=path.gguf"
            )
        return EngineOptions(path=str(weights.path(name, folder)), slots=slots, context=CONTEXT)
    except weights.WeightsError as error:
        raise NoModel(str(error)) from None
