"""Weights: whether a local model's file is here, where it lies, how it gets there, and how the engine is to run it."""

import errno
import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from graph.local.catalogue import CATALOGUE, Progress, Weights, WeightsError, lookup
from nodes.errors import NoModel, install_command
from nodes.models import EngineOptions

WeightsState = Literal["absent", "partial", "present"]

CONTEXT = 8192  # tokens a slot; two slots of the small model take 1.9 GB beside its file


@dataclass(frozen=True)
class Description:
    """What a person wants to know of weights before fetching them. All text."""

    name: str
    size: str
    licence: str
    source: str
    path: str
    state: WeightsState


def default_folder() -> Path:
    """Return the folder that this system keeps a user's data in, with our names added."""
    return platformdirs.user_data_path("orchestrator", appauthor=False) / "models"


def path(name: str, folder: Path | None = None, catalogue: Mapping[str, Weights] = CATALOGUE) -> Path:
    """Return where the weights lie or would lie."""
    return (folder or default_folder()) / lookup(name, catalogue).file


def state(name: str, folder: Path | None = None, catalogue: Mapping[str, Weights] = CATALOGUE) -> WeightsState:
    """Say whether the weights are here. Only a file whose hash was right is ever given its name, so size is enough."""
    whole = path(name, folder, catalogue)
    if whole.is_file() and whole.stat().st_size == lookup(name, catalogue).size:
        return "present"
    return "partial" if _part(whole, lookup(name, catalogue)).exists() else "absent"


def describe(name: str, folder: Path | None = None, catalogue: Mapping[str, Weights] = CATALOGUE) -> Description:
    """Say what the weights are and where they lie or would lie."""
    weights = lookup(name, catalogue)
    return Description(
        name=name,
        size=weights.gigabytes,
        licence=weights.licence,
        source=f"{weights.repository} @ {weights.revision[:12]}",
        path=str(path(name, folder, catalogue)),
        state=state(name, folder, catalogue),
    )


def engine_options(name: str, own_file: Path | None, folder: Path | None = None) -> EngineOptions:
    """Say how an embedded model is run.

    Args:
        name: of the catalogue, such as "small".
        own_file: a GGUF file of the user's own, used whatever the name (None: the catalogue's).
        folder: where the catalogue's files lie (None: the user's data directory).

    Raises:
        NoModel: it has not been fetched, or there is none of that name.
    """
    cores = os.cpu_count() or 2
    slots = 2 if cores < 8 else 4  # noqa: PLR2004 - each slot needs cores of its own to be worth its memory
    if own_file is not None:
        return EngineOptions(path=str(own_file), slots=slots, context=CONTEXT)
    try:
        if state(name, folder) != "present":
            raise NoModel(
                f"the model local:{name} is not on this machine yet. Fetch it: orchestrate models fetch {name}; "
                "or use a file of your own: ORCHESTRATOR_LOCAL_MODEL=path.gguf"
            )
        return EngineOptions(path=str(path(name, folder)), slots=slots, context=CONTEXT)
    except WeightsError as error:
        raise NoModel(str(error)) from None


def remove(name: str, folder: Path | None = None, catalogue: Mapping[str, Weights] = CATALOGUE) -> int:
    """Delete the weights, whole or begun, and return how many bytes that freed."""
    weights = lookup(name, catalogue)
    whole = path(name, folder, catalogue)
    freed = 0
    for file in (whole, _part(whole, weights)):
        if file.exists():
            freed += file.stat().st_size
            try:
                file.unlink()
            except OSError as error:
                raise WeightsError(
                    f"cannot remove {file} ({error.strerror}): close what uses it, or remove it by hand"
                ) from error
    return freed


def fetch(
    name: str,
    folder: Path | None = None,
    *,
    progress: Progress | None = None,
    endpoint: str | None = None,
    catalogue: Mapping[str, Weights] = CATALOGUE,
) -> Path:
    """Return the path of the weights, and download them first if they are not here. Blocks; for a thread.

    A broken download goes on where it broke, also in a later process. `progress` is called in this thread with the
    bytes here and the bytes in all. `endpoint` is a hub's address (None: what huggingface_hub is set to). Asks for no
    account and sends no token.
    Raises WeightsError; within some 10 seconds if the hub cannot be reached.
    """
    weights = lookup(name, catalogue)
    whole = path(name, folder, catalogue)
    if state(name, folder, catalogue) == "present":
        return whole
    try:
        from graph.local.download import alone, download  # they need the extra
    except ModuleNotFoundError as error:
        raise WeightsError(
            f"fetching models is not installed ({error}): `{install_command('orchestrator-workers[local]')}`"
        ) from error
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        with alone(whole.parent):
            if state(name, folder, catalogue) != "present":
                _make_room(weights, whole)
                download(weights, _part(whole, weights), progress or (lambda _done, _total: None), endpoint)
                _verify(weights, _part(whole, weights))
                _part(whole, weights).replace(whole)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise _disk_full(weights, whole.parent, "the disk is full") from error
        raise WeightsError(
            f"cannot write the weights to {whole.parent} ({error.strerror or error}): mend that, or name a folder"
        ) from error
    return whole


def _part(whole: Path, weights: Weights) -> Path:
    # With the hash in its name, so that a new pin never goes on with the old pin's bytes.
    return whole.with_name(f"{whole.name}.{weights.sha256[:12]}.part")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _make_room(weights: Weights, whole: Path) -> None:
    part = _part(whole, weights)
    if _size(part) > weights.size:
        part.unlink()
    free = shutil.disk_usage(whole.parent).free
    if free < weights.size - _size(part):
        raise _disk_full(weights, whole.parent, f"{free / 1e9:.2f} GB are free")


def _disk_full(weights: Weights, folder: Path, fault: str) -> WeightsError:
    return WeightsError(
        f"{weights.file} needs {weights.gigabytes} in {folder}, and {fault}: make room there, or name a folder"
    )


def _verify(weights: Weights, part: Path) -> None:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != weights.sha256:
        part.unlink()
        raise WeightsError(
            f"{weights.file} arrived damaged (SHA-256 {digest}, pinned {weights.sha256}) and was removed: "
            "fetch it again; if it happens again, something on the way changes it"
        )
