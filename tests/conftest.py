"""What the tests share: a bare environment, a team behind the endpoint, short pauses."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.memory import MEMORY
from nodes.models import attempts
from nodes.models.concurrency import Slots
from tests.endpoint import Endpoint
from tests.minds import MODEL, Team

OURS = ("ORCHESTRATOR_", "LANGSMITH_", "LANGCHAIN_")
# A key of any provider, and the addresses that lead elsewhere. A test makes no call but to its own endpoint.
SECRET = re.compile(r"(_API_KEY|_TOKEN|_BASE_URL|_API_BASE|_ENDPOINT)$|^(OPENAI|ANTHROPIC|GOOGLE|GEMINI|AZURE|AWS)_")


@pytest.fixture(scope="session")
def bare_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder that the tests and the commands they start are in: the clone may have a .env file."""
    return tmp_path_factory.mktemp("bare")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, bare_folder: Path) -> None:
    """Take away what the person who runs the tests has set, keys and a .env file included."""
    for name in [name for name in os.environ if name.startswith(OURS) or SECRET.search(name)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(bare_folder)


@pytest.fixture(autouse=True)
def fresh_memory() -> None:
    """Forget what another test's endpoint, which may have had the same port, has taught the process."""
    MEMORY.forget(Slots)


@pytest.fixture
def team() -> Team:
    """Give a team that plans three subtasks, does them and joins them."""
    return Team()


@pytest.fixture
def endpoint(team: Team, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """Give the endpoint where the team answers, set up as a user would."""
    monkeypatch.setattr(attempts, "BACKOFF_S", (0.001, 0.002))
    with Endpoint(team) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-the-secret-of-the-tests")
        monkeypatch.setenv("ORCHESTRATOR_MODEL", MODEL)
        yield endpoint
