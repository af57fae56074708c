"""Weights: what huggingface_hub makes of a hub that works, breaks, lies and goes away."""

import dataclasses
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from graph import local
from graph.local import CATALOGUE, Weights, WeightsError, weights
from tests.hub import Hub, Mode, serving

MEGABYTE = 2**20
# The client hands on what it got in pieces of 10 MB, so a file that breaks in between has to be longer than that.
CONTENT = random.Random(7).randbytes(25 * MEGABYTE)
PIECE = 10 * MEGABYTE


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub(CONTENT)) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that models lie in, in a user's data directory of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "orchestrator" / "models"


def fetch(hub: Hub, progress: Callable[[int, int], None] | None = None) -> Path:
    return weights.fetch(hub.weights, progress=progress, endpoint=hub.address)


def part_of(hub: Hub) -> Path:
    """Make room for a part that a process before this one has left."""
    hub.weights.path.parent.mkdir(parents=True)
    return hub.weights.part


def files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))


def test_pins(folder: Path) -> None:
    """The pinned files are the ones that were agreed on; they lie where the system keeps a user's data."""
    small, medium = CATALOGUE["small"], CATALOGUE["medium"]
    described = small.described()

    assert pinned(small) == ("ggml-org/Qwen3-1.7B-GGUF", 1_282_439_264, 40, 64)
    assert pinned(medium) == ("bartowski/Qwen_Qwen3-4B-Instruct-2507-GGUF", 2_497_280_736, 40, 64)
    assert (described["size"], described["licence"], described["state"]) == ("1.28 GB", "Apache-2.0", "absent")
    assert described["path"] == f"{folder}/Qwen3-1.7B-Q4_K_M.gguf"


def pinned(entry: Weights) -> tuple[str, int, int, int]:
    return entry.repository, entry.size, len(entry.revision), len(entry.sha256)


def test_first_fetch_and_second_start(hub: Hub, folder: Path) -> None:
    """The first call downloads and reports how far it is; the second needs no hub; what is removed is absent."""
    steps: list[tuple[int, int]] = []
    fetched = fetch(hub, lambda done, total: steps.append((done, total)))
    hub.mode = "gone"

    assert fetched.read_bytes() == CONTENT
    assert steps == sorted(steps)
    assert [(0, len(CONTENT)), (len(CONTENT), len(CONTENT))] == [steps[0], steps[-1]]
    assert fetched == fetch(hub)
    assert files(folder) == ["tiny.gguf"]
    assert len(CONTENT) == weights.remove(hub.weights)
    assert hub.weights.state == "absent"


def test_nothing_is_told_about_us(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No token goes to the hub, and of our surroundings only this project's name."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(hub)

    assert {"orchestrator-workers"} == {headers["user-agent"] for headers in hub.headers}
    assert not any("authorization" in headers for headers in hub.headers)


def test_silence(hub: Hub, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not even a broken connection makes the library write to the terminal."""
    hub.cuts = [PIECE + 5]
    fetch(hub)

    assert tuple(capfd.readouterr()) == ("", "")


def test_cut_connection(hub: Hub, folder: Path) -> None:
    """A connection that breaks is taken up where it broke, within the same call."""
    hub.cuts = [PIECE + 5]

    assert fetch(hub).read_bytes() == CONTENT
    assert [None, f"bytes={PIECE}-"] == hub.downloads


def test_next_process_goes_on(hub: Hub, folder: Path) -> None:
    """What was downloaded is kept when the process is killed, and a later one fetches only the rest."""
    code = (
        "import os, sys; from graph import local\n"
        "entry = local.Weights(*sys.argv[2:5], 'tiny.gguf', int(sys.argv[5]), sys.argv[6], '')\n"
        "report = lambda done, _total: os.kill(os.getpid(), 9) if done else None\n"
        "local.fetch(entry, progress=report, endpoint=sys.argv[1])\n"
    )
    entry = hub.weights
    pin = ["test", entry.repository, entry.revision, str(entry.size), entry.sha256]
    command = [sys.executable, "-c", code, hub.address, *pin]
    killed = subprocess.run(command, check=False, cwd=Path(__file__).parents[2])  # our own interpreter

    assert (killed.returncode, hub.weights.state) == (-9, "partial")
    assert fetch(hub).read_bytes() == CONTENT
    assert [None, f"bytes={PIECE}-"] == hub.downloads


def test_hub_that_ignores_ranges(hub: Hub, folder: Path) -> None:
    """A hub that sends the whole file again spoils nothing."""
    hub.cuts = [PIECE + 5]
    hub.ignores_ranges = True

    assert fetch(hub).read_bytes() == CONTENT


def test_hub_without_redirects(hub: Hub, folder: Path) -> None:
    """A mirror that serves the file itself does as well."""
    hub.redirects = False

    assert fetch(hub).read_bytes() == CONTENT


def test_flipped_byte(hub: Hub, folder: Path) -> None:
    """A damaged file is never given the model's name: it is removed, and the next call starts anew."""
    hub.flipped = 12 * MEGABYTE
    with pytest.raises(WeightsError, match=r"arrived damaged .*fetch it again"):
        fetch(hub)
    assert files(folder) == []
    hub.flipped = None

    assert fetch(hub).read_bytes() == CONTENT


def test_too_long_part(hub: Hub, folder: Path) -> None:
    """A part that is longer than the whole cannot be gone on with."""
    part = part_of(hub)
    part.write_bytes(bytes(len(CONTENT) + 1))

    assert fetch(hub).read_bytes() == CONTENT


def test_whole_part(hub: Hub, folder: Path) -> None:
    """A process that ended between the last byte and the check leaves only the check to do."""
    part = part_of(hub)
    part.write_bytes(CONTENT)
    fetch(hub)

    assert hub.downloads == []


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("gone", r"the hub refuses tiny\.gguf \(HTTP 404 .*use another model"),
        ("down", r"the hub refuses tiny\.gguf \(HTTP 503 .*try again later"),
        ("portal", "does not answer as a hub does"),
        ("changed", "offers another file .* than the pinned one"),
    ],
)
def test_refusals(mode: Mode, message: str, hub: Hub, folder: Path) -> None:
    """What the hub answers in place of the file is told apart, before anything is downloaded."""
    hub.mode = mode
    with pytest.raises(WeightsError, match=message):
        fetch(hub)

    assert files(folder) == []


