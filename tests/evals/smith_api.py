"""LangSmith's API as far as `aevaluate` goes with a dataset: datasets, examples, experiments, on top of runs and feedback."""

import json
import uuid
from typing import Any

from tests.collector import INFO, PROJECT, Collector, parts_of
from tests.wire import Peer, Request

FLAGS = {"zstd_compression_enabled": True, "dataset_examples_multipart_enabled": True}
INFO_AND_EXAMPLES = {**INFO, "instance_flags": FLAGS}
WHEN = "2026-01-01T00:00:00Z"


class SmithApi(Collector):
    """A collector that also keeps one dataset with its examples, and the experiments on it.

    Its answers have the fields that langsmith's client reads; what it is asked beyond that is 404, as in Collector.
    """

    def __init__(self) -> None:
        """Have nothing yet."""
        super().__init__()
        self.datasets: list[dict[str, Any]] = []
        self.examples: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}

    async def _handle(self, request: Request, peer: Peer) -> None:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["info"]:
                peer.send_json(200, INFO_AND_EXAMPLES)
            case "GET", ["datasets"]:
                peer.send_json(200, self.datasets)
            case "POST", ["datasets"]:
                content = json.loads(request.body)
                self.datasets.append({"id": str(uuid.uuid4()), "name": content["name"], "created_at": WHEN})
                peer.send_json(200, self.datasets[0])
            case "GET", ["datasets", _]:
                peer.send_json(200, self.datasets[0])
            case "GET", ["examples"]:
                peer.send_json(200, [*self.examples.values()])
            case "POST", ["v1", "platform", "datasets", dataset, "examples"]:
                made = self._kept(request, dataset)
                peer.send_json(200, {"count": len(made), "example_ids": made})
            case "POST", ["sessions"]:
                content = json.loads(request.body)
                self.experiments[content["id"]] = content
                peer.send_json(200, {"tenant_id": PROJECT, **content})
            case "PATCH", ["sessions", name]:
                self.experiments[name].update(json.loads(request.body))
                peer.send_json(200, {"tenant_id": PROJECT, **self.experiments[name]})
            case _:
                await super()._handle(request, peer)

    def _kept(self, request: Request, dataset: str) -> list[str]:
        """Keep the examples of a multipart request: a part for each, and one for its inputs."""
        made = []
        for part, _, content in parts_of(request.body, request.headers["content-type"]):
            name, _, field = part.partition(".")
            known = self.examples.setdefault(
                name, {"id": name, "dataset_id": dataset, "created_at": WHEN, "outputs": {}}
            )
            known.update({field: json.loads(content)} if field else {})
            made += [] if field else [name]
        return made
