"""Engine: llama.cpp's server on this machine, an OpenAI-compatible endpoint for a model file.

It runs in a child process, so that a crash of native code is an error message here and not the end of the caller. It
listens on 127.0.0.1, on a port the kernel chose, and asks for a key that exists only in the two processes' memory.
"""

import asyncio
import atexit
import json
import secrets
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import SecretStr

from nodes.memory import MEMORY
from nodes.models.engine.errors import EngineError, check, explained

__all__ = ["EngineEndpoint", "EngineError", "EngineOptions", "endpoint", "stop"]

CHILD = Path(__file__).with_name("child.py")
TAIL_LINES = 50


@dataclass(frozen=True)
class EngineOptions:
    """What to serve and with how much of the machine.

    Memory is about the file's size plus `context` times `slots` times the model's bytes per token (115 kB for
    Qwen3-1.7B, 147 kB for Qwen3-4B).
    """

    path: str  # a GGUF file
    slots: int = 2  # requests served at once; further ones wait in line
    context: int = 8192  # tokens per slot, prompt and reply together
    threads: int | None = None  # None: physical cores
    idle_stop_s: float = 300.0  # without a request for so long the model leaves memory; the next one loads it again
    start_timeout_s: float = 120.0

    @property
    def model(self) -> str:
        """The name the endpoint gives the model: the file's, without its folder and ending."""
        return Path(self.path).stem


@dataclass(frozen=True)
class EngineEndpoint:
    """Where a running engine listens. `context` is in tokens per slot, as the engine reports it."""

    base_url: str
    api_key: SecretStr
    model: str
    slots: int
    context: int


async def endpoint(options: EngineOptions) -> EngineEndpoint:
    """Return the endpoint for `options`, and start its engine first if it is not running (any more).

    One engine per process and options, shared by all threads and event loops; of many callers at once one starts it
    and the others wait for it. Call it before each request rather than keeping its result: the engine may have been
    killed, and then has another port and key. Costs some microseconds while the engine runs.
    Raises EngineError.
    """
    return await asyncio.wrap_future(_running(options).ready)


def stop() -> None:
    """End every engine of this process; the next call of endpoint() starts anew."""
    with MEMORY.lock:
        engines = list(MEMORY.of(_Engine).values())
        MEMORY.of(_Engine).clear()
    for engine in engines:
        engine.stop()


class _Engine:
    """One child process, from its start to its end."""

    def __init__(self, options: EngineOptions, predecessor: "_Engine | None") -> None:
        self.options = options
        self.predecessor = predecessor
        self.ready: Future[EngineEndpoint] = Future()
        self.ready.set_running_or_notify_cancel()  # a caller who is cancelled must not cancel it for the others
        self.stopped = False
        self.process: subprocess.Popen[str] | None = None
        self.reader: threading.Thread | None = None
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        threading.Thread(target=self._start, name="engine-start", daemon=True).start()

    def over(self) -> bool:
        if not self.ready.done():
            return False
        if self.ready.exception() is not None or self.process is None or self.reader is None:
            return True
        # A process that dies closes its pipes before its sockets, and can be waited for after both.
        return self.process.poll() is not None or not self.reader.is_alive()

    def stop(self) -> None:
        self.stopped = True
        if self.process is not None:
            self.process.kill()  # it keeps nothing that would want saving
            self.process.wait()
            with suppress(BrokenPipeError):
                _pipe(self.process.stdin).close()
        if self.reader is not None:
            self.reader.join(timeout=5)

    def _start(self) -> None:
        try:
            if self.predecessor is not None:
                self.predecessor.stop()
                self.predecessor = None
            check(Path(self.options.path))
            self.ready.set_result(self._spawned())
        except Exception as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
            self.stop()
            self.ready.set_exception(error)

    def _spawned(self) -> EngineEndpoint:
        """Start the child and wait for its answer; any end of the child ends the wait."""
        key = secrets.token_urlsafe(32)
        # -P keeps our folder, whose modules have common names, out of the child's import path.
        # A session of its own: an interrupt typed at the terminal is for the caller to handle.
        self.process = process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-P", str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read_errors, args=(_pipe(process.stderr),), daemon=True)
        self.reader.start()
        order = asdict(self.options) | {"model": self.options.model, "api_key": key}
        answer = self._answer(process, order)
        return EngineEndpoint(
            base_url=f"{answer['url']}/v1",
            api_key=SecretStr(key),
            model=self.options.model,
            slots=self.options.slots,
            context=answer["context"],
        )

    def _answer(self, process: "subprocess.Popen[str]", order: dict[str, Any]) -> dict[str, Any]:
        """Tell the child what to serve, and wait for what it says: {"url", "context"}."""
        with suppress(BrokenPipeError):  # then there is no answer either
            _pipe(process.stdin).write(json.dumps(order) + "\n")
            _pipe(process.stdin).flush()
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        deadline = threading.Timer(self.options.start_timeout_s, give_up)
        deadline.daemon = True
        deadline.start()
        with _pipe(process.stdout) as answers:
            line = answers.readline()
        deadline.cancel()
        answer: dict[str, Any] = json.loads(line) if line.endswith("\n") else {}
        if "url" not in answer or self.stopped:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)  # it is at its end, and how it ends tells why
            process.kill()
            if self.reader is not None:
                self.reader.join(timeout=5)
            answer |= {"late": late.is_set(), "stopped": self.stopped, "code": process.wait()}
            raise EngineError(explained(order, answer, list(self.tail)))
        return answer

    def _read_errors(self, errors: IO[str]) -> None:
        with errors:
            self.tail.extend(errors)  # line by line as they come, until the child ends


def _running(options: EngineOptions) -> _Engine:
    with MEMORY.lock:
        engines = MEMORY.of(_Engine)
        engine = engines.get(options)
        if engine is None or engine.over():
            engine = engines[options] = _Engine(options, predecessor=engine)
        return engine


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise AssertionError("the child was started without this pipe")
    return pipe


atexit.register(stop)
