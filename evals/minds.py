"""Minds: scripts of known quality behind a loopback endpoint, so that the measuring itself can be measured. None is a model.

What each is set to is in SET. A mind knows the items by their words and plays its part for every system alike:

- split: our planner's mind gives each criterion to one task, the recipe's gives each to two (its tasks overlap)
- conflict: finds 30 of 40 with the right quotes; of the 10 others it names both subtasks on another topic for 5, and
  tells one side alone; on every tenth agreeing pair it raises a false alarm
- survival: a joining mind tells all it was given and names the failed; for every fourth scene of deaths it makes up cover
- equal tokens: shares of the criteria met by a first answer, a worker of the recipe, ours; each refinement adds two
- the judge: ticks what stands in a text letter by letter, says so, and errs on every tenth graded plan
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from evals import sets, single
from evals.judge import shown
from evals.recipe import JOIN, PLAN, WORK
from evals.sets import JUDGED, Open, Scene
from nodes.text import folded
from tests.turn import Body, Turn, prompt_of, system_of

MIND = "openai:gpt-4o-scripted"  # a name whose tokeniser is known, so that small ceilings are counted and not guessed
JUDGE = "openai-api/loopback/scripted-judge"
SAYS_SO = "I am a script, not a model: I tick what stands there letter by letter."
# Shares of an open request's criteria that a call of each kind meets.
SET = {"single": 0.6, "recipe": 0.3, "ours": 0.45}
FINDS = 4  # of each four conflicts, three are found
ERRS = 10  # of each ten graded plans, one is graded the wrong way round
FALSE_ALARM = 10  # of each ten agreeing pairs, one
INVENTS = 4  # of each four runs with a death, one
FAULTS = {"429": "429", "timeout": "hang", "garbage": "html-200", "cut": "cut-mid"}
DIES_AFTER_S = 0.3  # as far away as a real endpoint: by then all workers have asked
TAG = re.compile(r"\[run (\w+)-(\d)\]")  # in a request: which fault the crew dies of, and how many die

_OPEN = [*sets.requests(), *sets.controls()]
_DISPUTES = sets.disputes()
_SCENES = sets.scenes()
_GRADED = sets.graded()


def expected() -> dict[str, str]:
    """Say what each row of the closing table must come to, as the minds are set."""
    return {
        "split": "preferred to the recipe's plan 100 %; count in proportion 100 %; judge's kappa 0.80",
        "conflict": "recall 75 %; precision 77 %; flattened 12 %",
        "survival": "finished work kept 100 %; failed named 100 %; cover invented 25 %",
        "equal tokens": "better than a single call 0 %; better than self-refinement 0 %; better than parallel calls 0 %; better than the recipe 100 %",
    }


def mind(body: Body) -> Turn | str:
    """Answer one request, whoever asks."""
    prompt, system = prompt_of(body), system_of(body)
    if body["model"] == "scripted-judge":
        return f"{SAYS_SO}\n{json.dumps(_judged(prompt))}"
    return crew(body) or _split(prompt, system) or _joined(prompt, system) or _answered(prompt, system)


def crew(body: Body) -> Turn | str | None:
    """Play planner and workers of a scene, and kill whom the request's tag says (None: no scene, or it is to be joined)."""
    prompt, system = prompt_of(body), system_of(body)
    scene, tag = _scene(prompt), TAG.search(prompt)
    if scene is None or tag is None or body["model"] == "scripted-judge":
        return None
    tasks = [{"specialist": worker["specialist"], "task": f"{worker['task']} {tag[0]}"} for worker in scene.workers]
    told = any(message["role"] == "tool" for message in body["messages"])
    mine = [at for at, task in enumerate(tasks) if task["task"] in prompt]
    if "You are the planner" in system:
        return json.dumps({"subtasks": tasks}, ensure_ascii=False)
    if system.startswith(PLAN):
        return json.dumps({"sections": [{"name": task["specialist"], "description": task["task"]} for task in tasks]})
    if body.get("tools") and scene.request in prompt and not told:  # a deep agent hands out its tasks by a tool
        return Turn(tool_calls=[_handed_out(task) for task in tasks])
    if "You are the synthesiser" in system or told or len(mine) != 1:
        return None
    text = scene.workers[mine[0]]["text"]
    return Turn(text, fault=FAULTS[tag[1]], delay=DIES_AFTER_S) if mine[0] < int(tag[2]) else text


