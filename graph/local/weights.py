"""Weights: how a local model's file gets here and away again, and how the engine is to run it."""

import errno
import hashlib
import os
import shutil
from pathlib import Path

from graph.local.catalogue import Progress, Weights, WeightsError, lookup
from nodes.errors import NoModel, install_command
from nodes.models import EngineOptions

CONTEXT = 8192  # tokens a slot; two slots of the small model take 1.9 GB beside its file


def engine_options(name: str, own_file: Path | None) -> EngineOptions:
    """Say how an embedded model is run.

    Args:
        name: of the catalogue, such as "small".
        own_file: a GGUF file of the user's own, used whatever the name (None: the catalogue's).

    Raises:
        NoModel: it has not been fetched, or there is none of that name.
    """
    cores = os.cpu_count() or 2
    slots = 2 if cores < 8 else 4  # noqa: PLR2004 - each slot needs cores of its own to be worth its memory
    if own_file is not None:
        return EngineOptions(path=str(own_file), slots=slots, context=CONTEXT)
    weights = lookup(name)
    if weights.state != "present":
        raise NoModel(
            f"the model local:{name} is not on this machine yet. Fetch it: orchestrate models fetch {name}; "
            "or use a file of your own: ORCHESTRATOR_LOCAL_MODEL=path.gguf"
        )
    return EngineOptions(path=str(weights.path), slots=slots, context=CONTEXT)


def remove(weights: Weights) -> int:
    """Delete the weights, whole or begun, and return how many bytes that freed."""
    freed = 0
    for file in (weights.path, weights.part):
        freed += _size(file)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise WeightsError(
                f"cannot remove {file} ({error.strerror}): close what uses it, or remove it by hand"
            ) from error
    return freed


def fetch(weights: Weights, *, progress: Progress | None = None, endpoint: str | None = None) -> Path:
    """Return the path of the weights, and download them first if they are not here. Blocks; for a thread.

    A broken download goes on where it broke, also in a later process. `progress` is called in this thread with the
    bytes here and the bytes in all. `endpoint` is a hub's address (None: what huggingface_hub is set to). Asks for no
    account and sends no token.
    Raises WeightsError; within some 10 seconds if the hub cannot be reached.
    """
    if weights.state == "present":
        return weights.path
    try:
        from graph.local.download import alone, download  # they need the extra
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"fetching models is not installed ({error}): `{install_command('orchestrator-workers[local]')}`"
        ) from error
    folder = weights.path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            if weights.state in ("absent", "partial"):  # another process may just have brought it
                _make_room(weights)
                download(weights, weights.part, progress or (lambda _done, _total: None), endpoint)
                _verify(weights)
                weights.part.replace(weights.path)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _disk_full(weights, "the disk is full") from error
        raise WeightsError(f"cannot write the weights to {folder} ({error.strerror or error}): mend that") from error
    return weights.path


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _make_room(weights: Weights) -> None:
    if _size(weights.part) > weights.size:
        weights.part.unlink()
    free = shutil.disk_usage(weights.path.parent).free
    if free < weights.size - _size(weights.part):
        raise _disk_full(weights, f"{free / 1e9:.2f} GB are free")


def _disk_full(weights: Weights, fault: str) -> WeightsError:
    return WeightsError(
        f"{weights.file} needs {weights.gigabytes} in {weights.path.parent}, and {fault}: make room there"
    )


def _verify(weights: Weights) -> None:
    with weights.part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != weights.sha256:
        weights.part.unlink()
        raise WeightsError(
            f"{weights.file} arrived damaged (SHA-256 {digest}, pinned {weights.sha256}) and was removed: "
            "fetch it again; if it happens again, something on the way changes it"
        )
