"""The page in a real browser: begun, watched, steered with a keyboard, at both widths, light and dark."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import COMMAND, around
from tests.endpoint import Endpoint
from tests.minds import REQUEST, Team, disagreement, synthesis_of
from tests.turn import Turn

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the playwright package")
pytest.importorskip("nicegui")
if shutil.which("chromium") is None:
    pytest.skip("needs Debian's chromium", allow_module_level=True)

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
EVIL = "<script>document.title='owned'</script><img src=http://127.0.0.1:9/x> [x](javascript:alert(1)) "
AXE = os.environ.get("AXE_CORE", "")  # the path of axe.min.js, from npm's axe-core


@pytest.fixture
def address(endpoint: Endpoint, team: Team, tmp_path: Path) -> Iterator[str]:
    """Serve the page, with a worker that writes slowly and tries to break out, and an answer that takes a while."""
    sides = ("S1", "at noon", "The caterer has done it."), ("S2", "at one", "A leaflet. A leaflet.")
    answer = synthesis_of("Everything is planned. [S1] " + "And so on. " * 40, [disagreement("the end", *sides)])
    team.synthesiser = [Turn(answer, chunk_delay=0.1)]
    team.workers = {"publicist": Turn(EVIL + "A leaflet. " * 400, chunk_delay=0.05)}
    env, said = around(tmp_path, endpoint), tmp_path / "said"
    with said.open("w") as told, subprocess.Popen([COMMAND, "serve"], env=env, cwd=tmp_path, stderr=told) as process:
        try:
            for _ in range(600):
                if found := re.search(r"http://\S+token=\S+", said.read_text()):
                    yield found.group()
                    break
                time.sleep(0.1)
            else:
                raise AssertionError(said.read_text())
        finally:
            process.terminate()
            process.wait(60)
    assert "Traceback" not in said.read_text()


@pytest.fixture
def page(address: str) -> Iterator[Any]:
    """Open it, and see that it asks nobody else for anything."""
    elsewhere: list[str] = []
    with sync_api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS.split())
        opened = browser.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(60_000)
        opened.on("request", lambda asked: elsewhere.append(asked.url))
        opened.goto(address)
        yield opened
        browser.close()
    assert [
        url
        for url in elsewhere
        if not re.match(rf"(http|ws|data):(//{re.escape(address[7:].split('/', maxsplit=1)[0])})?", url)
    ] == []


def check(page: Any) -> None:
    """See that nothing stands beyond the width, and what axe-core says."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if AXE:
        page.evaluate(Path(AXE).read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document, {iframes: false}).then(r => r.violations.map(v => v.id))")
        assert found == []


def test_begun_watched_steered_and_kept(page: Any) -> None:
    """With a keyboard alone: a request is begun, a worker stopped, a quote's and a name's text opened, and the answer kept."""
    page.get_by_label("request", exact=True).focus()
    page.keyboard.type(REQUEST)
    check(page)
    page.get_by_role("button", name="Begin").focus()
    page.keyboard.press("Enter")
    page.get_by_text("A leaflet.").first.wait_for()
    check(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    check(page)
    title = page.title()
    page.get_by_role("button", name="Stop S2").focus()
    page.keyboard.press("Enter")
    page.locator(".quote").nth(1).focus()
    page.keyboard.press("Enter")
    page.locator(".whole mark").first.wait_for()
    quoted = page.locator(".whole mark").all_inner_texts()
    check(page)
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")  # it gives the focus back to what opened it
    page.locator(".answer a").first.focus()
    page.wait_for_timeout(500)  # pieces of the answer come meanwhile: the focus stays
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_text("The caterer has done it.").wait_for()
    page.keyboard.press("Escape")
    page.locator("iframe").wait_for()
    report = page.frame_locator("iframe")
    report.get_by_text("Everything is planned.").first.wait_for()
    check(page)

    assert title == "Orchestrate"
    assert quoted == ["A leaflet. A leaflet"]
    assert report.get_by_text("stopped by a person").count() > 0
    assert page.get_by_role("link", name=REQUEST[:40]).count() == 1
