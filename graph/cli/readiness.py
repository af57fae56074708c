"""Readiness: the model that a run will use is there, or a person is asked for one."""

import asyncio
from typing import Any

from graph import settings
from graph.cli.keyboard import confirm, person_is_there
from graph.cli.output import say
from graph.cli.progress import Download
from graph.local import Person, find_servers, make_ready, offer
from nodes.errors import NoModel
from nodes.state import ROLES


def with_model_ready(given: dict[str, Any], *, yes: bool) -> dict[str, Any]:
    """Return the settings with a model that is there: what was named, what the keys allow, or what a person takes.

    Args:
        given: the settings of the command line.
        yes: fetch what is needed without asking.

    Raises:
        NoModel: there is none.
    """
    there = person_is_there()
    with Download() as download:
        person = Person(ask=confirm if there else None, tell=say, yes=yes, progress=download.show)
        named = {name: value for name, value in given.items() if name.endswith("_model")}
        try:
            resolved = settings.resolve(named)
        except NoModel:
            taken = offer(asyncio.run(find_servers()) if there or yes else [], person)
            if taken is None:
                raise
            return {**dict.fromkeys((f"{role}_model" for role in ROLES), taken), **given}
        make_ready([resolved.model(role) for role in ROLES], person)
    return given
