"""Page: first paint of `orchestrate serve`, and frames while twenty workers stream at once, in headless Chromium.

    python -m bench.page [PICTURE.png]

Needs the extra `page`, the package `playwright` and Debian's chromium. A frame is what the browser's main thread gives
requestAnimationFrame; a dropped one shows as a longest gap beyond two of 16.7 ms.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.endpoint import Endpoint
from tests.minds import WORDS, Team, many_tasks, plan_of
from tests.turn import Turn

WORKERS, SECONDS = 20, 10
TEXT = "The beam over the north door shows rot on its underside. It needs an inspection before any decision. " * 40
FRAMES = """seconds => new Promise(done => { const gaps = []; let last = performance.now(); const from = last;
  const next = now => { gaps.push(now - last); last = now;
    now - from < 1000 * seconds ? requestAnimationFrame(next) : done(gaps) }; requestAnimationFrame(next) })"""


def main() -> None:
    """Measure, and print what came of it."""
    team = Team(planner=[plan_of(many_tasks(WORKERS))])
    team.workers = dict.fromkeys((f"{word} adviser" for word in WORDS), Turn(TEXT, chunk=24, chunk_delay=0.2))
    with tempfile.TemporaryDirectory() as folder, Endpoint(team) as endpoint, sync_playwright() as driver:
        said = Path(folder, "said")
        own = {"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": endpoint.url, "ORCHESTRATOR_MODEL": "openai:gpt-4o"}
        own |= {"ORCHESTRATOR_DB": f"{folder}/runs.db", "ORCHESTRATOR_MAX_PARALLEL": str(WORKERS)}
        command = [str(Path(sys.executable).with_name("orchestrate")), "serve"]
        with said.open("w") as told, subprocess.Popen(command, env={**os.environ, **own}, stderr=told) as process:
            while not (address := re.search(r"http://\S+token=\S+", said.read_text())):
                time.sleep(0.05)
            browser = driver.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            for which in ("cold", "warm"):
                page.goto(address.group())
                page.get_by_label("request", exact=True).wait_for()
                paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
                print(f"first contentful paint, {which}: {paint:.0f} ms")
            _stream(page, sys.argv[1:])
            browser.close()
            process.terminate()


def _stream(page: Any, picture: list[str]) -> None:
    page.get_by_label("request", exact=True).fill("Work out whether our town needs a new library")
    page.get_by_text("Model, budget, specialists and more").click()
    page.get_by_label("At most so many subtasks").fill(str(WORKERS))
    page.get_by_role("button", name="Begin").click()
    page.get_by_text("rot on its underside").nth(WORKERS - 1).wait_for(timeout=60_000)
    gaps = sorted(page.evaluate(FRAMES, SECONDS))
    late = sum(gap > 2 * 1000 / 60 for gap in gaps)
    print(f"{WORKERS} workers streaming: {len(gaps) / sum(gaps) * 1000:.1f} frames a second, longest gap {gaps[-1]:.0f} ms, "
          f"{late} of {len(gaps)} beyond two frames")  # fmt: skip
    if picture:
        page.screenshot(path=picture[0])
    page.get_by_role("button", name="Write up now").click()


if __name__ == "__main__":
    main()
