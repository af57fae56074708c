"""Decision: a person at the terminal decides what a run waits for: a plan, or a tool's call."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from pydantic import ValidationError

from graph.cli.keyboard import answer_to
from graph.cli.output import say
from graph.follow import Waiting
from graph.sanitise import harmless
from nodes.approval import Decisions
from nodes.models import in_thread

WAYS = {"approve": "[a]pprove", "reject": "[r]eject with a message", "edit": "[e]dit"}


async def decide(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Show what is to be decided, one thing after the other, and ask what to do with each.

    Args:
        asked: an interrupt's value: action_requests, review_configs.

    Returns:
        The resume value: {"decisions": [{"type": "approve"}, …]}.

    Raises:
        Waiting: the input has ended; nobody is there any more.
    """
    return await in_thread(lambda: {"decisions": list(_decisions(asked))})


def _decisions(asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for number, request in enumerate(asked["action_requests"]):
        allowed = asked["review_configs"][min(number, len(asked["review_configs"]) - 1)]["allowed_decisions"]
        say(harmless(request.get("description") or f"{request['name']} {request['args']}"))
        yield _decision(request, allowed)


def _decision(request: Mapping[str, Any], allowed: Sequence[str]) -> dict[str, Any]:
    question = ", ".join(words for way, words in WAYS.items() if way in allowed)
    while True:
        line = answer_to(f"{question}? ")
        word = line.strip().lower()
        if word in ("a", "approve", "y", "yes"):
            return {"type": "approve"}
        if word in ("r", "reject"):
            return {"type": "reject", "message": answer_to("What should be different? ").strip()}
        if word in ("e", "edit") and "edit" in allowed and (decision := _edited(request)) is not None:
            return decision
        if not line:  # the end of input: nobody is there any more
            raise Waiting("the run waits for your decision.")


def _edited(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Let a person edit what is asked about (None: it was not saved, or cannot be run; why, was said)."""
    try:
        text = click.edit(json.dumps(request["args"], indent=2, ensure_ascii=False), extension=".json")
    except click.ClickException as error:
        say(f"no editor could be opened: {error.format_message()}. Name one in the variable EDITOR.", "red")
        return None
    if text is None:
        say("nothing was saved; all is as it was.", "yellow")
        return None
    try:
        args = json.loads(text)
    except ValueError as error:
        say(f"that is not valid JSON: {error}", "red")
        return None
    decision = {"type": "edit", "edited_action": {"name": request["name"], "args": args}}
    if fault := _fault(request, decision):
        say(f"that cannot be run: {fault}", "red")
        return None
    return decision


def _fault(request: Mapping[str, Any], decision: Mapping[str, Any]) -> str | None:
    """Say what is wrong with an edited plan (None: nothing)."""
    if request["name"] != "run_plan":
        return None
    try:
        Decisions.model_validate({"decisions": [decision]})
    except ValidationError as error:
        return "; ".join(f"{'.'.join(map(str, fault['loc'][2:]))}: {fault['msg']}" for fault in error.errors())
    return None
