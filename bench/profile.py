"""Profile: where the CPU of our runs goes, by part. `python -m bench.profile [--workers N] [--stream | --store]`.

A thread looks at every other thread's stack a thousand times a second, and charges the CPU time that the system says the
thread has used since the last look to the innermost frame that belongs to a named part: a part answers for itself and for
what it calls in the standard library and pydantic, not for the parts below it. Several runs go on at once, so that the
CPU is never idle: what a look finds is then what was at work.
"""

import argparse
import asyncio
import os
import re
import sys
import threading
import time
from collections import Counter
from functools import lru_cache
from pathlib import Path
from types import FrameType

from bench.cells import Cell, environment
from bench.child import find
from bench.endpoint import Endpoint

ROOT = f"{Path(__file__).parent.parent}/"
EVERY_S = 0.001
SHOWN = 12  # functions of each kind
MOST = 3.0  # percent of the CPU that each watched part may take
# Our own files that must cost next to nothing.
WATCHED = {
    "nodes/models/http.py": "the key-hiding guard",
    "nodes/models/concurrency.py": "the slots",
    "nodes/models/notes.py": "the journal",
    "graph/store/journal.py": "the journal",
    "nodes/budget.py": "the reservation",
    "nodes/pool.py": "the reservation",
}
PARTS = (
    (r"/(langgraph/(checkpoint|store)|aiosqlite|sqlite3)/", "checkpointer"),
    (r"/langgraph/", "langgraph"),
    (r"/langchain_openai/", "langchain-openai"),
    (r"/langchain_core/", "langchain-core"),
    (r"/langchain/", "langchain"),
    (r"/langsmith/", "langsmith"),
    (r"/openai/", "openai client"),
    (r"/(httpx2?|httpcore2?|h11|anyio|sniffio|aiohttp|httpx_aiohttp)/", "HTTP client"),
    (r"/tenacity/", "tenacity"),
    (r"/asyncio/", "asyncio"),
    (r"/(selectors|threading|queue|concurrent/futures/thread)\.py$", "waiting, or between two looks"),
)


@lru_cache(maxsize=4096)
def part_of(path: str) -> str | None:
    """Name the part that a source file belongs to (None: its caller's)."""
    if "site-packages" not in path and path.startswith(ROOT):
        return path.removeprefix(ROOT)
    return next((name for pattern, name in PARTS if re.search(pattern, path)), None)


class Sampler(threading.Thread):
    """Counts seconds of CPU by part, and by function."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.parts: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()
        self.ended = False
        self._clocks: dict[int, float] = {}

    def run(self) -> None:
        """Look until told to end."""
        mine = threading.get_ident()
        while not self.ended:
            time.sleep(EVERY_S)
            for thread, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way to other threads' stacks
                if thread != mine:
                    self._look(thread, frame)

    def _look(self, thread: int, frame: FrameType | None) -> None:
        now = time.clock_gettime(time.pthread_getcpuclockid(thread))
        spent = now - self._clocks.get(thread, now)
        self._clocks[thread] = now
        while frame is not None and (part := part_of(frame.f_code.co_filename)) is None:
            frame = frame.f_back
        if spent and frame is not None:
            self.parts[part or "?"] += spent
            self.functions[f"{part}: {frame.f_code.co_qualname}"] += spent


async def _work(peer: str, workers: int, runs: int, seconds: float) -> tuple[Sampler, int]:
    run = find(peer)
    await asyncio.gather(*(run(workers) for _ in range(2)))
    sampler, rounds, began = Sampler(), 0, time.monotonic()
    sampler.start()
    while time.monotonic() - began < seconds or not rounds:
        await asyncio.gather(*(run(workers) for _ in range(runs)))
        rounds += 1
    sampler.ended = True
    sampler.join()
    close = getattr(sys.modules[run.__module__], "close", None)
    if close:
        await close()
    return sampler, rounds * runs


def table(sampler: Sampler, runs: int) -> list[str]:
    """Write the parts, then the functions that take most, then those of our own."""
    whole = sampler.parts.total()
    lines = ["| part | CPU | ms a run |", "|---|---|---|"]
    for part, spent in sampler.parts.most_common():
        name = f"{part} ({WATCHED[part]})" if part in WATCHED else part
        lines.append(f"| {name} | {100 * spent / whole:.1f} % | {1000 * spent / runs:.1f} |")
    ours = Counter({name: spent for name, spent in sampler.functions.items() if ".py: " in name})
    for title, functions in (("function", sampler.functions), ("function of ours", ours)):
        lines += ["", f"| {title} | CPU |", "|---|---|"]
        lines += [f"| {name} | {100 * spent / whole:.1f} % |" for name, spent in functions.most_common(SHOWN)]
    return lines


def last_line(sampler: Sampler) -> str:
    """Say in one line what the watched parts cost."""
    missing = [path for path in WATCHED if not Path(ROOT, path).exists()]
    if missing:
        return f"profile: there is no {', '.join(missing)}; name in bench/profile.py what took its place"
    shares = dict.fromkeys(WATCHED.values(), 0.0)
    for path, name in WATCHED.items():
        shares[name] += 100 * sampler.parts[path] / sampler.parts.total()
    told = ", ".join(f"{name} {share:.1f} %" for name, share in shares.items())
    verdict = "holds" if all(share <= MOST for share in shares.values()) else "does not hold"
    return f"profile: {told}; at most {MOST:g} % each {verdict}"


def main() -> None:
    """Profile, and show what came of it."""
    options = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    options.add_argument("--workers", type=int, default=20)
    options.add_argument("--runs", type=int, default=8, help="at once")
    options.add_argument("--seconds", type=float, default=10.0)
    ways = options.add_mutually_exclusive_group()
    ways.add_argument("--stream", action="store_true", help="somebody listens to custom and messages")
    ways.add_argument("--store", action="store_true", help="as the command line: events, the journal and SQLite")
    ways.add_argument("--peer", help="any other way to run, such as recipe.run or ours.saved")
    given = options.parse_args()
    peer = given.peer or ("ours.listen" if given.stream else "ours.kept" if given.store else "ours.ainvoke")
    sys.setswitchinterval(EVERY_S / 4)  # or the sampler would wait for the end of every 5 ms of work
    with Endpoint() as endpoint:
        variables = environment(endpoint, Cell("repeat", peer, given.workers))
        os.environ.clear()
        os.environ.update(variables)
        sampler, runs = asyncio.run(_work(peer, given.workers, given.runs, given.seconds))
    print(f"{peer}, {given.workers} workers, {given.runs} runs at once, {runs} runs in all\n")
    print("\n".join(table(sampler, runs)) + "\n")
    print(last_line(sampler) if peer.startswith("ours.") else f"profile: {peer}, {runs} runs")


if __name__ == "__main__":
    main()
