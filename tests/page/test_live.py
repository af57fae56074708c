"""Live: runs that the page begins, shows and steers."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui")

from graph import BadRequest, BadSettings
from graph.page.live import Live, Lives
from graph.page.serve import serve
from graph.store import open_store
from tests.endpoint import Endpoint
from tests.minds import REQUEST, Team, prompts_of, sequel_of
from tests.turn import Turn


def on(folder: Path, work: Callable[[Lives], Awaitable[Any]]) -> Any:
    """Do something with the runs of a page."""

    async def opened() -> Any:
        async with open_store(folder / "runs.db") as store:
            return await work(Lives(store))

    return asyncio.run(opened())


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - a test may look now and then
            await asyncio.sleep(0.01)


def test_a_plan_is_changed_and_run(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """A run waits for its plan to be approved, takes the plan as it was edited, and tells each worker's text."""

    async def work(lives: Lives) -> Live:
        live = await lives.begin(REQUEST, {"approve_plan": True})
        await until(lambda: live.asked is not None)
        assert live.asked
        args = live.asked["action_requests"][0]["args"]
        edited = {**args, "subtasks": args["subtasks"][1:]}
        live.answer({"type": "edit", "edited_action": {"name": "run_plan", "args": edited}})
        await until(lambda: live.ended)
        return live

    live = on(tmp_path, work)

    assert list(live.view.workers) == ["S1", "S2"]
    assert live.texts == {"S1": "The publicist has done it.", "S2": "The safety officer has done it."}
    assert live.view.answer.startswith("Everything is planned.")


def test_leaving(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """When the page ends, what is under way is finished, nothing further begun, and the run can be gone on with."""
    team.workers = {"caterer": Turn("Soup. " * 100, chunk_delay=0.02)}

    async def work(lives: Lives) -> tuple[str, str]:
        live = await lives.begin(REQUEST, {"max_parallel": 1})
        await until(lambda: bool(live.texts.get("S1")))
        await lives.leave_all()
        run = await lives.store.find(live.view.run_id)
        again = await lives.go_on(run)
        await until(lambda: again.ended)
        return run.status, (await lives.store.find(run.id)).status

    assert on(tmp_path, work) == ("interrupted", "complete")


def test_documents_stay_with_a_run(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """Documents that come with a request reach its workers, and those of a run that goes on from it; no file of them is left."""
    team.sequel = [
        sequel_of("change", request="A cheaper party.", tasks={"caterer": "Write a cheaper menu for them all."})
    ]
    document = {"name": "minutes.md", "text": "The road is closed at noon."}

    async def work(lives: Lives) -> None:
        live = await lives.begin(REQUEST, {}, documents=[document])
        await until(lambda: live.ended)
        more = await lives.follow_up(await lives.find(live.view.run_id), "Cheaper, please.")
        await until(lambda: more.ended)
        wrong = await lives.begin(REQUEST, {}, documents=[{"name": "minutes.exe", "base64": ""}])
        assert ("is not read" in wrong.said, len(lives.by_id)) == (True, 2)

    on(tmp_path, work)

    assert ["closed at noon" in prompt for prompt in prompts_of(endpoint, "worker")] == [True] * 4
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith("runs.db")] == []


def test_what_is_wrong_is_told(endpoint: Endpoint, tmp_path: Path) -> None:
    """A blank request and a wrong setting are refused before a run is kept."""

    async def work(lives: Lives) -> int:
        with pytest.raises(BadRequest):
            await lives.begin(" ", {})
        with pytest.raises(BadSettings):
            await lives.begin(REQUEST, {"max_subtasks": "many"})
        return len(await lives.store.runs())

    assert on(tmp_path, work) == 0


def test_an_end_by_an_error_is_told(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """A run that ends by an error nobody foresaw, as of a database that is gone, says so."""

    async def work(lives: Lives) -> str:
        live = await lives.begin(REQUEST, {"approve_plan": True})
        await until(lambda: live.asked is not None)
        await lives.store.execute("drop table orchestrator_runs")
        live.answer({"type": "approve"})
        await until(lambda: live.ended)
        assert live.task
        assert live.task.exception()
        return live.said

    assert on(tmp_path, work) == "It ended by an error: OperationalError: no such table: orchestrator_runs"


def test_others_need_a_password(tmp_path: Path) -> None:
    """The page is not served to other machines without a password."""
    with pytest.raises(BadSettings, match="ORCHESTRATOR_PAGE_PASSWORD"):
        asyncio.run(serve(tmp_path / "runs.db", "0.0.0.0", 0, "", print))
