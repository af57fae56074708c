"""Settings: default < environment < explicit, under the deployment's ceilings."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graph import BadSettings, NoModel
from graph.settings import (
    CAPPED,
    check_configurable,
    path,
    prices,
    prices_from,
    read_env_file,
    resolve,
    still_under_ceilings,
    with_model,
)
from nodes.budget import Price
from nodes.state import Context

MODEL = {"ORCHESTRATOR_MODEL": "openai:gpt-4o"}


def settled(given: Any = None, **environment: str) -> Context:
    return resolve(given, {**MODEL, **{f"ORCHESTRATOR_{name}": value for name, value in environment.items()}})


def test_the_defaults() -> None:
    """Without anything set, the documented defaults hold."""
    settings = settled().model_dump(exclude={"planner_model", "worker_model", "synthesiser_model"}, exclude_none=True)

    assert settings == {
        "max_subtasks": 5,
        "max_rounds": 2,
        "max_plan_attempts": 2,
        "max_parallel": 8,
        "call_timeout_s": 120,
        "worker_timeout_s": 300,
        "approve_plan": False,
        "improvise": True,
        "structured_output": "auto",
    }


def test_explicit_wins_over_environment_wins_over_default() -> None:
    """Each setting comes from the strongest place that names it."""
    both = settled({"max_subtasks": 7}, MAX_SUBTASKS="9", MAX_ROUNDS="3")

    assert (both.max_subtasks, both.max_rounds, both.max_parallel) == (7, 3, 8)


def test_an_explicit_default_wins_too() -> None:
    """A default given on purpose is a choice; an empty field of a form is none."""
    assert settled({"max_subtasks": 5}, MAX_SUBTASKS="9").max_subtasks == 5
    assert settled({"worker_temperature": None}, WORKER_TEMPERATURE="0.5").worker_temperature == 0.5


def test_a_context_object_counts_what_was_set() -> None:
    """A Context object counts as explicit in what it was given, and in nothing else."""
    variables = resolve(
        Context(max_rounds=4), {**MODEL, "ORCHESTRATOR_MAX_ROUNDS": "3", "ORCHESTRATOR_MAX_SUBTASKS": "9"}
    )

    assert (variables.max_rounds, variables.max_subtasks) == (4, 9)


READ = {
    "MAX_SUBTASKS": ("12", 12),
    "CALL_TIMEOUT_S": ("2.5", 2.5),
    "APPROVE_PLAN": ("true", True),
    "IMPROVISE": ("0", False),
    "BUDGET_USD": ("0.25", 0.25),
    "BUDGET_TOKENS": ("90000", 90000),
    "STRUCTURED_OUTPUT": ("text", "text"),
    "CONTEXT_WINDOW": (" 8192 ", 8192),
    "WORKER_MODEL": ("openai:gpt-4o-mini", "openai:gpt-4o-mini"),
}


@pytest.mark.parametrize("name", READ)
def test_the_environment_is_read(name: str) -> None:
    """Every kind of setting can be written as text."""
    text, expected = READ[name]

    assert getattr(settled(**{name: text}), name.lower()) == expected


BAD_VALUES = {
    "MAX_SUBTASKS": ("many", "ORCHESTRATOR_MAX_SUBTASKS='many'"),
    "MAX_ROUNDS": ("0", "max_rounds"),
    "APPROVE_PLAN": ("perhaps", "ORCHESTRATOR_APPROVE_PLAN='perhaps'"),
    "STRUCTURED_OUTPUT": ("xml", "ORCHESTRATOR_STRUCTURED_OUTPUT='xml'"),
    "MAX_SUBTASK": ("3", "unknown setting in the environment: ORCHESTRATOR_MAX_SUBTASK"),
    "CEILING_IMPROVISE": ("1", "unknown setting in the environment: ORCHESTRATOR_CEILING_IMPROVISE"),
    "CEILING_MAX_ROUNDS": ("few", "ORCHESTRATOR_CEILING_MAX_ROUNDS='few'"),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_a_bad_environment(name: str) -> None:
    """A variable that is unknown or holds nonsense is named with its value."""
    text, words = BAD_VALUES[name]
    with pytest.raises(BadSettings, match=re.escape(words)):
        settled(**{name: text})


LIMITS = {
    "max_subtasks": (1, 200),
    "max_rounds": (1, 10),
    "max_plan_attempts": (1, 5),
    "max_parallel": (1, 512),
    "call_timeout_s": (0.001, 3600),
    "worker_timeout_s": (0.001, 86400),
    "worker_temperature": (0, 2),
    "worker_max_output_tokens": (16, 10**6),
    "context_window": (1024, 10**7),
    "budget_tokens": (1, 10**15),
}


@pytest.mark.parametrize("name", LIMITS)
def test_ranges(name: str) -> None:
    """The ends of a range are taken, what is beyond is refused by name."""
    low, high = LIMITS[name]
    taken = [getattr(settled({name: value}), name) for value in (low, high)]
    with pytest.raises(BadSettings, match=name):
        settled({name: low - 1})
    with pytest.raises(BadSettings, match=name):
        settled({name: 10**25})

    assert taken == [low, high]


def test_every_fault_is_told_at_once() -> None:
    """Two wrong settings are named in one error."""
    with pytest.raises(BadSettings, match=r"'max_rounds'.*; .*'max_subtasks'|'max_subtasks'.*; .*'max_rounds'"):
        settled({"max_rounds": 0, "max_subtasks": 0})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_is_no_setting(value: float) -> None:
    """Neither infinity nor what is no number passes as a limit."""
    with pytest.raises(BadSettings):
        settled({"budget_usd": value})


def test_ceilings() -> None:
    """A ceiling lowers what is asked for and what is left open, and raises nothing."""
    settings = settled(
        {"max_subtasks": 50, "max_rounds": 1},
        CEILING_MAX_SUBTASKS="6",
        CEILING_MAX_ROUNDS="3",
        CEILING_BUDGET_USD="0.5",
        CEILING_MAX_PARALLEL="4",
    )

    assert (settings.max_subtasks, settings.max_rounds, settings.budget_usd, settings.max_parallel) == (6, 1, 0.5, 4)


@pytest.mark.parametrize("name", CAPPED)
def test_every_ceiling_holds(name: str) -> None:
    """Whatever may be capped is capped against any caller, in its own type."""
    told = getattr(
        settled(
            {name: 2000 if name == "context_window" else 40} if name in UP_TO_40 else {},
            **{f"CEILING_{name.upper()}": CEILINGS.get(name, "20")},
        ),
        name,
    )

    assert told == float(CEILINGS.get(name, "20"))
    assert isinstance(told, float if name.endswith(("_s", "_usd")) else int)


UP_TO_40 = set(CAPPED) - {"max_rounds", "max_plan_attempts"}
CEILINGS = {"max_rounds": "1", "max_plan_attempts": "1", "context_window": "1024"}


def test_one_model_for_all_or_each_its_own() -> None:
    """ORCHESTRATOR_MODEL serves the roles that have none of their own."""
    settings = settled({"worker_model": "openai:small"}, PLANNER_MODEL="openai:large")

    assert (settings.planner_model, settings.worker_model, settings.synthesiser_model) == (
        "openai:large",
        "openai:small",
        "openai:gpt-4o",
    )


MODELS: dict[str, tuple[dict[str, str], list[str]]] = {
    "a key": ({"OPENAI_API_KEY": "k"}, ["openai:gpt-5.5", "openai:gpt-5.4-mini", "openai:gpt-5.5"]),
    "a server": ({"OPENAI_BASE_URL": "http://localhost/v1"}, ["openai:auto"] * 3),
    "both": ({"OPENAI_BASE_URL": "http://localhost/v1", "OPENAI_API_KEY": "k"}, ["openai:auto"] * 3),
    "one role": ({"ORCHESTRATOR_WORKER_MODEL": "scripted:street-party"}, ["scripted:street-party"] * 3),
}


@pytest.mark.parametrize("case", MODELS)
def test_models_by_what_is_at_hand(case: str) -> None:
    """Without a name, the model follows from the key, the server, or the role that has one."""
    environment, expected = MODELS[case]
    settings = resolve(None, environment)

    assert [settings.planner_model, settings.worker_model, settings.synthesiser_model] == expected


def test_no_model_at_all() -> None:
    """With nothing at hand, the ways to get a model are listed."""
    with pytest.raises(NoModel, match="OPENAI_BASE_URL"):
        resolve(None, {})


@pytest.mark.parametrize("name", ["gpt-4o", ":gpt-4o", "openai:", ""])
def test_a_model_without_a_provider(name: str) -> None:
    """A name that is not provider:name is refused; an empty one counts as none."""
    if name:
        with pytest.raises(NoModel, match="expected provider:name"):
            settled({"worker_model": name})
    else:
        assert settled({"worker_model": name}).worker_model == "openai:gpt-4o"


def test_model_is_short_for_all_three() -> None:
    """answer(model=…) names all three roles' model, but for one that is named itself."""
    assert with_model({"model": "a:b", "worker_model": "c:d", "max_rounds": 1}) == {
        "planner_model": "a:b",
        "worker_model": "c:d",
        "synthesiser_model": "a:b",
        "max_rounds": 1,
    }


