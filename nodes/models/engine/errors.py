"""Faults: why the engine does not start, in one sentence with a way out."""

import mmap
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nodes.errors import install_command

MAGIC = b"GGUF"
TEMPLATE_KEY = b"tokenizer.chat_template"
# Where a file's metadata ends in practice: the largest vocabularies in use take some 20 MB.
METADATA_BYTES = 64 * 2**20
OTHER_FILE = "check ORCHESTRATOR_LOCAL_MODEL, or fetch a model with `orchestrate models fetch small`"
SMALLER = "close other programs, take a smaller model, or lower the context or the number of slots"
MEMORY_WORDS = ("failed to allocate", "insufficient memory", "bad_alloc", "out of memory")


class EngineError(Exception):
    """The engine did not start; the message says what, where and how to mend it."""


def check(path: Path) -> None:
    """Raise EngineError unless `path` is a GGUF file with a chat template."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise EngineError(f"{path} is not a GGUF file (it does not begin with {MAGIC.decode()}): {OTHER_FILE}")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                # Without one llama.cpp takes a template of its own, and the model is asked in a format it never saw.
                if content.find(TEMPLATE_KEY, 0, METADATA_BYTES) < 0:
                    raise EngineError(f"{path} has no chat template: take the instruct or chat version of the model")
    except FileNotFoundError as error:
        raise EngineError(f"there is no model file at {path}: {OTHER_FILE}") from error
    except OSError as error:
        raise EngineError(f"cannot read the model file {path} ({error.strerror}): {OTHER_FILE}") from error


def explained(order: Mapping[str, Any], answer: Mapping[str, Any], tail: list[str]) -> str:
    """Say why the child did not start.

    `order` is what it was told to serve; `answer` what it said, if anything ({"failed": class, "detail": text}), with
    what we know of its end ({"code": exit code, "late": bool, "stopped": bool}); `tail` its last lines.
    """
    if answer.get("failed") in {"ImportError", "ModuleNotFoundError", "OSError"}:
        return _import_fault(answer["failed"], answer["detail"])
    if answer["stopped"]:
        return f"the local engine was stopped while it loaded {order['path']}"
    if answer["late"]:
        return f"the local engine did not load {order['path']} within {order['start_timeout_s']:g} s: {SMALLER}"
    if answer["code"] == -getattr(signal, "SIGILL", 0):
        return "this processor is too old for the local engine (it lacks AVX2): use another provider"
    if _memory_ended(answer, tail):
        size = f"{order['slots']} slots of {order['context']} tokens"
        return f"not enough memory for {order['path']} with {size}: {SMALLER}"
    # llama.cpp's first error is the cause, the others follow from it; a traceback's cause stands in its last line.
    causes = [line.partition(" E ")[2] for line in tail if " E " in line] or tail[-1:]
    cause = (*causes, answer.get("detail") or f"exit code {answer['code']}")[0].strip()
    return f"the local engine cannot load {order['path']} ({cause}): fetch the file again, or take another model"


def _import_fault(failed: str, detail: str) -> str:
    if "libgomp" in detail:
        return f"the local engine needs the system library libgomp ({detail}): `apt-get install libgomp1`"
    if failed == "ModuleNotFoundError":
        return f"the local engine is not installed ({detail}): `{install_command('orchestrator-workers[local]')}`"
    return f"the local engine cannot be loaded ({detail}): reinstall xllamacpp, or use another provider"


def _memory_ended(answer: Mapping[str, Any], tail: list[str]) -> bool:
    # A kernel short of memory ends the largest process with SIGKILL; an answer means that the kill was ours.
    killed = answer["code"] == -getattr(signal, "SIGKILL", 0) and "failed" not in answer
    return (
        killed or answer.get("failed") == "MemoryError" or any(word in line for word in MEMORY_WORDS for line in tail)
    )
