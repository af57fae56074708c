"""The report: a run's state as Markdown and as one HTML page."""

import re
import shutil
import subprocess
import threading
import unicodedata
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.report import html, markdown
from graph.sanitise import harmless
from nodes.state import State

SECTIONS = ("answer", "disagreements", "gaps", "cost", "plan", "texts")
OURS = set(
    "charset http-equiv name content href rel id class lang scope colspan type checked style aria-label aria-hidden title "
    "width height rx dir".split()
)
HOSTILE = "<img src=x onerror=alert(1)> [click](javascript:alert(1)) | **x** \x1b[2J \u202e"


def ended(**more: Any) -> State:
    """Give the state of a run with two workers, one of which failed."""
    outcome = {"round": 1, "seconds": 1.0, "charges": [], "data": None, "tools": [], "process": "p", "error": None}
    outcomes = [
        {**outcome, "id": "S1", "specialist": "baker", "task": "Bake.", "status": "done", "output": "Ten loaves."},
        {
            **outcome,
            "id": "S2",
            "specialist": "grocer",
            "task": "Buy.",
            "status": "failed",
            "output": "",
            "error": "no money",
        },
    ]
    planned = [{key: outcome[key] for key in ("id", "specialist", "task")} for outcome in outcomes]
    dropped = [{"specialist": "mayor", "task": "Speak.", "reason": "over the limit"}]
    role = {"calls": 1, "input_tokens": 1000, "output_tokens": 20, "usd": None, "unknown": 0}
    position = {"subtask_id": "S1", "claim": "ten", "quote": "Ten loaves.", "verified": True}
    state = {
        "request": "Bread for a street.",
        "plan": {"round": 1, "source": "native", "subtasks": planned, "dropped": dropped, "at_most": {}},
        "outcomes": outcomes,
        "answer": "Ten loaves. [S1] [S9] [S2](https://example.org)",
        "disagreements": [
            {
                "id": "D1",
                "topic": "loaves",
                "positions": [position, {**position, "subtask_id": "request", "verified": False}],
                "resolution": None,
                "suggestion": "Bake ten: flour is short.",
            }
        ],
        "gaps": [
            {"id": "G1", "subtask_id": "S2", "what": "flour", "why": "no money"},
            {"subtask_id": None, "what": "salt", "why": ""},
        ],
        "complete": False,
        "spend": {**role, "usd": 0.5, "by_role": {"planner": role}},
    }
    return cast("State", {**state, **more})


class Page(HTMLParser):
    """The tags of a page, its links and its anchors."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.anchors: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        self.anchors += [value or "" for name, value in attrs if name == "id"]


def test_markdown() -> None:
    """The Markdown holds answer, ledger, plan with drops, every worker's own text and the cost."""
    text = markdown(ended())
    headings = re.findall(r"^#+ .*", text, re.MULTILINE)
    wanted = [
        "Ten loaves. [baker (S1)](#run-S1) [S9] [S2](https://example.org)",
        '- <a id="run-D1"></a>**D1 loaves**: open; suggested: Bake ten: flour is short.',
        "  - [S1](#run-S1): ten “Ten loaves.” (verified)",
        "  - request: ten “Ten loaves.” (NOT verified)",
        '- <a id="run-G1"></a>G1 [S2](#run-S2): flour: no money',
        "- salt",
        "| [S2](#run-S2) | grocer | Buy. | failed |",
        "|  | mayor | Speak. | dropped: over the limit |",
        "*failed: no money*",
        "| all | 1 | 1,000 | 20 | 0.5000 |",
        "| planner | 1 | 1,000 | 20 | unknown |",
    ]

    assert [line for line in wanted if line not in text.split("\n")] == []
    assert headings[:5] == [
        "# Bread for a street.",
        "## Disagreements: who said what",
        "## Gaps",
        "## Plan",
        "## The workers' own texts",
    ]
    assert headings[5:] == ["### S1 baker", "### S2 grocer", "## What it cost"]


def test_html_links() -> None:
    """In the page every link within it leads to an anchor that is there."""
    page = Page(html(ended()))

    assert {f"run-{name}" for name in ("S1", "S2", "D1", "G1", "S1-1", "D1-S1", *SECTIONS)} == set(page.anchors)
    inner = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert inner <= set(page.anchors)
    assert {"run-S1", "run-S2", "run-S1-1", "run-D1", "run-D1-S1"} <= inner
    assert [link for link in page.links if not link.startswith("#")] == ["https://example.org"]


