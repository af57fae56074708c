"""Sizing: what calls can take at most, whether the money reaches, and how a plan is cut to it."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.utils.function_calling import convert_to_openai_tool

from nodes.budget import (
    AMPLE_OUTPUT,
    LEAST_OUTPUT,
    Price,
    Prices,
    Purse,
    all_charges,
    allowance,
    cost_usd,
    input_bound,
    money_room,
    purse_of,
    share,
    spent,
    tokens_read,
)
from nodes.documents import EXCERPTS
from nodes.errors import BadSettings, BudgetTooSmall
from nodes.host import Host
from nodes.models import listed_window, plan_schema, price_of, provider_of, synthesis_schema, window_room
from nodes.specialists import LEAST_RESULT, MODEL_CALLS, Specialist
from nodes.state import ROLES, Charge, Context, Dropped, Outcome, Plan, Planned, Reserve, Role
from prompts import fence, render

UNKNOWN_ROOM = 120_000  # bytes of documents for a planner whose window is not known; about 30,000 tokens
PLANNER_PROMPT = 12_000  # bytes of the planner's own prompt, at most
DOCUMENTS_SHARE = 4  # the planner's reading of documents takes a quarter of a budget at most, and so do the excerpts
TOOL_ROUNDS = 3  # model calls that a worker with tools is given money for; more, if they come out cheaper

HEADER = 160  # tokens at most that stand around each result in the synthesis' prompt, besides its task and error


def role_prices(settings: Context, host: Host) -> Prices:
    """Find each role's price.

    Raises:
        BadSettings: there is a money budget, and a role's model has no known price.
    """
    prices = {role: price_of(settings.model(role), None, host.endpoints) for role in ROLES}
    specs = [settings.model(role) for role in ROLES] + [one.model for one in host.roster.members.values() if one.model]
    unknown = [spec for spec in specs if price_of(spec, None, host.endpoints) is None]
    if settings.budget_usd is not None and unknown:
        raise BadSettings(
            f"budget_usd is set, and the price of {unknown[0]} is not known. Give it in ORCHESTRATOR_PRICES, such as "
            f'{{"{unknown[0]}": {{"input": 0.5, "output": 1.5}}}} in USD per million tokens, or set budget_tokens instead'
        )
    return prices


def planner_bound(request: str, settings: Context, host: Host) -> int:
    """Upper bound of the planner's first prompt, in tokens."""
    told, documents = host.roster.told(improvise=settings.improvise), told_documents(request, settings, host)
    system = render("planner", least=1, most=settings.max_subtasks, roster=told, improvise=settings.improvise)
    if documents:
        system += render("planner_documents")
    names = None if settings.improvise else host.roster.names(improvise=False)
    return input_bound(
        [system, fence("request", request) + documents, str(plan_schema(names))], settings.model("planner")
    )


def told_documents(request: str, settings: Context, host: Host) -> str:
    """Write out what the planner reads of the documents: whole, or condensed to its window and a share of the money."""
    if host.documents is None:
        return ""
    model = settings.model("planner")
    window = settings.context_window or listed_window(*provider_of(model))
    room = (
        UNKNOWN_ROOM
        if window is None
        else window_room(window, len(request.encode("utf-8", "replace")) + PLANNER_PROMPT)
    )
    shared = money_room(purse_of(settings), price_of(model, None, host.endpoints), 0, 0) / DOCUMENTS_SHARE
    told = host.documents.brief(request, min(room, shared))
    return "".join("\n\n" + fence(f"document {name}", text) for name, text in told)


def excerpts_room(settings: Context, host: Host, subtasks: int) -> int:
    """Bytes of the documents that one subtask carries: less where money is counted."""
    shared = money_room(purse_of(settings), price_of(settings.model("worker"), None, host.endpoints), 0, 0)
    return int(min(EXCERPTS, shared / (DOCUMENTS_SHARE * max(1, subtasks))))


def worker_bound(request: str, subtask: Mapping[str, Any], settings: Context, host: Host) -> int:
    """Upper bound of a worker's prompt, in tokens."""
    one = host.whoever(str(subtask["specialist"]))
    model = one.model or settings.model("worker")
    system = render("worker", specialist=subtask["specialist"], instructions=one.instructions)
    excerpts = f"\n\n{fence('documents', subtask['excerpts'])}" if subtask.get("excerpts") else ""
    bound = input_bound([system, f"{fence('goal', request)}\n\n{fence('task', str(subtask['task']))}{excerpts}"], model)
    if not one.tools:
        return bound
    schemas = input_bound((str(convert_to_openai_tool(each.tool)) for each in host.tools_of(one).values()), model)
    return TOOL_ROUNDS * (bound + schemas + LEAST_OUTPUT["worker"]) + (TOOL_ROUNDS - 1) * LEAST_RESULT


