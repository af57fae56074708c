"""Store: runs that are kept, listed and shown, and a database that fails."""

import asyncio
import json
import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from graph.cli import app
from graph.cli.kept import remove_runs
from graph.store import STATE_VERSION, Run, RunBusy, RunUnknown, Store, StoreError, open_store
from tests.endpoint import Endpoint
from tests.minds import REQUEST, Team
from tests.turn import Turn

COMMAND = str(Path(sys.executable).with_name("orchestrate"))
REQUESTS = ("Plan a wedding.", "Plan a street party.", "Plan a wake.")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the path where runs are kept in this test."""
    path = tmp_path / "kept" / "runs.db"
    monkeypatch.setenv("ORCHESTRATOR_DB", str(path))
    return path


def command(*words: str) -> tuple[int, str, str]:
    """Run a command in this process: exit code, stdout, stderr."""
    ended = CliRunner().invoke(app, list(words), catch_exceptions=False)
    return ended.exit_code, ended.stdout, " ".join(ended.stderr.split())


def listed() -> list[dict[str, Any]]:
    """List the runs with the command."""
    code, said, _ = command("runs", "--json")
    assert code == 0
    return list(json.loads(said))


async def add(where: Path, *runs: Run) -> None:
    """Keep runs that never began."""
    async with open_store(where) as store:
        for run in runs:
            await store.add(run)


def found(where: Path, run_id: str) -> Run:
    """Find a run from Python."""

    async def find() -> Run:
        async with open_store(where) as store:
            return await store.find(run_id)

    return asyncio.run(find())


def test_runs_are_listed_and_shown(endpoint: Endpoint, database: Path) -> None:
    """Every run is kept by default, listed newest first, and shown as it ended."""
    codes = [command(request)[0] for request in REQUESTS]
    runs = listed()
    code, said, errors = command("show", runs[0]["id"])
    _, state, _ = command("show", runs[0]["id"][:5], "--json")

    assert codes == [0, 0, 0]
    assert [(run["request"], run["status"]) for run in runs] == [(request, "complete") for request in REQUESTS[::-1]]
    assert (code, said) == (0, "Everything is planned. [S1] [S2] [S3]\n")
    assert f"run {runs[0]['id']}: complete" in errors
    assert {key: json.loads(state)[key] for key in ("id", "request", "complete")} == {
        "id": runs[0]["id"],
        "request": REQUESTS[2],
        "complete": True,
    }


def test_the_list_in_words(endpoint: Endpoint, database: Path) -> None:
    """Without --json a run is a line: id, time, status, how long, cost, request; no runs are said to be none."""
    none = command("runs")
    command(REQUESTS[0])
    code, said, _ = command("runs")
    line = said.split()

    assert none == (0, "", "no runs are kept yet")
    assert (code, line[0], line[3], line[7:]) == (0, listed()[0]["id"], "complete", REQUESTS[0].split())


def test_a_run_that_is_not_kept(
    endpoint: Endpoint, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --no-save nothing is written, neither the database nor anything in the folder one is in."""
    monkeypatch.chdir(tmp_path)
    code, said, _ = command("--no-save", "--json", REQUEST)

    assert (code, "id" in json.loads(said), list(tmp_path.iterdir())) == (0, False, [])


def test_another_database(endpoint: Endpoint, database: Path, tmp_path: Path) -> None:
    """--db goes before the environment."""
    command("--db", str(tmp_path / "other.db"), REQUEST)
    code, said, _ = command("runs", "--json", "--db", str(tmp_path / "other.db"))

    assert (code, len(json.loads(said)), listed()) == (0, 1, [])


@pytest.mark.parametrize("what", ["show", "resume"])
@pytest.mark.parametrize(
    ("run_id", "reason"),
    [
        ("nonsense", "there is no saved run 'nonsense'; `orchestrate runs` lists them"),
        ("ab", "'ab' is the beginning of several runs: "),
        ("", "is the beginning of several runs: "),
        ("ab%", "there is no saved run 'ab%'"),
    ],
)
def test_an_id_that_means_no_run(database: Path, what: str, run_id: str, reason: str) -> None:
    """An unknown id, and a beginning that several share, are told as such with exit code 2."""
    asyncio.run(add(database, Run.new("ab000001", "One.", {}), Run.new("ab000002", "Two.", {})))
    code, said, errors = command(what, run_id)

    assert (code, said) == (2, "")
    assert reason in errors


