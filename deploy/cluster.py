"""Cluster: PostgreSQL, Redis and several server processes on this machine, behind a proxy: `make cluster`."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.services import Missing, Postgres, Redis, check_port, free_port, needed, wait_for_port

CLONE = Path(__file__).parents[1]
PASSED_ON = ("PATH", "HOME", "LANG", "OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY")


def python312() -> Path:
    """Find the Python of the environment that has the engine.

    Raises:
        Missing: it was not made: there is no Python 3.12 or later, or `make cluster` has not run.
    """
    path = CLONE / ".venv-cluster" / "bin" / "python"
    if not path.exists():
        raise Missing(
            "there is no .venv-cluster, for which Python 3.12 or later is needed: make cluster-test PYTHON312=/path/to/python3.12"
        )
    return path


@dataclass
class Server:
    """One server process."""

    port: int
    folder: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """What it says, JSON by the line."""
        return self.folder / f"server-{self.port}.log"

    def start(self) -> None:
        """Start the process, without waiting for it."""
        with self.log.open("ab") as told:
            self.process = subprocess.Popen(
                [str(python312()), "-m", "deploy.serve"], cwd=CLONE, stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True,
                env={**self.environment, "HOST": "127.0.0.1", "PORT": str(self.port)},
            )  # fmt: skip

    def wait(self) -> None:
        """Wait until it serves.

        Raises:
            Missing: it ended.
        """
        wait_for_port(self.port, self.process, "the server", self.log)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self, seconds: float = 60) -> int:
        """End it in order, by force where that takes too long; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@dataclass
class Cluster:
    """Several servers on one database and one broker, for the length of a with block.

    Attributes:
        folder: for data and logs.
        environment: of the servers, besides what they need to find the database and the broker.
        ports: of the servers.
        durable: data survive a power cut.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()
    durable: bool = False
    database_port: int = 0
    broker_port: int = 0

    def __enter__(self) -> Self:
        """Start everything."""
        self.postgres = Postgres(self.folder / "postgres", self.database_port or free_port(), self.durable)
        self.redis = Redis(self.folder / "redis", self.broker_port or free_port(), self.durable)
        variables = {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "ORCHESTRATOR_REDIS_URL": self.redis.url,
        }
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        whole = {**passed, **variables, "LANGSMITH_TRACING": "false", **self.environment}
        ports = self.ports or (free_port(), free_port())
        self.servers = [Server(port, self.folder, whole) for port in ports]
        with ExitStack() as stack:
            self.postgres.start()
            stack.callback(self.postgres.stop, "fast")
            self.redis.start()
            stack.callback(self.redis.stop)
            for server in self.servers:
                server.start()
                stack.callback(server.end)
            for server in self.servers:
                server.wait()
            self._ending = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End everything: the servers first."""
        self._ending.close()


PROXY = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log warn; worker_processes 1;
events {{}}
http {{
  access_log off; client_max_body_size 64m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream servers {{ least_conn; {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://servers; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_buffering off; proxy_read_timeout 1h; proxy_connect_timeout 5s;
      proxy_next_upstream error timeout http_502 http_503;  # a request that was not answered; a POST is never sent twice
    }}
  }}
}}
"""


def proxy(folder: Path, port: int, servers: list[Server]) -> subprocess.Popen[bytes]:
    """Start nginx in front of the servers."""
    lines = " ".join(f"server 127.0.0.1:{server.port} max_fails=1 fail_timeout=5s;" for server in servers)
    written = folder / "nginx.conf"
    written.write_text(PROXY.format(folder=folder, port=port, servers=lines))
    process = subprocess.Popen(
        [str(needed("nginx")), "-c", str(written), "-e", str(folder / "nginx.log")], start_new_session=True
    )
    wait_for_port(port, process, "nginx", folder / "nginx.log")
    return process


def main() -> None:
    """Run a cluster until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument(
        "--port",
        type=int,
        default=8123,
        help="of the proxy; the ports after it are the servers', the database's and the broker's",
    )
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=CLONE / ".cluster", help="for data and logs")
    given = parser.parse_args()
    port, folder = given.port, given.folder.resolve()
    ports = tuple(port + 1 + number for number in range(given.servers))
    stores = port + 1 + given.servers, port + 2 + given.servers
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for needed in (port, *ports, *stores):
            check_port(needed, "the cluster (--port moves all of them)")
        python312()
        folder.mkdir(parents=True, exist_ok=True)
        with Cluster(folder, ports=ports, durable=True, database_port=stores[0], broker_port=stores[1]) as cluster:
            front = proxy(folder, port, cluster.servers)
            print(
                f"""The cluster is up:
  API         http://127.0.0.1:{port}   (langgraph_sdk.get_client(url=…), Studio, RemoteGraph)
  servers     {"   ".join(server.url for server in cluster.servers)}   (each: /metrics /live /ready /health)
  PostgreSQL  {cluster.postgres.url.replace(":a-planted-password", "")}   Redis  {cluster.redis.url}
  logs, data  {folder}
Ctrl-C ends it; the data stay.""",
                flush=True,
            )
            try:
                while front.poll() is None and all(server.process.poll() is None for server in cluster.servers):
                    time.sleep(1)
                print("a process has ended; see the logs", file=sys.stderr)
            finally:
                front.terminate()
                front.wait(30)
    except Missing as error:
        sys.exit(f"make cluster: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
