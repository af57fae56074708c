"""Engine: llama.cpp itself, on a model of random weights."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import openai
import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, ConfigDict, Field

from nodes.memory import MEMORY
from nodes.models.engine import server as engine
from nodes.models.engine.child import physical_cores
from nodes.models.engine.server import EngineEndpoint, EngineError, EngineOptions
from tests.tiny_gguf import Fault, write_tiny_gguf

T = TypeVar("T")
ROOT = Path(__file__).parents[2]


class Piece(BaseModel):
    """A subtask as a plan names it."""

    model_config = ConfigDict(extra="forbid")
    specialist: str = Field(pattern="^(researcher|critic)$")
    task: str = Field(min_length=1, max_length=60)
    cross_check: bool


class Pieces(BaseModel):
    """A plan."""

    model_config = ConfigDict(extra="forbid")
    subtasks: list[Piece] = Field(min_length=1, max_length=3)


RESPONSE_FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "plan", "strict": True, "schema": Pieces.model_json_schema()},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(autouse=True)
def _no_engine_left() -> Iterator[None]:
    yield
    engine.stop()


def options(model: Path, **changes: Any) -> EngineOptions:
    usual: dict[str, Any] = {"path": str(model), "threads": 1, "context": 1024, "start_timeout_s": 30}
    return EngineOptions(**usual | changes)


def running(options: EngineOptions) -> EngineEndpoint:
    return asyncio.run(engine.endpoint(options))


def child_of(options: EngineOptions) -> subprocess.Popen[str]:
    process = MEMORY.of(engine._Engine)[options].process  # only its process id is of use, and it is not public
    assert process is not None
    return process


def talk(options: EngineOptions, act: Callable[[openai.AsyncOpenAI], Awaitable[T]]) -> T:
    """Run `act` with an OpenAI client on the engine, on an event loop of its own."""

    async def talking() -> T:
        where = await engine.endpoint(options)
        key = where.api_key.get_secret_value()
        async with openai.AsyncOpenAI(base_url=where.base_url, api_key=key, max_retries=0) as client:
            return await act(client)

    return asyncio.run(talking())


async def reply(client: openai.AsyncOpenAI, text: str = "plan", **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": text}]
    return await client.chat.completions.create(**({"model": "tiny", "messages": messages, "max_tokens": 400} | more))


def test_constrained_reply_parses(model: Path) -> None:
    """Whatever a model of random weights says under a schema is a plan."""

    async def act(client: openai.AsyncOpenAI) -> list[Any]:
        calls = (reply(client, f"plan {number}", response_format=RESPONSE_FORMAT) for number in range(10))
        return list(await asyncio.gather(*calls))

    replies = talk(options(model), act)

    assert [answer.choices[0].finish_reason for answer in replies] == ["stop"] * 10
    assert all(Pieces.model_validate_json(answer.choices[0].message.content).subtasks for answer in replies)


def test_langchain_constrained_and_streamed(model: Path) -> None:
    """ChatOpenAI with the response format in extra_body gets JSON, whole and streamed, with token counts."""

    async def act() -> tuple[AIMessage, list[Any]]:
        where = await engine.endpoint(options(model))
        async with httpx2.AsyncClient(trust_env=False) as client:
            chat = ChatOpenAI(
                model=where.model,
                base_url=where.base_url,
                api_key=where.api_key,
                http_async_client=client,
                use_responses_api=False,
                stream_usage=True,
                streaming=True,
                max_retries=0,
                max_completion_tokens=400,
                extra_body={"response_format": RESPONSE_FORMAT, "return_progress": True},
            )
            return await chat.ainvoke("plan"), [chunk async for chunk in chat.astream("plan")]

    whole, chunks = asyncio.run(act())

    assert Pieces.model_validate_json(str(whole.content)).subtasks
    assert Pieces.model_validate_json("".join(str(chunk.content) for chunk in chunks)).subtasks
    assert whole.response_metadata["model_name"] == "tiny"
    usage = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert whole.usage_metadata is not None
    assert [whole.usage_metadata["input_tokens"]] == [counts["input_tokens"] for counts in usage]
    assert all(counts["output_tokens"] > 1 for counts in usage)


def test_stream_ends_with_usage(model: Path) -> None:
    """A stream comes in pieces, and its last one counts the tokens."""

    async def act(client: openai.AsyncOpenAI) -> list[Any]:
        stream = await reply(client, max_tokens=30, stream=True, stream_options={"include_usage": True})
        return [chunk async for chunk in stream]

    chunks = talk(options(model), act)

    assert len(chunks) > 5
    assert 1 < chunks[-1].usage.completion_tokens <= 30


@pytest.mark.parametrize("text", ["hi", "hello world " * 2000], ids=["writing", "reading"])
def test_cancelled_stream_frees_its_slot(text: str, tmp_path: Path) -> None:
    """A caller that goes away stops the engine, in mid answer and in mid prompt; not streamed, it would go on."""
    long = options(write_tiny_gguf(tmp_path / "long.gguf", trained_context=65536), context=65536)
    more = {"stream": True, "extra_body": {"ignore_eos": True, "return_progress": True}}

    async def act(client: openai.AsyncOpenAI) -> float:
        stream = await reply(client, text, max_tokens=30000, **more)
        await anext(aiter(stream))
        await stream.close()
        began = time.monotonic()
        async with httpx2.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {client.api_key}"}) as http:
            url = str(client.base_url).removesuffix("v1/") + "slots"
            while any(slot["is_processing"] for slot in (await http.get(url)).json()):  # noqa: ASYNC110 - the other side is a process
                await asyncio.sleep(0.02)
        return time.monotonic() - began

    assert talk(long, lambda client: asyncio.wait_for(act(client), 10)) < 3


def test_eight_at_once(model: Path) -> None:
    """Eight requests over two slots are all answered, each with its own token count."""

    async def act(client: openai.AsyncOpenAI) -> list[Any]:
        return list(await asyncio.gather(*(reply(client, "a" * count, max_tokens=50) for count in range(1, 9))))

    prompts = [answer.usage.prompt_tokens for answer in talk(options(model), act)]

    assert [prompts[0] + count for count in range(8)] == prompts


def test_forgotten_limit(model: Path) -> None:
    """A request without max_tokens ends, at the latest when its slot is full."""

    async def act(client: openai.AsyncOpenAI) -> Any:
        return await reply(client, max_tokens=None, extra_body={"ignore_eos": True})

    answer = talk(options(model, context=256), act)

    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.total_tokens <= 256


def test_context_overflow(model: Path) -> None:
    """A prompt that does not fit into a slot is refused with its size, before anything is computed."""
    with pytest.raises(openai.BadRequestError) as caught:
        talk(options(model), lambda client: reply(client, "é" * 2000))

    body: Any = caught.value.body
    assert (body["type"], body["n_ctx"]) == ("exceed_context_size_error", 1024)
    assert body["n_prompt_tokens"] > 4000


def test_context_is_what_the_engine_gives(tmp_path: Path) -> None:
    """A model trained on fewer tokens than asked for says so in the endpoint."""
    model = write_tiny_gguf(tmp_path / "short.gguf", trained_context=512)

    assert running(options(model, context=4096)).context == 512


def test_no_thinking(model: Path) -> None:
    """The chat template is told not to open a thinking block of the model's own."""
    where = running(options(model))
    authorised = {"Authorization": f"Bearer {where.api_key.get_secret_value()}"}
    with httpx2.Client(trust_env=False, headers=authorised) as client:
        url = where.base_url.removesuffix("/v1") + "/apply-template"
        prompt = client.post(url, json={"messages": [{"role": "user", "content": "hi"}]}).json()["prompt"]

    assert prompt == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def test_key_is_needed_and_hidden(model: Path) -> None:
    """Without the key nothing is answered, and the key stands in neither the arguments nor the environment."""
    where = running(options(model))
    child = Path(f"/proc/{child_of(options(model)).pid}")
    seen = (child / "cmdline").read_text() + (child / "environ").read_text() + repr(where)

    with httpx2.Client(trust_env=False) as client:
        assert client.post(f"{where.base_url}/chat/completions", json={}).status_code == 401
        assert client.get(where.base_url.removesuffix("v1")).status_code == 404
        assert client.get(where.base_url.removesuffix("v1") + "health").headers["access-control-allow-origin"] == ""
    assert where.base_url.startswith("http://127.0.0.1:")
    assert where.api_key.get_secret_value() not in seen