def test_unknown_name() -> None:
    """A name that is not in the catalogue is answered with those that are."""
    with pytest.raises(WeightsError, match=r"unknown local model 'huge'; known: \['medium', 'small'\]"):
        local.lookup("huge")


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://hub.invalid"])
def test_no_connection(address: str, hub: Hub, folder: Path) -> None:
    """A refused connection and a name that is not found are known at once."""
    hub.address = address
    began = time.monotonic()
    with pytest.raises(WeightsError, match=r"cannot reach .*check the connection"):
        fetch(hub)

    assert time.monotonic() - began < 10


def test_slow_hub(hub: Hub, folder: Path) -> None:
    """A hub that answers a letter at a time, so that no single wait is long, is given up within 10 seconds."""
    hub.mode = "slow"
    began = time.monotonic()
    with pytest.raises(WeightsError, match="cannot reach"):
        fetch(hub)

    assert time.monotonic() - began < 10


def test_offline_by_choice(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE is obeyed, and named."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)  # as read from the environment at import

    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE forbids the network"):
        fetch(hub)


def test_connection_lost_for_good(hub: Hub, folder: Path) -> None:
    """A hub that keeps breaking without sending more is an error, and what came before is kept."""
    part = part_of(hub)
    part.write_bytes(CONTENT[:PIECE])
    hub.cuts = [5] * 20
    with pytest.raises(WeightsError, match=r"broke at 0\.01 of 0\.03 GB .*goes on from there"):
        fetch(hub)

    assert hub.weights.state == "partial"


def test_no_room(hub: Hub, folder: Path) -> None:
    """A disk that is too small is known before the hub is asked."""
    huge = dataclasses.replace(hub.weights, size=10**18)
    with pytest.raises(WeightsError, match=r"needs 1000000000\.00 GB in .*, and \d+\.\d\d GB are free: make room"):
        weights.fetch(huge, endpoint=hub.address)

    assert hub.asked == []


def test_disk_fills_up(hub: Hub, folder: Path) -> None:
    """A disk that others fill meanwhile ends the download; with room made the next call goes on."""
    part = part_of(hub)
    part.symlink_to("/dev/full")  # the kernel's own "no space left on device", for which no disk has to be filled
    with pytest.raises(WeightsError, match=r"needs 0\.03 GB in .*, and the disk is full: make room"):
        fetch(hub)
    part.unlink()

    assert fetch(hub).read_bytes() == CONTENT


def test_folder_that_is_a_file(hub: Hub, folder: Path) -> None:
    """A folder that cannot be made is named."""
    folder.parent.touch()

    with pytest.raises(WeightsError, match=r"cannot write the weights to .*orchestrator/models"):
        fetch(hub)


def test_one_at_a_time(hub: Hub, folder: Path) -> None:
    """A second download into the same folder is told of the first."""

    def during(_done: int, _total: int) -> None:
        with pytest.raises(WeightsError, match="another process is fetching"):
            fetch(hub)

    assert fetch(hub, during).read_bytes() == CONTENT


def test_without_the_extra(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without huggingface_hub the error names what to install."""
    monkeypatch.delitem(sys.modules, "graph.local.download", raising=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(WeightsError, match=r"pip install 'orchestrator-workers\[local\]'"):
        fetch(hub)
