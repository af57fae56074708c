"""Build: the graph, as one expression that reads like its drawing."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from graph import settings, trace
from graph.assembly import SPECIALISTS_KEPT, Attached, assemble
from graph.compiled import Graph
from graph.local import engine_options
from graph.shared import share
from nodes.approval import approval
from nodes.attachments import read_attachments
from nodes.budget import Purse, all_charges, purse_of, spent
from nodes.earlier import read_earlier
from nodes.errors import BadRequest, BadSettings
from nodes.host import Host
from nodes.langgraph_private import CONFIG_KEY_CHECKPOINTER, RunnableCallable
from nodes.models import TOLD, Endpoints, wait_on_engine
from nodes.pace import my_turn
from nodes.planner import planner
from nodes.pool import open_pool
from nodes.sequel import sequel
from nodes.specialists import Specialist
from nodes.state import REQUEST_LIMIT, Charge, Context, Input, Output, Planned, State, WorkerInput
from nodes.synthesiser import synthesiser
from nodes.validator import validator
from nodes.worker import worker

# LangGraph's pool for sync runs is cpu + 4 threads wide unless this is set: 20 workers would queue for 6 threads.
# What really bounds the calls is max_parallel, in nodes/models/concurrency.py; this only has to be wide enough never to.
THREADS = 1024

# Where each step can lead, and what the way there is called in drawings.
WAYS = {
    START: {"planner": "a request", "sequel": "a message after a run"},
    "sequel": {"validator": "a change", "planner": "a new request", END: "answered from the results"},
    "validator": {
        "planner": "sent back",
        "approval": "a person is to see it",
        "worker": "checked",
        "synthesiser": "no follow-up can be run",
    },
    "approval": {
        "worker": "approved",
        "planner": "rejected",
        "sequel": "change rejected",
        "validator": "edited",
        "synthesiser": "no follow-ups wanted",
    },
    "synthesiser": {
        "validator": "follow-ups",
        "worker": "try the workers again",
        "synthesiser": "try again",
        END: "answered",
    },
}

Step = Callable[[Any, Runtime[Context], Host], Awaitable[dict[str, Any]]]


def build_graph(
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    specialists: Iterable[Specialist] = (),
    specialists_dir: str | Path | None = None,
    prices: Mapping[str, Mapping[str, float]] | None = None,
    *,
    tools: Iterable[Any] = (),
    mcp_config: str | Path | Mapping[str, Any] | None = None,
    documents: Attached = (),
) -> Graph:
    """Build the orchestrator.

        START → planner → validator (→ approval) ⇒ Send("worker") × n → synthesiser → END
          │        ↑          │  ↑                                           │
          │        └─ re-plan ┘  │ ←─────── follow-up subtasks ──────────────┘
          └→ sequel ─ a change ──┘   a message after a run: answered at once, a change, or a new request

    Args:
        checkpointer: keeps runs, so that they can be resumed (None: they are not kept).
        specialists: known to the planner by name and description.
        specialists_dir: a folder of specialist files, read now (None: ORCHESTRATOR_SPECIALISTS_DIR, if it is set).
        prices: USD per million tokens, {"provider:name": {"input": …, "output": …}}, for models without a list price.
        tools: LangChain tools or functions with a docstring, which specialists may name.
        mcp_config: MCP servers, as a file's path or its content (None: ORCHESTRATOR_MCP_CONFIG, if it is set).
        documents: files (PDF, Markdown, text, CSV) that come with the requests, read now.

    Raises:
        BadSettings: a price, a specialist, a tool, an MCP server or a document is no good.
    """
    own = settings.prices() | (settings.prices_from(prices) if prices else {})
    share()
    team = assemble(specialists, specialists_dir, tools, mcp_config, documents)
    host = Host(
        team.roster,
        Endpoints(own, lambda name: engine_options(name, settings.path("LOCAL_MODEL")), settings.endpoint_environment),
        toolbox=team.toolbox,
        documents=team.documents,
    )

    compiled = (
        StateGraph(State, context_schema=Context, input_schema=Input, output_schema=Output)
        .add_node("sequel", _step(sequel, host), input_schema=State)
        .add_node("planner", _step(planner, host), input_schema=State)
        .add_node("validator", _step(validator, host), input_schema=State)
        .add_node("approval", _step(approval, host), input_schema=State)
        .add_node("worker", _step(worker, host), input_schema=WorkerInput)
        .add_node("synthesiser", _step(synthesiser, host), input_schema=State)
        .add_conditional_edges(START, RunnableCallable(_begin, _begin_apart, trace=False), _ways(START, host)[1])
        .add_conditional_edges("sequel", *_ways("sequel", host))
        .add_edge("planner", "validator")
        .add_conditional_edges("validator", *_ways("validator", host))
        .add_conditional_edges("approval", *_ways("approval", host))
        .add_edge("worker", "synthesiser")
        .add_conditional_edges("synthesiser", *_ways("synthesiser", host))
        .compile(checkpointer=checkpointer, name="orchestrator")
    )
    # A thread's state, as it is read, has no more than a run's output.
    compiled.stream_channels = [*Output.__annotations__]
    # Saved with each checkpoint: a resume can tell that the specialists are others by then.
    kept = {SPECIALISTS_KEPT: json.dumps(team.fingerprints())}
    return Graph(**vars(compiled), lent=team.lent).with_config(max_concurrency=THREADS, metadata=kept)


def whole(graph: Graph) -> Graph:
    """Open a graph's own keys: its output, its streams and the state that is read through it hold all that a run knows."""
    opened = graph.copy({"stream_channels": None})
    opened.output_channels = opened.stream_channels_asis
    return opened


