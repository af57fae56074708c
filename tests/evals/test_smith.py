"""The same figures through langsmith's aevaluate, with nothing sent anywhere."""

import asyncio

import pytest
from langsmith import Client

from evals import minds
from evals.gateway import served
from evals.smith import evaluated


@pytest.mark.filterwarnings("ignore:'upload_results' parameter is in beta")
@pytest.mark.usefixtures("bare_environment")
def test_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Upload is off unless asked for: no request is made, tracing set in the environment or not."""
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    sent = list[str]()
    monkeypatch.setattr(Client, "request_with_retries", lambda _self, method, *_, **__: sent.append(method))
    with served(minds.mind):
        rows = asyncio.run(evaluated("conflict", minds.MIND, 3, upload=False))

    assert [row["failed|ours"] for row in rows] == [0.0, 0.0, 0.0]
    assert sent == []