def test_the_beginning_of_an_id(database: Path) -> None:
    """As much of an id as is unmistakable finds the run."""
    asyncio.run(add(database, Run.new("ab000001", "One.", {}), Run.new("ac000002", "Two.", {})))

    assert (found(database, "ac").request, found(database, "ab000001").request) == ("Two.", "One.")
    with pytest.raises(RunUnknown):
        found(database, "ad")


def test_a_run_that_nobody_works_on(database: Path) -> None:
    """A run left as running by a process that is gone is interrupted; one that is being worked on is running."""
    asyncio.run(add(database, Run.new("ab000001", "One.", {})))

    async def both() -> list[str]:
        async with open_store(database) as store:
            before = (await store.find("ab")).status
            async with store.hold("ab000001"):
                during = (await store.find("ab")).status
            return [before, during, (await store.runs())[0].status]

    assert asyncio.run(both()) == ["interrupted", "running", "interrupted"]


def test_an_older_version(endpoint: Endpoint, database: Path) -> None:
    """A run of another version can be shown, is refused by resume with the reason, and harms no other run."""
    command(REQUESTS[0])
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("update orchestrator_runs set version = 0, status = 'interrupted'")
        connection.execute("drop table orchestrator_calls")
        connection.commit()
    command(REQUESTS[1])
    new, old = listed()
    refused, shown = command("resume", old["id"]), command("show", old["id"])

    assert (refused[0], shown[0], shown[1]) == (2, 0, "Everything is planned. [S1] [S2] [S3]\n")
    assert f"was saved by another version of this program (state 0, this one has {STATE_VERSION})" in refused[2]
    assert (new["status"], command("show", new["id"])[0]) == ("complete", 0)


BROKEN = {
    "text": b"This is no database." * 500,
    "half a header": b"SQLite format 3\0" + b"\xff" * 5000,
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize(
    "words", [["runs"], ["show", "ab"], ["resume", "ab"], [REQUEST]], ids=lambda words: words[0][:6]
)
def test_a_file_that_is_no_database(endpoint: Endpoint, database: Path, what: str, words: list[str]) -> None:
    """A file that is something else is told with a way out, is not touched, and no call is made."""
    database.parent.mkdir()
    database.write_bytes(BROKEN[what])
    code, said, errors = command(*words)

    assert (code, said, len(endpoint.requests)) == (2, "", 0)
    assert f"the database {database} cannot be used: file is not a database" in errors
    assert "move it away, or give another with --db" in errors
    assert database.read_bytes() == BROKEN[what]


def test_a_damaged_database(endpoint: Endpoint, database: Path, tmp_path: Path) -> None:
    """A database with overwritten pages is told as damaged; another database works on."""
    for _ in range(3):
        command(REQUEST)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    content = database.read_bytes()
    database.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))
    code, _, errors = command("runs")

    assert (code, "cannot be used: database disk image is malformed" in errors) == (2, True)
    assert command("--db", str(tmp_path / "other.db"), REQUEST)[0] == 0


def test_a_damaged_checkpoint(endpoint: Endpoint, database: Path) -> None:
    """A run whose checkpoint cannot be read is told as such, and the other runs are unharmed."""
    command(REQUESTS[0])
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("update checkpoints set checkpoint = x'ff00ff'")
        connection.commit()
    command(REQUESTS[1])
    good, bad = listed()
    code, said, errors = command("show", bad["id"])

    assert (code, said) == (2, "")
    assert f"run {bad['id']} cannot be read" in errors
    assert (command("show", good["id"])[0], command("resume", bad["id"])[0]) == (0, 2)


