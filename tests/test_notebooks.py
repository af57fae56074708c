"""The notebooks: they run from start to end, and hold what they show."""

import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


class ThisPython(AsyncKernelManager):
    """Starts a kernel of the Python that runs the tests, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """Describe the kernel."""
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python"
        )


def printed(cell: Any) -> str:
    """Join what a cell printed and showed."""
    texts = [
        output.get("text") or output.get("data", {}).get("text/markdown", "") for output in cell.get("outputs", [])
    ]
    return "".join(texts)


def executed(path: Path, folder: Path) -> Any:
    """Run a notebook, with no key and no network, in a folder of its own."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ORCHESTRATOR_", "LANG"))
    }
    environment = kept | {"IPYTHONDIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder), "LANGSMITH_TRACING": "false"}
    manager = ThisPython(connection_file=str(folder / "kernel.json"))
    client = NotebookClient(notebook, timeout=60, km=manager, resources={"metadata": {"path": str(folder)}})
    return client.execute(env=environment)


@pytest.fixture(scope="module", name="ran")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the first notebook."""
    return executed(FOLDER / "01_one_request.ipynb", tmp_path_factory.mktemp("notebook"))


def test_it_runs(ran: Any) -> None:
    """The notebook shows the plan, the outcomes, the disagreement, the spend, the stream and the graph."""
    shown = "\n".join(printed(cell) for cell in ran.cells if cell.cell_type == "code")
    kinds = [output.output_type for cell in ran.cells for output in cell.get("outputs", [])]
    wanted = [
        "A street party for about 80 people (50 adults and 30 children)",
        "round 2  S6  event contingency planner",
        "S1  done",
        "When the music ends → open",
        "✓ S3: music goes on until 19:00",
        "complete: True",
        "9 calls,",
        "the plan: caterer, event logistics planner",
        "S5 safety officer: done",
        "1 disagreement(s), 1 gap(s)",
        "```mermaid",
    ]

    assert [words for words in wanted if words not in shown] == [], shown
    assert set() == {"error"} & set(kinds)
    assert set() == {
        output.name for cell in ran.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"
    }


def test_a_specialist_of_ones_own(tmp_path: Path) -> None:
    """The second notebook runs as well, and ends with the tool's call and the answer."""
    cells = [cell for cell in executed(FOLDER / "02_your_own_specialist.ipynb", tmp_path).cells if cell.get("outputs")]
    shown = cells[-1].outputs[-1]["data"]["text/plain"]

    assert ("415.00 euros" in shown, "The hedge is safe" in shown) == (True, True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_holds_what_it_shows(path: Path) -> None:
    """What is in git is valid, holds its outputs, none of them an error, and names no kernel but python3."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kinds = {output.output_type for cell in cells for output in cell.outputs}

    assert kinds & {"error"} == set()
    assert kinds & {"stream", "execute_result"}
    assert {"kernelspec", "language_info"} >= set(notebook.metadata)
    assert notebook.metadata.kernelspec.name == "python3"