def test_shared_by_threads(model: Path) -> None:
    """Callers on several event loops at once start one engine between them."""
    found: list[EngineEndpoint] = []
    callers = [threading.Thread(target=lambda: found.append(running(options(model)))) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len(found) == 6
    assert len({where.base_url for where in found}) == 1


def test_cancelled_caller(model: Path) -> None:
    """A caller that gives up while the engine starts leaves it starting for the next."""

    async def act() -> EngineEndpoint:
        first = asyncio.create_task(engine.endpoint(options(model)))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await engine.endpoint(options(model))

    assert asyncio.run(act()).model == "tiny"


def test_killed_child_is_replaced(model: Path) -> None:
    """After kill -9 in mid request the client sees a lost connection, and the next call has a new engine."""

    async def act() -> tuple[EngineEndpoint, EngineEndpoint]:
        where = await engine.endpoint(options(model, context=8192))
        key = where.api_key.get_secret_value()
        async with openai.AsyncOpenAI(base_url=where.base_url, api_key=key, max_retries=0) as client:
            stream = await reply(client, max_tokens=8000, stream=True, extra_body={"ignore_eos": True})
            await anext(aiter(stream))
            child = child_of(options(model, context=8192))
            child.kill()
            with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
                async for _chunk in stream:
                    pass
            with pytest.raises(openai.APIConnectionError):
                await reply(client)
            await asyncio.to_thread(child.wait)  # its sockets may close before anybody can see that it has ended
        return where, await engine.endpoint(options(model, context=8192))

    before, after = asyncio.run(act())

    assert before.api_key != after.api_key
    assert talk(options(model, context=8192), reply).usage.completion_tokens >= 1


PARENT = """
import asyncio, sys, time
from nodes.models.engine import server as engine
from nodes.memory import MEMORY
options = engine.EngineOptions(path=sys.argv[1], threads=1, context=256)
if sys.argv[2] == "loaded":
    asyncio.run(engine.endpoint(options))
else:
    engine._running(options)
    while MEMORY.of(engine._Engine)[options].process is None:
        time.sleep(0.01)
    time.sleep(0.5)
print(MEMORY.of(engine._Engine)[options].process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("moment", ["loaded", "loading"])
def test_child_ends_with_its_parent(moment: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill -9 of the parent ends the child within two seconds, even while native code holds the interpreter lock."""
    if moment == "loading":
        pretend(tmp_path, monkeypatch, "import ctypes; ctypes.PyDLL(None).sleep(60)")
    parent = subprocess.Popen(  # our own interpreter
        [sys.executable, "-c", PARENT, str(model), moment], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + 2
        while alive(child) and time.monotonic() < deadline:
            time.sleep(0.02)

    assert not alive(child)


def test_idle_engine_gives_its_memory_back(model: Path) -> None:
    """After the idle time the model is unloaded; the same endpoint loads it again for the next request."""
    sleepy = options(model, idle_stop_s=1, context=8192, slots=4)
    where = running(sleepy)
    authorised = {"Authorization": f"Bearer {where.api_key.get_secret_value()}"}
    deadline = time.monotonic() + 10
    with httpx2.Client(trust_env=False, headers=authorised) as client:
        url = where.base_url.removesuffix("/v1") + "/props"
        while not (asleep := client.get(url).json()["is_sleeping"]) and time.monotonic() < deadline:
            time.sleep(0.1)

    assert asleep
    assert talk(sleepy, reply).usage.completion_tokens >= 1
    assert where == running(sleepy)


def test_file_gone_while_asleep(tmp_path: Path) -> None:
    """An engine that cannot wake up is a lost connection first, and then an error that names the file."""
    model = write_tiny_gguf(tmp_path / "fleeting.gguf")
    sleepy = options(model, idle_stop_s=1)
    running(sleepy)
    time.sleep(1.6)
    model.unlink()
    with pytest.raises(openai.APIConnectionError):
        talk(sleepy, reply)
    child_of(sleepy).wait(timeout=5)

    with pytest.raises(EngineError, match=r"no model file at .*fleeting\.gguf"):
        running(sleepy)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("truncated", r"cannot load .*data is not within the file bounds.*fetch the file again"),
        ("not_gguf", r"is not a GGUF file .*orchestrate models fetch"),
        ("unknown_architecture", r"cannot load .*unknown model architecture: 'nonesuch'"),
    ],
)
def test_bad_file(fault: Fault, message: str, tmp_path: Path) -> None:
    """A file that is no model is named, with what is wrong with it and what to do."""
    with pytest.raises(EngineError, match=message):
        running(options(write_tiny_gguf(tmp_path / "bad.gguf", fault=fault)))


