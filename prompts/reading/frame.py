"""Frame: what a planner says several tasks share, made small plain JSON."""

import json
import math
from typing import Any

from prompts.reading import vocabulary
from prompts.reading.strings import clean, shortened

KEYS = 40
CHARACTERS = 400  # of one value
DEPTH = 3
_NAMES = ("name", "key", "fact", "part", "item", "label", "what")
_VALUES = ("value", "amount", "share", "is")


def frame_of(value: dict[str, Any]) -> dict[str, Any]:
    """Give the frame of a plan's object, {} where it has none.

    A list of {name, value} pairs, as strict schemas ask for, is read as the object it stands for. What is beyond the
    bounds stays as text, cut at a word.
    """
    raw = next((raw for key, raw in value.items() if vocabulary.key_form(key) in {"frame", "sharedframe"}), None)
    kept = _kept(raw, 1)
    return kept if isinstance(kept, dict) else {}


def why_of(value: dict[str, Any]) -> str:
    """Give what a plan's object says of the number of its subtasks."""
    said = next((raw for key, raw in value.items() if vocabulary.key_form(key) == "why"), "")
    return shortened(clean(said), CHARACTERS) if isinstance(said, str) else ""


def _kept(raw: Any, level: int) -> Any:
    raw = (_paired(raw) or raw) if isinstance(raw, list) else raw
    if isinstance(raw, dict) and level <= DEPTH:
        inner = {shortened(clean(key), 80): _kept(value, level + 1) for key, value in list(raw.items())[:KEYS]}
        return {key: value for key, value in inner.items() if key and value not in ("", {})}
    if isinstance(raw, bool | int) or (isinstance(raw, float) and math.isfinite(raw)):
        return raw
    if isinstance(raw, list) and all(isinstance(entry, str | int | float) for entry in raw):
        raw = "; ".join(map(str, raw[:KEYS]))
    elif not isinstance(raw, str):
        raw = json.dumps(raw, ensure_ascii=False) if isinstance(raw, dict | list) and raw else ""
    return shortened(clean(raw), CHARACTERS)


def _paired(items: list[Any]) -> dict[str, Any] | None:
    """Read [{"name": …, "value": …}, …] as an object; None where it is something else."""
    made = {}
    for item in items[:KEYS]:
        if not isinstance(item, dict):
            return None
        folded = {vocabulary.key_form(key): raw for key, raw in item.items()}
        name = next((folded[key] for key in _NAMES if isinstance(folded.get(key), str)), None)
        held = next((folded[key] for key in _VALUES if key in folded), None)
        if name is None or held is None:
            return None
        made[name] = held
    return made