def test_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices are read in USD per million tokens."""
    unset = prices()
    monkeypatch.setenv("ORCHESTRATOR_PRICES", '{"openai:mine": {"input": 0.5, "output": 1.5}}')

    assert (prices(), unset) == ({"openai:mine": Price(0.5e-6, 1.5e-6)}, {})


BAD_PRICES = {
    "no JSON": "{",
    "a list": "[]",
    "a number": '{"m": 3}',
    "half a price": '{"m": {"input": 1}}',
    "below zero": '{"m": {"input": -1, "output": 1}}',
    "text": '{"m": {"input": "cheap", "output": 1}}',
    "without end": "[" * 100_000,
    "no number": '{"m": {"input": NaN, "output": 1}}',
}


@pytest.mark.parametrize("case", BAD_PRICES)
def test_bad_prices(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices of another shape, below zero or no number at all are refused with the variable's name."""
    monkeypatch.setenv("ORCHESTRATOR_PRICES", BAD_PRICES[case])
    with pytest.raises(BadSettings, match="ORCHESTRATOR_PRICES"):
        prices()


def test_prices_given_in_python() -> None:
    """build_graph(prices=…) takes the same form."""
    assert prices_from({"m": {"input": 2, "output": 4}}) == {"m": Price(2e-6, 4e-6)}