def test_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is named; once the file is there, the same call works."""
    model = tmp_path / "later.gguf"
    with pytest.raises(EngineError, match=r"no model file at .*later\.gguf"):
        running(options(model))
    write_tiny_gguf(model)

    assert running(options(model)).model == "later"


def test_unreadable_path(tmp_path: Path) -> None:
    """A folder in place of a file is an error too."""
    with pytest.raises(EngineError, match="cannot read the model file"):
        running(options(tmp_path))


def test_missing_template(tmp_path: Path) -> None:
    """A model without a chat template would be asked in a format it never saw: refused."""
    with pytest.raises(EngineError, match="has no chat template"):
        running(options(write_tiny_gguf(tmp_path / "base.gguf", chat_template=None)))


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Have the child find a package named xllamacpp that runs `code` when it is imported."""
    (folder / "xllamacpp.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ModuleNotFoundError(\"No module named 'xllamacpp'\")", r"pip install 'orchestrator-workers\[local\]'"),
        ("raise ImportError('libgomp.so.1: cannot open shared object file')", "apt-get install libgomp1"),
        ("raise ImportError('libstdc++.so.6: version not found')", "cannot be loaded .*reinstall xllamacpp"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "too old for the local engine"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "not enough memory .*2 slots of 1024 tokens"),
        ("raise MemoryError", "not enough memory"),
        ("import os; os.abort()", r"cannot load .*\(.+\)"),
        ("import time; time.sleep(60)", "did not load .* within 1 s"),
        ("import sys; print('banner', flush=True); sys.exit(3)", "banner"),
    ],
)
def test_library_fails(code: str, message: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way in which the native library does not come up is one sentence with a way out."""
    pretend(tmp_path, monkeypatch, code)

    with pytest.raises(EngineError, match=message):
        running(options(model, start_timeout_s=1))


def test_stop_while_starting(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop in mid start ends the child and tells the one who waits."""
    pretend(tmp_path, monkeypatch, "import time; time.sleep(60)")
    threading.Timer(0.3, engine.stop).start()

    with pytest.raises(EngineError, match="was stopped while it loaded"):
        running(options(model))


def test_nothing_on_our_output(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The engine writes to neither standard output nor standard error of the caller."""
    with pytest.raises(openai.BadRequestError):
        talk(options(model), lambda client: reply(client, "x" * 4000))
    engine.stop()

    assert tuple(capfd.readouterr()) == ("", "")


def test_physical_cores(tmp_path: Path) -> None:
    """Hyper-threads count once, and a container's quota is kept."""
    cores = physical_cores(tmp_path)
    quota = tmp_path / "fs/cgroup/cpu.max"
    quota.parent.mkdir(parents=True)
    quota.write_text("150000 100000\n")

    assert len(os.sched_getaffinity(0)) == cores
    assert physical_cores(tmp_path) == 1
    for cpu in os.sched_getaffinity(0):
        topology = tmp_path / f"devices/system/cpu/cpu{cpu}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text("0-127\n")
    quota.write_text("max 100000\n")
    assert physical_cores(tmp_path) == 1


def test_model_is_made_of_its_seed(tmp_path: Path) -> None:
    """The test model is small, and the same arguments give the same bytes."""
    first, second = (write_tiny_gguf(tmp_path / name).read_bytes() for name in ("one", "two"))

    assert first == second
    assert len(first) < 1_000_000


def alive(process: int) -> bool:
    """Whether the process runs; one that ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
