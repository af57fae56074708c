"""Metrics: what a server says of its runs at /metrics, beside aegra's own (HTTP, the reaper). No text of a user's, no names."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import redis
from prometheus_client import Counter, Gauge, Histogram

from nodes.models import Sending

SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

RUNS = Counter("orchestrator_runs", "Runs that have ended here, by how", ["status"])
RUN_SECONDS = Histogram("orchestrator_run_seconds", "From a run's pick-up here to its end here", buckets=SECONDS)
RUNNING = Gauge("orchestrator_runs_running", "Runs under way in this process")
QUEUED = Gauge(
    "orchestrator_runs_queued", "Runs that wait for a process, in the whole cluster (-1: the broker is away)"
)
SUBTASKS = Counter("orchestrator_subtasks", "Subtasks that have ended here, by how", ["status"])
CALLS = Counter("orchestrator_calls", "Requests to models that were, or may have been, billed", ["role"])
CALL_SECONDS = Histogram("orchestrator_call_seconds", "How long one request took", ["role"], buckets=SECONDS)
RETRIES = Counter("orchestrator_retries", "Requests that were sent because one before had failed", ["role"])
TOKENS = Counter("orchestrator_tokens", "Tokens billed", ["role", "direction"])
USD = Counter("orchestrator_usd", "Money billed, at list prices", ["role"])
UNPRICED = Counter("orchestrator_calls_unpriced", "Requests whose price is not known", ["role"])


@asynccontextmanager
async def measured(sending: Sending) -> AsyncIterator[None]:
    """Count a request, and what it was charged at."""
    role, before, began = sending.call.role, len(sending.charges), time.monotonic()
    if sending.tried:
        RETRIES.labels(role).inc()
    try:
        yield
    finally:
        CALL_SECONDS.labels(role).observe(time.monotonic() - began)
        for charge in sending.charges[before:]:
            CALLS.labels(role).inc()
            TOKENS.labels(role, "input").inc(charge["input_tokens"])
            TOKENS.labels(role, "output").inc(charge["output_tokens"])
            if charge["usd"] is None:
                UNPRICED.labels(role).inc()
            else:
                USD.labels(role).inc(charge["usd"])


def counted(step: str, update: dict[str, Any]) -> None:
    """Count what a step of the graph has come to."""
    if step == "worker":
        for outcome in update["outcomes"]:
            SUBTASKS.labels(outcome["status"]).inc()


def timed(execute: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Time a run."""

    async def wrapped(job: Any) -> None:
        with RUNNING.track_inprogress(), RUN_SECONDS.time():
            await execute(job)

    return wrapped


def ended(finalize: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
    """Count how runs end, once for each."""

    async def wrapped(*given: Any, status: str, **named: Any) -> bool:
        done = await finalize(*given, status=status, **named)
        if done:
            RUNS.labels(status).inc()
        return done

    return wrapped


def watch_queue(url: str, key: str) -> None:
    """Ask the broker for the length of its queue whenever somebody asks for the figures."""
    broker = redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)

    def length() -> float:
        try:
            return float(broker.llen(key))
        except redis.RedisError:
            return -1.0

    QUEUED.set_function(length)


watch_queue(os.environ["REDIS_URL"], os.environ.get("WORKER_QUEUE_KEY", "aegra:jobs"))
