"""Imports: what only some runs use is not loaded by those that do not."""

import json
import subprocess
import sys

import pytest

# By whom it is used: documents, tools and their servers, prices, ceilings, the command line, stores, other models, pages.
HEAVY = (
    "pypdf", "pint", "mcp", "langchain_mcp_adapters", "langchain.agents", "genai_prices", "bpe_openai", "typer", "aiosqlite",
    "filelock", "psycopg", "redis", "xllamacpp", "huggingface_hub", "anthropic", "google.genai", "markdown_it", "nh3",
    "json_repair", "numpy",
)  # fmt: skip
BEGUN = """
from graph import build_graph, graph

seen = []
try:
    graph.invoke({"request": "Plan a street party."}, context={"planner_model": "openai:gpt-4o", "max_plan_attempts": 1})
except Exception as error:
    seen.append(type(error).__name__)
assert seen == ["NoModel"], seen  # the planner was asked, and nobody was there
"""
LISTED = """
import sys
from graph.cli.app import app

sys.argv = ["orchestrate", "runs"]
try:
    app()
except SystemExit:
    pass
"""
ASKED = "\nimport json, sys\nprint(json.dumps([name for name in {names!r} if name in sys.modules]))"


def loaded(code: str, names: tuple[str, ...], **environment: str) -> list[str]:
    """Run some code in a process of its own; list which of these modules it has loaded by its end."""
    done = subprocess.run(
        [sys.executable, "-c", code + ASKED.format(names=names)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "PYTHONPATH": ":".join(sys.path), **environment},
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("code", ["from graph import graph", BEGUN])
def test_heavy_modules(code: str) -> None:
    """Neither the import with building a graph, nor a run up to its first request loads what only some runs use."""
    endpoint = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-not-a-secret"}

    assert loaded(code, HEAVY, **endpoint) == []


def test_listing_runs(tmp_path: object) -> None:
    """Runs are listed without LangChain and LangGraph, which take more than a second to load."""
    assert loaded(LISTED, ("langgraph", "langchain_core", "openai"), ORCHESTRATOR_DB=f"{tmp_path}/runs.db") == []


@pytest.mark.parametrize(("before", "frozen"), [("", True), ("kept = [[] for _ in range(200_000)]\n", False)])
def test_the_collector_leaves_imports_alone(before: str, *, frozen: bool) -> None:
    """What was imported is never collected in a process that begins with us; where much was there before, all stays as it was."""
    code = f"{before}import gc\nfrom graph import build_graph\nprint(gc.get_freeze_count() > 100_000, gc.isenabled())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(frozen), "True"]
