"""The README: what it says of settings, exit codes, files and pictures is so."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from graph.cli import output
from nodes.state import Context

CLONE = Path(__file__).parent.parent
README = (CLONE / "README.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in sorted((CLONE / "docs").glob("*.md"))}
CODES = {output.COMPLETE, output.OTHER, output.WRONG, output.INCOMPLETE, output.INTERRUPTED}


def shown(default: object) -> str:
    """Write a default as the table does."""
    return "unset" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def rows() -> dict[str, str]:
    """Read the settings table: name to default."""
    table = re.search(
        r"^\| *setting *\| *default *\|.*?(?=\n\n|\Z)", DOCS["settings.md"], re.MULTILINE | re.DOTALL | re.IGNORECASE
    )
    assert table, f"docs/settings.md has no settings table; it should be:\n{wanted()}"
    found: dict[str, str] = {}
    for line in table.group().splitlines()[2:]:
        names, default, *_ = (cell.strip() for cell in line.strip("|").split("|"))
        found |= {name: default.strip('`"') for name in re.findall(r"`([a-z_]+)`", names)}
    return found


def wanted() -> str:
    """Write the table, to be put into the README."""
    fields = Context.model_fields.items()
    lines = [f"| `{name}` | {shown(field.default)} | {field.description} |" for name, field in fields]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *lines])


def test_settings_table() -> None:
    """The settings table has every setting, no other, and the right defaults."""
    fields = {name: shown(field.default) for name, field in Context.model_fields.items()}

    assert fields == rows(), f"the table should be:\n{wanted()}"


def test_exit_codes() -> None:
    """Every exit code of the command is told, and no other."""
    table = re.search(r"^#+ *exit codes\b.*?(?=^#|\Z)", DOCS["terminal.md"], re.MULTILINE | re.DOTALL | re.IGNORECASE)
    told = {int(code) for code in re.findall(r"^[|*-] *`?(\d+)`?\b", table.group(), re.MULTILINE)} if table else set()

    assert told == CODES


def test_links() -> None:
    """Every file and picture that the README leads to is there, and its pictures are SVG."""
    linked = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
    elsewhere = [f"docs/{target}" for text in DOCS.values() for target in linked.findall(text)]
    targets = elsewhere + linked.findall(README) + re.findall(r'src="(?!https?:)([^"]+)"', README)
    pictures = [target for target in targets if target.endswith(".svg")]
    roots = {ET.parse(CLONE / picture).getroot().tag for picture in pictures}  # noqa: S314 - our own files

    assert [target for target in targets if not (CLONE / target).exists()] == []
    assert {"docs/graph.svg", "docs/run.svg"} <= set(pictures)
    assert roots == {"{http://www.w3.org/2000/svg}svg"}


def test_commands() -> None:
    """Every make target that the README names exists."""
    named = set(re.findall(r"\bmake ([a-z]+)", README)) - {"sure"}
    targets = set(re.findall(r"^([a-z]+):", (CLONE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert {"run", "test"} <= named <= targets


def test_length() -> None:
    """The README is read in five minutes: 1,200 words at most."""
    assert len(README.split()) <= 1200


def test_python_snippets_are_typed(tmp_path: Path) -> None:
    """The Python in the README and in docs/ passes mypy as a reader's own program would."""
    texts = {"readme": README, **{name.removesuffix(".md"): text for name, text in DOCS.items()}}
    for name, text in texts.items():
        for number, snippet in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)):
            (tmp_path / f"{name}_{number}.py").write_text(snippet, encoding="utf-8")
    snippets = sorted(str(path) for path in tmp_path.glob("*.py"))
    command = [sys.executable, "-m", "mypy", "--strict", *snippets]  # with the options of make check: its cache is read
    ended = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)

    assert (len(snippets) > 5, ended.returncode) == (True, 0), ended.stdout
