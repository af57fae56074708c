"""The architecture: one way through the layers, one reader of the environment, one printer."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI

from nodes import langgraph_private

CLONE = Path(__file__).parent.parent
LAYERS = ("graph", "nodes", "prompts")
MODULES = sorted(path for layer in LAYERS for path in (CLONE / layer).rglob("*.py"))
ROOMS = sorted(str(path.parent.relative_to(CLONE)) for path in MODULES if path.name == "__init__.py")
STEPS = ("planner", "validator", "approval", "worker", "synthesiser")


def places(*names: str) -> set[str]:
    """Find the modules that name one of these: as `os.environ` or as `print(…)`."""
    return {str(path.relative_to(CLONE)) for path in MODULES if {*names} & {*_names(path)}}


def _names(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield f"{node.func.id}()"


def test_layers() -> None:
    """The contracts in pyproject.toml hold: graph, then nodes, then prompts; the steps never import each other."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ended = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)

    assert (ended.returncode, ", 0 broken" in ended.stdout) == (0, True), ended.stdout + ended.stderr


def test_one_reader_of_the_environment() -> None:
    """Only graph/settings.py reads environment variables."""
    readers = places("os.environ", "os.getenv", "os.environb", "os.getenvb")

    assert {"graph/settings.py"} == readers


def test_one_printer() -> None:
    """Only the command line writes to the terminal, and there two files alone."""
    printers = places("print()", "input()", "sys.stdout", "sys.stderr", "rich.print", "click.echo", "typer.echo")

    assert {"graph/cli/app.py", "graph/cli/output.py"} == printers - {
        "graph/cli/commands/running.py",
        "graph/cli/keyboard.py",
    }


def test_private_names() -> None:
    """What LangGraph and LangChain do not promise is imported in one place, and is there in the versions we allow."""
    private = re.compile(
        r"^\s*from (lang\w+|openai)[\w.]*(\._\w+[\w.]* import| import .*\b(_\w+|var_child_runnable_config))",
        re.MULTILINE,
    )
    users = {str(path.relative_to(CLONE)) for path in MODULES if private.search(path.read_text(encoding="utf-8"))}
    for name in langgraph_private.__all__:
        assert getattr(langgraph_private, name) is not None
    assert langgraph_private.has_async_side(StructuredTool.from_function(coroutine=_a_tool, name="a", description="b"))
    assert hasattr(ChatOpenAI, "_convert_chunk_to_generation_chunk")  # overridden in nodes/models/providers.py
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounded = {re.split(r"[<>=]", wanted)[0] for wanted in project["dependencies"] if "<" in wanted}

    assert users == {"nodes/langgraph_private.py"}
    assert {"langgraph", "langchain-core", "langchain-openai", "openai"} <= bounded


async def _a_tool() -> str:
    return ""


LINES, MODULE_LINES = 40, 300


def too_long(path: Path) -> Iterator[str]:
    """Name the functions of a module that have over 40 lines (their docstring apart), and the module if it has over 300."""
    text, name = path.read_text(encoding="utf-8"), str(path.relative_to(CLONE))
    if text.count("\n") > MODULE_LINES and "because" not in text.split("\n", 1)[0]:
        yield name
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            begin = node.body[1].lineno if ast.get_docstring(node) and node.body[1:] else node.lineno
            if (node.end_lineno or 0) - begin >= LINES:
                yield f"{name}:{node.name}"


def test_limits() -> None:
    """No function has over 40 lines, and no module over 300 unless its first line says because of what."""
    offenders = [offender for path in MODULES for offender in too_long(path)]

    assert offenders == []


def test_complexity() -> None:
    """No function is more complex than 12 (McCabe), and none asks for an exception."""
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    excused = [path.name for path in MODULES if re.search("noqa.*C901", path.read_text(encoding="utf-8"))]

    assert (project["mccabe"]["max-complexity"], excused) == (12, [])


def test_doors_offer_what_is_taken() -> None:
    """A room's door offers no name that nobody outside the room takes."""
    users = [
        path for folder in (*LAYERS, "bench", "deploy", "evals", "tests") for path in (CLONE / folder).rglob("*.py")
    ]
    taken = {path: {*_names(path)} for path in users}
    idle = {"graph.cli.main"}  # the command that is installed

    for room in (room for room in ROOMS if room != "graph"):  # that one is for everybody's programs
        door = room.replace("/", ".")
        names = {
            name.rpartition(".")[2] for name in _names(CLONE / room / "__init__.py") if name.startswith(f"{door}.")
        }
        outside = {name for path in users if not path.is_relative_to(CLONE / room) for name in taken[path]}
        ways = {name: {f"{door}.{name}", f"{Path(room).name}.{name}"} for name in names}  # by itself, or in its module
        idle |= {f"{door}.{name}" for name in names if not ways[name] & outside}

    assert {"graph.cli.main"} == idle


@pytest.mark.parametrize("room", ROOMS)
def test_each_folder_says_what_is_in_it(room: str) -> None:
    """A folder's __init__ tells what it is for and what is in it."""
    text = ast.get_docstring(ast.parse((CLONE / room / "__init__.py").read_text(encoding="utf-8"))) or ""

    assert len(text.splitlines()) >= 3, text


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
