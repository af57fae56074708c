"""Judge: what a judge model is asked (evals/judge/*.md, in openevals' manner: criteria, material, one JSON object) and how its word is read."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evals.sets import JUDGED, Open, Scene
from prompts import fence

Ask = Callable[[str], Awaitable[str]]  # a prompt to the judge's reply

_PROMPTS = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "judge"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text for a model
    trim_blocks=True,
)
_OBJECT = re.compile(r"\{[^{}]*\}")


def prompt(name: str, **holes: object) -> str:
    """Fill evals/judge/<name>.md."""
    return _PROMPTS.get_template(f"{name}.md").render(**holes)


def verdicts(reply: str) -> list[dict[str, Any]]:
    """Read every small JSON object in a reply."""
    read = []
    for found in _OBJECT.findall(reply):
        with suppress(ValueError):
            read.append(json.loads(found))
    return read


def verdict(reply: str) -> dict[str, Any]:
    """Read the object at a reply's end ({}: there is none, and the sample counts as not judged)."""
    return next(reversed(verdicts(reply)), {})


def shown(plan: Sequence[Mapping[str, str]], frame: Mapping[str, Any] | None = None) -> str:
    """Write a plan as the judge sees it; whose it is does not show."""
    lines = [f"{at}. {task['specialist']}: {task['task']}" for at, task in enumerate(plan, 1)]
    return "\n".join([*([f"Shared facts: {json.dumps(frame, ensure_ascii=False)}"] if frame else []), *lines])


async def grade_plan(ask: Ask, request: str, plan: str) -> dict[str, int]:
    """Grade a plan by the four criteria; what the judge left out is left out."""
    said = verdict(await ask(prompt("plan", request=fence("REQUEST", request), plan=fence("PLAN", plan))))
    return {name: int(said[name]) for name in JUDGED if said.get(name) in (0, 1)}


async def prefers(ask: Ask, name: str, request: str, ours: str, theirs: str) -> float | None:
    """Compare two in both orders: 1 ours, 0 theirs, 0.5 where neither or where the order decides (None: not judged)."""
    words = []
    for first, second in ((ours, theirs), (theirs, ours)):
        holes = {"request": fence("REQUEST", request), "first": fence("A", first), "second": fence("B", second)}
        words.append(str(verdict(await ask(prompt(name, **holes))).get("better", "")).upper())
    if not {*words} <= {"A", "B", "TIE"}:
        return None
    return {("A", "B"): 1.0, ("B", "A"): 0.0}.get((words[0], words[1]), 0.5)


async def rubric(ask: Ask, asked: Open, answer: str) -> float | None:
    """Give the share of the criteria that an answer meets (None: not judged)."""
    if not answer.strip():
        return 0.0
    holes = {"request": fence("REQUEST", asked.request), "answer": fence("ANSWER", answer), "criteria": asked.criteria}
    met = verdict(await ask(prompt("rubric", **holes))).get("met")
    if not isinstance(met, list):
        return None
    return len({*met} & {*range(1, len(asked.criteria) + 1)}) / len(asked.criteria)


async def invented(ask: Ask, scene: Scene, dead: Sequence[int], answer: str) -> float | None:
    """Tell whether an answer makes up what only the dead could know: 1 or 0 (None: not judged)."""
    if not answer.strip():
        return 0.0
    living = "\n\n".join(
        f"{worker['specialist']}: {worker['text']}" for at, worker in enumerate(scene.workers) if at not in dead
    )
    holes = {
        "request": fence("REQUEST", scene.request),
        "failed": [scene.workers[at] for at in dead],
        "results": fence("RESULTS", living or "none"),
        "answer": fence("ANSWER", answer),
    }
    found = verdict(await ask(prompt("cover", **holes))).get("invented")
    return float(bool(found)) if isinstance(found, list) else None
