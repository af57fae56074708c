"""The architecture: one way through the layers, one reader of the environment, one printer."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CLONE = Path(__file__).parent.parent
LAYERS = ("graph", "nodes", "prompts")
MODULES = sorted(path for layer in LAYERS for path in (CLONE / layer).rglob("*.py"))
STEPS = ("planner", "validator", "approval", "worker", "synthesiser")


def places(*names: str) -> set[str]:
    """Find the modules that name one of these: as `os.environ` or as `print(…)`."""
    return {str(path.relative_to(CLONE)) for path in MODULES if {*names} & {*_names(path)}}


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{one.name}" for one in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield f"{node.func.id}()"


def test_layers() -> None:
    """The contracts in pyproject.toml hold: graph, then nodes, then prompts; the steps never import each other."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ended = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)

    assert (ended.returncode, "6 kept, 0 broken" in ended.stdout) == (0, True), ended.stdout + ended.stderr


def test_one_reader_of_the_environment() -> None:
    """Only graph/settings.py reads environment variables."""
    readers = places("os.environ", "os.getenv", "os.environb", "os.getenvb")

    assert {"graph/settings.py"} == readers


def test_one_printer() -> None:
    """Only the command line, its output and its screen write to the terminal."""
    printers = places("print()", "input()", "sys.stdout", "sys.stderr", "rich.print", "click.echo", "typer.echo")

    assert {"graph/cli.py", "graph/output.py", "graph/screen.py"} >= printers
    assert {"graph/cli.py", "graph/output.py"} == places("sys.stdout")


def test_one_asker() -> None:
    """Of the steps none opens a model by itself: they ask through nodes/models/ask.py."""
    openers = places(
        "nodes.models.providers.open_model", "langchain.chat_models.init_chat_model", "langchain_openai.ChatOpenAI"
    )

    assert set() == {f"nodes/{step}.py" for step in STEPS} & openers
    assert {"nodes/models/attempts.py", "nodes/models/providers.py"} <= openers


def test_no_drawer_for_everything() -> None:
    """A file is one noun: there is no utils, helpers, common or misc."""
    drawers = [path for path in MODULES if path.stem in {"utils", "util", "helpers", "common", "misc"}]

    assert drawers == []


@pytest.mark.parametrize(
    "path", [*MODULES, *sorted((CLONE / "tests").glob("*.py"))], ids=lambda path: str(path.relative_to(CLONE))
)
def test_first_line(path: Path) -> None:
    """A module's first line says what it holds."""
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]

    assert path.stat().st_size == 0 or first.startswith('"""'), first
