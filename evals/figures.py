"""Figures: what code, and a judge where there is one, says of the runs on one item: {"measure|system": 0 to 1 or a count}."""

from collections.abc import Mapping

from evals import judge
from evals.caller import Run
from evals.items import Item, as_dispute, as_graded, as_open, as_scene
from evals.judge import Ask
from evals.measures import Figures, conflict_figures, plan_figures, survival_figures

RIVALS = ("single", "refined", "parallel", "recipe")


async def figures_of(suite: str, item: Item, runs: Mapping[str, Run], ask: Ask | None) -> Figures:
    """Measure the runs on one item; what is not judged is left out."""
    made = await {"split": _split, "conflict": _conflict, "survival": _survival, "equal": _equal}[suite](
        item, runs, ask
    )
    for system, run in runs.items():
        made[f"failed|{system}"] = float(bool(run["error"]))
        made[f"tokens|{system}"] = float(run["tokens"] or 0)
        made[f"seconds|{system}"] = run.get("seconds")
    return {name: value for name, value in made.items() if value is not None}


async def _split(item: Item, runs: Mapping[str, Run], ask: Ask | None) -> dict[str, float | None]:
    if item["kind"] == "graded":
        plan = as_graded(item["item"])
        said = await judge.grade_plan(ask, plan.request, judge.shown(plan.plan)) if ask else {}
        return {
            f"{who}|{name}": float(grades[name])
            for who, grades in (("judge", said), ("grader", plan.grades))
            for name in said
        }
    asked, made = as_open(item["item"]), dict[str, float | None]()
    for system, run in runs.items():
        measured = plan_figures(run["plan"], run["frame"], asked)
        if ask and run["plan"]:
            measured |= await judge.grade_plan(ask, asked.request, judge.shown(run["plan"], run["frame"]))
        made |= {f"{name}|{system}": value for name, value in measured.items()}
    if ask:
        shown = [judge.shown(runs[system]["plan"], runs[system]["frame"]) for system in ("ours", "recipe")]
        made["won|recipe"] = await judge.prefers(ask, "plans", asked.request, *shown)
    return made


async def _conflict(item: Item, runs: Mapping[str, Run], ask: Ask | None) -> dict[str, float | None]:  # noqa: ARG001
    asked = as_dispute(item["item"])
    return {
        f"{name}|{system}": value
        for system, run in runs.items()
        if not run["error"]
        for name, value in conflict_figures(run, asked).items()
    }


async def _survival(item: Item, runs: Mapping[str, Run], ask: Ask | None) -> dict[str, float | None]:
    scene, dead, made = as_scene(item["item"]), range(item["dead"]), dict[str, float | None]()
    for system, run in runs.items():
        made |= {f"{name}|{system}": value for name, value in survival_figures(run, scene, dead).items()}
        if ask and dead:
            made[f"invented|{system}"] = await judge.invented(ask, scene, dead, run["text"])
    return made


async def _equal(item: Item, runs: Mapping[str, Run], ask: Ask | None) -> dict[str, float | None]:
    asked, made = as_open(item["item"]), dict[str, float | None]()
    made |= {f"over|{system}": float((run["tokens"] or 0) > item["ceiling"]) for system, run in runs.items()}
    if ask is None:
        return made
    for system, run in runs.items():
        if asked.criteria:
            made[f"met|{system}"] = await judge.rubric(ask, asked, run["text"])
    for rival in RIVALS:
        texts = runs["ours"]["text"], runs[rival]["text"]
        made[f"won|{rival}"] = await judge.prefers(ask, "answers", asked.request, *texts)
    return made
