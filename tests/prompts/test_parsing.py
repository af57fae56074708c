"""Tests of prompts.parsing: every shape of a plan, every kind of mistake, and nothing invented."""

import asyncio
import contextlib
import json
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.corpus import PLANS, Case, cases, cuts
from bench.parsing import hostile, judge, ours
from prompts import render
from prompts.parsing import CutReply, ParsedPlan, off_loop, parse_plan, parse_synthesis
from prompts.replies import BadReply, Subtask

PLAN = (
    Subtask(specialist="caterer", task="Plan a vegan menu."),
    Subtask(specialist="venue scout", task="Find 3 venues."),
)
ITEMS = [{"specialist": subtask.specialist, "task": subtask.task} for subtask in PLAN]
TEXT = json.dumps({"subtasks": ITEMS})
SYNTHESIS = {
    "disagreements": [
        {
            "id": "D1",
            "topic": "Price",
            "positions": [
                {"subtask_id": "S1", "claim": "10", "quote": "it is 10"},
                {"subtask_id": "request", "claim": "20", "quote": ""},
            ],
            "resolution": None,
            "suggestion": "20, to be safe",
            "status": "kept",
        }
    ],
    "gaps": [{"id": "G1", "subtask_id": None, "what": "Parking", "why": "not asked", "status": "kept"}],
    "follow_ups": [{"specialist": "driver", "task": "Count the cars.", "settles": ["G1"]}],
    "answer": '# Plan\n\nAll of it, "in quotes" [S1].',
}


def fault(text: str, *, truncated: bool = False) -> str:
    """Parse a text that must be refused; give the fault."""
    with pytest.raises(BadReply) as error:
        parse_plan(text, truncated=truncated)
    assert text == error.value.text
    return error.value.fault


def by_kind(*groups: str) -> list[list[Case]]:
    """Sort the corpus's cases of some groups by kind."""
    kinds: dict[str, list[Case]] = {}
    for case in cases():
        if case.group in groups:
            kinds.setdefault(f"{case.group}: {case.kind}", []).append(case)
    return list(kinds.values())


@pytest.mark.parametrize(
    "kind",
    by_kind("shape", "key", "wrapper", "around", "reasoning", "mistake", "revision", "not JSON", "combined"),
    ids=lambda kind: kind[0].kind,
)
def test_recoverable_kinds(kind: list[Case]) -> None:
    """Every recoverable kind of the corpus gives exactly the plan that was meant."""
    judged = [judge(case, ours(case.text, case.truncated)) for case in kind]

    assert ["right"] * len(kind) == judged


@pytest.mark.parametrize("kind", by_kind("no plan"), ids=lambda kind: kind[0].kind)
def test_no_plan_is_invented(kind: list[Case]) -> None:
    """What is no plan is refused, with a fault."""
    faults = {fault(case.text) for case in kind}

    assert "" not in faults


def test_cuts_never_pass_off_half_a_task() -> None:
    """Cut at any character, a plan gives only whole subtasks of the plan, and is marked."""
    wrong = [case.text for case in cuts() if judge(case, ours(case.text, truncated=True)) == "wrong"]

    assert wrong == []


@pytest.mark.parametrize("text", [TEXT, json.dumps(ITEMS, indent=2), str(ITEMS), "Here:\n```json\n" + TEXT])
def test_the_text_itself_tells_a_cut(text: str) -> None:
    """A text that ends within its JSON is marked truncated without the endpoint's word, and holds no half-written task."""
    whole = text.rindex("]")
    for end in range(text.index("Plan a vegan"), whole):
        try:
            plan = parse_plan(text[:end])
        except BadReply:
            continue
        assert plan.truncated
        assert PLAN[: len(plan.subtasks)] == plan.subtasks


def test_native_and_repaired() -> None:
    """Strict JSON is native, in prose too; what needed mending is repaired."""
    sources = [
        parse_plan(text).source
        for text in (TEXT, f"Sure: {TEXT}", str(ITEMS), "Plan:\n- caterer: Plan a menu.\n- florist: Order roses.")
    ]

    assert sources == ["native", "native", "repaired", "repaired"]


def test_truncated_by_the_endpoint() -> None:
    """The endpoint's word marks even a plan that looks whole."""
    plan = parse_plan(TEXT, truncated=True)

    assert ParsedPlan(PLAN, "native", truncated=True) == plan