def synthesis_bound(request: str, subtasks: Sequence[Mapping[str, Any]], settings: Context) -> int:
    """Upper bound of the synthesis' prompt without the results, in tokens."""
    tasks = [str(one["task"]) + str(one["specialist"]) for one in subtasks]
    model = settings.model("synthesiser")
    system = [render("synthesiser"), render("synthesiser_now", follow_ups=9)]
    return input_bound([*system, fence("request", request), str(synthesis_schema()), *tasks], model) + HEADER * (
        len(tasks) + 1
    )


def kept_back(request: str, settings: Context, host: Host) -> tuple[int, float | None]:
    """The least that one worker and a synthesis can do with, as (tokens, USD)."""
    prices = role_prices(settings, host)
    whole = {"specialist": "generalist", "task": request}
    work, join = worker_bound(request, whole, settings, host), synthesis_bound(request, [whole], settings)
    least = {role: _least(settings, role) for role in ROLES}
    join += math.ceil(least["worker"] * tokens_read(settings.model("synthesiser")))
    tokens = work + least["worker"] + join + least["synthesiser"]
    costs = (
        cost_usd(prices["worker"], work, least["worker"]),
        cost_usd(prices["synthesiser"], join, least["synthesiser"]),
    )
    return tokens, None if None in costs else sum(cost or 0.0 for cost in costs)


def planner_purse(
    request: str, settings: Context, host: Host, charges: Sequence[Charge], outcomes: Sequence[Outcome]
) -> Purse:
    """What the planner may spend: all that is left but what one worker and the synthesis need.

    Raises:
        BadSettings: a money budget without a price.
        BudgetTooSmall: before anything was spent, names the least that would do.
    """
    tokens, usd = kept_back(request, settings, host)
    purse = spent(purse_of(settings), [*all_charges(charges, outcomes)])
    if not charges:
        bound, out = planner_bound(request, settings, host), _least(settings, "planner")
        price = role_prices(settings, host)["planner"]
        planning = cost_usd(price, bound, out)
        if purse.tokens is not None and purse.tokens < tokens + bound + out:
            raise BudgetTooSmall(
                f"budget_tokens={settings.budget_tokens} cannot pay for a plan, one worker and the answer to this "
                f"request; the least that would do is {tokens + bound + out}"
            )
        if purse.usd is not None and usd is not None and planning is not None and purse.usd < usd + planning:
            raise BudgetTooSmall(
                f"budget_usd={settings.budget_usd} cannot pay for a plan, one worker and the answer to this request; "
                f"the least that would do is {_up(usd + planning)}"
            )
    return Purse(
        None if purse.usd is None or usd is None else max(0.0, purse.usd - usd),
        None if purse.tokens is None else max(0, purse.tokens - tokens),
    )


def _up(usd: float) -> str:
    return f"{usd * 1.000001 + 5e-7:.6f}"


def _least(settings: Context, role: Role) -> int:
    cap = settings.max_output_tokens(role)
    return LEAST_OUTPUT[role] if cap is None else min(cap, LEAST_OUTPUT[role])


