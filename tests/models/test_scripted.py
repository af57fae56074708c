"""Scripted minds: a real chat model that plays a script."""

import asyncio
import time
from pathlib import Path

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage

from graph import NoModel, answer
from nodes.models.scripted import SCRIPTS, Line, Script, ScriptedChatModel, read_script, register, script_of
from tests.minds import plan_of, synthesis_of

PARTY = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."
ASKED = [HumanMessage("What does the fox do?")]
TEXT = "The quick brown fox jumps over the lazy dog."


def model(*lines: Line, chunk: int = 10, delay_s: float = 0.0, otherwise: str | None = None) -> ScriptedChatModel:
    return ScriptedChatModel(script=Script(lines, chunk, delay_s, otherwise), name_of_script="test")


def heard(chat: ScriptedChatModel, *, sync: bool, max_tokens: int | None = None) -> list[AIMessageChunk]:
    if sync:
        return list(chat.stream(ASKED, max_tokens=max_tokens))

    async def collected() -> list[AIMessageChunk]:
        return [chunk async for chunk in chat.astream(ASKED, max_tokens=max_tokens)]

    return asyncio.run(collected())


@pytest.mark.parametrize("sync", [True, False])
def test_streams_and_tells_what_it_used(*, sync: bool) -> None:
    """A reply comes in pieces, and its end carries usage, the model's name and why it ended."""
    chunks = heard(model(Line(TEXT)), sync=sync)
    last = chunks[-1]

    assert [str(chunk.text) for chunk in chunks[:-1]] == [TEXT[at : at + 10] for at in range(0, len(TEXT), 10)]
    assert last.usage_metadata == {"input_tokens": 5, "output_tokens": 11, "total_tokens": 16}
    assert last.response_metadata == {"finish_reason": "stop", "model_name": "scripted:test"}


@pytest.mark.parametrize("sync", [True, False])
def test_keeps_to_max_tokens(*, sync: bool) -> None:
    """A cap cuts the reply, and the end says so."""
    chunks = heard(model(Line(TEXT)), sync=sync, max_tokens=3)

    assert "".join(str(chunk.text) for chunk in chunks) == TEXT[:12]
    assert chunks[-1].response_metadata["finish_reason"] == "length"


def test_invoke() -> None:
    """Asked as a whole, it answers as a whole, usage included."""
    message = model(Line(TEXT)).invoke(ASKED)

    assert message.text == TEXT
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == 16


def test_takes_its_time() -> None:
    """Delays are honoured, and do not block the loop: two replies take as long as one."""

    async def two() -> float:
        chat = model(Line(TEXT, wait_s=0.1), chunk=22, delay_s=0.05)
        began = time.monotonic()
        await asyncio.gather(chat.ainvoke(ASKED), chat.ainvoke(ASKED))
        return time.monotonic() - began

    assert 0.2 <= asyncio.run(two()) < 0.39


def test_the_first_line_that_fits() -> None:
    """The first reply whose words all stand in the prompt is played; otherwise the last resort."""
    lines = (Line("both", ("fox", "cat")), Line("fox", ("fox",)), Line("late", ("What",)))
    said = [model(*lines[:1], otherwise="else"), model(*lines), model(Line("cat", ("cat",)), otherwise="else")]

    assert [str(text.invoke(ASKED).text) for text in said] == ["else", "fox", "else"]


def test_nothing_to_say() -> None:
    """A prompt that the script does not know is an error, not an empty answer."""
    with pytest.raises(NoModel, match="plays one demonstration only"):
        model(Line("cat", ("cat",))).invoke(ASKED)


def test_an_unknown_script() -> None:
    """An unknown name is told with the known ones."""
    with pytest.raises(NoModel, match=r"unknown scripted model 'hamlet'; known: .*street-party"):
        script_of("hamlet")


def test_a_script_file(tmp_path: Path) -> None:
    """A script is read with its replies, words, waits and pace."""
    (tmp_path / "one.yaml").write_text(
        "chunk: 3\ndelay_s: 0.5\nreplies:\n  - when: [a, b]\n    say: hello\n    wait_s: 2\notherwise: bye\n"
    )

    assert read_script(tmp_path / "one.yaml") == Script((Line("hello", ("a", "b"), 2.0),), 3, 0.5, "bye")


def test_a_registered_script_plays_a_whole_run() -> None:
    """A script of one's own answers a whole run, priced at nothing."""
    lines = (
        Line(
            plan_of({"poet": "Write four lines on a fox and a lazy dog.", "painter": "Paint a fox, small, in red."}),
            ("You are the planner",),
        ),
        Line("A quick brown fox.", ("You are a specialist",)),
        Line(synthesis_of("Here it is. [S1] [S2]"), ("You are the synthesiser",)),
    )
    register("fox", Script(lines))
    said = answer("A poem on a fox, please.", model="scripted:fox")

    assert (said, said.state["complete"]) == ("Here it is. [S1] [S2]", True)
    assert (said.state["spend"]["calls"], said.state["spend"]["usd"], said.state["spend"]["unknown"]) == (4, 0.0, 0)


def test_the_street_party(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demonstration plays to its end: a disagreement, a second round that fills the gap, a complete answer."""
    script = read_script(SCRIPTS / "street-party.yaml")
    quick = Script(tuple(Line(line.say, line.when) for line in script.lines), 200)
    register("quick-party", quick)
    state = answer(PARTY, model="scripted:quick-party").state

    assert [outcome["id"] for outcome in state["outcomes"]] == ["S1", "S2", "S3", "S4", "S5", "S6"]
    assert (state["complete"], state["stop_reason"]) == (True, None)
    assert [entry["topic"] for entry in state["disagreements"]] == ["When the music ends"]
    assert [position["verified"] for entry in state["disagreements"] for position in entry["positions"]] == [True, True]
    assert (state["plan"]["source"], state["plan"]["round"], state["gaps"]) == ("native", 2, [])


def test_the_street_party_plays_nothing_else() -> None:
    """The demonstration script does not pretend to plan another request."""
    with pytest.raises(NoModel, match="one demonstration only"):
        answer("Should our library cancel its journals?", model="scripted:street-party")
