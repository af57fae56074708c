"""Server: `langgraph dev` as a real process, which serves a copy of the clone with no key and no network."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

CLONE = Path(__file__).parents[1]
SERVED = ("graph", "nodes", "prompts", "langgraph.json", "pyproject.toml", "README.md", "LICENSE")


@contextmanager
def served(copy: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve a copy of the clone in that folder, and give its address."""
    for name in SERVED:
        whole = CLONE / name
        shutil.copytree(whole, copy / name) if whole.is_dir() else shutil.copy(whole, copy / name)
    (copy / ".env").touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"http://127.0.0.1:{port}"
    quiet = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGGRAPH_NO_VERSION_CHECK": "true", "LANGSMITH_TRACING": "false"}
    plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [str(Path(sys.executable).with_name("langgraph")), "dev", "--no-browser", "--no-reload"]
    command += ["--host", "127.0.0.1", "--port", port, "--n-jobs-per-worker", "10"]
    log = copy / "log"
    with log.open("wb") as told:
        server = subprocess.Popen(command, cwd=copy, env=plain | quiet | dict(environment), stdout=told, stderr=told)
        try:
            _wait_for(address, server, log)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    assert "BlockingError" not in log.read_text()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(f"{address}/ok", timeout=1).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