@pytest.mark.parametrize(
    "place", ["request", "answer", "output", "error", "specialist", "task", "topic", "quote", "what"]
)
def test_html_is_only_ours(place: str) -> None:
    """Whatever a model or a user wrote, and wherever: no tag, no script link and no control code of theirs is in the page."""
    state: Any = ended()
    for part in (state, *state["outcomes"], *state["plan"]["subtasks"], *state["gaps"], *state["disagreements"]):
        part.update({place: HOSTILE} if place in part else {})
    state["disagreements"][0]["positions"][0]["quote"] = HOSTILE
    page = html(state)
    read = Page(page)

    assert set() == {"img", "script"} & set(read.tags)
    assert [link for link in read.links if link.startswith("javascript")] == []
    assert read.attributes <= OURS
    assert set() == {char for char in page if char != "\n" and unicodedata.category(char) == "Cc"} | (
        {"\u202e"} & set(page)
    )


def test_language() -> None:
    """The page says in which language its answer is, where that can be told."""
    german = html(ended(answer="Das Fest ist am Samstag, und die Kinder sind nicht allein auf der Straße."))

    assert '<html lang="de">' in german
    assert "<h2>Was fehlt</h2>" in german
    assert '<html lang="en">' in html(ended(answer="42"))


def test_an_unfinished_run() -> None:
    """A run that ended before its plan still makes a report."""
    text = markdown(State(request="Bread."))

    assert text.startswith("# Bread.\n")


@given(st.text())
def test_harmless(text: str) -> None:
    """What is harmless has no control characters, and making it so again changes nothing."""
    safe = harmless(text)

    assert set() == {char for char in safe if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cs"}}
    assert safe == harmless(safe)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://a.b\x1b\\link\x1b]8;;\x07", "link"),
        ("a\u202eb\u2066c", "abc"),
        ("a\rb\x08c\x00", "abc"),
        ("Ärger, 東京, 👩‍👩‍👧", "Ärger, 東京, 👩‍👩‍👧"),
        ("a\n\tb", "a\n\tb"),
    ],
)
def test_harmless_by_example(text: str, safe: str) -> None:
    """Escape sequences go as a whole; letters, emoji, line ends and tabs stay."""
    assert safe == harmless(text)


OUTSIDE = (
    "# Mine now\n\n![x](http://127.0.0.1:{port}/pixel.png?data=1) ![y][r]\n\n[r]: http://127.0.0.1:{port}/ref.png\n\n"
    "[S1]: http://127.0.0.1:{port}/caught\n\n<a id='run-S1'></a><img src='http://127.0.0.1:{port}/tag.png'>"
    "<link rel='stylesheet' href='http://127.0.0.1:{port}/style.css'><svg onload='fetch(\"http://127.0.0.1:{port}/js\")'>"
    "\n\nTitle\n=====\n\n```\nleft open"
)


def outside(port: int = 9) -> State:
    """Give a run whose answer and results try to load and to catch what they can."""
    state: Any = ended(answer="Ten loaves, says the baker [S1]. See [D1].\n\n" + OUTSIDE.format(port=port))
    for outcome in state["outcomes"]:
        outcome["output"] = OUTSIDE.format(port=port)
    return cast("State", state)


def test_outside_text_keeps_its_place() -> None:
    """A text's images become links, its headings and anchors are not the report's, and its open code block ends with it."""
    text = markdown(outside())
    page = Page(html(outside()))
    headings = [line for line in text.split("\n") if line.startswith("#") and "Mine" in line]

    assert (text.count("!["), re.findall(r"^\[[Sr]\d?\]:", text, re.MULTILINE)) == (0, [])
    assert headings == ["## Mine now"]  # the answer's own, one level down; the workers' are none
    assert text.count("```") % 2 == 0
    assert len(page.anchors) == len(set(page.anchors))
    assert {"img", "link", "script", "iframe"} & set(page.tags) == set()
    assert page.tags.count("svg") == 1  # ours: what the planner's part of the cost is
    assert "http-equiv" in page.attributes


def test_names_once() -> None:
    """A specialist named right before its mark is not named again, and what the answer tells of an entry is not repeated."""
    state: Any = outside()
    state["disagreements"][0]["resolution"] = "Ten it is."
    text = markdown(state)
    untold = markdown(cast("State", {**state, "answer": "No mark."}))

    assert "says the baker [S1](#run-S1). See [D1](#run-D1)" in text
    assert (text.count("Ten it is."), untold.count("Ten it is.")) == (0, 1)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_nothing_is_loaded(tmp_path: Path) -> None:
    """A browser that opens the report asks nobody for anything."""
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        report, control = tmp_path / "run.html", tmp_path / "control.html"
        report.write_text(html(outside(server.server_port)), encoding="utf-8")
        control.write_text(f"<img src='http://127.0.0.1:{server.server_port}/control'>", encoding="utf-8")
        for page in (report, control):
            flags = (
                "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
            )
            flags += f" --disable-component-update --disable-sync --user-data-dir={tmp_path}/{page.stem}"
            command = ["chromium", *flags.split(), "--virtual-time-budget=3000", "--dump-dom", page.as_uri()]
            subprocess.run(command, capture_output=True, timeout=120, check=True)
        server.shutdown()

    assert asked == ["/control"]  # the control shows that the browser would have asked
