"""Servers: model servers that already run on this machine."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

USUAL_PORTS: Mapping[str, int] = {"Ollama": 11434, "LM Studio": 1234, "llama.cpp": 8080}


@dataclass(frozen=True)
class LocalServer:
    """A server on 127.0.0.1 that speaks OpenAI's protocol, and the names of the models it offers."""

    name: str
    base_url: str
    models: tuple[str, ...]


async def find_servers(timeout_s: float = 0.3, ports: Mapping[str, int] = USUAL_PORTS) -> list[LocalServer]:
    """Return who answers on `ports` with a list of models that is not empty, in the order of `ports`.

    Takes `timeout_s` seconds at most. Whoever answers anything else, or needs a key, is left out.
    """
    # No proxy, whatever the environment says: 127.0.0.1 is not behind one.
    async with httpx2.AsyncClient(trust_env=False, timeout=timeout_s) as client:
        probes = [asyncio.create_task(_probe(client, name, port)) for name, port in ports.items()]
        await asyncio.wait(probes, timeout=timeout_s)
        for probe in probes:
            probe.cancel()
        answers = await asyncio.gather(*probes, return_exceptions=True)
    return [answer for answer in answers if isinstance(answer, LocalServer)]


async def _probe(client: httpx2.AsyncClient, name: str, port: int) -> LocalServer | None:
    base_url = f"http://127.0.0.1:{port}/v1"
    try:
        answer = await client.get(f"{base_url}/models")
        listed = answer.raise_for_status().json()["data"]
        models = tuple(str(model["id"]) for model in listed)
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return None
    return LocalServer(name, base_url, models) if models else None
