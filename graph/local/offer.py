"""Choice: which model a person without one is offered. Asks through functions that the command line gives; no printing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from graph import settings
from graph.local import servers as neighbours
from graph.local import weights
from nodes.errors import NoModel

Ask = Callable[[str], bool]  # a yes-or-no question to the person at the terminal
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Desk:
    """The person who chooses.

    Attributes:
        ask: put a question (None: nobody is there to answer).
        tell: say something.
        yes: everything was agreed to beforehand (--yes).
        progress: told the bytes here and the bytes in all while something is fetched.
        folder: where models lie (None: the user's data directory).
        hub: the hub's address (None: huggingface_hub's own).
    """

    ask: Ask | None
    tell: Tell
    yes: bool = False
    progress: weights.Progress | None = None
    folder: Path | None = None
    hub: str | None = None

    def agrees(self, question: str) -> bool:
        """Ask, unless it was agreed beforehand; no if nobody is there."""
        return self.yes or (self.ask is not None and self.ask(question))


def make_ready(specs: Sequence[str], desk: Desk) -> None:
    """Fetch the embedded models among these that are not here yet, if the person agrees.

    Raises:
        NoModel: one is not here, and was not to be fetched or could not be.
    """
    for name in sorted({spec.partition(":")[2] or "small" for spec in specs if spec.partition(":")[0] == "local"}):
        if settings.local_model() is not None:
            continue
        try:
            _make_one_ready(name, desk)
        except weights.WeightsError as error:
            raise NoModel(str(error)) from None


def _make_one_ready(name: str, desk: Desk) -> None:
    told = weights.describe(name, desk.folder)
    if told.state == "present":
        return
    begun = " (begun before; goes on where it broke off)" if told.state == "partial" else ""
    desk.tell(f"local:{name} is {told.source}, {told.size}, licence {told.licence}; it will lie in {told.path}{begun}.")
    if not desk.agrees(f"Fetch {told.size} now?"):
        raise NoModel(
            f"local:{name} is not on this machine, and nothing is fetched without your word: say --yes, or "
            f"`orchestrate models fetch {name}`, or name a file of your own in ORCHESTRATOR_LOCAL_MODEL"
        )
    weights.fetch(name, desk.folder, progress=desk.progress, endpoint=desk.hub)


def offer(found: Sequence[neighbours.Neighbour], desk: Desk) -> str | None:
    """Offer what there is to a person without a model: a server that already runs, then the embedded one.

    Returns:
        A model as provider:name, or None: nothing is here or wanted. Why, was told.
    """
    for one in found:
        named = ", ".join(one.models[:3]) + (" …" if len(one.models) > 3 else "")  # noqa: PLR2004
        if desk.agrees(f"{one.name} answers at {one.base_url} with {named}. Use {one.models[0]}?"):
            settings.use_endpoint(one.base_url)
            return f"openai:{one.models[0]}"
    if settings.local_model() is not None:
        return "local"
    nobody = desk.ask is None and not desk.yes
    if find_spec("xllamacpp") is None or (nobody and weights.state("small", desk.folder) != "present"):
        return None
    try:
        make_ready(["local:small"], desk)
    except NoModel as error:
        desk.tell(str(error))
        return None
    return "local"
