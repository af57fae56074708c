"""Screen: what a person sees and does on the page, without a browser: NiceGUI's own user stands for one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nicegui")

from nicegui.element import Element
from nicegui.testing import User
from nicegui.testing.user_interaction import UserInteraction
from nicegui.testing.user_simulation import user_simulation

from graph.application import Application
from graph.page.live import Lives
from graph.page.serve import pages
from graph.store import open_store
from tests.endpoint import Endpoint
from tests.minds import REQUEST, Team, disagreement, prompts_of, synthesis_of
from tests.page.test_live import until
from tests.turn import Turn


def seen(folder: Path, act: Callable[[User, Lives], Awaitable[Any]]) -> None:
    """Show the page to somebody who does something there."""

    async def shown() -> None:
        async with open_store(folder / "runs.db") as store, user_simulation() as user:
            lives = Lives(store)
            pages(lives)
            await act(user, lives)
            await lives.leave_all()

    asyncio.run(shown())


def elements(user: User) -> list[Element]:
    """List all that is on the page."""
    assert user.client
    return list(user.client.elements.values())


def labelled(user: User, label: str) -> UserInteraction[Any]:
    """Find what has that label for a screen reader: many buttons are alike but for it."""
    return UserInteraction(user, {made for made in elements(user) if made.props.get("aria-label") == label}, label)


def test_a_plan_is_sent_back_and_changed(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """A plan that waits is sent back with a message, then one task of it dropped, two reordered, and the rest approved."""

    async def act(user: User, lives: Lives) -> None:
        await user.open("/")
        labelled(user, "request").type(REQUEST)
        user.find("Ceiling in USD").type("5")
        user.find("Show me the plan before any work").click()
        user.find("Begin").click()
        await user.should_see("This waits for you", retries=100)
        before = labelled(user, "Drop 1").elements
        labelled(user, "message").type("Cheaper, please.")
        user.find("Send back").click()
        await until(lambda: bool(labelled(user, "Drop 1").elements - before))
        labelled(user, "Drop 1").click()
        labelled(user, "Up 2").click()
        user.find("Approve").click()
        (live,) = lives.by_id.values()
        await until(lambda: live.ended)
        assert [worker.specialist for worker in live.view.workers.values()] == ["safety officer", "publicist"]

    seen(tmp_path, act)

    assert "Cheaper, please." in prompts_of(endpoint, "planner")[-1]


def test_runs_are_found_followed_compared_and_removed(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """The runs on the left are searched, opened, followed up, two of them compared, and one is deleted for good."""

    async def act(user: User, lives: Lives) -> None:
        first = await lives.begin(REQUEST, {})
        await until(lambda: first.ended)
        await user.open(f"/run/{first.view.run_id}")
        labelled(user, "follow up").type("And the grill?")
        user.find("Follow up").click()
        await until(lambda: len(lives.by_id) > 1 and all(live.ended for live in lives.by_id.values()))
        await user.should_see("Delete", retries=50)
        await user.open(f"/run/{first.view.run_id}")
        labelled(user, "search runs").type("grill")
        await user.should_see("And the grill?")
        user.find("compare").click()
        await user.should_see("Two runs compared", retries=20)
        await user.should_see("disagreements, gaps")
        await user.open(f"/run/{first.view.run_id}")
        user.find("Delete").click()
        await user.should_see("Delete for good")
        user.find("Delete for good").click()
        await user.should_see("What do you want worked out?", retries=20)
        assert [run.request for run in await lives.runs()] == ["And the grill?"]

    seen(tmp_path, act)


def test_what_is_wrong_is_told_where_it_was_asked(endpoint: Endpoint, tmp_path: Path) -> None:
    """An empty request and a folder that is not there are told, and nothing is begun."""

    async def act(user: User, lives: Lives) -> None:
        await user.open("/")
        user.find("Begin").click()
        await user.should_see("the request is empty", retries=20)
        labelled(user, "request").type(REQUEST)
        user.find("Folder of specialist files").type("/nowhere")
        user.find("Begin").click()
        await user.should_see("there is no such folder", retries=20)
        assert await lives.runs() == []
        await user.open("/run/nowhere")
        await user.should_see("there is no saved run 'nowhere'", retries=20)

    seen(tmp_path, act)


def test_comparing_with_one_that_cannot_be_read(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """Where a run's folder of specialists is gone, comparing says so."""
    folder = tmp_path / "specialists"
    folder.mkdir()

    async def act(user: User, lives: Lives) -> None:
        first = await lives.begin(REQUEST, {}, Application(specialists=str(folder)))
        await until(lambda: first.ended)
        folder.rmdir()
        await user.open(f"/compare/{first.view.run_id}/{first.view.run_id}")
        await user.should_see("there is no such folder", retries=20)

    seen(tmp_path, act)


def test_one_that_was_left_offers_to_go_on(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """A run that was left while it waited says so, and goes on where it was."""

    async def act(user: User, lives: Lives) -> None:
        live = await lives.begin(REQUEST, {"approve_plan": True})
        await until(lambda: live.asked is not None)
        await user.open(f"/run/{live.view.run_id}")
        user.find("Leave").click()
        await until(lambda: live.ended)
        await user.should_see("Follow up", retries=50)  # what is kept is shown in place of what was under way
        await user.should_see("waits for your decision")
        user.find("Go on").click()
        await user.should_see("This waits for you", retries=50)
        user.find("Approve").click()
        again = lives.by_id[live.view.run_id]
        await until(lambda: again.ended)
        assert [run.status for run in await lives.runs()] == ["complete"]

    seen(tmp_path, act)


EVIL = 'D1" innerHTML="<img src=x onerror=alert(1)>" onclick="alert(1)'


def test_what_a_model_calls_its_entries_is_no_property(endpoint: Endpoint, team: Team, tmp_path: Path) -> None:
    """An id, a side or a quote from a model stands on the page as text, whatever properties it spells."""
    entry = disagreement("the end", (EVIL, "at noon", EVIL), ("S2", "at one", "It is so."), name=EVIL)
    team.synthesiser = [Turn(synthesis_of("All is planned. " * 40, [entry]), chunk_delay=0.1)]

    async def act(user: User, lives: Lives) -> None:
        live = await lives.begin(REQUEST, {})
        await user.open(f"/run/{live.view.run_id}")
        await until(lambda: bool(live.ledger))
        await user.should_see("at noon", retries=50)
        quotes = [element for element in elements(user) if "quote" in element.classes]
        UserInteraction(user, {quotes[0]}, EVIL).click()
        await user.should_see("The request")
        assert [
            made for made in elements(user) if "onclick" in made.props or "onerror" in str(made.props.get("innerHTML"))
        ] == []
        await until(lambda: live.ended)

    seen(tmp_path, act)
