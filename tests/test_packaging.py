"""The package: what is built, pinned and tracked."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

import pytest
from langgraph.graph.state import CompiledStateGraph

CLONE = Path(__file__).parent.parent
LANGGRAPH = str(Path(sys.executable).with_name("langgraph"))
PROJECT = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))
DATA = {
    str(path.relative_to(CLONE))
    for folder, kind in (
        ("prompts", "*.md"),
        ("nodes", "*.yaml"),
        ("graph", "*.yaml"),
        ("graph", "*.html"),
        ("graph", "*.css"),
    )
    for path in (CLONE / folder).rglob(kind)
}
# A home, a temporary folder or a work tree of whoever wrote it.
OF_A_MACHINE = re.compile(rb"(?<![\w.~\-])/(?:home|Users|root|work|tmp|private)/[\w.-]+")
ALLOWED = re.compile(rb"/(?:home|Users)/(?:you|me|user|USER)\b")


def tracked() -> list[Path]:
    """List the files that are in git, or would be; skip where this is no clone."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git clone")
    return [CLONE / name for name in listed.stdout.split("\0") if name and (CLONE / name).is_file()]


def test_wheel(tmp_path: Path) -> None:
    """The wheel holds every module, prompt and script, the command, and nothing of the tests."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=CLONE, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entry,) = [archive.read(name).decode() for name in names if name.endswith("entry_points.txt")]
    assert {f"{layer}/py.typed" for layer in ("graph", "nodes", "prompts")} <= names
    modules = {
        str(path.relative_to(CLONE))
        for layer in ("graph", "nodes", "prompts")
        for path in (CLONE / layer).rglob("*.py")
    }

    assert set() == (DATA | modules) - names
    assert {"graph", "nodes", "prompts"} == {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert entry.strip() == "[console_scripts]\norchestrate = graph.cli:main"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_pins(name: str) -> None:
    """The pins name exact versions with hashes, and no address: any index can serve them."""
    text = (CLONE / name).read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9][\w.\[\],-]*)==(\S+)", text, re.MULTILINE)
    starts = re.findall(r"^[a-z0-9].*", text, re.MULTILINE)

    assert re.findall(r"\w+://\S*|^-+(?:i|f|index-url|extra-index-url|find-links).*", text, re.MULTILINE) == []
    assert len(pins) == len(starts) > 20
    assert len(pins) <= text.count("--hash=sha256:")


def test_every_dependency_is_pinned() -> None:
    """What pyproject.toml asks for is in the pins: for a run in one file, for development in the other."""

    def missing(wanted: list[str], pins: str) -> list[str]:
        names = [re.split(r"[\[<>=! ]", requirement)[0].lower().replace("_", "-") for requirement in wanted]
        return [name for name in names if not re.search(rf"^{re.escape(name)}(\[.*\])?==", pins, re.MULTILINE)]

    run, dev = ((CLONE / name).read_text(encoding="utf-8") for name in ("requirements.txt", "requirements-dev.txt"))

    assert missing(PROJECT["project"]["dependencies"], run) == []
    assert missing(PROJECT["dependency-groups"]["dev"], dev) == []


def test_langgraph_json() -> None:
    """The server is told where the graphs are and what they do, finds them there without a checkpointer, and serves no site."""
    content = json.loads((CLONE / "langgraph.json").read_text(encoding="utf-8"))
    paths = {name: entry["path"] for name, entry in content["graphs"].items()}
    graphs = [getattr(import_module(path.split(":")[0]), path.split(":")[1]) for path in paths.values()]
    validated = subprocess.run([LANGGRAPH, "validate"], cwd=CLONE, capture_output=True, text=True, check=False)

    assert paths == {"orchestrator": "graph.build:graph", "orchestrator_chat": "graph.chat:graph"}
    assert [(isinstance(graph, CompiledStateGraph), graph.checkpointer) for graph in graphs] == [(True, None)] * 2
    assert (validated.returncode, "is valid. (2 graphs found)" in validated.stdout) == (0, True)
    assert content["http"]["cors"]["allow_origins"] == ["https://smith.langchain.com"]  # Studio, and nobody else
    assert content["checkpointer"]["ttl"]["strategy"] == "delete"


def test_dockerfile(tmp_path: Path) -> None:
    """The server's image has both graphs, the clients' app, auth and expiry, and is built from the pins."""
    written = tmp_path / "Dockerfile"
    subprocess.run([LANGGRAPH, "dockerfile", str(written)], cwd=CLONE, capture_output=True, check=True)
    text = written.read_text(encoding="utf-8")
    content = {name: json.loads(value) for name, value in re.findall(r"^ENV (LANG\w+)='(.*)'$", text, re.MULTILINE)}
    config = json.loads((CLONE / "langgraph.json").read_text(encoding="utf-8"))

    assert content["LANGSERVE_GRAPHS"] == config["graphs"]
    assert (content["LANGGRAPH_HTTP"], content["LANGGRAPH_CHECKPOINTER"]) == (config["http"], config["checkpointer"])
    assert re.fullmatch(r"/deps/[^/]+/graph/auth\.py:auth", content["LANGGRAPH_AUTH"]["path"])
    assert text.index("ENV UV_CONSTRAINT=/pins.txt") < text.index("uv pip install")


def test_no_path_of_a_machine() -> None:
    """No file holds a path of the machine that it was written on."""
    found = {
        f"{path.relative_to(CLONE)}: {path_of.decode()}"
        for path in tracked()
        for path_of in OF_A_MACHINE.findall(path.read_bytes())
        if not ALLOWED.match(path_of)
    }

    assert set() == found


def test_no_secret_and_no_leftover() -> None:
    """No .env, database, weight or server state is in git, and no file looks as if it held a key."""
    paths = tracked()
    left = [path.name for path in paths if path.name == ".env" or path.suffix in {".db", ".sqlite", ".gguf", ".pyc"}]
    keys = [
        path.name
        for path in paths
        if re.search(rb"\bsk-(?:proj-)?[A-Za-z0-9]{32,}|lsv2_(?:pt|sk)_\w{20,}", path.read_bytes())
    ]

    assert (left, keys) == ([], [])


def test_the_image_holds_no_secret() -> None:
    """What the server's image copies leaves out keys, history and environments, and its dependencies are pinned."""
    left_out = set((CLONE / ".dockerignore").read_text(encoding="utf-8").split())
    content = json.loads((CLONE / "langgraph.json").read_text(encoding="utf-8"))

    assert {".env", ".env.*", ".git", ".venv", "*.db"} <= left_out
    assert content["dockerfile_lines"] == ["ADD requirements.txt /pins.txt", "ENV UV_CONSTRAINT=/pins.txt"]


def test_a_request_is_text() -> None:
    """Make hands on a request as it was written, its dollars included."""
    request = "Plan a party for $500, 'quoted' and $(all)"
    made = "include Makefile\nshown:\n\t@printf '%s' \"$$REQUEST\"\n"
    command = ["make", "-s", "-f", "-", "shown", f"REQUEST={request}"]
    ended = subprocess.run(command, cwd=CLONE, input=made, capture_output=True, text=True, check=True)

    assert ended.stdout == request