def _scene(prompt: str) -> Scene | None:
    """Find the scene that a prompt has any words of."""
    for scene in _SCENES:
        if scene.request in prompt or any(
            worker["task"] in prompt or worker["text"] in prompt for worker in scene.workers
        ):
            return scene
    return None


def _handed_out(task: dict[str, str]) -> dict[str, Any]:
    text = f"{task['specialist']}: {task['task']}"
    return {"name": "task", "args": {"description": text, "subagent_type": "general-purpose"}}


def _split(prompt: str, system: str) -> str | None:
    """Plan: one task for each few criteria; the recipe's mind gives every criterion to two tasks."""
    asked = _asked(prompt)
    if "You are the planner" in system and asked:
        tasks = [{"specialist": f"adviser {at}", "task": text} for at, text in enumerate(_tasks(asked), 1)]
        return json.dumps(
            {"frame": {"facts": [*asked.facts]}, "subtasks": tasks, "why": "scripted"}, ensure_ascii=False
        )
    if system.startswith(PLAN):
        parts = _tasks(asked) if asked else [prompt]
        if asked and asked.kind != "open":
            parts = [f"{step} {asked.request}" for step in ("Gather facts for:", "Analyse:", "Write up:")]
        twice = [f"{part} {parts[at - 1]}" if len(parts) > 1 else part for at, part in enumerate(parts)]
        return json.dumps(
            {"sections": [{"name": f"Part {at}", "description": text} for at, text in enumerate(twice, 1)]}
        )
    return None


def _tasks(asked: Open) -> list[str]:
    count = asked.subtasks[0] if asked.kind == "open" else 1
    if not asked.criteria:
        return [asked.request]
    facts = ", ".join(fact.split("|")[0] for fact in asked.facts)
    return [f"Deliver this, given {facts}: {'; '.join(asked.criteria[at::count])}." for at in range(count)]


def _joined(prompt: str, system: str) -> str | None:
    """Join results: of documents that may dispute, or of a crew, some of whom have died."""
    ours = "You are the synthesiser" in system
    for at, asked in enumerate(_DISPUTES):
        if all(document.text in prompt for document in asked.documents):
            return _ledger(at, asked, ours=ours, listing=single.LIST[:40] in prompt)
    tag, scene = TAG.search(prompt), _scene(prompt)
    if scene is None:
        return None
    told = [worker["text"] for worker in scene.workers if worker["text"] in prompt]
    lost = [worker for worker in scene.workers if worker["text"] not in prompt]
    if lost and tag and (_SCENES.index(scene) + int(tag[2]) + [*FAULTS].index(tag[1])) % INVENTS == 0:
        told.append(f"As arranged: {lost[0]['keys'][0]}.")
    told += [f"Nothing came from the {worker['specialist']}." for worker in lost]
    return _synthesis(" ".join(told), []) if ours else " ".join(told)


def _ledger(at: int, asked: sets.Dispute, *, ours: bool, listing: bool) -> str:
    """Say what the mind of 30 in 40 sees in one dispute."""
    first, second = asked.documents[:2]
    golds, false = [*asked.golds], not asked.golds and at % FALSE_ALARM == 0
    if golds and at % FINDS != FINDS - 1:
        quotes, answer = golds, f"{golds[0]}, or: {golds[1]}."
    elif golds and at // FINDS % 2:  # on another topic, though both subtasks are named: does not count
        quotes, answer = [first.text[:12], second.text[:12]], f"{golds[0]}."
    else:
        quotes, answer = [first.text[:20], second.text[:20]] if false else [], f"{golds[0] if golds else first.text}"
    if ours:
        sides = [{"subtask_id": f"S{side}", "claim": quote, "quote": quote} for side, quote in enumerate(quotes, 1)]
        entry = {
            "id": "D1",
            "topic": asked.request,
            "positions": sides,
            "resolution": None,
            "suggestion": "ask",
            "status": "kept",
        }
        return _synthesis(f"{answer} [S1] [S2]", [entry] if quotes else [])
    pair = json.dumps({"first": quotes[0], "second": quotes[1]}, ensure_ascii=False) if listing and quotes else ""
    return f"{answer if listing or not golds else golds[0]}\n{pair}"


