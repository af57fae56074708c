"""Sources: what a worker was shown and names; its answer lists each, with the subtasks that use it."""

from typing import Any

import pytest

from graph import build_graph
from nodes.specialists import used_sources
from tests.endpoint import Endpoint, Turn
from tests.minds import REQUEST, Team, plan_of, synthesis_of
from tests.specialists.test_tools import results_in
from tests.specialists.test_web_search import search_server

ADDRESS = "https://council.example/closures"
WIKI = "https://en.example/wiki/Party_(street)"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (f"See {ADDRESS}.", [ADDRESS]),
        (f"See [the council]({ADDRESS}/), and ({WIKI}).", [ADDRESS]),
        (f"See {WIKI}.", [WIKI]),
        (f"See {ADDRESS}-of-others.", []),
        ("See https://elsewhere.example/.", []),
        ("The council says so.", []),
    ],
)
def test_addresses(output: str, expected: list[str]) -> None:
    """An address counts where a tool has shown it and the output names that very address."""
    assert used_sources([f"Street closures\n{ADDRESS}\nApply.", f"Wiki\n{WIKI}\nText."], output) == expected


def test_documents() -> None:
    """A document counts where a passage of it was shown and the output names it; an address inside it does not."""
    excerpts = f"[minutes.pdf, page 2]\nSee {ADDRESS}.\n\n[rota.md, lines 1-9]\nBrooms."

    assert used_sources((), f"As MINUTES.pdf says: {ADDRESS}", excerpts) == ["minutes.pdf"]


def test_listed_in_the_answer(endpoint: Endpoint, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer ends with each source and who used it, before its closing checklist."""
    team.planner = [plan_of({"researcher": "Find the rules of a street closure.", "clerk": "Read who brings the oil."})]
    call = {"name": "web_search", "args": {"query": "street closure"}}
    team.workers = {
        "researcher": lambda body: f"Twelve weeks ({ADDRESS})." if results_in(body) else Turn("", tool_calls=[call]),
        "clerk": "The Kerrs, says minutes.md.",
    }
    team.synthesiser = [
        synthesis_of("Apply early [S1]; the Kerrs bring oil [S2].\n\n## Checklist\n\n- [ ] Apply\n- [ ] Ask")
    ]
    given: Any = {"request": REQUEST, "documents": [{"name": "minutes.md", "text": "Oil comes from the Kerrs."}]}
    with search_server() as (url, _):
        monkeypatch.setenv("ORCHESTRATOR_SEARXNG_URL", url)
        state = build_graph().invoke(given)

    assert [outcome["sources"] for outcome in state["outcomes"]] == [[ADDRESS], ["minutes.md"]]
    assert state["answer"].endswith(
        f"\n\n## Sources\n\n- {ADDRESS} [S1]\n- minutes.md [S2]\n\n## Checklist\n\n- [ ] Apply\n- [ ] Ask"
    )
