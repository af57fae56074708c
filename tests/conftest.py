"""What the tests share: a bare environment, a team behind the endpoint, short pauses."""

import os
from collections.abc import Iterator

import pytest

from nodes.models import attempts
from nodes.models.concurrency import Slots
from nodes.models.memory import MEMORY
from tests.endpoint import Endpoint
from tests.minds import MODEL, Team

OURS = ("ORCHESTRATOR_", "OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "LANGSMITH_", "LANGCHAIN_")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the person who runs the tests has set."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)


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
