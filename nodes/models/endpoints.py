"""Endpoints: where models are reached, as the machine has fixed it."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from nodes.budget import Price
from nodes.models.engine.server import EngineOptions


@dataclass(frozen=True)
class Endpoints:
    """Given to every call; no caller's context names an endpoint or a price.

    Attributes:
        prices: by model name, with or without its provider.
        local: where an embedded model lies and how it is run, by its name (None: there is no embedded engine).
        environment: changes when a key or an endpoint of a provider does, in the environment.
    """

    prices: Mapping[str, Price] = field(default_factory=dict)
    local: Callable[[str], EngineOptions] | None = None
    environment: Callable[[str], Hashable] = str
