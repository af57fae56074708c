"""Memory: what a process knows of its endpoints, and what a fork does not."""

import subprocess
import sys

import pytest

from nodes.memory import MOST, Memory


class Connection:
    """Something that is kept open."""


def test_made_once() -> None:
    """What is kept under a key is made once; another key has its own."""
    memory = Memory()
    first = memory.kept(Connection, "a", Connection)

    assert memory.kept(Connection, "a", Connection) is first
    assert memory.kept(Connection, "b", Connection) is not first


def test_bounded() -> None:
    """However many settings callers invent, only so many things are kept: the oldest go."""
    memory = Memory()
    for number in range(MOST + 5):
        memory.kept(Connection, number, Connection)

    assert list(memory.of(Connection)) == list(range(5, MOST + 5))


def test_forgetting_keeps_connections() -> None:
    """What was learnt of endpoints can be forgotten without closing anything."""
    memory = Memory()
    memory.refused["http://a", "openai:m"] = frozenset({"tools"})
    first = memory.kept(Connection, "a", Connection)
    memory.forget()

    assert memory.refused == {}
    assert memory.kept(Connection, "a", Connection) is first


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_starts_clean() -> None:
    """A fork has none of its parent's memory, and is not held up by a lock that some thread held."""
    code = """
import os, sys, threading
from nodes.memory import MEMORY
MEMORY.refused["http://a", "openai:m"] = frozenset({"tools"})
MEMORY.kept(list, "a", list)
held, over = threading.Event(), threading.Event()
def hold():
    with MEMORY.lock:
        held.set()
        over.wait()
threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if child == 0:
    with MEMORY.lock:
        os._exit(len(MEMORY.refused) + len(MEMORY.of(list)))
over.set()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False).returncode == 0
