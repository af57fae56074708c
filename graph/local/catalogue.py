"""Catalogue: the models that can be fetched, each pinned to one file of one revision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Progress = Callable[[int, int], None]  # bytes here, bytes in all


class WeightsError(Exception):
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


def lookup(name: str, catalogue: Mapping[str, Weights] = CATALOGUE) -> Weights:
    """Return the weights called `name`.

    Raises:
        WeightsError: there are none.
    """
    if name not in catalogue:
        raise WeightsError(f"unknown local model {name!r}; known: {sorted(catalogue)}")
    return catalogue[name]
