"""What the cluster's tests share: one cluster, on an endpoint in this process."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.cluster import Cluster, python312
from deploy.services import Missing, free_port, program
from tests.cluster.trades import Trades
from tests.endpoint import Endpoint
from tests.minds import MODEL

# Each is the shortest that the engine takes, or still bears a loaded machine.
SHORT = {
    "LEASE_DURATION_SECONDS": "6",
    "HEARTBEAT_INTERVAL_SECONDS": "2",
    "REAPER_INTERVAL_SECONDS": "1",
    "STUCK_PENDING_THRESHOLD_SECONDS": "5",
    "POSTGRES_POLL_INTERVAL_SECONDS": "1",
    "BLPOP_TIMEOUT_SECONDS": "1",
    "BLOCKING_SOCKET_TIMEOUT_SECONDS": "6",
    "WORKER_DRAIN_TIMEOUT": "1",
    "BG_JOB_MAX_RETRIES": "20",
}


def why_not() -> str | None:
    """Tell what is missing to run a cluster here (None: nothing)."""
    try:
        python312()
    except Missing as error:
        return str(error)
    missing = [name for name in ("initdb", "redis-server") if program(name) is None]
    return f"not installed, and cannot be: {', '.join(missing)}" if missing else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all of it where it cannot run."""
    here = [item for item in items if "tests/cluster/" in item.nodeid and "langgraph dev" not in item.nodeid]
    reason = why_not() if here else None
    for item in here:
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@contextmanager
def running(endpoint: Endpoint, environment: Mapping[str, str] | None = None, servers: int = 2) -> Iterator[Cluster]:
    """Run a cluster whose models are this endpoint's."""
    named = {
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_API_KEY": "sk-the-secret-of-the-tests",
        "ORCHESTRATOR_MODEL": MODEL,
    }
    with tempfile.TemporaryDirectory(prefix="cluster") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as another user
        with Cluster(
            Path(folder), {**SHORT, **named, **(environment or {})}, tuple(free_port() for _ in range(servers))
        ) as cluster:
            yield cluster


@pytest.fixture(scope="session")
def trades() -> Trades:
    """Give the team that all runs ask; each file has numbers of its own for its runs."""
    return Trades()


@pytest.fixture(autouse=True)
def _rested(trades: Trades) -> Iterator[None]:
    yield
    trades.rest()


@pytest.fixture(scope="session")
def model(trades: Trades) -> Iterator[Endpoint]:
    """Give the endpoint where it answers."""
    with Endpoint(trades) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def cluster(model: Endpoint) -> Iterator[Cluster]:
    """Give a cluster of two servers."""
    with running(model) as cluster:
        yield cluster