def apart(folder: Path, endpoint: Endpoint, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # a limit on file sizes would cut them
        "LANGSMITH_TRACING": "false",
        "OPENAI_BASE_URL": endpoint.url,
        "OPENAI_API_KEY": "sk-x",
        "ORCHESTRATOR_MODEL": "openai:gpt-4o",
    }
    return subprocess.run(
        [COMMAND, *words], env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False, **more
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 400 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_read_only_database(endpoint: Endpoint, small_disk: Path) -> None:
    """Where nothing may be written, a new run is refused with a way out before any call; old ones can be shown."""
    where = str(small_disk / "runs.db")
    command("--db", where, REQUESTS[0])
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    endpoint.reset()
    code, said, errors = command("--db", where, REQUESTS[1])
    calls = len(endpoint.requests)

    assert (code, said, calls) == (2, "", 0)
    assert f"the database {where} cannot be used: " in errors
    assert "--no-save" in errors
    assert command("--db", where, "--no-save", REQUESTS[1])[0] == 0


@pytest.mark.parametrize("limit", [4_000, 60_000, 120_000])
def test_a_full_disk(endpoint: Endpoint, team: Team, tmp_path: Path, limit: int) -> None:
    """A database that can grow no further ends the run with a clear error; what it holds can still be listed."""
    where = tmp_path / "runs.db"
    command("--db", str(where), REQUESTS[0])
    team.workers = {"caterer": Turn("Much text. " * 10_000, chunk=10_000)}
    size = where.stat().st_size

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ended = apart(tmp_path, endpoint, "--db", str(where), REQUESTS[1], preexec_fn=full)
    code, said, _ = command("runs", "--json", "--db", str(where))
    first = json.loads(said)[-1]

    assert (ended.returncode, ended.stdout, size > 0) == (2, "", True)
    assert f"the database {where} cannot be used: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (code, first["request"], first["status"]) == (0, REQUESTS[0], "complete")
    assert command("show", first["id"], "--db", str(where))[0] == 0


def test_a_disk_without_space(endpoint: Endpoint, team: Team, small_disk: Path) -> None:
    """On a disk without space the error says so; with space again the run is resumed."""
    where = str(small_disk / "runs.db")
    team.workers = {"caterer": Turn("Much text. " * 30_000, chunk=10_000)}
    code, _, errors = command("--db", where, REQUEST)
    subprocess.run(["mount", "-o", "remount,size=40m", small_disk], check=True)
    _, said, _ = command("runs", "--json", "--db", where)
    (run,) = json.loads(said)
    plans = team.asked["planner"]
    resumed = command("resume", run["id"], "--db", where)

    assert (code, "disk is full. Free some space" in errors) == (2, True)
    assert (run["status"], resumed[0], team.asked["planner"]) == ("interrupted", 0, plans)


def test_a_folder_in_the_place_of_the_database(database: Path) -> None:
    """A path that is a folder is told with a way out."""
    database.mkdir(parents=True)
    code, _, errors = command("runs")

    assert (code, f"the database {database} cannot be used: unable to open database file" in errors) == (2, True)


def test_no_id_is_no_run(endpoint: Endpoint, database: Path) -> None:
    """An empty id, as of an unset variable, removes nothing, though there is one run alone."""
    command(REQUEST)
    code, _, errors = command("rm", "")

    assert (code, "there is no saved run ''" in errors) == (2, True)
    assert len(json.loads(command("runs", "--json")[1])) == 1


def test_a_run_under_way_is_not_removed(endpoint: Endpoint, database: Path) -> None:
    """While somebody is at work on a run it cannot be removed, and that is told; afterwards it can."""
    command(REQUEST)

    async def removed_meanwhile() -> None:
        async with open_store(database) as store:
            run = (await store.runs())[0]
            async with store.hold(run.id):
                with pytest.raises(RunBusy, match=f"at work on run {run.id}; wait for it"):
                    await remove_runs([run.id], str(database))
            assert [kept.id for kept in await store.runs()] == [run.id]
            await remove_runs([run.id], str(database))
            assert await store.runs() == []

    asyncio.run(removed_meanwhile())


def test_no_database_at_all(database: Path) -> None:
    """An address of another kind is refused, and no folder of that name is made."""
    code, _, errors = command("runs", "--db", "mysql://here/runs")

    assert (code, "it is neither a path nor a postgresql:// URL" in errors) == (2, True)
    assert not Path("mysql:").exists()


def test_listing_makes_no_difference(endpoint: Endpoint, database: Path) -> None:
    """The store itself tells the same as the command."""
    command(REQUEST)

    async def told(store: Store) -> list[dict[str, Any]]:
        return [asdict(run) for run in await store.runs()]

    async def opened() -> list[dict[str, Any]]:
        async with open_store(database) as store:
            return await told(store)

    shown = [{key: value for key, value in run.items() if key not in ("usd", "seconds")} for run in listed()]

    assert asyncio.run(opened()) == shown


def test_what_is_no_file(tmp_path: Path) -> None:
    """An error of a database has the type that callers of Python can catch."""

    async def opened() -> None:
        async with open_store(tmp_path):
            pass

    with pytest.raises(StoreError):
        asyncio.run(opened())
