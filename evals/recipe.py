"""Recipe: LangGraph's documented orchestrator-worker example: a plan by structured output, a worker each, one joining call.

docs.langchain.com, LangGraph, "Workflows and agents". There the synthesiser joins strings; here it asks the model, as
ours does. The planner's and worker's words are the documentation's; how it is wired stands in bench/recipe.py.
"""

from langgraph.types import Send
from typing_extensions import TypedDict

from bench.recipe import Section, Sections, State, wired
from evals.caller import Caller, Run, guess, made

PLAN = "Generate a plan for the report."
WORK = "Write a report section following the provided name and description. Include no preamble for each section. Use markdown formatting."
JOIN = "Synthesize the completed sections into one report."


class _Work(TypedDict):
    section: Section
    cap: int  # tokens


async def plan(caller: Caller, request: str) -> list[Section]:
    """Ask for the sections."""
    cap = (caller.tokens or 64_000) // 8
    said = await caller.say(f"Here is the report topic: {request}", system=PLAN, cap=cap, schema=Sections)
    return list(said.sections)


async def join(caller: Caller, sections: list[str]) -> str:
    """Ask for the report."""
    return str(await caller.say("\n\n---\n\n".join(sections), system=JOIN))


async def joined(caller: Caller, texts: list[str]) -> Run:
    """Join given sections only."""
    return made(await join(caller, texts))


def as_tasks(sections: list[Section]) -> list[dict[str, str]]:
    """Write sections as every plan is measured."""
    return [{"specialist": section.name, "task": section.description} for section in sections]


async def planned(caller: Caller, request: str) -> Run:
    """Plan only."""
    return made(plan=as_tasks(await plan(caller, request)))


async def answered(caller: Caller, request: str) -> Run:
    """Run the whole graph; a worker that fails ends it, as in the documentation."""

    async def orchestrator(state: State) -> State:
        return {"sections": await plan(caller, state["topic"])}

    async def worker(state: _Work) -> State:
        section = state["section"]
        told = f"Here is the section name: {section.name} and description: {section.description}"
        return {"completed_sections": [await caller.say(told, system=WORK, cap=state["cap"])]}

    async def synthesizer(state: State) -> State:
        return {"final_report": await join(caller, state["completed_sections"])}

    def assign(state: State) -> list[Send]:
        # As many tokens for each section as for the report: all sections are read once more when they are joined.
        room = caller.room("") if caller.tokens is None else caller.tokens - caller.used
        longest = sum(guess(WORK + section.description) for section in state["sections"])
        cap = (room - longest) // (2 * len(state["sections"]) + 1)
        return [Send("worker", {"section": section, "cap": cap}) for section in state["sections"]]

    state = await wired(orchestrator, worker, synthesizer, assign).ainvoke({"topic": request})
    return made(state["final_report"], plan=as_tasks(state["sections"]))
