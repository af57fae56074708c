"""PostgreSQL server: a real one on loopback, in a temporary folder, for the length of a with block."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USERS = ("postgres", "nobody")  # PostgreSQL refuses to run as root


def programs() -> Path | None:
    """Find where initdb and pg_ctl are; as root, install Debian's package if they are missing (None: not to be had)."""
    found = _found()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", "postgresql"]):
            subprocess.run(["apt-get", *words], capture_output=True, check=False, timeout=300)
        found = _found()
    return found


def _found() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/"), reverse=True)), None)


def _user() -> str | None:
    """Name whom the server runs as (None: as ourselves)."""
    if os.geteuid() != 0:
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return next(name for name in USERS if name in names)


@contextmanager
def postgres(programs: Path) -> Iterator[str]:
    """Start a server with an empty database; gives its URL."""
    user = _user()
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        data = Path(folder, "data")
        if user:
            shutil.chown(folder, user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        _run(user, programs / "initdb", "-D", data, "-A", "trust", "-U", "tests", "-E", "UTF8", "--no-sync")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        _run(user, programs / "pg_ctl", "-D", data, "-l", Path(folder, "log"), "-w", "-o", options, "start")
        try:
            yield f"postgresql://tests:a-planted-password@127.0.0.1:{port}/postgres"
        finally:  # pg_ctl ends the process whose id stands in the folder, and no other
            _run(user, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _run(user: str | None, *words: str | Path) -> None:
    ended = subprocess.run(
        [str(word) for word in words], user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, check=False, timeout=60,
    )  # fmt: skip
    if ended.returncode:
        raise RuntimeError(f"{words[0]}: {ended.stderr}")
