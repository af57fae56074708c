"""The SQLite connection: what is written together is committed together, and one that is no good takes no other with it."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from graph.store import connection as module
from graph.store.connection import Connection, connected

INSERT = "insert into words values (?)"


def inserting(connection: Connection, word: Any) -> Callable[[], str]:
    """Return what writes one word."""

    def insert() -> str:
        connection.sqlite.execute(INSERT, (word,))
        return f"wrote {word}"

    return insert


async def made(connection: Connection) -> None:
    """Make the table."""
    await connection.write(lambda: connection.sqlite.execute("create table words (word text unique)"))


def words_in(path: Path) -> list[str]:
    """Read what is committed, on a connection of its own."""
    reader = sqlite3.connect(path)
    words = [word for (word,) in reader.execute("select word from words order by rowid")]
    reader.close()
    return words


def test_what_is_written_in_one_iteration_is_committed_once(tmp_path: Path) -> None:
    path, commits = tmp_path / "words.db", list[int]()

    async def write() -> list[str]:
        async with connected(path) as connection:
            await made(connection)
            connection.sqlite.set_trace_callback(lambda sql: commits.append(1) if sql == "COMMIT" else None)
            return await asyncio.gather(*(connection.write(inserting(connection, f"w{n}")) for n in range(20)))

    assert asyncio.run(write()) == [f"wrote w{n}" for n in range(20)]
    assert len(commits) == 1
    assert words_in(path) == [f"w{n}" for n in range(20)]


def test_one_that_is_no_good_takes_no_other_with_it(tmp_path: Path) -> None:
    path = tmp_path / "words.db"

    async def write() -> list[Any]:
        async with connected(path) as connection:
            await made(connection)
            works = [inserting(connection, word) for word in ("a", object(), "b", "b", "c")]
            return await asyncio.gather(*map(connection.write, works), return_exceptions=True)

    ends = asyncio.run(write())

    assert [end if isinstance(end, str) else type(end) for end in ends] == [
        "wrote a", sqlite3.ProgrammingError, "wrote b", sqlite3.IntegrityError, "wrote c",
    ]  # fmt: skip
    assert words_in(path) == ["a", "b", "c"]


def test_a_locked_database_fails_all_that_wait(tmp_path: Path) -> None:
    path = tmp_path / "words.db"

    async def write() -> list[Any]:
        async with connected(path) as connection:
            await made(connection)
            await connection.run(lambda: connection.sqlite.execute("pragma busy_timeout=10"))
            other = sqlite3.connect(path)
            other.execute("begin immediate")
            works = [inserting(connection, word) for word in "ab"]
            ends: list[Any] = await asyncio.gather(*map(connection.write, works), return_exceptions=True)
            other.rollback()
            other.close()
            return [*ends, await connection.write(inserting(connection, "c"))]

    ends = asyncio.run(write())

    assert [type(end) for end in ends] == [sqlite3.OperationalError, sqlite3.OperationalError, str]
    assert words_in(path) == ["c"]


def test_any_loop_may_write(tmp_path: Path) -> None:
    """Several loops, each in a thread of its own, write through one connection at once."""
    path, told = tmp_path / "words.db", list[str]()

    async def write(connection: Connection, name: str) -> None:
        for number in range(50):
            told.append(await connection.write(inserting(connection, f"{name}{number}")))

    async def run() -> None:
        async with connected(path) as connection:
            await made(connection)
            threads = [threading.Thread(target=lambda n=name: asyncio.run(write(connection, n))) for name in "abc"]
            for thread in threads:
                thread.start()
            await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in threads))

    asyncio.run(run())

    assert len(told) == 150
    assert sorted(words_in(path)) == sorted(f"{name}{number}" for name in "abc" for number in range(50))


def test_what_became_worthless_is_not_written(tmp_path: Path) -> None:
    """It is held back for a moment; whoever waits for it is told once it is not needed."""
    path, commits = tmp_path / "words.db", list[int]()

    async def write() -> list[Any]:
        async with connected(path) as connection:
            await made(connection)
            connection.sqlite.set_trace_callback(lambda sql: commits.append(1) if sql == "COMMIT" else None)
            held = [
                asyncio.create_task(connection.write(inserting(connection, f"{step}{n}"), until=step))
                for step in ("one", "two")
                for n in range(2)
            ]
            await asyncio.sleep(0)
            ends = await asyncio.gather(connection.write(inserting(connection, "end of one"), ends="one"), *held)
            return [*ends, await connection.write(inserting(connection, "late"), until="two")]

    assert asyncio.run(write()) == ["wrote end of one", None, None, "wrote two0", "wrote two1", "wrote late"]
    assert words_in(path) == ["two0", "two1", "end of one", "late"]
    assert len(commits) == 2


def test_what_is_held_is_written_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody need end it: its moment passes, or the connection is closed."""
    path = tmp_path / "words.db"

    async def write(name: str) -> str:
        async with connected(path) as connection:
            with suppress(sqlite3.OperationalError):  # it is there
                await made(connection)
            writing = asyncio.create_task(connection.write(inserting(connection, name), until="step"))
            await (writing if name == "waited" else asyncio.sleep(0))
        return await writing

    assert asyncio.run(write("waited")) == "wrote waited"
    monkeypatch.setattr(module, "HELD_S", 1000.0)
    assert asyncio.run(write("closed")) == "wrote closed"
    assert words_in(path) == ["waited", "closed"]


def test_who_is_cancelled_holds_up_nobody(tmp_path: Path) -> None:
    async def write() -> str:
        async with connected(tmp_path / "words.db") as connection:
            await made(connection)
            given_up = asyncio.create_task(connection.write(inserting(connection, "a")))
            await asyncio.sleep(0)
            given_up.cancel()
            return await connection.write(inserting(connection, "b"))

    assert asyncio.run(write()) == "wrote b"
    assert words_in(tmp_path / "words.db") == ["a", "b"]


def test_a_closed_connection_says_so(tmp_path: Path) -> None:
    async def write() -> None:
        async with connected(tmp_path / "words.db") as connection:
            await made(connection)
        with pytest.raises(RuntimeError, match="shutdown"):
            await connection.write(inserting(connection, "a"))

    asyncio.run(write())


def test_no_thread_is_left_where_it_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "words.db").write_text(
        "This is no database, and long enough to be seen as none." * 10, encoding="utf-8"
    )

    async def open_it() -> None:
        async with connected(tmp_path / "words.db"):
            raise AssertionError

    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        asyncio.run(open_it())
    for thread in threading.enumerate():
        if thread.name.startswith("orchestrator-sqlite"):
            thread.join(5)
            assert not thread.is_alive()
