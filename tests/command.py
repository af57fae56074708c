"""Command: `orchestrate`, run to its end without a terminal by a process that has the heavy imports behind it.

The imports are most of what a command takes; a fork has them already. What a person starts, script and imports
included, is tested in a terminal (bench.recording.Terminal) and by tests/cli/test_commands.py's help.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

TIMEOUT_S = 60
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["graph.build", "graph.store", "graph.report", "langchain_openai", "nodes.models.scripted"]
)


def orchestrate(*words: str, env: Mapping[str, str], said: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in this environment, in its home folder.

    Args:
        words: its arguments.
        env: all that it has of an environment.
        said: standard input.
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("in", "out", "err")]
        streams[0].write_text(said, encoding="utf-8")
        process = _FORKS.Process(target=_run, args=(words, dict(env), [str(path) for path in streams]))
        process.start()
        process.join(TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["orchestrate", *words], TIMEOUT_S)
        out, err = (path.read_text(encoding="utf-8") if path.exists() else "" for path in streams[1:])
        return subprocess.CompletedProcess(["orchestrate", *words], process.exitcode, out, err)


def _run(words: tuple[str, ...], env: dict[str, str], streams: list[str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(env["HOME"])
    for number, path in enumerate(streams):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
    encoding = env.get("PYTHONIOENCODING", "utf-8")  # a fresh interpreter reads it before anything of ours does
    modes = enumerate(("r", "w", "w"))
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, encoding=encoding) for number, mode in modes)
    sys.argv = ["orchestrate", *words]
    from graph.cli import main

    main()
