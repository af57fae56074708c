"""The collector, as the real LangSmith client meets it."""

import os
import socket
import subprocess
import sys
from urllib.parse import urlsplit
from uuid import uuid4

import langsmith
import pytest

from tests.collector import Collector

RUNS = 4  # in TRACED
TRACED = """
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import wait_for_all_tracers

def bad(x):
    raise ValueError("broken on purpose")

chain = RunnableLambda(lambda x: x + 1).with_config(run_name="adder") | RunnableLambda(bad).with_fallbacks(
    [RunnableLambda(lambda x: x * 2)])
print(chain.invoke(20, config={"metadata": {"colour": "red"}, "tags": ["fox"]}))
wait_for_all_tracers()
"""


def test_collector() -> None:
    """A traced chain arrives with its inputs, outputs, errors, tags and metadata; the raw bytes are kept."""
    with Collector() as collector:
        traced = {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": collector.url, "LANGSMITH_API_KEY": "lsv2-x"}
        run = [sys.executable, "-c", TRACED]
        printed = subprocess.run(run, env=os.environ | traced, capture_output=True, text=True, check=True).stdout
        runs = collector.wait(
            lambda runs: len(runs) >= RUNS and all({"outputs", "parent_run_id"} <= run.keys() for run in runs.values())
        )
        secret = [b"lsv2-x" in request for request in collector.requests]
    by_name = {run["name"]: run for run in runs.values()}
    adder, bad = by_name["adder"], by_name["bad"]
    root = next(run for run in runs.values() if not run["parent_run_id"])

    assert (printed, root["outputs"]) == ("42\n", {"output": 42})
    assert (adder["inputs"], adder["outputs"], bad["error"][:10]) == ({"input": 20}, {"output": 21}, "ValueError")
    assert ("fox" in adder["tags"], adder["extra"]["metadata"]["colour"]) == (True, "red")
    assert all(secret)


def test_collector_says_what_is_missing() -> None:
    """Waiting in vain ends with an error that says what was there."""
    with Collector() as collector, pytest.raises(TimeoutError, match=r"not as wanted after 0\.1 s; there are \[\]"):
        collector.wait(lambda runs: runs, timeout=0.1)


def test_collector_one_by_one() -> None:
    """A run that is posted and patched by itself, without batches, is one run too."""
    name = uuid4()
    with Collector() as collector:
        client = langsmith.Client(api_url=collector.url, api_key="k", auto_batch_tracing=False)
        client.create_run("fox", {"n": 1}, "chain", id=name)
        client.update_run(name, outputs={"n": 2})
        run = collector.wait(lambda runs: "outputs" in runs[str(name)])[str(name)]
        client.close()

    assert (run["name"], run["inputs"], run["outputs"]) == ("fox", {"n": 1}, {"n": 2})


def test_dead_collector() -> None:
    """A dead collector takes a request and never answers."""
    with Collector(dead=True) as collector:
        with socket.create_connection(("127.0.0.1", urlsplit(collector.url).port)) as asking:
            asking.settimeout(0.2)
            asking.sendall(b"GET /info HTTP/1.1\r\n\r\n")
            with pytest.raises(TimeoutError):
                asking.recv(1)
        taken = len(collector.requests)

    assert taken == 1