def test_cross_check_in_other_spellings() -> None:
    """A wish for a second opinion is heard under other names and as a word."""
    items = [
        {**ITEMS[0], "crossCheck": "yes"},
        {**ITEMS[1], "double-check": True},
        {**ITEMS[0], "cross_check": "false"},
    ]
    flags = [subtask.cross_check for subtask in parse_plan(json.dumps(items)).subtasks]

    assert flags == [True, True, False]


def test_the_example_of_the_prompt_is_no_plan() -> None:
    """A model that repeats the planner prompt's example has not planned."""
    prompt = render("planner", most=5, roster=[], improvise=True, documents=False)
    example = prompt[prompt.rindex('{"frame"') :]

    assert "repeats the example" in fault(example)


def test_control_characters_and_surrogates_are_taken_out() -> None:
    """Only newlines and tabs are left of the control characters; a lone surrogate is replaced, a pair is joined."""
    plan = parse_plan('[{"specialist": "a\\u0000b", "task": "x\\ud800y \\ud83c\\udf89\\r\\n\\tz\\u0007"}]')

    assert [Subtask(specialist="ab", task="x\ufffdy 🎉\n\tz")] == list(plan.subtasks)


def test_faults_name_what_was_wrong() -> None:
    """A fault can be shown to the model."""
    faults = [
        fault(text)
        for text in (
            '[{"specialist": "a b"}]',
            '{"subtasks": []}',
            "<think>" + TEXT,
            "",
            '{"specialists": ["a"], "tasks": []}',
        )
    ]

    assert faults == [
        "the reply holds no usable plan: item 1: a subtask has no task",
        "the reply holds no usable plan: it has neither subtasks nor a specialist and a task",
        "the reasoning block was never closed, so there is no plan behind it",
        "the reply is empty",
        "the reply holds no usable plan: it lists 1 specialists and 0 tasks",
    ]


def test_a_final_plan_that_was_cut_is_not_replaced_by_its_draft() -> None:
    """A whole draft before a final plan that was cut is no plan."""
    reason = fault(f"Draft: {TEXT}\n\nFinal:\n\n{TEXT[:40]}")

    assert "cut off" in reason


def test_a_broken_item_is_not_passed_over() -> None:
    """One item that cannot be read makes the plan bad; the others are not passed off as all."""
    reason = fault(
        '{"subtasks": [{"specialist": "a b", "task": "c d"}, {"specialist": @, "task"}, {"specialist": "e f", "task": "g h"}]}'
    )

    assert "could not be read" in reason


@pytest.mark.parametrize(("name", "text"), [pytest.param(name, text, id=name) for name, text in hostile()])
def test_hostile_text_is_cheap(name: str, text: str) -> None:
    """No text takes either parser long: a reading that is not linear would take far more (bench/parsing.py measures)."""
    spent = []
    for parse in (parse_plan, parse_synthesis):
        timed = []
        for _ in range(3):
            start = time.thread_time()
            with contextlib.suppress(BadReply):
                parse(text)
            timed.append(time.thread_time() - start)
        spent.append(min(timed))

    assert max(spent) < 1.0, name


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="{}[]\",:\\\n -|<>/ab'`#*1.")), st.booleans())
def test_any_text_gives_a_plan_or_bad_reply(text: str, truncated: bool) -> None:  # noqa: FBT001
    """Whatever comes in, a ParsedPlan comes out or a BadReply."""
    for parse in (parse_plan, parse_synthesis):
        try:
            parse(text, truncated=truncated)
        except BadReply as error:
            assert error.fault  # noqa: PT017  # no error is as good


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(PLANS),
    st.integers(0, 600),
    st.integers(0, 6),
    st.sampled_from(["", '"', "{", "]", ",", "\\", "\n", "<think>", "'"]),
)
def test_a_damaged_plan_loses_nothing_unsaid(
    plan: tuple[tuple[str, str], ...], place: int, length: int, put: str
) -> None:
    """Damage anywhere in a plan never makes a subtask vanish: all are there, or the plan is marked, or it is refused."""
    text = json.dumps({"subtasks": [{"specialist": who, "task": what} for who, what in plan]}, ensure_ascii=False)
    at = place % len(text)
    found, marked = ours(text[:at] + put + text[at + min(length, 2) :], truncated=False)

    assert found is None or marked or len(found) == len(plan)


names = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=3, max_size=40)
    .map(str.strip)
    .filter(lambda text: any(char.isalpha() for char in text) and len(text) > 2)
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(st.tuples(names, names), min_size=1, max_size=6), st.sampled_from([None, 2]), st.booleans())
def test_round_trip(plan: list[tuple[str, str]], indent: int | None, ascii_only: bool) -> None:  # noqa: FBT001
    """Any plan written by json.dumps is read back as it was."""
    items = [{"specialist": f"who {who}", "task": f"do {what}"} for who, what in plan]
    parsed = parse_plan(json.dumps({"subtasks": items}, indent=indent, ensure_ascii=ascii_only))

    assert [(subtask["specialist"], subtask["task"]) for subtask in items] == [
        (subtask.specialist, subtask.task) for subtask in parsed.subtasks
    ]


def test_long_text_is_parsed_off_the_loop() -> None:
    """A long reply is parsed in another thread, a short one in this."""
    seen: list[bool] = []

    def parse(_: str) -> None:
        seen.append(threading.current_thread() is threading.main_thread())

    async def both() -> None:
        await off_loop(parse, "x" * 9_000)
        await off_loop(parse, "x")

    asyncio.run(both())

    assert seen == [False, True]


def test_off_loop_passes_arguments_and_errors() -> None:
    """Keyword arguments go in, results and BadReply come out."""
    plan = asyncio.run(off_loop(parse_plan, TEXT, truncated=True))
    with pytest.raises(BadReply):
        asyncio.run(off_loop(parse_plan, "no" * 10_000))

    assert plan.truncated


@pytest.mark.parametrize(
    "write",
    [
        json.dumps,
        lambda value: f"<think>{{}}</think>Here:\n```json\n{json.dumps(value, indent=2)}\n```\nDone.",
        lambda value: json.dumps({"synthesis": value}),
        lambda value: json.dumps({"name": "submit", "arguments": json.dumps(value)}),
        lambda value: json.dumps(value)[:-1] + ",}",
        lambda value: json.dumps(value).replace("\\n", "\n"),
        lambda value: json.dumps(value)[:-1],
        repr,
        lambda value: json.dumps({"answer": "A draft."}) + "\n\nFinal:\n" + json.dumps(value),
        lambda value: json.dumps(value).replace('\\"', '"'),
    ],
    ids=[
        "plain",
        "think and fence",
        "nested",
        "tool call",
        "trailing comma",
        "raw newlines",
        "missing bracket",
        "Python",
        "draft first",
        "unescaped quotes",
    ],
)
def test_synthesis_in_every_form(write) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """A synthesis is read whole from every form."""
    synthesis = parse_synthesis(write(SYNTHESIS))

    assert synthesis.model_dump() == SYNTHESIS


def test_synthesis_defaults() -> None:
    """Only the answer is needed."""
    synthesis = parse_synthesis('{"answer": "Yes."}')

    assert synthesis.model_dump() == {"disagreements": [], "gaps": [], "follow_ups": [], "answer": "Yes."}


def test_follow_ups_need_no_answer() -> None:
    """Beside follow-ups an empty answer, or none, is right."""
    texts = [json.dumps({**SYNTHESIS, "answer": ""}), json.dumps({"follow_ups": SYNTHESIS["follow_ups"]})]
    syntheses = [parse_synthesis(text) for text in texts]

    assert [("", "driver"), ("", "driver")] == [
        (synthesis.answer, synthesis.follow_ups[0].specialist) for synthesis in syntheses
    ]


def test_missing_ids_are_given_in_order() -> None:
    """An entry without an id, or with another's, gets the first that neither this reply nor an earlier round has given."""
    topics = [{"topic": "a"}, {"topic": "b", "id": "[d2]"}, {"topic": "c"}, {"topic": "d", "id": "D2"}]
    text = json.dumps({"disagreements": topics, "gaps": ["x", {"what": "y", "id": 7}], "answer": "a"})
    synthesis = parse_synthesis(text, taken={"D1", "G1"})

    assert ["D3", "D2", "D4", "D5"] == [entry.id for entry in synthesis.disagreements]
    assert ["G2", "G7"] == [gap.id for gap in synthesis.gaps]


