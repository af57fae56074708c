"""Local: a model on this machine, from the files that can be fetched to the servers that already run.

catalogue: the pinned files, and whether one is here; weights: fetched, removed, run; download: one file from the hub;
servers: who already answers on this machine; offer: what a person without a model is offered.
"""

from graph.local.catalogue import CATALOGUE, Weights, WeightsError, lookup
from graph.local.offer import Person, make_ready, offer
from graph.local.servers import LocalServer, find_servers
from graph.local.weights import engine_options, fetch, remove
