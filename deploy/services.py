"""Services: PostgreSQL and Redis, real servers on loopback with data folders of their own, for the length of a with block."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

USERS = ("postgres", "nobody")  # PostgreSQL refuses to run as root
PACKAGES = {"initdb": "postgresql", "redis-server": "redis-server", "nginx": "nginx-light"}  # Debian's
PLACES = ("/usr/sbin", "/usr/local/sbin")  # not on everybody's PATH


class Missing(Exception):
    """A program is not installed, and cannot be; or a port is taken."""


def program(name: str) -> Path | None:
    """Find a server's program; as root, install Debian's package if it is missing (None: not to be had)."""
    path = _found(name)
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {
            **os.environ,
            "DEBIAN_FRONTEND": "noninteractive",
            "RUNLEVEL": "1",
        }  # a package starts no server of its own
        for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", PACKAGES[name]]):
            subprocess.run(["apt-get", *words], capture_output=True, check=False, timeout=300, env=quiet)
        path = _found(name)
    return path


def needed(name: str) -> Path:
    """Find a program.

    Raises:
        Missing: it is not there.
    """
    path = program(name)
    if path is None:
        raise Missing(f"{name} is not installed: apt-get install {PACKAGES[name]} (as root it is done for you)")
    return path


def _found(name: str) -> Path | None:
    on_path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    if on_path:
        return Path(on_path)
    return next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def check_port(port: int, what: str) -> None:
    """See that a port is free.

    Raises:
        Missing: somebody listens there.
    """
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind(("127.0.0.1", port))
        except OSError:
            raise Missing(
                f"port {port}, wanted for {what}, is in use: end what listens there, or name another"
            ) from None


@dataclass(frozen=True)
class Postgres:
    """One PostgreSQL server; ended by pg_ctl, by the process id in its own folder."""

    folder: Path
    port: int
    durable: bool = False  # tests need not survive a power cut

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"postgresql://tests:a-planted-password@127.0.0.1:{self.port}/postgres"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it, with a new database where there is none yet."""
        user = _user()
        self.folder.mkdir(parents=True, exist_ok=True)
        if user:
            shutil.chown(self.folder, user)
        if not self._data.exists():
            _run(user, self._tool("initdb"), "-D", self._data, "-A", "trust", "-U", "tests", "-E", "UTF8", "--no-sync")
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=300"
        options += "" if self.durable else " -c fsync=off"
        log = self.folder / "log"
        _run(user, self._tool("pg_ctl"), "-D", self._data, "-l", log, "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """End it: "immediate", as in a power cut, or "fast"."""
        _run(_user(), self._tool("pg_ctl"), "-D", self._data, "-m", mode, "-w", "stop")

    def processes(self) -> list[int]:
        """List the ids of its processes: the server's own, and one for each connection."""
        master = (self._data / "postmaster.pid").read_text().split()[0]
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return [int(master), *map(int, children)]

    def _tool(self, name: str) -> Path:
        return needed("initdb").resolve().with_name(name)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a server in a folder on a free port; gives its URL."""
    server = Postgres(folder, free_port())
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@dataclass
class Redis:
    """One Redis server."""

    folder: Path
    port: int
    durable: bool = False
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        words = [
            str(needed("redis-server")),
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
        ]
        words += ["--save", "", "--appendonly", "yes" if self.durable else "no", "--logfile", str(self.folder / "log")]
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, start_new_session=True
        )  # Ctrl-C is for us alone
        wait_for_port(self.port, self.process, "Redis", self.folder / "log")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(30)


def wait_for_port(port: int, process: subprocess.Popen[bytes], what: str, log: Path, seconds: float = 60) -> None:
    """Wait until a process listens.

    Raises:
        Missing: it ended, or does not.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    text = log.read_text(errors="replace")[-2000:] if log.exists() else ""
    raise Missing(f"{what} did not start on port {port}:\n{text}")


def _user() -> str | None:
    """Name whom PostgreSQL runs as (None: as ourselves)."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return next(name for name in USERS if name in names)


def _run(user: str | None, *words: str | Path) -> None:
    ended = subprocess.run(
        [str(word) for word in words], user=user, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, check=False, timeout=60,
    )  # fmt: skip
    if ended.returncode:
        raise Missing(f"{words[0]}: {ended.stderr}")
