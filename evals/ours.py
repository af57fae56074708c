"""Ours: the orchestrator as it is shipped, run for a plan, on given results, or whole."""

import json
import time
import uuid
from collections.abc import Awaitable, Sequence
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from evals.caller import Run, made
from evals.sets import Document
from graph import Context, OrchestratorError, aanswer, build_graph
from graph.build import whole
from nodes.models import Line, Script, register


async def planned(request: str, model: str, **settings: Any) -> Run:
    """Run planner and validator, and stop where a person would be asked."""
    graph: Any = whole(build_graph(checkpointer=InMemorySaver()))
    config = {"configurable": {"thread_id": uuid.uuid4().hex}}
    context = Context(planner_model=model, worker_model=model, synthesiser_model=model, approve_plan=True, **settings)
    return await _timed(_plan(graph, request, config, context))


async def _plan(graph: Any, request: str, config: Any, context: Context) -> Run:
    await graph.ainvoke({"request": request}, config, context=context)
    values = (await graph.aget_state(config)).values
    plan, charges = values["plan"], values["charges"]
    return made(
        plan=[{"specialist": subtask["specialist"], "task": subtask["task"]} for subtask in plan["subtasks"]],
        frame=plan.get("frame", {}),
        tokens=sum(charge["input_tokens"] + charge["output_tokens"] for charge in charges),
        usd=_sum([charge["usd"] for charge in charges]),
        calls=len(charges),
    )


async def answered(request: str, model: str, **settings: Any) -> Run:
    """Run the whole graph."""
    return await _timed(_answer(request, model=model, **settings))


async def joined(request: str, documents: Sequence[Document], model: str, **settings: Any) -> Run:
    """Let a scripted planner give each document to a worker who reports it, and the real synthesiser join them."""
    names = [f"{document.who} {at}" for at, document in enumerate(documents, 1)]
    tasks = [{"specialist": name, "task": f"Report what document {at} says on the question, and nothing else.", "cross_check": True} for at, name in enumerate(names, 1)]  # fmt: skip
    lines = [Line(json.dumps({"subtasks": tasks}, ensure_ascii=False), ("You are the planner",))]
    lines += [
        Line(document.text, (f"You are a specialist: {name}.",))
        for name, document in zip(names, documents, strict=True)
    ]
    name = f"documents-{uuid.uuid4().hex[:12]}"
    register(name, Script(tuple(lines), chunk=100_000))
    script = f"scripted:{name}"
    roles = {"planner_model": script, "worker_model": script, "synthesiser_model": model}
    return await _timed(_answer(request, **roles, max_rounds=1, max_subtasks=len(documents), **settings))


async def _answer(request: str, **settings: Any) -> Run:
    state: dict[str, Any] = dict((await aanswer(request, **settings)).state)
    return made(
        state["answer"],
        plan=[{"specialist": outcome["specialist"], "task": outcome["task"]} for outcome in state["outcomes"]],
        entries=[
            [side["quote"] for side in entry["positions"] if side["verified"]] for entry in state["disagreements"]
        ],
        complete=state["complete"],
        **_spent(state["spend"]),
    )


def _spent(spend: dict[str, Any]) -> Run:
    tokens = spend["input_tokens"] + spend["output_tokens"]
    return {"tokens": tokens, "usd": spend["usd"], "calls": spend["calls"], "spend": spend}


async def _timed(running: Awaitable[Run]) -> Run:
    began = time.monotonic()
    try:
        run = await running
    except OrchestratorError as error:
        spend = getattr(error, "spend", None)
        run = made(error=f"{type(error).__name__}: {error}", **(_spent(spend) if spend else {}))
    return run | {"seconds": time.monotonic() - began}


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
