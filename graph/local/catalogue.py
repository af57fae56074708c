"""Catalogue: the models that can be fetched, each pinned to one file of one revision, and where that lies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from nodes.errors import NoModel

Progress = Callable[[int, int], None]  # bytes here, bytes in all


class WeightsError(NoModel):
    """The weights are not here and cannot be had; the message says what, where and how to mend it."""


@dataclass(frozen=True)
class Weights:
    """One file of one revision of a repository on huggingface.co; size in bytes."""

    name: str
    repository: str
    revision: str
    file: str
    size: int
    sha256: str
    licence: str

    @property
    def gigabytes(self) -> str:
        """The size as a person reads it."""
        return f"{self.size / 1e9:.2f} GB"

    @property
    def path(self) -> Path:
        """Where the file lies or would lie: in the folder that this system keeps a user's data in."""
        return platformdirs.user_data_path("orchestrator", appauthor=False) / "models" / self.file

    @property
    def part(self) -> Path:
        """What of it has come, with the hash in its name, so that a new pin never goes on with the old pin's bytes."""
        return self.path.with_name(f"{self.file}.{self.sha256[:12]}.part")

    @property
    def state(self) -> Literal["absent", "partial", "present"]:
        """Whether it is here. Only a file whose hash was right is ever given its name, so size is enough."""
        if self.path.is_file() and self.path.stat().st_size == self.size:
            return "present"
        return "partial" if self.part.exists() else "absent"

    def described(self) -> dict[str, str]:
        """Say what a person wants to know before fetching it."""
        where = {"size": self.gigabytes, "source": f"{self.repository} @ {self.revision[:12]}", "path": str(self.path)}
        return {"name": self.name, "licence": self.licence, "state": self.state, **where}


CATALOGUE: Mapping[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            name="small",
            repository="ggml-org/Qwen3-1.7B-GGUF",
            revision="daeb8e2d528a760970442092f6bf1e55c3b659eb",
            file="Qwen3-1.7B-Q4_K_M.gguf",
            size=1_282_439_264,
            sha256="d2387ca2dbfee2ffabce7120d3770dadca0b293052bc2f0e138fdc940d9bc7b5",
            licence="Apache-2.0",
        ),
        Weights(
            name="medium",
            repository="bartowski/Qwen_Qwen3-4B-Instruct-2507-GGUF",
            revision="ae44f08e1392f39c0e474af10c3ff8355c8b6688",
            file="Qwen_Qwen3-4B-Instruct-2507-Q4_K_M.gguf",
            size=2_497_280_736,
            sha256="2fde00ce69dd4899c70d020845e2638353015bba0fdf161b3eb965f2bca4464e",
            licence="Apache-2.0",
        ),
    )
}


def lookup(name: str) -> Weights:
    """Return the weights called `name`.

    Raises:
        WeightsError: there are none.
    """
    if name not in CATALOGUE:
        raise WeightsError(f"unknown local model {name!r}; known: {sorted(CATALOGUE)}")
    return CATALOGUE[name]