def test_an_entry_of_an_earlier_round_needs_only_its_id() -> None:
    """An id and a status are enough: what became of the entry is said, not what it was."""
    entries = [
        {"id": "d1", "status": "Withdrawn", "reason": "both fit"},
        {"id": "D2", "status": "settled", "resolution": "S5 counted"},
        {"id": "D3"},
    ]
    synthesis = parse_synthesis(json.dumps({"disagreements": entries, "gaps": [{"id": "g4"}], "answer": "a"}))

    assert [("D1", "withdrawn", "both fit"), ("D2", "settled", "S5 counted")] == [
        (entry.id, entry.status, entry.resolution) for entry in synthesis.disagreements
    ]
    assert [("G4", "")] == [(gap.id, gap.what) for gap in synthesis.gaps]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, "kept"),
        ({"resolution": "20 holds"}, "settled"),
        ({"status": "open"}, "kept"),
        ({"status": "kept", "resolution": "20 holds"}, "kept"),
        ({"status": "RESOLVED"}, "settled"),
        ({"status": "whatever"}, "kept"),
    ],
)
def test_status(said: dict[str, str], status: str) -> None:
    """A missing status is kept, or settled where there is a resolution; common words for each are heard."""
    synthesis = parse_synthesis(json.dumps({"disagreements": [{"topic": "t", **said}], "answer": "a"}))

    assert status == synthesis.disagreements[0].status


@pytest.mark.parametrize(
    "raw", [["D1", "G2"], "D1, G2", "D1 and [G2]", ["d1", "D-1", "g2"], [{"id": "D1"}, "D1", "G2"]]
)
def test_settles(raw: object) -> None:
    """The entries that a follow-up is to settle are heard as a list or as text."""
    item = {"specialist": "driver", "task": "Count the cars.", "settles": raw}
    synthesis = parse_synthesis(json.dumps({"follow_ups": [item], "answer": ""}))

    assert ["D1", "G2"] == synthesis.follow_ups[0].settles


def test_ledger_texts_have_a_bound() -> None:
    """A claim of 20,000 characters is cut at a word before anything compares it."""
    position = {"subtask_id": "S1", "claim": "word " * 4_000, "quote": "word " * 4_000}
    text = json.dumps({"disagreements": [{"topic": "t " * 500, "positions": [position]}], "answer": "a"})
    entry = parse_synthesis(text).disagreements[0]

    assert (True, True, True) == (
        len(entry.topic) <= 400,
        len(entry.positions[0].claim) <= 2_000 and entry.positions[0].claim.endswith("word…"),
        len(entry.positions[0].quote) <= 2_000,
    )


FRAME = {
    "date": "6 June",
    "headcount": 40,
    "budget": {"total": 900, "currency": "GBP", "shares": {"food": 500, "music": 400}},
    "outdoors": True,
}


@pytest.mark.parametrize(
    "write",
    [
        lambda frame: {"frame": frame, "subtasks": ITEMS, "why": "Two kinds of work."},
        lambda frame: {"plan": {"Frame": frame, "subtasks": ITEMS, "why": "Two kinds of work."}},
        lambda frame: {"frame": frame, "why": "Two kinds of work.", "plan": {"steps": ITEMS}},
        lambda frame: {
            "name": "plan",
            "arguments": json.dumps({"frame": frame, "subtasks": ITEMS, "why": "Two kinds of work."}),
        },
        lambda frame: {
            "frame": [{"name": key, "value": value} for key, value in frame.items()],
            "blocks_of_work": ITEMS,
            "why": "Two kinds of work.",
        },
        lambda frame: {
            "frame": frame,
            "subtasks": {subtask.specialist: subtask.task for subtask in PLAN},
            "why": "Two kinds of work.",
        },
    ],
    ids=["beside", "within", "above", "tool call", "pairs", "mapping"],
)
def test_frame(write) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """What several tasks share is read wherever it stands beside the subtasks, and why there are so many."""
    plan = parse_plan(json.dumps(write(FRAME)))

    assert (PLAN, FRAME, "Two kinds of work.") == (plan.subtasks, plan.frame, plan.why)


def test_no_frame() -> None:
    """A plan without a frame has an empty one, and a frame alone is no plan."""
    plan = parse_plan(TEXT)
    fault(json.dumps({"frame": {"venue": "old town hall", "caterer": "two hot meals"}}))

    assert ({}, "") == (plan.frame, plan.why)


