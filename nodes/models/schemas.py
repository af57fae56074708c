"""Schemas: the JSON schemas that planner and synthesiser ask with.

Written out by hand: strict mode wants every key required and no other allowed, and some engines take neither
references nor formats. No lengths here: an endpoint that ignores them would be trusted for nothing, so code checks.
"""

from typing import Any


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT = {"type": "string"}
_MAYBE = {"type": ["string", "null"]}
_STATUS = {"type": "string", "enum": ["kept", "settled", "withdrawn"]}


def plan_schema(names: list[str] | None) -> dict[str, Any]:
    """Return the plan's schema, the frame before the subtasks; `names` are the only specialists allowed (None: any)."""
    specialist = _TEXT if names is None else {"type": "string", "enum": names}
    amount = {"type": "number"}
    budget = _object(
        total={"type": ["number", "null"]}, currency=_MAYBE, shares=_list(_object(part=_TEXT, amount=amount))
    )
    frame = _object(
        date=_MAYBE,
        hours=_MAYBE,
        place=_MAYBE,
        headcount=_MAYBE,
        choice=_MAYBE,
        form=_MAYBE,
        budget=budget,
        other=_list(_object(name=_TEXT, value=_TEXT)),
    )
    subtask = _object(specialist=specialist, task=_TEXT, cross_check={"type": "boolean"})
    return _object(frame=frame, subtasks=_list(subtask), why=_TEXT)


def sequel_schema(names: list[str] | None) -> dict[str, Any]:
    """Return the schema of what a further message asks for: its kind first, the answer last."""
    plan = plan_schema(names)["properties"]
    kind = {"type": "string", "enum": ["answer", "change", "new"]}
    return _object(kind=kind, request=_TEXT, keep=_list(_TEXT), **plan, answer=_TEXT)


def synthesis_schema() -> dict[str, Any]:
    """Return the synthesis' schema: the ledger first, so that it is written before the answer."""
    position = _object(subtask_id=_TEXT, claim=_TEXT, quote=_TEXT)
    return _object(
        disagreements=_list(
            _object(
                id=_TEXT,
                topic=_TEXT,
                positions=_list(position),
                resolution=_MAYBE,
                suggestion=_MAYBE,
                status=_STATUS,
            )
        ),
        gaps=_list(_object(id=_TEXT, subtask_id=_MAYBE, what=_TEXT, why=_TEXT, status=_STATUS)),
        follow_ups=_list(_object(specialist=_TEXT, task=_TEXT, settles=_list(_TEXT))),
        answer=_TEXT,
    )


# The embedded engine's grammar: a string without an end runs on until the cap, and cuts the reply (characters, items).
_LENGTHS = {
    "specialist": 40,
    "task": 300,
    "topic": 80,
    "id": 4,
    "settles": 4,
    "subtask_id": 7,
    "claim": 160,
    "quote": 160,
    "resolution": 200,
    "suggestion": 200,
    "what": 160,
    "why": 160,
    "answer": 4000,
}
_ITEMS = {"disagreements": 3, "positions": 4, "gaps": 4, "follow_ups": 2, "settles": 4}


def bounded(schema: dict[str, Any], subtasks: int) -> dict[str, Any]:
    """Give every string and list of a schema an end, for an engine that decodes by grammar.

    The plan's frame is left out: a small model fills every hole of a form, and has no tokens left for the subtasks.
    """
    kept = {key: value for key, value in schema["properties"].items() if key not in ("frame", "why")}
    schema = {**schema, "properties": kept, "required": list(kept)}
    return _bounded(schema, "", {**_ITEMS, "subtasks": subtasks})


def _bounded(schema: dict[str, Any], name: str, items: dict[str, int]) -> dict[str, Any]:
    kind = schema.get("type")
    if kind == "object":
        inner = {key: _bounded(value, key, items) for key, value in schema["properties"].items()}
        return {**schema, "properties": inner}
    if kind == "array":
        inner = _bounded(schema["items"], name, items)
        return {**schema, "items": inner, "minItems": 1 if name == "subtasks" else 0, "maxItems": items.get(name, 4)}
    if kind == "string" and "enum" not in schema:
        return {**schema, "minLength": 1, "maxLength": _LENGTHS.get(name, 200)}
    if kind == ["string", "null"]:
        return {"anyOf": [{"type": "string", "maxLength": _LENGTHS.get(name, 200)}, {"type": "null"}]}
    return schema
