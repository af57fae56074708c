"""Sets: the items that the four suites are run on, our own (evals/sets/*.yaml) and those fetched by evals.downloads."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "sets"
AGREEING = Path(__file__).parent / "synthesis" / "agreeing.yaml"
AGREEING_STEP = 3  # every third of the pairs there: 37, in all their languages


@dataclass(frozen=True)
class Document:
    """What one worker reads and reports."""

    who: str
    text: str


@dataclass(frozen=True)
class Dispute:
    """A question and its documents; `golds` are the answers that cannot all hold (fewer than two: they agree)."""

    id: str
    request: str
    documents: tuple[Document, ...]
    golds: tuple[str, ...] = ()
    source: str = "own"
    language: str = "en"


@dataclass(frozen=True)
class Open:
    """An open-ended request, or a control that must not be split (`kind`)."""

    id: str
    request: str
    kind: str = "open"
    language: str = "en"
    subtasks: tuple[int, int] = (1, 1)
    facts: dict[str, str] = field(default_factory=dict)
    criteria: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A request and its four workers, each {specialist, task, keys, text}; keys: what it alone knows."""

    id: str
    request: str
    workers: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Graded:
    """A plan, and what the authors say of it by JUDGED criteria: 1 holds, 0 does not."""

    id: str
    request: str
    plan: tuple[dict[str, str], ...]
    grades: dict[str, int]


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def disputes() -> list[Dispute]:
    """Read our own conflicts, then pairs that agree."""
    made = [
        Dispute(
            each["id"],
            each["request"],
            tuple(Document(each[side]["who"], each[side]["text"]) for side in ("one", "two", "also") if side in each),
            (each["one"]["gold"], each["two"]["gold"]),
            language=each["language"],
        )
        for each in _read(FOLDER / "conflicts.yaml")
    ]
    for at, pair in enumerate(_read(AGREEING)[::AGREEING_STEP]):
        documents = tuple(Document(f"adviser {side}", pair[side]) for side in ("one", "two"))
        made.append(Dispute(f"agree-{at}", pair["request"], documents))
    return made


def requests() -> list[Open]:
    """Read the open-ended requests, with their rubrics."""
    return [
        Open(**{**each, "subtasks": tuple(each["subtasks"]), "criteria": tuple(each["criteria"])})
        for each in _read(FOLDER / "open.yaml")
    ]


def controls() -> list[Open]:
    """Read what must not be split."""
    return [Open(**each) for each in _read(FOLDER / "controls.yaml")]


def scenes() -> list[Scene]:
    """Read the requests whose workers are killed."""
    return [Scene(each["id"], each["request"], tuple(each["workers"])) for each in _read(FOLDER / "survival.yaml")]


def graded() -> list[Graded]:
    """Read the graded plans; most of them stand in evals/plans, and are named there."""
    known = {plan["id"]: plan for name in ("tuning", "held_out") for plan in _read(AGREEING.parent.parent / "plans" / f"{name}.yaml")}  # fmt: skip
    made = []
    for each in _read(FOLDER / "graded.yaml"):
        plan = known.get(each["id"], each)
        tasks = tuple({"specialist": subtask["specialist"], "task": subtask["task"]} for subtask in plan["subtasks"])
        made.append(Graded(each["id"], plan["request"], tasks, dict(zip(JUDGED, each["grades"], strict=True))))
    return made


JUDGED = ("complete", "apart", "independent", "fitting")  # what a judge says of a plan, in this order