def test_a_frame_has_bounds() -> None:
    """Keys, characters and depth have bounds; what is beyond them is cut at a word or kept as text."""
    frame = {f"key {number}": number for number in range(60)}
    frame = {"long": "word " * 200, "a": {"b": {"c": {"d": 1}}}, "list": ["x", 2], "none": None, **frame}  # type: ignore[dict-item]
    found = parse_plan(json.dumps({"frame": frame, "subtasks": ITEMS})).frame

    assert {"a": {"b": {"c": '{"d": 1}'}}, "list": "x; 2"} == {key: found[key] for key in ("a", "list")}
    assert (True, True, True) == (len(found) <= 40, len(found["long"]) <= 400, found["long"].endswith("word…"))


@pytest.mark.parametrize(
    ("raw", "spelt"),
    [("s1", "S1"), ("S1:", "S1"), (1, "S1"), ("[S12]", "S12"), ("Subtask 3", "S3"), ("the request", "request")],
)
def test_subtask_ids_are_spelt_alike(raw: object, spelt: str) -> None:
    """However a model writes a subtask's id, it is the same id."""
    text = json.dumps(
        {"disagreements": [{"topic": "t", "positions": [{"subtask_id": raw, "claim": "c"}]}], "answer": "a"}
    )
    side = parse_synthesis(text).disagreements[0].positions[0].subtask_id

    assert spelt == side


@pytest.mark.parametrize("raw", ["", "none", "null", "None.", None])
def test_no_resolution_is_none(raw: object) -> None:
    """An open disagreement has no resolution, however that is put."""
    entry = (
        parse_synthesis(json.dumps({"disagreements": [{"topic": "t", "resolution": raw}], "answer": "a"}))
        .disagreements[0]
        .resolution
    )

    assert entry is None


def test_malformed_ledger_items() -> None:
    """A malformed item keeps what is usable, and is dropped only if nothing is."""
    ledger = {
        "disagreements": [
            {"topic": "Only a topic"},
            {"positions": [{"subtask_id": "S2", "quote": "q"}]},
            {"foo": 1},
            7,
        ],
        "gaps": ["Parking", {"why": "late"}, {}],
        "follow_ups": [{"specialist": "a b"}, {"specialist": "c d", "task": "e f"}],
        "answer": "a",
    }
    synthesis = parse_synthesis(json.dumps(ledger))

    assert [entry.topic for entry in synthesis.disagreements] == ["Only a topic", "q"]
    assert [gap.what for gap in synthesis.gaps] == ["Parking", "late"]
    assert [follow_up.specialist for follow_up in synthesis.follow_ups] == ["c d"]


def test_a_cut_answer_keeps_its_part() -> None:
    """Cut anywhere in its answer, a synthesis gives the ledger and the answer so far, ready to be continued."""
    text = json.dumps(SYNTHESIS)
    answer = str(SYNTHESIS["answer"])
    for end in range(text.index("# Plan") + 1, len(text) - 2):
        with pytest.raises(CutReply) as error:
            parse_synthesis(text[:end], truncated=True)
        assert answer.startswith(error.value.partial.answer)
        assert [entry.topic for entry in error.value.partial.disagreements] == ["Price"]


def test_deep_nesting_is_read_past() -> None:
    """A ledger nested hundreds of lists deep costs its own item, not the reply."""
    deep = "[" * 800 + "]" * 800
    synthesis = parse_synthesis(f'{{"disagreements": [{{"topic": {deep}, "positions": {deep}}}], "answer": "a"}}')

    assert ([], "a") == (synthesis.disagreements, synthesis.answer)


def test_cut_before_the_answer() -> None:
    """Cut in its ledger, a synthesis gives the complete items and an empty answer."""
    with pytest.raises(CutReply) as error:
        parse_synthesis(json.dumps(SYNTHESIS)[:200], truncated=True)

    assert error.value.partial.answer == ""


@pytest.mark.parametrize(
    "text",
    ["Plain text.", '{"answer": "  "}', '{"gaps": []}', "<think>" + json.dumps(SYNTHESIS), "[1]", '{"answer": 3}'],
)
def test_no_synthesis(text: str) -> None:
    """No JSON, no answer, an empty answer or reasoning without an end: BadReply."""
    with pytest.raises(BadReply) as error:
        parse_synthesis(text)

    assert not isinstance(error.value, CutReply)
