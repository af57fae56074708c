"""Served: the runs of a LangGraph server on the page: one is begun, decided on, watched from elsewhere, written up, removed."""

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("nicegui")

from graph.page.served import Served
from nodes.errors import OrchestratorError
from tests.endpoint import Endpoint
from tests.langgraph_server import served
from tests.minds import MODEL, REQUEST, Team, prompts_of
from tests.page.test_live import until
from tests.turn import Turn


def test_a_server_s_runs(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """What the page does with runs of its own it does with a server's, as far as a server lets it."""
    team.workers = {"safety officer": Turn("Dangers. " * 500, chunk_delay=0.1)}
    environment = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": endpoint.url, "ORCHESTRATOR_MODEL": MODEL}

    async def act(url: str) -> None:
        lives, others = Served(url), Served(url)
        document = {"name": "minutes.md", "text": "The road is closed on Saturday."}
        live = await lives.begin(REQUEST, {"approve_plan": True}, documents=[document])
        await until(lambda: live.asked is not None)
        for order, said in (("leave", "It was left"), ("write-up", "nothing is finished yet")):
            live.order(do=order)
            await until(lambda live=live: live.ended)  # type: ignore[misc]
            assert live.said.startswith(said)
            live = await lives.go_on(await lives.find(live.view.run_id))
            await until(lambda live=live: live.asked is not None)  # type: ignore[misc]
        live.answer({"type": "approve"})
        await until(lambda: bool(live.texts.get("S3")))

        (run,) = await others.runs()
        watched = await others.watch(run)
        assert watched is not None
        await until(lambda: bool(watched.texts.get("S3")))
        watched.order(do="stop", subtask="S3")
        assert watched.said.startswith("stop: a server takes this of a run that rests")
        watched.order(do="write-up")
        await until(lambda: watched.ended)

        run = await lives.find(live.view.run_id)
        state = await lives.state(run)
        assert (run.request, run.status) == (REQUEST, "incomplete")
        assert {name: (live.texts | watched.texts)[name] != "" for name in watched.view.workers} == {
            "S1": True,
            "S2": True,
            "S3": True,
        }
        assert [outcome["status"] for outcome in state["outcomes"]] == ["done", "done", "failed"]
        assert any("closed on Saturday" in prompt for prompt in prompts_of(endpoint, "worker"))
        await until(lambda: live.ended)
        await lives.remove(run)
        assert await lives.runs() == []
        with pytest.raises(OrchestratorError, match="the server does not do that"):
            await lives.find(run.id)
        await asyncio.gather(lives.leave_all(), others.leave_all())

    async def nobody() -> None:
        lives = Served("http://127.0.0.1:9")
        with pytest.raises(OrchestratorError, match="the server does not do that"):
            await lives.runs()
        await lives.leave_all()

    asyncio.run(nobody())
    with served(tmp_path, environment) as url:
        asyncio.run(act(url))
