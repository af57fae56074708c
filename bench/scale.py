"""Scale: many runs at once over one and two processes of a cluster: how long they take, and whose CPU it costs.

python -m bench.scale [--servers 1 2] [--runs 10 100 500]; the model is the scripted endpoint of the tests, in this process.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import psycopg

from deploy.cluster import Cluster
from deploy.services import free_port
from tests.cluster.clients import clients_of
from tests.cluster.trades import Trades
from tests.endpoint import Endpoint
from tests.minds import MODEL

AT_ONCE = 50  # requests of the client that begins the runs
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


def busy() -> float:
    """Read the seconds of CPU that the whole machine has spent."""
    user, nice, system, *_ = Path("/proc/stat").read_text().split()[1:]
    return (int(user) + int(nice) + int(system)) / TICKS


async def lasted(cluster: Cluster, first: int, runs: int) -> list[float]:
    """Do so many runs, divided among the servers; give the seconds of each, in order. Nobody waits at the servers."""
    async with clients_of(cluster) as clients:
        parts = [range(at, min(at + AT_ONCE, first + runs)) for at in range(first, first + runs, AT_ONCE)]
        begun = [run.run for part in parts for run in await clients.begin(part)]
    ended = "select status, extract(epoch from updated_at - created_at) from runs where run_id = any(%s) and status <> all(%s)"
    with psycopg.connect(cluster.postgres.url) as connection:
        while len(found := connection.execute(ended, [begun, ["pending", "running"]]).fetchall()) < runs:
            connection.commit()
            await asyncio.sleep(0.2)
    if {status for status, _ in found} != {"success"}:
        raise RuntimeError(f"not every run has ended well: {found}")
    return sorted(float(seconds) for _, seconds in found)


def main() -> None:
    """Measure, and print a table."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--servers", type=int, nargs="+", default=[1, 2])
    told.add_argument("--runs", type=int, nargs="+", default=[10, 100, 500])
    given = told.parse_args()
    print(
        "| processes | runs | s | runs/s | median s | last s | CPU s a run: servers | PostgreSQL | Redis | endpoint and client | cores at other work |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for servers in given.servers:
        with Endpoint(Trades(seconds=(0.2, 0.2), others_s=0.2)) as model, tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o711)
            named = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-x", "ORCHESTRATOR_MODEL": MODEL}
            named |= {"ORCHESTRATOR_MAX_PARALLEL": "64", "WORKER_COUNT": "3", "N_JOBS_PER_WORKER": "10"}
            with Cluster(Path(folder), named, tuple(free_port() for _ in range(servers))) as cluster:
                asyncio.run(lasted(cluster, 9000, 3))  # warm
                for number, runs in enumerate(given.runs):
                    before, before_all, began = cpus(cluster), busy(), time.monotonic()
                    each = asyncio.run(lasted(cluster, 1000 * number, runs))
                    whole, after, after_all = time.monotonic() - began, cpus(cluster), busy()
                    others = (after_all - before_all - sum(after.values()) + sum(before.values())) / whole
                    costs = " | ".join(f"{(after[name] - before[name]) / runs:.3f}" for name in after)
                    print(
                        f"| {servers} | {runs} | {whole:.1f} | {runs / whole:.1f} | {each[runs // 2]:.1f} | {each[-1]:.1f} | {costs} | {others:.1f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
