"""Bounds: what each call of a run can take at most, in tokens, and at which price. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.utils.function_calling import convert_to_openai_tool

from nodes.budget import (
    LEAST_OUTPUT,
    Prices,
    Purse,
    encoding_of,
    input_bound,
    is_counted,
    money_room,
    purse_of,
)
from nodes.documents import EXCERPTS
from nodes.errors import BadSettings
from nodes.host import Host
from nodes.models import listed_window, plan_schema, price_of, synthesis_schema, window_room
from nodes.providers import provider_of
from nodes.specialists import LEAST_RESULT
from nodes.state import ROLES, Context
from prompts import fence, render

UNKNOWN_ROOM = 120_000  # bytes for a planner whose window is not known; about 30,000 tokens
PLANNER_PROMPT = 12_000  # bytes of the planner's own prompt, at most
DOCUMENTS_SHARE = 4  # the planner's reading of documents takes a quarter of a budget at most, and so do the excerpts
TOOL_ROUNDS = 3  # model calls that a worker with tools is given money for; more, if they come out cheaper

# What stands around each result.
AROUND = "S1, specialist, timed out\n<<<task 0123456789ab\ntask 0123456789ab>>>\n<<<result 0123456789ab\nresult 0123456789ab>>>"
HEADER = 160  # bytes at most that stand around each result in the synthesis' prompt, besides its task and error


def role_prices(settings: Context, host: Host) -> Prices:
    """Find each role's price.

    Raises:
        BadSettings: there is a money budget, and a role's model has no known price.
    """
    prices = {role: price_of(settings.model(role), None, host.endpoints) for role in ROLES}
    specs = [settings.model(role) for role in ROLES] + [
        specialist.model for specialist in host.roster.members.values() if specialist.model
    ]
    unknown = [spec for spec in specs if price_of(spec, None, host.endpoints) is None]
    if settings.budget_usd is not None and unknown:
        raise BadSettings(
            f"budget_usd is set, and the price of {unknown[0]} is not known. Give it in ORCHESTRATOR_PRICES, such as "
            f'{{"{unknown[0]}": {{"input": 0.5, "output": 1.5}}}} in USD per million tokens, or set budget_tokens instead'
        )
    return prices


def counted_as(model: str, settings: Context) -> str:
    """Say by which model's tokeniser a bound is reckoned ("": by bytes; nothing hangs on it, and counting takes time)."""
    return model if is_counted(settings) else ""


def planner_bound(request: str, settings: Context, host: Host) -> int:
    """Upper bound of the planner's first prompt, in tokens."""
    names = None if settings.improvise else host.roster.names(improvise=False)
    return input_bound([*asked_for_plan(request, settings, host), str(plan_schema(names))], settings.model("planner"))


def asked_for_plan(request: str, settings: Context, host: Host) -> tuple[str, str]:
    """Write the planner's first prompt: what the system says, and what the user does."""
    documents, most = told_documents(request, settings, host), settings.max_subtasks
    roster = host.roster.listed(improvise=settings.improvise)
    system = render("planner", most=most, roster=roster, improvise=settings.improvise, documents=bool(documents))
    return system, fence("request", request) + documents


def told_documents(request: str, settings: Context, host: Host) -> str:
    """Write out what the planner reads of the documents: whole, or condensed to its window and a share of the money."""
    if host.documents is None:
        return ""
    fixed = len(request.encode("utf-8", "replace")) + PLANNER_PROMPT
    room = planner_room(settings, host, fixed, purse_of(settings), DOCUMENTS_SHARE)
    return "".join("\n\n" + fence(f"document {name}", text) for name, text in host.documents.brief(request, room))


def planner_room(settings: Context, host: Host, fixed: int, purse: Purse, share: int) -> float:
    """Bytes that a planner may be shown beside a prompt of `fixed` bytes: what its window holds, and a share of the money."""
    model = settings.model("planner")
    window = settings.context_window or listed_window(*provider_of(model))
    room = UNKNOWN_ROOM if window is None else window_room(window, fixed)
    return min(room, money_room(purse, price_of(model, None, host.endpoints), 0, 0) / share)


def excerpts_room(settings: Context, host: Host, subtasks: int) -> int:
    """Bytes of the documents that one subtask carries: less where money is counted."""
    shared = money_room(purse_of(settings), price_of(settings.model("worker"), None, host.endpoints), 0, 0)
    return int(min(EXCERPTS, shared / (DOCUMENTS_SHARE * max(1, subtasks))))


def worker_bound(request: str, subtask: Mapping[str, Any], settings: Context, host: Host) -> int:
    """Upper bound of a worker's prompt, in tokens."""
    specialist = host.whoever(str(subtask["specialist"]))
    model = counted_as(specialist.model or settings.model("worker"), settings)
    who = {"specialist": subtask["specialist"], "instructions": specialist.instructions}
    system = render("worker", **who, frame=True, documents=host.documents is not None)
    excerpts = f"\n\n{fence('documents', subtask['excerpts'])}" if subtask.get("excerpts") else ""
    bound = input_bound([system, f"{fence('goal', request)}\n\n{fence('task', str(subtask['task']))}{excerpts}"], model)
    if not specialist.tools:
        return bound
    schemas = input_bound(
        (str(convert_to_openai_tool(entry.tool)) for entry in host.tools_of(specialist).values()), model
    )
    return TOOL_ROUNDS * (bound + schemas + LEAST_OUTPUT["worker"]) + (TOOL_ROUNDS - 1) * LEAST_RESULT


def synthesis_bound(
    request: str, subtasks: Sequence[Mapping[str, Any]], settings: Context, *, further: bool = False
) -> int:
    """Upper bound of the synthesis' prompt without the results, in tokens; a `further` round has a ledger so far."""
    tasks = [str(subtask["task"]) + str(subtask["specialist"]) for subtask in subtasks]
    model = counted_as(settings.model("synthesiser"), settings)
    system = [render("synthesiser"), render("synthesiser_now", follow_ups=9)]
    system += [render("synthesiser_ledger", ledger="")] if further else []
    around = "x" * HEADER if encoding_of(model) is None else AROUND
    texts = [*system, fence("request", request), str(synthesis_schema()), *tasks]
    return input_bound(texts, model) + input_bound([around], model) * (len(tasks) + 1)
