"""Trace: what LangSmith is told of a run beside what LangChain sends: names, what it can be filtered by, and how it ended.

Metadata is shown even where inputs are hidden, so it holds no text of the user's or a model's; names and errors, whoever
raised them, hold it only where inputs are not hidden. Where nothing is traced, nothing is done.
"""

import asyncio
import logging
import re
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tracers import LangChainTracer
from langchain_core.tracers.langchain import wait_for_all_tracers
from langgraph.config import get_config
from langgraph.types import Overwrite
from langsmith import Client, RunTree, get_current_run_tree
from langsmith.utils import LangSmithError, get_tracer_project

import prompts
from graph import settings
from nodes.budget import totals
from nodes.errors import BadSettings
from nodes.langgraph_private import scrub_with

OURS = ("orchestrator", "orchestrator_chat")
MARK = "orchestrator_run"  # metadata of a run that is ours, whatever its name is by then
WORDS = 60  # characters of a text in a name
MODELS = ("planner_model", "worker_model", "synthesiser_model")

log = logging.getLogger(__name__)
_sending: set[threading.Thread] = set()


def named(request: str) -> RunnableConfig:
    """Name a run by its request from the start: a collector of spans hears of no later name."""
    shown = _is_on() and not _says("HIDE_INPUTS")
    return {"run_name": _first_words(request) or OURS[0]} if shown else {}


async def began(step: str, state: Mapping[str, Any]) -> None:
    """Name a step's run by what is done, and the runs that it belongs to by the request."""
    run = get_current_run_tree()
    if run is None:
        return
    if _says("HIDE_INPUTS"):
        scrub_with(run.client, _without_its_text)
    given = state.get("settings") or {}
    run.name = _name(step, state)
    run.add_metadata({"role": step, "round": _round(state), **_about_subtask(state)})
    run.add_tags([state["subtask"]["id"]] if "subtask" in state else [])
    metadata = {key: given[key] for key in (*MODELS, "budget_usd", "budget_tokens") if given.get(key) is not None}
    name = _first_words(str(state["request"]))
    version = await asyncio.to_thread(prompt_version)  # reads files, once
    for whole in _ours_above(run, name):
        if not _says("HIDE_INPUTS"):
            whole.name = name
        whole.add_metadata({MARK: True, "prompt_version": version, **metadata})


def ended(step: str, update: Mapping[str, Any]) -> None:
    """Say what came of a step: what it cost, what it dropped, why it failed; at the end of a run, how the run ended."""
    run = get_current_run_tree()
    if run is None:
        return
    if charges := _charges(update):
        spend = totals(charges)
        metadata = {key: spend[key] for key in ("calls", "input_tokens", "output_tokens", "usd", "unknown")}
        run.add_metadata({**metadata, "model": charges[-1]["model"]})
    for outcome in update.get("outcomes") or [] if step == "worker" else []:
        run.add_metadata({"status": outcome["status"]})
        if outcome["status"] not in ("done", "partial"):
            run.error = f"{outcome['status']}: {outcome['error']}"
    plan, whole = update.get("plan"), _ours_above(run)
    if plan and "source" in plan:
        dropped = Counter(drop["kind"] for drop in plan["dropped"])
        about = {
            "plan_source": plan["source"],
            "subtasks": len(plan["subtasks"]),
            **{f"dropped_{kind}": number for kind, number in dropped.items()},
        }
        for tree in (run, *whole):
            tree.add_metadata(about)
    if update.get("phase") == "end" and whole:
        _tell_the_end(whole, update)


def wait() -> None:
    """Wait until what is traced of this process has been handed over: runs, feedback, spans."""
    for thread in list(_sending):
        thread.join()
    wait_for_all_tracers()
    spans = sys.modules.get("opentelemetry.trace")  # there where LangSmith's client sends spans
    getattr(spans and spans.get_tracer_provider(), "force_flush", bool)()


def takes_feedback() -> bool:
    """Tell whether LangSmith itself is traced to: a collector of spans alone takes no feedback."""
    key = settings.variable("LANGSMITH_API_KEY") or settings.variable("LANGCHAIN_API_KEY")
    return _is_on() and bool(key) and not _says("OTEL_ONLY")


def rate(run_id: str, *, good: bool, why: str) -> None:
    """Send a person's word on a run, and wait for it.

    Raises:
        BadSettings: it could not be handed over.
    """
    client = Client(timeout_ms=10_000)
    try:
        _send(client, run_id, None, {"rating": float(good)}, why, project=get_tracer_project())
    except (LangSmithError, OSError) as error:
        raise BadSettings(f"LangSmith did not take it: {error}") from None


def _is_on() -> bool:
    return _says("TRACING") or _says("TRACING_V2")


