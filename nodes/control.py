"""Control: a person's hand on a run while it is under way. Any thread may use it; steps and workers ask it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from langgraph.errors import GraphInterrupt
from langgraph.runtime import RunControl
from langgraph.types import Interrupt

from nodes.errors import BadRequest

STOPPED = "stopped by a person"
ANEW = "begun anew by a person"
LEFT = "left"  # the type of the interrupt of a worker that was not begun when the run was asked to leave


class Ended(Exception):
    """A person has ended what was being done; the text is why."""


async def told_of(wait: Awaitable[object], on_waiting: Callable[[bool], None] | None) -> None:
    """Wait, and tell of it: True at its beginning, False when it is over."""
    if on_waiting:
        on_waiting(True)  # noqa: FBT003 - it is the whole message
    await wait
    if on_waiting:
        on_waiting(False)  # noqa: FBT003 - the same


@dataclass
class Hold:
    """The hand on one try of a worker, or on any other call.

    Attributes:
        control: of the run (None: nobody can take a hand in it, so it is never ended and never waits).
        ended: why its try is ended ("": it is not).
        advice: what a person wants of another try (None: no other try is wanted).
        advised: the advice that this try was begun anew with (None: it is the first).
        words: a person's messages that it has not heard yet.
        listens: it can still hear them: it works with tools.
        waits: nothing is under way for it, so that nothing is lost by beginning anew.
    """

    control: "Control | None" = None
    ended: str = ""
    advice: str | None = None
    advised: str | None = None
    words: list[str] = field(default_factory=list)
    listens: bool = False
    waits: bool = False
    _ends: set[Callable[[], None]] = field(default_factory=set)

    def end(self, why: str, advice: str | None = None) -> None:
        """End its try."""
        self.ended, self.advice = why, advice
        for end in list(self._ends):
            end()

    @asynccontextmanager
    async def wanted(self) -> AsyncIterator[None]:
        """Do something for as long as it is wanted.

        Raises:
            Ended: a person has ended it, before or meanwhile.
        """
        loop, bound = asyncio.get_running_loop(), asyncio.timeout(None)

        def end() -> None:
            with suppress(RuntimeError):  # its loop is closed: it is over
                loop.call_soon_threadsafe(expire)

        def expire() -> None:
            with suppress(RuntimeError):  # it is over
                bound.reschedule(loop.time())

        self._ends.add(end)
        try:
            if self.ended:
                raise Ended(self.ended)
            async with bound:
                yield
        except TimeoutError:
            if not bound.expired():
                raise
            raise Ended(self.ended) from None
        finally:
            self._ends.discard(end)

    async def ready(self, on_waiting: Callable[[bool], None] | None = None) -> None:
        """Wait while the run is paused.

        Raises:
            GraphInterrupt: the run is left: whoever waits is not begun, and a resume begins it.
        """
        if self.control is None or self.may_begin():
            return
        await told_of(self.control.while_paused(), on_waiting)
        if self.control.leaving:
            raise GraphInterrupt((Interrupt({"type": LEFT}),))

    def may_begin(self) -> bool:
        """Tell whether a call may begin: the run is neither paused nor left."""
        return self.control is None or not (self.control.paused or self.control.leaving)

    def heard(self) -> list[str]:
        """Take the messages that it has not heard yet."""
        words, self.words = self.words, []
        return words


class Control(RunControl):
    """What a person wants of one run: LangGraph's own control of it, and a hand on each of its workers.

    Attributes:
        planned, begun: the subtasks of the run, as far as is known: whoever follows it says so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.planned: set[str] = set()
        self.begun: set[str] = set()
        self.paused = False
        self.leaving = False
        self.writing_up = False
        self._again: dict[str, str] = {}
        self._holds: dict[str, Hold] = {}
        self._sleepers: set[Callable[[], None]] = set()
        self._lock = threading.RLock()

    @property
    def drain_requested(self) -> bool:
        """Tell LangGraph whether to stop before the next step."""
        return self.leaving or self.paused or self.writing_up or not self.begun.isdisjoint(self._again)

    def stop(self, subtask_id: str) -> None:
        """Stop one worker. What it has written is its result, cut off.

        Raises:
            BadRequest: it is not at work.
        """
        with self._lock:
            self._at_work(subtask_id).end(STOPPED)

    def again(self, subtask_id: str, advice: str = "") -> str:
        """Have a subtask done again, with a word of advice: at once where it is at work, else after this step.

        One that has not begun yet begins with that word, and is done once.

        Returns:
            Which of these it is, in words.

        Raises:
            BadRequest: there is no such subtask.
        """
        with self._lock:
            hold = self._holds.get(subtask_id)
            if hold is not None:
                hold.end(ANEW, advice)
                return f"{subtask_id} is done again"
            if self.planned and subtask_id not in self.planned:
                known = ", ".join(sorted(self.planned, key=lambda name: (len(name), name)))
                raise BadRequest(f"there is no {subtask_id} in this run; there are: {known}")
            self._again[subtask_id] = advice
            if subtask_id in self.begun or not self.planned:
                return f"{subtask_id} is done again once the others have ended"
            return f"{subtask_id} has not begun; it begins with these words"

    def tell(self, subtask_id: str, words: str) -> None:
        """Give a worker a message: between two calls of one that has tools, at once to one that waits.

        Raises:
            BadRequest: it is not at work, or is writing and has no tools.
        """
        with self._lock:
            hold = self._at_work(subtask_id)
            if hold.listens:
                hold.words.append(words)
            elif hold.waits:
                hold.end(ANEW, words)
            else:
                raise BadRequest(
                    f"{subtask_id} works without tools and is writing, so it hears nothing before its end; have it done "
                    "again with these words"
                )

    def stop_and_write_up(self) -> None:
        """Have the answer written from what is finished; the rest is stopped, and named in the answer."""
        with self._lock:
            self.writing_up, self.paused = True, False
            for hold in self._holds.values():
                hold.end(STOPPED)
            self._wake()

    def pause(self) -> None:
        """Begin no further call. Those under way go on to their end."""
        self.paused = True

    def go_on(self) -> None:
        """Go on after a pause."""
        with self._lock:
            self.paused = False
            self._wake()

    def leave(self) -> None:
        """Leave the run so that it can be resumed: what is under way is finished, and nothing further begun."""
        with self._lock:
            self.leaving = True
            self._wake()

    def request_drain(self, reason: str = "shutdown") -> None:
        """Leave the run, as LangGraph words it."""
        super().request_drain(reason)
        self.leave()

    def at_work(self) -> dict[str, Hold]:
        """Give the workers that are at work, by the ids of their subtasks."""
        with self._lock:
            return dict(self._holds)

    def tries(self, subtask_id: str) -> Generator[Hold, None, None]:
        """Begin a worker's tries, each with a hand on it: one, and another whenever it was ended with advice."""
        with self._lock:
            advice = self._again.pop(subtask_id, None)  # said before it began: it need not be done twice for that
            self.begun.add(subtask_id)
        try:
            while True:
                with self._lock:
                    hold = Hold(self, STOPPED if self.writing_up else "", advised=advice)
                    self._holds[subtask_id] = hold
                yield hold
                advice = hold.advice
                if advice is None:
                    return
        finally:
            with self._lock:
                self._holds.pop(subtask_id, None)

    def taken_over(self) -> tuple[bool, dict[str, str]]:
        """Take what is to be done between two steps: to write up, or to do subtasks again, each with its advice.

        The advice of those that have not begun waits for them.
        """
        with self._lock:
            again = {name: self._again.pop(name) for name in self.begun.intersection(self._again)}
            writing_up, self.writing_up = self.writing_up, False
            return writing_up, again

    async def while_paused(self) -> None:
        """Wait while the run is paused and not left."""
        await self._wait(lambda: self.paused and not self.leaving)

    async def until_left(self) -> None:
        """Wait until the run is left."""
        await self._wait(lambda: not self.leaving)

    async def _wait(self, is_so: Callable[[], bool]) -> None:
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

        self._sleepers.add(wake)
        try:
            while is_so():
                await woken.wait()
                woken.clear()
        finally:
            self._sleepers.discard(wake)

    def _at_work(self, subtask_id: str) -> Hold:
        hold = self._holds.get(subtask_id)
        if hold is None:
            at_work = ", ".join(self._holds) or "nobody"
            raise BadRequest(f"{subtask_id} is not at work; at work: {at_work}")
        return hold

    def _wake(self) -> None:
        for wake in list(self._sleepers):
            wake()


def tries(control: RunControl | None, subtask_id: str) -> Generator[Hold, None, None]:
    """Begin a worker's tries; only one, and no hand on it, where nobody can take a hand in the run."""
    if isinstance(control, Control):
        yield from control.tries(subtask_id)
    else:
        yield Hold()
