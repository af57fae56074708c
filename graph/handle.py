"""Handle: a run that goes on in the background, with a person's hand on it."""

import asyncio
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from graph.answers import Answer, Attached, Settings, each
from graph.build import build_graph, checked_request
from graph.follow import Waiting
from graph.run import start
from graph.settings import with_model
from graph.store import open_store
from nodes.control import Control
from nodes.events import Event
from nodes.models import in_thread
from nodes.specialists import Specialist
from nodes.state import Context


class RunHandle(Control):
    """A run that goes on in a thread of its own. `result()` waits for its answer; so does `await`.

    What a person may want of it meanwhile, from any thread: stop("S2"), again("S2", "a word of advice"),
    tell("S2", "a message"), pause() and go_on(), stop_and_write_up(), leave().
    """

    def __init__(self) -> None:
        super().__init__()
        self.id = ""  # under which it is kept, once it has begun
        self._future: Future[Answer] = Future()

    def result(self, timeout: float | None = None) -> Answer:
        """Wait for the answer, `timeout` seconds at most (None: as long as it takes).

        Raises:
            OrchestratorError: as `answer` does.
            Left: it was told to leave off; `orchestrate resume` or a further start goes on, where it is kept.
            TimeoutError: it is not there yet.
        """
        return self._future.result(timeout)

    def __await__(self) -> Generator[Any, None, Answer]:
        """Wait for the answer on the event loop that runs here."""
        return asyncio.wrap_future(self._future).__await__()

    def done(self) -> bool:
        """Tell whether it has ended."""
        return self._future.done()

    def _follow(self, work: Callable[[], Any]) -> None:
        try:
            self._future.set_result(asyncio.run(work()))
        except BaseException as error:  # noqa: BLE001 - handed on to the one who waits
            self._future.set_exception(error)


def begin(
    request: str,
    *,
    attach: Attached = (),
    on_event: Callable[[Event], None] | None = None,
    on_question: Callable[[dict[str, Any]], Any] | None = None,
    specialists: Iterable[Specialist] = (),
    database: str | Path = ":memory:",
    **settings: Unpack[Settings],
) -> RunHandle:
    """Begin to answer a request, and give a hand on the run.

    Args:
        request: what you want worked out.
        attach: a file that comes with the request, or its address, or several.
        on_event: is told what happens, as it happens, in the run's own thread.
        on_question: decides what an approval asks (the interrupt's value), and gives the resume value.
        specialists: your own, beside those of ORCHESTRATOR_SPECIALISTS_DIR.
        database: where the run is kept, so that it can be resumed: a path, or postgresql://… (":memory:": nowhere).
        settings: any setting of Context by name; model="provider:name" is for all three roles.

    Raises:
        OrchestratorError: the request or a setting is no good.
    """
    checked_request(request)
    given, handle = with_model(settings), RunHandle()
    Context(**given)

    def listen(event: Any) -> None:
        if event["type"] == "run":
            handle.id = event["id"]
        if on_event:
            on_event(event)

    async def decide(asked: dict[str, Any]) -> Any:
        if on_question is None:
            raise Waiting("the run waits for a person; give begin(…, on_question=…)")
        return await in_thread(lambda: on_question(asked))  # which may be left unanswered

    async def work() -> Answer:
        async with open_store(database) as store:
            graph = build_graph(store.saver, specialists, documents=each(attach))
            _, state = await start(graph, store, request, given, listen, decide, control=handle)
            return Answer(state)

    threading.Thread(target=handle._follow, args=(work,), name="orchestrator-run", daemon=True).start()  # noqa: SLF001
    return handle
