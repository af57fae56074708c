"""Answers: a request to its answer in one call."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Self

from typing_extensions import TypedDict, Unpack

from graph.build import build_graph
from graph.settings import with_model
from graph.trace import named
from nodes.documents import Document
from nodes.events import Event
from nodes.models import in_thread
from nodes.state import Context, State

MODES = ["custom", "values"]
Attached = str | Path | Document | Iterable[str | Path | Document]


class Settings(TypedDict, total=False):
    """The settings of a run, as nodes.state.Context has them; `model` stands for all three roles."""

    model: str | None
    planner_model: str | None
    worker_model: str | None
    synthesiser_model: str | None
    max_subtasks: int
    max_rounds: int
    max_plan_attempts: int
    max_parallel: int
    call_timeout_s: float
    worker_timeout_s: float
    planner_max_output_tokens: int | None
    worker_max_output_tokens: int | None
    synthesiser_max_output_tokens: int | None
    planner_temperature: float | None
    worker_temperature: float | None
    synthesiser_temperature: float | None
    budget_usd: float | None
    budget_tokens: int | None
    approve_plan: bool
    improvise: bool
    structured_output: Literal["auto", "json_schema", "text"]
    context_window: int | None


class Answer(str):  # noqa: SLOT000 - it carries the state
    """The answer's text (Markdown), with the run's whole state beside it. A notebook shows it as Markdown.

    Attributes:
        state: the state keys of the run: plan, outcomes, disagreements, gaps, complete, stop_reason, spend …
    """

    state: State

    def __new__(cls, state: State) -> Self:
        """Wrap a final state."""
        made = super().__new__(cls, state.get("answer", ""))
        made.state = state
        return made

    def __reduce__(self) -> tuple[type[Self], tuple[State]]:
        """Copy and pickle it with its state."""
        return (type(self), (self.state,))

    def _repr_markdown_(self) -> str:
        return str(self)


def answer(
    request: str,
    *,
    after: State | None = None,
    attach: Attached = (),
    on_event: Callable[[Event], None] | None = None,
    **settings: Unpack[Settings],
) -> Answer:
    """Answer a request.

    Args:
        request: what you want worked out.
        after: the state of a run that this goes on from, as `previous.state`: it is answered from its results, or
            changes what must change; results that still stand are used again and not paid again.
        attach: a file that comes with the request (PDF, Markdown, text, CSV) or its address, or several.
        on_event: is told what happens, as it happens.
        settings: any setting of Context by name, such as max_subtasks=4; model="provider:name" is for all three roles.

    Returns:
        The answer as text; its `.state` holds the plan, the outcomes, disagreements, gaps and what was spent.

    Raises:
        OrchestratorError: bad request or settings, no model, or nothing that could be answered from.
    """
    context = Context(**with_model(settings))
    graph: Any = build_graph(documents=each(attach))
    state = State()
    for mode, part in graph.stream(_input(request, after), named(request), context=context, stream_mode=MODES):
        if mode == "values":
            state = part
        elif on_event is not None:
            on_event(part)
    return Answer(state)


async def aanswer(
    request: str,
    *,
    after: State | None = None,
    attach: Attached = (),
    on_event: Callable[[Event], None] | None = None,
    **settings: Unpack[Settings],
) -> Answer:
    """Answer a request, as `answer` does, on the event loop that runs here."""
    context = Context(**with_model(settings))
    graph: Any = await in_thread(lambda: build_graph(documents=each(attach)))
    state = State()
    async for mode, part in graph.astream(_input(request, after), named(request), context=context, stream_mode=MODES):
        if mode == "values":
            state = part
        elif on_event is not None:
            on_event(part)
    return Answer(state)


def _input(request: str, after: State | None) -> dict[str, Any]:
    return {"request": request, **({"after": after} if after else {})}


def each(attach: Attached) -> Iterable[str | Path | Document]:
    """Take one file, or several."""
    return (attach,) if isinstance(attach, (str, Path, Document)) else attach