def _step(step: Step, host: Host) -> RunnableCallable:
    """Give a step its host, and a side for LangGraph's sync one: there it runs on the engine loop."""

    async def on_this_loop(state: Any, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
        configurable, given = config.get("configurable", {}), state.get("attachments")
        if configurable.get(CONFIG_KEY_CHECKPOINTER):  # else nobody can have rewritten it
            state = {**state, "settings": settings.still_under_ceilings(state["settings"], configurable)}
        knowing = await asyncio.to_thread(host.with_documents, given) if given else host
        await trace.began(step.__name__, state)
        update = await step(state, runtime, knowing)
        await my_turn()
        trace.ended(step.__name__, update)
        for tell in TOLD.values():
            tell(step.__name__, update)
        return update

    def in_this_thread(state: Any, runtime: Runtime[Context], config: RunnableConfig) -> dict[str, Any]:
        return wait_on_engine(on_this_loop(state, runtime, config))

    return RunnableCallable(in_this_thread, on_this_loop, name=step.__name__, trace=False)


def _ways(step: str, host: Host) -> tuple[RunnableCallable, dict[Hashable, str]]:
    """Say where a step's conditional edges lead, each under its label."""

    def next_here(state: State) -> str | Send | list[Send]:
        to = _next(state, host)
        return WAYS[step][to] if isinstance(to, str) else to

    async def next_apart(state: State) -> str | Send | list[Send]:
        return await asyncio.to_thread(next_here, state) if state.get("attachments") else next_here(state)

    # A plain function would be run in a thread each time.
    chosen = RunnableCallable(next_here, next_apart, name="next_step", trace=False)
    return chosen, {way: to for to, way in WAYS[step].items()}


def _begin(state: dict[str, Any], runtime: Runtime[Context], config: RunnableConfig) -> Send:
    """Check the input and settle the settings, before anything runs.

    What is sent is part of the checkpoint: a resume finds the same settings, given again or not.

    Raises:
        BadRequest: the request or a document is no good.
        BadSettings: the settings are no good.
        NoModel: no model is named.
    """
    unknown = next(iter(sorted(set(state) - {*Input.__annotations__, *State.__annotations__})), None)
    if unknown is not None:
        mend = "settings are given as context" if unknown in Context.model_fields else 'the input is {"request": "…"}'
        raise BadRequest(f"unknown input {unknown!r}; {mend}")
    settings.check_configurable(config.get("configurable", {}), runtime.context)
    request, documents = checked_request(state.get("request")), read_attachments(state.get("documents"))
    resolved = settings.resolve(runtime.context, configurable=config.get("configurable", {}))
    if resolved.approve_plan and (runtime.execution_info is None or runtime.execution_info.thread_id is None):
        raise BadSettings(
            "approve_plan needs runs that are kept, for they wait: build_graph(checkpointer=…) and a thread_id"
        )
    began = {"request": request, "settings": resolved.model_dump(), "attachments": documents}
    earlier = read_earlier(state.get("after"), request)
    return Send("sequel", {**began, "earlier": earlier}) if earlier else Send("planner", began)


async def _begin_apart(state: dict[str, Any], runtime: Runtime[Context], config: RunnableConfig) -> Send:
    """Begin; documents are read off the event loop, which a PDF would hold up."""
    if state.get("documents"):
        return await asyncio.to_thread(_begin, state, runtime, config)
    return _begin(state, runtime, config)


def checked_request(request: object) -> str:
    """Check a request.

    Raises:
        BadRequest: it is not text, blank, or longer than REQUEST_LIMIT characters.
    """
    if not isinstance(request, str):
        raise BadRequest(f"the request must be text, got {type(request).__name__}")
    if not request.isascii() and any("\ud800" <= char <= "\udfff" for char in request):
        raise BadRequest("the request holds bytes that are no text; save it as UTF-8")
    if not request.strip():
        raise BadRequest("the request is empty; say in a sentence or more what you want worked out")
    if len(request) > REQUEST_LIMIT:
        raise BadRequest(
            f"the request is {len(request):,} characters long; {REQUEST_LIMIT:,} are the most. Attach long material "
            "as documents, or shorten it"
        )
    return request


def _next(state: State, host: Host) -> str | Send | list[Send]:
    """Go where the last step said: to a step, to a worker for each subtask, or to the end."""
    match state["phase"]:
        case "planner":  # who plans anew sees nothing of the plan that was sent back but its faults
            seen = {"request", "settings", "replan", "charges", "outcomes", "attachments", "earlier"}
            step = "sequel" if state.get("earlier") else "planner"
            return Send(step, {key: value for key, value in state.items() if key in seen})
        case "worker":
            return _workers(state, host.with_documents(state.get("attachments", [])))
        case "validator" | "approval" | "synthesiser" as step:
            return step
        case _:
            return END


def _workers(state: State, host: Host) -> list[Send]:
    """Send every subtask that is still to be done to a worker of its own."""
    plan = state["plan"]
    done = {
        outcome["id"]
        for outcome in state.get("outcomes", [])
        if outcome["status"] in ("done", "partial") and outcome["round"] == plan["round"]
    }
    charges = all_charges(state.get("charges", []), state.get("outcomes", []))
    subtasks = [_less(subtask, state.get("charges", [])) for subtask in plan["subtasks"] if subtask["id"] not in done]
    shared = {
        "request": state["request"],
        "round": plan["round"],
        "frame": plan.get("frame", {}),
        "settings": state["settings"],
        "pool": open_pool(plan, subtasks, spent(purse_of(Context.of(state["settings"])), charges)),
    }
    return [Send("worker", {**shared, **_reading(state, subtask, host), "subtask": subtask}) for subtask in subtasks]


def _reading(state: State, subtask: Planned, host: Host) -> dict[str, Any]:
    """Give the run's documents to a worker who can read on in them; all others have excerpts in their task."""
    attachments = state.get("attachments", [])
    return {"attachments": attachments} if attachments and host.reads_on(subtask["specialist"]) else {}


def _less(subtask: Planned, charges: Iterable[Charge]) -> Planned:
    """Take off a subtask's allowance what a try that failed has cost."""
    tried = [charge for charge in charges if charge["subtask_id"] == subtask["id"]]
    purse = spent(Purse(**subtask["allowance"]), tried)
    return {**subtask, "allowance": {"usd": purse.usd, "tokens": purse.tokens}}


def __getattr__(name: str) -> Graph:
    """Build `graph` when it is first used: what is wrong in the environment is no error of an import."""
    if name != "graph":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["graph"] = built = build_graph()
    return built


graph: Graph
if "langgraph_api" in sys.modules:  # the server looks for it among what the module holds
    graph = build_graph()