def sized(
    subtasks: Sequence[dict[str, Any]],
    dropped: list[Dropped],
    *,
    request: str,
    charges: Sequence[Charge],
    outcomes: Sequence[Outcome],
    settings: Context,
    host: Host,
) -> Plan:
    """Give each subtask its id and its allowance, and say what the plan may cost at most.

    The least needed subtasks that the money does not reach are dropped, with that reason.
    """
    purse = spent(purse_of(settings), all_charges(charges, outcomes))
    room = excerpts_room(settings, host, len(subtasks))
    subtasks = [_with_excerpts(one, host, room) for one in subtasks]
    doing = [host.whoever(str(one["specialist"])) for one in subtasks]
    prices = {**role_prices(settings, host), "worker": _dearest(doing, settings, host)}
    wanted: dict[Role, int] = {role: settings.max_output_tokens(role) or AMPLE_OUTPUT[role] for role in ROLES}
    inputs = [worker_bound(request, one, settings, host) for one in subtasks]
    model = settings.model("synthesiser")
    read = tokens_read(model)
    reading = synthesis_bound(request, [*outcomes, *subtasks], settings)
    reading += input_bound((one["output"] for one in outcomes), model)
    if purse.open:
        reach, output, synthesis = len(subtasks), settings.worker_max_output_tokens, wanted["synthesiser"]
    else:
        split = share(purse, prices, worker_inputs=inputs, synthesis_input=reading, wanted=wanted, read=read)
        reach, output, synthesis = split.workers, split.worker_output, split.synthesis_output
    lost = [
        Dropped(
            specialist=str(one["specialist"]),
            task=str(one["task"]),
            kind="over_budget",
            reason="the budget does not reach so far",
        )
        for one in subtasks[reach:]
    ]
    numbers = itertools.count(
        1 + max((int(known["id"][1:]) for known in [*outcomes, *subtasks] if "id" in known), default=0)
    )
    planned = [  # a subtask that is done again keeps its id
        _planned(
            one, one.get("id") or f"S{next(numbers)}", output, allowance(purse, prices["worker"], bound, output or 0)
        )
        for one, bound in zip(subtasks[:reach], inputs, strict=False)
    ]
    capped = wanted["worker"] if output is None else output
    total_in, total_out = sum(inputs[:reach]), capped * reach
    join_in = reading + math.ceil(total_out * read)
    costs = (cost_usd(prices["worker"], total_in, total_out), cost_usd(prices["synthesiser"], join_in, synthesis))
    most = {
        "calls": sum(MODEL_CALLS if one.tools else 1 for one in doing[:reach]) + 1,
        "tokens": total_in + total_out + join_in + synthesis,
        "usd": None if None in costs else round(sum(cost or 0.0 for cost in costs), 6),
        # Nothing but a budget bounds what tools, and nothing at all what other people's code, may come to.
        "capped": all(one.ours for one in doing[:reach])
        and (not purse.open or (settings.worker_max_output_tokens is not None and not any(one.tools for one in doing))),
    }
    kept = Reserve(**allowance(purse, prices["synthesiser"], join_in, synthesis), surcharge=_surcharge(prices, read))
    return Plan(subtasks=planned, dropped=[*dropped, *lost], at_most=most, reserve=kept)


def _surcharge(prices: Prices, read: float) -> list[float]:
    """Say what one USD and one token that a worker writes beyond its allowance cost: the synthesis has to read it."""
    worker, synthesiser = prices["worker"], prices["synthesiser"]
    reading = synthesiser.input / worker.output if worker and synthesiser and worker.output else 1.0
    return [1 + read * reading, 1 + read]


def _with_excerpts(subtask: Mapping[str, Any], host: Host, room: int) -> dict[str, Any]:
    """Give a subtask what the documents say about it."""
    found = host.documents.excerpts(str(subtask["task"]), room) if host.documents else ""
    whole = {**subtask, "excerpts": found} if found else dict(subtask)
    if subtask.get("handed"):  # what a follow-up is to settle: no part of the task that the checks are about
        whole["task"] = f"{subtask['task']}\n\n{subtask['handed']}"
    return whole


def _dearest(doing: Sequence[Specialist], settings: Context, host: Host) -> Price | None:
    """Price every worker of a plan as the dearest of them: one share fits all (None: a price is unknown)."""
    specs = dict.fromkeys(one.model or settings.model("worker") for one in doing)
    prices = [price_of(spec, None, host.endpoints) for spec in specs]
    known = [price for price in prices if price is not None]
    if not known or len(known) < len(prices):
        return None
    return Price(max(one.input for one in known), max(one.output for one in known))


def _planned(subtask: Mapping[str, Any], one: str, output: int | None, allowed: Any) -> Planned:
    planned = Planned(
        id=one,
        specialist=" ".join(str(subtask["specialist"]).split()),
        task=str(subtask["task"]).strip(),
        cross_check=bool(subtask.get("cross_check")),
        allowance=allowed,
        max_output_tokens=output,
    )
    if subtask.get("changes"):
        planned["changes"] = list(subtask["changes"])
    if subtask.get("settles"):
        planned["settles"] = list(subtask["settles"])
    if subtask.get("excerpts"):
        planned["excerpts"] = str(subtask["excerpts"])
    return planned
