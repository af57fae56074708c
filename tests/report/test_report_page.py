"""The report's page: nothing stands twice, marks lead there and back, times are drawn; and the other formats."""

import io
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from graph import begin
from graph.report import FORMATS, html, written
from graph.report.charts import share, timelines
from graph.report.marks import without_repeats
from graph.report.quotes import marked
from nodes.state import State
from tests.cli.test_cli import around
from tests.command import orchestrate
from tests.endpoint import Endpoint
from tests.minds import REQUEST, Team
from tests.report.test_report import Page, ended
from tests.turn import Turn


def test_nothing_stands_twice() -> None:
    """What code has added to an answer is left out of it where the report tells the entry in its own place."""
    answer = "All is well. [S1]\n\n## Where the results differ\n\n- loaves: ten or so [D1]\n\n- [ ] buy flour\n"
    page = html(ended(answer=answer))

    assert page.count("Where the results differ") == 3  # twice in the contents, once as a heading
    assert "ten or so" not in page
    assert "☐ buy flour" in page


def test_only_such_lists_are_left_out() -> None:
    """A section of that name which tells no entry stays, but for its heading; without entries it stays whole."""
    told = "## What is missing\n\nA longer text.\n\n## Next\n\nMore."

    assert without_repeats(told, {"What is missing"}) == "A longer text.\n\n## Next\n\nMore."
    assert without_repeats(told, set()) == told


def test_there_and_back() -> None:
    """A mark leads to the worker's text, and that text to each mark; a worker's text leads to what it differs in."""
    page = html(ended(answer="Ten. [S1] And ten more. [S1] See [D1]."))

    assert ['<a class="mark" id="run-S1-1"' in page, '<a class="mark" id="run-S1-2"' in page] == [True, True]
    assert ['href="#run-S1-1"' in page, 'href="#run-S1-2"' in page, 'href="#run-D1-1"' in page] == [True] * 3


def test_a_name_that_was_just_said() -> None:
    """A specialist who was named in the words before a mark is not named again by it."""
    page = html(
        ended(answer="The **baker**, who knows, says ten. [S1] Nobody else does. " + "And so on. " * 9 + "[S1]")
    )

    assert ">S1</a>" in page
    assert ">baker (S1)</a>" in page


def timed(number: int, seconds: float, **times: Any) -> dict[str, Any]:
    """Give an outcome with its times."""
    told = {"began": 1000.0, "waits": [], "tries": [], **times}
    return {"id": f"S{number}", "specialist": "baker", "status": "done", "round": 1, "seconds": seconds, "times": told}


def test_the_timeline() -> None:
    """Waiting and further tries stand where they were, and waiting is no work."""
    outcomes = [timed(1, 10.0, waits=[[0.0, 4.0]]), timed(2, 5.0, began=1005.0, tries=[[2.5, "<busy>"]]), {"id": "S3"}]
    ((number, drawn),) = timelines(outcomes, "How it went")

    assert (number, "How it went" in drawn, 'href="#run-S1"' in drawn) == (1, True, True)
    assert re.findall(r'class="(work|waits)" x="(.+?)%".*? width="(.+?)%"', drawn) == [
        ("waits", "0.00", "40.00"),
        ("work", "40.00", "60.00"),
        ("work", "50.00", "50.00"),
    ]
    assert re.findall(r'class="tries" x="(.+?)%".*?<title>(.*?)</title>', drawn) == [("75.00", "&lt;busy&gt;")]
    assert re.findall(r">(\d+\.\d s|\d:\d\d)<", drawn) == "6.0 s|5.0 s|0:00|0:02|0:04|0:06|0:08|0:10".split("|")


def test_ids_are_no_markup() -> None:
    """An id, a state and a name that spell markup are text in charts and marks, whoever's server they are from."""
    evil = '"><script>alert(1)</script>'
    ((_, drawn),) = timelines([{**timed(1, 1.0), "id": evil, "status": evil, "specialist": evil}], evil)

    assert "<script>" not in drawn + marked("<p>Ten loaves.</p>", "Ten loaves", evil)


def test_shares() -> None:
    """A part's bar is as long as its part of the cost; of the tokens, where a price is unknown."""
    whole = {"usd": 0.4, "input_tokens": 90, "output_tokens": 10}
    part = {"usd": 0.1, "input_tokens": 40, "output_tokens": 10}
    unpriced = {"usd": None}

    assert 'width="25.00%"' in share(part, whole)
    assert 'width="50.00%"' in share({**part, **unpriced}, {**whole, **unpriced})


