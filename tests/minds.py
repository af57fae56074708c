"""Minds: scripted teams for the endpoint, which answer as planner, specialists and synthesiser."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graph import graph
from graph.build import whole
from tests.endpoint import Call, Endpoint
from tests.turn import Body, Turn, prompt_of, system_of

Said = Turn | str | Callable[[Body], Turn | str]

MODEL = "openai:gpt-4o"
REQUEST = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."
TASKS = {
    "caterer": "Write a menu with shopping quantities for 80 guests, at least a quarter of it vegetarian.",
    "publicist": "Draft the leaflet that invites the neighbours, and say when and where it is handed out.",
    "safety officer": "List the dangers of fire, traffic and noise in a closed road, each with its remedy.",
}

WORDS = (
    "astronomy", "botany", "carpentry", "drainage", "electricity", "forestry", "geology", "heraldry", "insurance",
    "joinery", "knitting", "lighting", "masonry", "nutrition", "optics", "plumbing", "quarrying", "roofing",
    "surveying", "taxation",
)  # fmt: skip


def run(request: str = REQUEST, **context: Any) -> dict[str, Any]:
    """Run the graph under these settings; give the final state, the run's own keys included."""
    made: Any = whole(graph)
    return dict(made.invoke({"request": request}, context=context))


def many_tasks(number: int) -> dict[str, str]:
    """Give up to 20 tasks, none like another."""
    return {f"{name} adviser": f"{name} {name} {name}: tell all." for name in WORDS[:number]}


def plan_of(tasks: Mapping[str, str] | Sequence[tuple[str, str]]) -> str:
    """Write a planner's reply; (specialist, task) pairs."""
    pairs = tasks.items() if isinstance(tasks, Mapping) else tasks
    return json.dumps({"subtasks": [{"specialist": who, "task": task, "cross_check": False} for who, task in pairs]})


def synthesis_of(
    answer: str,
    disagreements: Sequence[Body] = (),
    gaps: Sequence[Body] = (),
    follow_ups: Sequence[tuple[str, ...]] = (),
) -> str:
    """Write a synthesiser's reply; follow-ups as (specialist, task, id of what it settles …)."""
    return json.dumps(
        {
            "disagreements": list(disagreements),
            "gaps": list(gaps),
            "follow_ups": [{"specialist": who, "task": task, "settles": settles} for who, task, *settles in follow_ups],
            "answer": answer,
        }
    )


def sequel_of(
    kind: str,
    *,
    request: str = "",
    keep: Sequence[str] = (),
    tasks: Mapping[str, str] | None = None,
    answer: str = "",
) -> str:
    """Write a reply that says what a further message asks for."""
    planned = json.loads(plan_of(tasks or {}))
    return json.dumps({"kind": kind, "request": request, "keep": keep, **planned, "why": "", "answer": answer})


def disagreement(topic: str, *positions: tuple[str, str, str], resolution: str | None = None, name: str = "D1") -> Body:
    """Write an entry of the ledger; positions as (subtask id, claim, quote). An open one has a suggestion."""
    told = [{"subtask_id": position, "claim": claim, "quote": quote} for position, claim, quote in positions]
    suggestion = None if resolution else "Ask the host, who decides."
    status = "settled" if resolution else "kept"
    entry = {"id": name, "topic": topic, "positions": told, "resolution": resolution}
    return {**entry, "suggestion": suggestion, "status": status}


def role_of(body: Body) -> str:
    """Name who is asked: planner, worker, synthesiser, or who reads a further message (sequel)."""
    roles = {
        "You are the planner": "planner",
        "You are a specialist": "worker",
        "You are the synthesiser": "synthesiser",
        "You carry on a conversation": "sequel",
    }
    return next(role for words, role in roles.items() if words in system_of(body))


def specialist_of(body: Body) -> str:
    """Name the specialist who is asked."""
    match = re.search(r"^You are a specialist: (.+)\.$", system_of(body), re.MULTILINE)
    assert match is not None
    return match.group(1)


def fenced(label: str, body: Body) -> str:
    """Give the text between the markers of that label."""
    match = re.search(rf"<<<{label} (\w{{12}})\n(.*)\n{label} \1>>>", prompt_of(body), re.DOTALL)
    assert match is not None
    return match.group(2)


def did_it(body: Body) -> str:
    """Answer as a specialist who has done the task."""
    return f"The {specialist_of(body)} has done it."


def join_all(body: Body) -> str:
    """Answer as a synthesiser who cites every result."""
    ids = re.findall(r"^(S\d+), ", prompt_of(body), re.MULTILINE)
    return synthesis_of("Everything is planned. " + " ".join(f"[{subtask_id}]" for subtask_id in ids))


@dataclass
class Team:
    """A mind that plays all three roles. Lists are played in turn, their last for good."""

    planner: list[Said] = field(default_factory=lambda: [plan_of(TASKS)])
    workers: dict[str, Said] = field(default_factory=dict)  # by specialist; did_it for all others
    synthesiser: list[Said] = field(default_factory=lambda: [join_all])
    sequel: list[Said] = field(default_factory=lambda: [sequel_of("answer", answer="As it says. [S1]")])
    asked: dict[str, int] = field(default_factory=lambda: {"planner": 0, "synthesiser": 0, "sequel": 0})

    def __call__(self, body: Body) -> Turn | str:
        """Answer one request."""
        said = self._said(body)
        return said(body) if callable(said) else said

    def _said(self, body: Body) -> Said:
        role = role_of(body)
        if role == "worker":
            return self.workers.get(specialist_of(body), did_it)
        lines: list[Said] = getattr(self, role)
        self.asked[role] += 1
        return lines[min(self.asked[role], len(lines)) - 1]


def calls_of(endpoint: Endpoint, role: str) -> list[Call]:
    """List the calls that asked this role, in the order of arrival."""
    return [call for call in endpoint.requests if role_of(call.body) == role]


def prompts_of(endpoint: Endpoint, role: str) -> list[str]:
    """List what this role was asked."""
    return [prompt_of(call.body) for call in calls_of(endpoint, role)]


def completion(text: str, **more: Any) -> str:
    """Write a whole, unstreamed completion, as servers send that ignore "stream"."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    outer = {"id": "c-1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "usage": usage}
    return json.dumps({**outer, "choices": [choice], **more})
