"""Scale: many runs at once over one and two processes of a cluster: how long they take, and whose CPU it costs.

python -m bench.scale [--servers 1 2] [--runs 10 100 500]; the model is the scripted endpoint of the tests, in this process.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from langgraph_sdk import get_client

from deploy.cluster import Cluster
from deploy.services import free_port
from tests.cluster.trades import Trades, request
from tests.endpoint import Endpoint
from tests.minds import MODEL

TICKS = os.sysconf("SC_CLK_TCK")


def cpu(process: int) -> float:
    """Read the seconds of CPU of a process and of its children that have ended (0: it has ended)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def cpus(cluster: Cluster) -> dict[str, float]:
    """Read the seconds of CPU of everything that takes part."""
    return {
        "servers": sum(cpu(server.process.pid) for server in cluster.servers),
        "PostgreSQL": sum(map(cpu, cluster.postgres.processes())),
        "Redis": cpu(cluster.redis.process.pid),
        "endpoint and client": time.process_time(),
    }


async def lasted(cluster: Cluster, first: int, runs: int) -> list[float]:
    """Do so many runs at once, divided among the servers; give the seconds of each."""

    async def run_once(number: int) -> float:
        async with get_client(url=cluster.servers[number % len(cluster.servers)].url, timeout=600) as client:
            began = time.monotonic()
            thread = (await client.threads.create())["thread_id"]
            name = (await client.runs.create(thread, "orchestrator", input={"request": request(number)}))["run_id"]
            while (await client.runs.get(thread, name))["status"] in ("pending", "running"):  # noqa: ASYNC110 - nothing tells it
                await asyncio.sleep(2)
            return time.monotonic() - began

    return sorted(await asyncio.gather(*(run_once(number) for number in range(first, first + runs))))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 100, 500])
    given = parser.parse_args()
    print(
        "| processes | runs | s | runs/s | median s | last s | CPU s a run: servers | PostgreSQL | Redis | endpoint and client |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for servers in given.servers:
        with Endpoint(Trades(seconds=(0.2, 0.2), others_s=0.2)) as model, tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o711)
            named = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-x", "ORCHESTRATOR_MODEL": MODEL}
            named |= {"ORCHESTRATOR_MAX_PARALLEL": "64", "WORKER_COUNT": "3", "N_JOBS_PER_WORKER": "10"}
            with Cluster(Path(folder), named, tuple(free_port() for _ in range(servers))) as cluster:
                asyncio.run(lasted(cluster, 9000, 3))  # warm
                for number, runs in enumerate(given.runs):
                    before, began = cpus(cluster), time.monotonic()
                    each = asyncio.run(lasted(cluster, 1000 * number, runs))
                    whole, after = time.monotonic() - began, cpus(cluster)
                    costs = " | ".join(f"{(after[name] - before[name]) / runs:.3f}" for name in after)
                    print(
                        f"| {servers} | {runs} | {whole:.1f} | {runs / whole:.1f} | {each[runs // 2]:.1f} | {each[-1]:.1f} | {costs} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