def test_the_folder_of_specialists(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder comes from the environment alone."""
    unset = path("SPECIALISTS_DIR")
    monkeypatch.setenv("ORCHESTRATOR_SPECIALISTS_DIR", "/srv/people")

    assert (unset, path("SPECIALISTS_DIR")) == (None, Path("/srv/people"))


def test_an_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .env file adds what is not set yet, and overrides nothing."""
    monkeypatch.setenv("ORCHESTRATOR_MODEL", "openai:kept")
    monkeypatch.setenv("ORCHESTRATOR_MAX_ROUNDS", "")  # so that monkeypatch puts it back
    monkeypatch.delenv("ORCHESTRATOR_MAX_ROUNDS")
    (tmp_path / ".env").write_text("ORCHESTRATOR_MODEL=openai:other\nORCHESTRATOR_MAX_ROUNDS=3\n")
    read_env_file(tmp_path / ".env")
    settings = resolve(None)

    assert (settings.planner_model, settings.max_rounds) == ("openai:kept", 3)


def test_a_cleared_field_is_no_choice() -> None:
    """A model that a form sends as empty text leaves the environment's."""
    assert settled({"planner_model": ""}).planner_model == "openai:gpt-4o"


def test_a_ceiling_on_the_window_caps_it() -> None:
    """A ceiling over a model's own window claims no more for it, and one below it holds; a smaller one is kept."""
    windows = [
        settled(given, CEILING_CONTEXT_WINDOW=ceiling).context_window
        for given, ceiling in [({}, "1000000"), ({}, "4096"), ({"context_window": 2048}, "4096")]
    ]

    assert windows == [None, 4096, 2048]


@pytest.mark.parametrize(
    ("given", "variables", "meant"),
    [
        ({"max_subtask": 3}, {}, "did you mean 'max_subtasks'"),
        ({}, {"BUDGET_USDD": "1"}, "did you mean ORCHESTRATOR_BUDGET_USD"),
    ],
)
def test_a_misspelt_setting(given: dict[str, Any], variables: dict[str, str], meant: str) -> None:
    """What was meant is named."""
    with pytest.raises(BadSettings, match=re.escape(meant)):
        settled(given, **variables)


@pytest.mark.parametrize(
    ("configurable", "told"),
    [({"budget_usd": 1}, "give it as context"), ({"budget_usdd": 1}, "did you mean 'budget_usd', given as context?")],
)
def test_settings_in_the_wrong_place(configurable: dict[str, Any], told: str) -> None:
    """Settings in configurable, where nothing reads them, are refused; what a server mirrors there of the context is not."""
    check_configurable({"thread_id": "a", "max_rounds": 1}, Context(max_rounds=1))
    with pytest.raises(BadSettings, match=re.escape(told)):
        check_configurable(configurable, None)


def test_what_is_wrong_is_no_error_of_an_import(tmp_path: Path) -> None:
    """With a bad specialist file the package is imported and --help answers; the graph says so when it is first used."""
    (tmp_path / "broken.md").write_text("no front matter", encoding="utf-8")
    program = "import graph, graph.build, graph.cli; graph.graph"
    environment = {"PATH": os.environ["PATH"], "ORCHESTRATOR_SPECIALISTS_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert "SpecialistError" in ended.stderr.splitlines()[-1]
    assert "__getattr__" in ended.stderr


def test_the_server_finds_the_graph() -> None:
    """LangGraph's server looks for the graph among what the module holds, and there it is."""
    program = "import sys, types; sys.modules['langgraph_api'] = types.ModuleType('x'); import graph.build; print('graph' in vars(graph.build))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout == "True\n"


def test_kept_settings_stay_under_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings in a run's state, which a server lets its user rewrite, stay under the host's ceilings and the user's."""
    monkeypatch.setenv("ORCHESTRATOR_CEILING_MAX_ROUNDS", "2")
    user = {"langgraph_auth_user": {"identity": "alice", "ceilings": {"max_subtasks": 3, "budget_usd": 0.5}}}
    rewritten = {"max_rounds": 9, "max_subtasks": 20, "budget_usd": None, "max_parallel": 4}

    assert still_under_ceilings(rewritten, user) == {
        "max_rounds": 2,
        "max_subtasks": 3,
        "budget_usd": 0.5,
        "max_parallel": 4,
    }