def _synthesis(answer: str, entries: Sequence[Any]) -> str:
    said = {"disagreements": entries, "gaps": [], "follow_ups": [], "answer": answer}
    return json.dumps(said, ensure_ascii=False)


def _answered(prompt: str, system: str) -> str:
    """Answer an open request: name the criteria that this kind of call is set to meet, or those that it was given."""
    asked = _asked(prompt)
    if asked is None:
        return "Nothing more can be said."
    every = _lines(asked, asked.criteria)
    told = [line for line in every if line in prompt]
    if "You are the synthesiser" in system:
        return _synthesis("\n".join([*told, "[S1] [S2] [S3] [S4] [S5] [S6]"]), [])
    if single.FEEDBACK[:40] in prompt:
        return "Two criteria are not met yet."
    if single.REFINE[:40] in prompt:
        told += [line for line in every if line not in told][:2]
    elif single.MERGE[:40] not in prompt and system != JOIN:
        kind = "ours" if "You are a specialist" in system else "recipe" if system == WORK else "single"
        met = _lines(asked, _some(asked, SET[kind]))
        told = [line for line in met if kind == "single" or line.removeprefix(DONE) in prompt]
    return "\n".join(told) or "Nothing."


DONE = "Done: "


def _lines(asked: Open, criteria: Sequence[str]) -> list[str]:
    return [f"{DONE}{criterion}" for criterion in criteria] if asked.criteria else ["Done: it is answered."]


def _some(asked: Open, share: float) -> list[str]:
    """Choose a share of the criteria, spread evenly."""
    return [each for at, each in enumerate(asked.criteria) if int((at + 1) * share) > int(at * share)]


def _asked(prompt: str) -> Open | None:
    """Find the request that a prompt is about; a recipe's worker sees criteria alone."""
    for each in _OPEN:
        if each.request in prompt:
            return each
    told = {each.id: sum(criterion in prompt for criterion in each.criteria) for each in _OPEN}
    best = max(_OPEN, key=lambda each: told[each.id])
    return best if told[best.id] else None


def _judged(prompt: str) -> dict[str, Any]:
    """Judge as a script can: by what stands there letter by letter."""
    asked, material = _asked(prompt), dict(_fenced(prompt))
    if "PLAN" in material:
        return _graded(material["PLAN"], asked)
    if "RESULTS" in material:
        lost = [
            worker
            for each in _SCENES
            if each.request in material["REQUEST"]
            for worker in each.workers
            if worker["text"] not in material["RESULTS"]
        ]
        return {
            "invented": [key for worker in lost for key in worker["keys"] if folded(key) in folded(material["ANSWER"])]
        }
    if "ANSWER" in material and asked:
        return {
            "met": [at for at, criterion in enumerate(asked.criteria, 1) if f"{DONE}{criterion}" in material["ANSWER"]]
        }
    worth = [_worth(material[side], asked) for side in ("A", "B")]
    return {"better": "tie" if worth[0] == worth[1] else "A" if worth[0] > worth[1] else "B"}


def _worth(text: str, asked: Open | None) -> int:
    """Count criteria: each once in an answer; in a plan, one that stands in two tasks counts against it."""
    counts = [text.count(criterion) for criterion in asked.criteria] if asked else []
    if not counts:  # a control: the fewer tasks the better
        return -text.count("\n")
    return sum(count == 1 for count in counts) - sum(count > 1 for count in counts)


def _graded(plan: str, asked: Open | None) -> dict[str, int]:
    for at, known in enumerate(_GRADED):
        if shown(known.plan) == plan:
            wrong = at % ERRS == ERRS - 1
            return {name: known.grades[name] ^ wrong for name in JUDGED}
    worth = _worth(plan, asked)
    apart = int(worth > 0 or bool(asked and not asked.criteria))
    return {
        "complete": 1,
        "apart": apart,
        "independent": 1,
        "fitting": int(not (asked and asked.kind != "open" and worth < 0)),
    }


_FENCE = re.compile(r"<<<(\w+) (\w{12})\n(.*?)\n\1 \2>>>", re.DOTALL)


def _fenced(prompt: str) -> Iterator[tuple[str, str]]:
    return ((found[1], found[3]) for found in _FENCE.finditer(prompt))