def _says(switch: str) -> bool:
    """Tell whether one of LangSmith's own switches is on."""
    return any((settings.variable(f"{maker}_{switch}") or "").lower() == "true" for maker in ("LANGSMITH", "LANGCHAIN"))


@cache
def prompt_version() -> str:
    """Tell one state of the prompts from another."""
    texts = [path.read_bytes() for path in sorted(Path(prompts.__file__).parent.glob("*.md"))]
    return sha256(b"\0".join(texts)).hexdigest()[:12]


def _without_its_text(sent: dict[str, Any]) -> dict[str, Any]:
    """Cut an error to its kind: its text may hold the request's words, or a model's."""
    kind = re.match(r"\w+", str(sent.get("error"))) if {*sent} == {"error"} else None
    return {"error": kind[0]} if kind else sent


def _tell_the_end(whole: list[RunTree], update: Mapping[str, Any]) -> None:
    """Put how the run ended on its root, as metadata at once and as feedback in the background."""
    spend, disagreements = update.get("spend") or {}, update.get("disagreements") or []
    scores = {
        "complete": float(bool(update.get("complete"))),
        "disagreements_open": float(sum(not entry.get("resolution") for entry in disagreements)),
        "gaps": float(len(update.get("gaps") or [])),
        **({"usd": spend["usd"]} if spend.get("usd") is not None else {}),
    }
    for tree in whole:
        tree.add_metadata(scores)
    if not takes_feedback():
        return
    root = whole[-1]
    source = str((root.metadata or {}).get("plan_source", ""))
    thread = threading.Thread(target=_in_background, args=(root, {**scores, "plan_source": source}), daemon=True)
    _sending.add(thread)
    thread.start()


def _in_background(root: RunTree, scores: Mapping[str, Any]) -> None:
    try:
        _send(root.client, str(root.id), str(root.trace_id), scores, project=root.session_name)
    except Exception as error:  # noqa: BLE001 - whatever a collector does, the run goes on without its feedback
        log.debug("feedback was not taken: %s", error)
    finally:
        _sending.discard(threading.current_thread())


def _send(
    client: Client,
    run_id: str,
    trace_id: str | None,
    scores: Mapping[str, Any],
    why: str = "",
    project: str | None = None,
) -> None:
    session = None
    with suppress(LangSmithError):  # an older server finds the run without it
        session = client.read_project(project_name=project).id if project else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that older servers are asked without it
        for key, score in scores.items():
            said: dict[str, Any] = {"value": score} if isinstance(score, str) else {"score": score}
            client.create_feedback(
                run_id, key, trace_id=trace_id, session_id=session, comment=why or None, stop_after_attempt=2, **said
            )


def _ours_above(run: RunTree, name: str = "") -> list[RunTree]:
    """Give the run of the graph that a step's run is in, and that of a conversation around it. A program's own is its own."""
    callbacks: Any = get_config().get("callbacks")
    handlers: Iterable[Any] = getattr(callbacks, "handlers", callbacks) or ()
    tracer = next((handler for handler in handlers if isinstance(handler, LangChainTracer)), None)
    ours: list[RunTree] = []
    above = tracer and tracer.run_map.get(str(run.parent_run_id))
    while tracer and above:
        if above.name in (*OURS, name) or MARK in (above.metadata or {}):
            ours.append(above)
        above = tracer.run_map.get(str(above.parent_run_id))
    return [*ours[:1], *ours[1:][-1:]]  # between them is the conversation's step, which keeps its name


def _name(step: str, state: Mapping[str, Any]) -> str:
    if subtask := state.get("subtask"):
        name = str(subtask["specialist"])
        return name if _says("HIDE_INPUTS") else f"{name}: {_first_words(subtask['task'])}"
    attempt = (state.get("replan") or {}).get("attempt", 1)
    more = f", attempt {attempt}" if attempt > 1 else ""
    return f"{step}{more}" + (f", round {_round(state)}" if _round(state) > 1 else "")


def _round(state: Mapping[str, Any]) -> int:
    """Count the rounds: a worker is told its own, the validator checks the draft's, the others have the plan's."""
    plan, draft = state.get("plan") or {}, state.get("draft") or {}
    return int(state.get("round") or max(plan.get("round", 1), draft.get("round", 1)))


def _about_subtask(state: Mapping[str, Any]) -> dict[str, Any]:
    return {"subtask_id": state["subtask"]["id"]} if "subtask" in state else {}


def _first_words(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WORDS else f"{line[:WORDS].rpartition(' ')[0] or line[:WORDS]} …"


def _charges(update: Mapping[str, Any]) -> list[Any]:
    own = update.get("charges") or []
    own = own.value if isinstance(own, Overwrite) else own
    outcomes = update.get("outcomes") or []
    return [
        *own,
        *(charge for outcome in (outcomes if isinstance(outcomes, list) else []) for charge in outcome["charges"]),
    ]
