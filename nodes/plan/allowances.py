"""Allowances: whether the money reaches, how a plan is cut to it, and what each subtask of it may spend. Pure."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
    purse_of,
    share,
    spent,
    tokens_read,
)
from nodes.errors import BudgetTooSmall
from nodes.host import Host
from nodes.models import price_of
from nodes.plan.bounds import counted_as, excerpts_room, planner_bound, role_prices, synthesis_bound, worker_bound
from nodes.plan.repairs import Repaired
from nodes.specialists import MODEL_CALLS, Specialist
from nodes.state import ROLES, Charge, Context, Outcome, Plan, Planned, Reserve, Role, State
from prompts import fence, render


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
    if purse_of(settings).open:
        return Purse()
    tokens, usd = kept_back(request, settings, host)
    purse = spent(purse_of(settings), [*all_charges(charges, outcomes)])
    if not charges:
        bound, out = planner_bound(request, settings, host), _least(settings, "planner")
        price = role_prices(settings, host)["planner"]
        planning = cost_usd(price, bound, out)
        short = "{} cannot pay for a plan, one worker and the answer to this request; the least that would do is {}"
        if purse.tokens is not None and purse.tokens < tokens + bound + out:
            raise BudgetTooSmall(short.format(f"budget_tokens={settings.budget_tokens}", tokens + bound + out))
        if purse.usd is not None and usd is not None and planning is not None and purse.usd < usd + planning:
            least = f"{(usd + planning) * 1.000001 + 5e-7:.6f}"
            raise BudgetTooSmall(short.format(f"budget_usd={settings.budget_usd}", least))
    return Purse(
        None if purse.usd is None or usd is None else max(0.0, purse.usd - usd),
        None if purse.tokens is None else max(0, purse.tokens - tokens),
    )


def _least(settings: Context, role: Role) -> int:
    cap = settings.max_output_tokens(role)
    return LEAST_OUTPUT[role] if cap is None else min(cap, LEAST_OUTPUT[role])


def sized(mended: Repaired, frame: Mapping[str, Any], state: State, settings: Context, host: Host) -> Plan:
    """Give each subtask its id and its allowance, and say what the plan may cost at most.

    The least needed subtasks that the money does not reach are dropped, with that reason.
    """
    request, outcomes = state["request"], state.get("outcomes", [])
    purse = spent(purse_of(settings), all_charges(state.get("charges", []), outcomes))
    room = excerpts_room(settings, host, len(mended.subtasks))
    shared = fence("frame", render("frame", frame=frame)) if frame else ""
    subtasks = [_with_excerpts(subtask, host, room) for subtask in mended.subtasks]
    doing = [host.whoever(str(subtask["specialist"])) for subtask in subtasks]
    prices = {**role_prices(settings, host), "worker": _dearest(doing, settings, host)}
    wanted: dict[Role, int] = {role: settings.max_output_tokens(role) or AMPLE_OUTPUT[role] for role in ROLES}
    inputs = [worker_bound(request + shared, subtask, settings, host) for subtask in subtasks]
    model = counted_as(settings.model("synthesiser"), settings)
    read = tokens_read(model)
    told = fence("frame", json.dumps(frame, ensure_ascii=False)) if frame else ""
    reading = synthesis_bound(request + told, [*outcomes, *subtasks], settings, further=bool(outcomes))
    reading += input_bound((outcome["output"] for outcome in outcomes), model)
    if purse.open:
        reach, output, synthesis = len(subtasks), settings.worker_max_output_tokens, wanted["synthesiser"]
    else:
        split = share(purse, prices, worker_inputs=inputs, synthesis_input=reading, wanted=wanted, read=read)
        reach, output, synthesis = split.workers, split.worker_output, split.synthesis_output
    inputs, doing = inputs[:reach], doing[:reach]
    known: list[Mapping[str, Any]] = [*outcomes, *subtasks]
    numbers = itertools.count(1 + max((int(entry["id"][1:]) for entry in known if "id" in entry), default=0))
    planned = [
        _planned(subtask, numbers, output, allowance(purse, prices["worker"], bound, output or 0))
        for subtask, bound in zip(subtasks[:reach], inputs, strict=True)
    ]
    work = (sum(inputs), (wanted["worker"] if output is None else output) * reach)
    join = (reading + math.ceil(work[1] * read), synthesis)
    for subtask in subtasks[reach:]:
        mended.drop(subtask, "over_budget", "the budget does not reach so far")
    return Plan(
        subtasks=planned,
        dropped=mended.dropped,
        at_most=_at_most(prices, work, join, doing) | {"capped": _is_capped(purse, settings, doing)},
        reserve=Reserve(**allowance(purse, prices["synthesiser"], *join), surcharge=_surcharge(prices, read)),
    )


def _at_most(
    prices: Prices, work: tuple[int, int], join: tuple[int, int], doing: Sequence[Specialist]
) -> dict[str, Any]:
    """Add up the calls, tokens and USD of all workers and the synthesis, each given as tokens (read, written)."""
    costs = (cost_usd(prices["worker"], *work), cost_usd(prices["synthesiser"], *join))
    return {
        "calls": sum(MODEL_CALLS if specialist.tools else 1 for specialist in doing) + 1,
        "tokens": sum(work) + sum(join),
        "usd": None if None in costs else round(sum(cost or 0.0 for cost in costs), 6),
    }


def _is_capped(purse: Purse, settings: Context, doing: Sequence[Specialist]) -> bool:
    """Say whether it cannot come to more: only a budget bounds what tools, and nothing what other people's code takes."""
    if not all(specialist.ours for specialist in doing):
        return False
    with_tools = any(specialist.tools for specialist in doing)
    return not purse.open or (settings.worker_max_output_tokens is not None and not with_tools)


def _surcharge(prices: Prices, read: float) -> list[float]:
    """Say what one USD and one token that a worker writes beyond its allowance cost: the synthesis has to read it."""
    worker, synthesiser = prices["worker"], prices["synthesiser"]
    reading = synthesiser.input / worker.output if worker and synthesiser and worker.output else 1.0
    return [1 + read * reading, 1 + read]


def _with_excerpts(subtask: Mapping[str, Any], host: Host, room: int) -> dict[str, Any]:
    """Give a subtask what the documents say about it."""
    excerpts = host.documents.excerpts(str(subtask["task"]), room) if host.documents else ""
    whole = {**subtask, "excerpts": excerpts} if excerpts else dict(subtask)
    if subtask.get("handed"):  # what a follow-up is to settle: no part of the task that the checks are about
        whole["task"] = f"{subtask['task']}\n\n{subtask['handed']}"
    return whole


def _dearest(doing: Sequence[Specialist], settings: Context, host: Host) -> Price | None:
    """Price every worker of a plan as the dearest of them: one share fits all (None: a price is unknown)."""
    specs = dict.fromkeys(specialist.model or settings.model("worker") for specialist in doing)
    prices = [price_of(spec, None, host.endpoints) for spec in specs]
    known = [price for price in prices if price is not None]
    if not known or len(known) < len(prices):
        return None
    return Price(max(price.input for price in known), max(price.output for price in known))


def _planned(subtask: Mapping[str, Any], numbers: Iterator[int], output: int | None, allowed: Any) -> Planned:
    planned = Planned(
        id=subtask.get("id") or f"S{next(numbers)}",  # one that is done again keeps its id
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
