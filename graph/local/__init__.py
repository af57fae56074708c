"""Local: a model on this machine, from the files that can be fetched to the servers that already run.

catalogue: the pinned files; weights: whether one is here, and how the engine runs it; download: one file from the hub;
servers: who already answers on this machine; offer: what a person without a model is offered.
"""

from graph.local.catalogue import CATALOGUE, Progress, Weights, WeightsError
from graph.local.offer import Person, make_ready, offer
from graph.local.servers import LocalServer, find_servers
from graph.local.weights import Description, describe, engine_options, fetch, remove, state

__all__ = [
    "CATALOGUE",
    "Description",
    "LocalServer",
    "Person",
    "Progress",
    "Weights",
    "WeightsError",
    "describe",
    "engine_options",
    "fetch",
    "find_servers",
    "make_ready",
    "offer",
    "remove",
    "state",
]
