"""Serve: one server process of a cluster: `python -m deploy.serve`, from a folder with langgraph.json.

What it is told by the environment: HOST, PORT, DATABASE_URL, REDIS_URL, and aegra's own settings.
"""

import os
import platform
import socket
import sys
import time
from pathlib import Path
from typing import Any

from deploy import logs

DEFAULTS = {
    "REDIS_BROKER_ENABLED": "true",  # without a broker a run that loses its process is lost too
    "ENABLE_PROMETHEUS_METRICS": "true",
    "AEGRA_CHECKPOINT_DURABILITY": "sync",  # a plan that was paid for is there again whenever the process is killed
    "ENV_MODE": "PRODUCTION",  # logs are JSON, one object a line
    "RUN_MIGRATIONS_ON_STARTUP": "false",  # done here, by one process at a time: aegra's own have no lock before the first
}
FENCE = Path(__file__).with_name("fence.sql")
INSTANCE = f"{socket.gethostname()}-{os.getpid()}"  # under which aegra claims runs
SKEW_S = 5  # by which a clock may be wrong: processes judge each other's leases by their own clocks
GRACE_S = 5  # for streams that are open when the process is told to end; then runs are drained (WORKER_DRAIN_TIMEOUT)


class Unfit(Exception):
    """The process cannot serve; the message says why, and how to mend it."""


def main() -> None:
    """Check what a server needs, then serve until told to end."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ["PGAPPNAME"] = INSTANCE  # told to the database with every connection
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "2026"))
    try:
        check_python()
        logs.set_up()  # what follows is told as JSON too
        check_settings()
        check_port(host, port)
        prepare_database(os.environ["DATABASE_URL"])
        check_redis(os.environ["REDIS_URL"])
    except Unfit as error:
        sys.exit(f"deploy.serve: {error}")
    import uvicorn

    uvicorn.run("deploy.engine:app", host=host, port=port, timeout_graceful_shutdown=GRACE_S, log_config=None)


def check_python() -> None:
    """See that this is a Python, and an environment, that has the engine.

    Raises:
        Unfit: it is too old, or the engine is missing or an old one.
    """
    have = platform.python_version()
    if tuple(map(int, have.split(".")[:2])) < (3, 12):
        raise Unfit(
            f"the engine needs Python 3.12 or later, this is {have} ({sys.executable}): make cluster PYTHON312=…"
        )
    try:
        from importlib.metadata import version

        have = version("aegra-api")
    except ImportError:
        raise Unfit(
            "aegra-api is not installed here: pip install --require-hashes -r deploy/requirements.txt"
        ) from None
    if tuple(map(int, have.split(".")[:2])) < (0, 11):
        raise Unfit(
            f"aegra-api {have} is too old, 0.11.0 is needed: pip install --require-hashes -r deploy/requirements.txt"
        )


def check_settings() -> None:
    """See that there is a database, a broker and a configuration.

    Raises:
        Unfit: one is not named.
    """
    for name, example in (("DATABASE_URL", "postgresql://user@host/name"), ("REDIS_URL", "redis://host:6379/0")):
        if not os.environ.get(name, "").strip():
            raise Unfit(f"{name} is not set, such as {example}")
    if os.environ["REDIS_BROKER_ENABLED"].lower() not in ("true", "1"):
        raise Unfit("REDIS_BROKER_ENABLED must be true: without a broker, runs of a process that ends are lost")
    if not Path("langgraph.json").exists() and not os.environ.get("AEGRA_CONFIG"):
        raise Unfit(
            f"there is no langgraph.json in {Path.cwd()}: start it in the folder of the clone, or set AEGRA_CONFIG"
        )


def check_port(host: str, port: int) -> None:
    """See that the port is free.

    Raises:
        Unfit: somebody listens there.
    """
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind((host, port))
        except OSError as error:
            raise Unfit(
                f"{host}:{port} cannot be used ({error.strerror}): end what listens there, or set PORT"
            ) from None


def prepare_database(url: str) -> None:
    """Bring the tables up to date, one process at a time; a database of an older engine is migrated.

    Raises:
        Unfit: it cannot be reached, a newer engine has made its tables, or its clock and ours differ.
    """
    import psycopg
    from aegra_api.core.migrations import get_alembic_config, run_migrations_if_needed
    from alembic.script import ScriptDirectory
    from langgraph.checkpoint.postgres import PostgresSaver
    from langgraph.store.postgres import PostgresStore

    known = {script.revision for script in ScriptDirectory.from_config(get_alembic_config()).walk_revisions()}
    try:
        with psycopg.connect(url, connect_timeout=10, autocommit=True) as connection:
            ahead = time.time() - float(_first(connection, "select extract(epoch from clock_timestamp())"))
            if abs(ahead) > SKEW_S:
                raise Unfit(
                    f"the clock here is {ahead:+.0f} s off that of the database {_shown(url)}, and runs would be taken "
                    "from processes that live: set both by NTP"
                )
            # Tried again and again, not waited for: a waiting statement's snapshot holds up "create index concurrently".
            while not _first(connection, "select pg_try_advisory_lock(hashtext('orchestrator deploy'))"):
                time.sleep(0.1)
            if _first(connection, "select to_regclass('alembic_version')"):
                made = _first(connection, "select version_num from alembic_version")
                if made not in {*known, None}:
                    raise Unfit(
                        f"the database {_shown(url)} has the schema {made}, which aegra-api here does not know: "
                        "a newer one has made it; install that"
                    )
            run_migrations_if_needed()
            with PostgresSaver.from_conn_string(url) as saver, PostgresStore.from_conn_string(url) as store:
                saver.setup()
                store.setup()
            connection.execute(FENCE.read_text(encoding="utf-8"))
    except psycopg.Error as error:
        said = " ".join(str(error).split()).rstrip(".")
        mend = "Is DATABASE_URL right, the server up, the database made?"
        raise Unfit(f"the database {_shown(url)} cannot be used: {said}. {mend}") from None


def _first(connection: Any, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def check_redis(url: str) -> None:
    """See that Redis answers.

    Raises:
        Unfit: it does not.
    """
    from redis import Redis, RedisError

    try:
        with Redis.from_url(url, socket_connect_timeout=10) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        raise Unfit(f"Redis at {_shown(url)} cannot be used: {error}. Is REDIS_URL right, and the server up?") from None


def _shown(url: str) -> str:
    """Leave the password out."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


if __name__ == "__main__":
    main()
