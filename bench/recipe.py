"""The recipe: LangGraph's documented orchestrator-worker example over ChatOpenAI, written from its public documentation.

docs.langchain.com, LangGraph, "Workflows and agents", orchestrator-worker: a plan by structured output, a worker for each
section through Send, a synthesiser. There the synthesiser joins strings; here it asks the model, as ours does, so that both
make the same three calls one after another.
"""

import operator
from functools import cache
from typing import Annotated, Any

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bench.replies import JOIN

REQUEST = "Plan a neighbourhood street party for about 80 people on a Saturday afternoon."


class Section(BaseModel):
    """One section of the report."""

    name: str = Field(description="Name for this section of the report.")
    description: str = Field(description="Brief overview of the main topics to be covered in this section.")


class Sections(BaseModel):
    """The plan."""

    sections: list[Section] = Field(description="Sections of the report.")


class State(TypedDict, total=False):
    """What the graph knows."""

    topic: str
    sections: list[Section]
    completed_sections: Annotated[list[str], operator.add]
    final_report: str


class WorkerState(TypedDict):
    """What a worker is sent."""

    section: Section


@cache
def llm() -> ChatOpenAI:
    """Make the one model."""
    return ChatOpenAI(model="gpt-4o")


@cache
def planner() -> Any:
    """Make the model that answers with a plan."""
    return llm().with_structured_output(Sections)


async def orchestrator(state: State) -> State:
    """Generate a plan for the report."""
    rules = SystemMessage("Generate a plan for the report.")
    plan = await planner().ainvoke([rules, HumanMessage(f"Here is the report topic: {state['topic']}")])
    return {"sections": plan.sections}


async def worker(state: WorkerState) -> State:
    """Write a section of the report."""
    section = state["section"]
    rules = "Write a report section following the provided name and description. Include no preamble. Use markdown."
    told = f"Here is the section name: {section.name} and description: {section.description}"
    message = await llm().ainvoke([SystemMessage(rules), HumanMessage(told)])
    return {"completed_sections": [str(message.text)]}


async def synthesizer(state: State) -> State:
    """Synthesise the full report from the sections."""
    sections = "\n\n---\n\n".join(state["completed_sections"])
    message = await llm().ainvoke([SystemMessage(f"{JOIN} into one report."), HumanMessage(sections)])
    return {"final_report": str(message.text)}


def assign_workers(state: State) -> list[Send]:
    """Send each section to a worker of its own."""
    return [Send("worker", {"section": section}) for section in state["sections"]]


def wired(orchestrator: Any, worker: Any, synthesizer: Any, assign: Any) -> Any:
    """Put the example's four functions together; evals/recipe.py has others in their places."""
    builder = StateGraph(State)
    builder.add_node("orchestrator", orchestrator)
    builder.add_node("worker", worker)
    builder.add_node("synthesizer", synthesizer)
    builder.add_edge(START, "orchestrator")
    builder.add_conditional_edges("orchestrator", assign, ["worker"])
    builder.add_edge("worker", "synthesizer")
    builder.add_edge("synthesizer", END)
    return builder.compile()


graph = wired(orchestrator, worker, synthesizer, assign_workers)


async def run(workers: int) -> int:  # noqa: ARG001 - the endpoint's plan says how many
    """Run the graph; return how many workers did their part."""
    state = await graph.ainvoke({"topic": REQUEST})
    return len(state["completed_sections"])


async def listen(workers: int) -> int:  # noqa: ARG001
    """Run the graph while somebody reads every token."""
    done = 0
    async for mode, part in graph.astream({"topic": REQUEST}, stream_mode=["messages", "updates"]):
        done += mode == "updates" and "worker" in part
    return done
