"""Offer: which model a person without one is offered. Asks through functions that the command line gives; no printing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from graph import settings
from graph.local.catalogue import Progress, Weights, lookup
from graph.local.servers import LocalServer
from graph.local.weights import fetch
from nodes.errors import NoModel

Ask = Callable[[str], bool]  # a yes-or-no question to the person at the terminal
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Person:
    """Who chooses, as far as a program sees it.

    Attributes:
        ask: put a question (None: nobody is there to answer).
        tell: say something.
        yes: everything was agreed to beforehand (--yes).
        progress: told the bytes here and the bytes in all while something is fetched.
    """

    ask: Ask | None
    tell: Tell
    yes: bool = False
    progress: Progress | None = None

    def agrees(self, question: str) -> bool:
        """Ask, unless it was agreed beforehand; no if nobody is there."""
        return self.yes or (self.ask is not None and self.ask(question))


def make_ready(specs: Sequence[str], person: Person) -> None:
    """Fetch the embedded models among these that are not here yet, if the person agrees.

    Raises:
        NoModel: one is not here, and was not to be fetched or could not be.
    """
    wanted = sorted({spec.partition(":")[2] or "small" for spec in specs if spec.partition(":")[0] == "local"})
    for name in wanted if settings.path("LOCAL_MODEL") is None else ():
        _make_model_ready(lookup(name), person)


def _make_model_ready(weights: Weights, person: Person) -> None:
    if weights.state == "present":
        return
    begun = " (begun before; goes on where it broke off)" if weights.state == "partial" else ""
    person.tell(
        "local:{name} is {source}, {size}, licence {licence}; it will lie in {path}".format(**weights.described())
        + f"{begun}."
    )
    if not person.agrees(f"Fetch {weights.gigabytes} now?"):
        raise NoModel(
            f"local:{weights.name} is not on this machine, and nothing is fetched without your word: say --yes, or "
            f"`orchestrate models fetch {weights.name}`, or name a file of your own in ORCHESTRATOR_LOCAL_MODEL"
        )
    fetch(weights, progress=person.progress)


def offer(servers: Sequence[LocalServer], person: Person) -> str | None:
    """Offer what there is to a person without a model: a server that already runs, then the embedded one.

    Returns:
        A model as provider:name, or None: nothing is here or wanted; why, was told.
    """
    for server in servers:
        models = ", ".join(server.models[:3]) + (" …" if len(server.models) > 3 else "")  # noqa: PLR2004
        if person.agrees(f"{server.name} answers at {server.base_url} with {models}. Use {server.models[0]}?"):
            settings.use_endpoint(server.base_url)
            return f"openai:{server.models[0]}"
    if settings.path("LOCAL_MODEL") is not None:
        return "local"
    nobody = person.ask is None and not person.yes
    if find_spec("xllamacpp") is None or (nobody and lookup("small").state != "present"):
        return None
    try:
        make_ready(["local:small"], person)
    except NoModel as error:
        person.tell(str(error))
        return None
    return "local"