QUOTED = "<p>The <strong>hall</strong> costs 400 euros &amp; more, it's closed.</p>\n<ul>\n<li>soup</li>\n</ul>"


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("The hall costs", ["The ", "hall", " costs"]),  # across tags
        ("400 Euros & more", ["400 euros &amp; more"]),
        ("its closed soup", ["it's closed.", "soup"]),  # nearly, over two blocks
        ("a caterer", []),
        ("", []),
    ],
)
def test_a_quote_in_its_place(quote: str, found: list[str]) -> None:
    """A quote is marked where it stands, whatever tags lie within; the text stays what it was."""
    made = marked(QUOTED, quote, "here")

    assert re.findall(r"<mark.*?>(.*?)</mark>", made) == found
    assert re.sub(r"</?mark.*?>", "", made) == QUOTED
    assert made.count('id="here"') == bool(found)


def test_quotes_lead_to_their_place() -> None:
    """What is quoted in a disagreement leads to its place in the worker's text."""
    page = html(ended())

    assert '<a href="#run-D1-S1">' in page
    assert '<mark id="run-D1-S1">' in page


def test_times_are_kept(endpoint: Endpoint, team: Team) -> None:
    """An outcome says when it began, how long it waited for a slot, and why it was tried again."""
    tries = [Turn(fault="503")]
    team.workers = {"caterer": Turn("Soup.", delay=0.2), "publicist": lambda _: tries.pop() if tries else "A leaflet."}
    outcomes = begin(REQUEST, max_parallel=1).result(30).state["outcomes"]

    assert all(outcome["times"]["began"] > 1e9 for outcome in outcomes)
    assert any(outcome["times"]["waits"] for outcome in outcomes)
    assert "503" in outcomes[1]["times"]["tries"][0][1]


def test_words_of_a_language() -> None:
    """The report speaks its answer's language, and says of a text in another which it is."""
    state: Any = ended(answer="Le pain est prêt pour les enfants et la rue, dans une heure ou deux, avec du beurre.")
    page = html(state)

    assert '<html lang="fr">' in page
    assert ("Points de désaccord" in page, "Where the results differ" in page) == (True, False)


ROOMS = ("graph.report", "nodes.synthesis")


def test_every_language_that_is_known() -> None:
    """Each language that an answer's is told by has all the report's words; Arabic is written from right to left."""
    words, spoken = (yaml.safe_load(files(room).joinpath("words.yaml").read_text("utf-8")) for room in ROOMS)
    arabic: Any = ended(answer="الخبز جاهز للأطفال في الشارع خلال ساعة أو ساعتين مع الزبدة.")

    assert words.keys() == spoken.keys()
    assert [name for name, said in words.items() if said.keys() != words["en"].keys()] == []
    assert '<html lang="ar" dir="rtl">' in html(arabic)


def test_formats() -> None:
    """Each format holds the answer; JSON is the state."""
    docx = pytest.importorskip("docx")
    pytest.importorskip("html4docx")
    made = {kind: written(ended(), kind) for kind in FORMATS}
    paragraphs = [paragraph.text for paragraph in docx.Document(io.BytesIO(made["docx"])).paragraphs]

    assert json.loads(made["json"]) == ended()
    assert all(b"Ten loaves." in made[kind] for kind in ("html", "md", "json"))
    assert paragraphs[0] == "Bread for a street."
    assert any("Ten loaves." in text for text in paragraphs)


def test_the_command(endpoint: Endpoint, tmp_path: Path) -> None:
    """`orchestrate report ID` writes a kept run in any format, to a file or to stdout."""
    env = around(tmp_path, endpoint)
    name = orchestrate(REQUEST, env=env).stderr.rpartition("orchestrate show ")[2].split()[0]
    page = orchestrate("report", name, "-o", str(tmp_path / "run.html"), env=env)
    text = orchestrate("report", name, "--format", "md", "-o", "-", env=env)
    wrong = orchestrate("report", name, "--format", "pdf", env=env)

    assert (page.returncode, text.returncode, wrong.returncode) == (0, 0, 2)
    assert "Everything is planned." in (tmp_path / "run.html").read_text(encoding="utf-8")
    assert text.stdout.startswith("# Plan a neighbourhood street party")
    assert "html, md, docx, json" in wrong.stderr


def test_links_lead_somewhere() -> None:
    """Every link within a page of a run without an answer leads to an anchor that is there."""
    page = Page(html(cast("State", {**ended(), "answer": ""})))

    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.anchors)
