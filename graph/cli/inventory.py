"""Inventory: what there is to choose from: settings, specialists, embedded models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graph import local
from graph import settings as host
from graph.assembly import assemble
from graph.cli.output import say, write_list
from graph.cli.progress import Download
from graph.sanitise import one_line
from nodes.errors import NoModel
from nodes.state import ROLES, Context

_MODEL = "local:{name:<8} {state:<8} {size:>8}  {licence}  {source}  {path}"


def list_settings(given: Mapping[str, Any], *, as_json: bool) -> None:
    """List every setting: its value, where that is from, and what it means.

    Raises:
        BadSettings: one of them is wrong.
    """
    fields, missing = Context.model_fields, None
    try:
        resolved = host.resolve(given)
    except NoModel as error:  # all the others can be told without one
        missing = error
        resolved = host.resolve({**dict.fromkeys((f"{role}_model" for role in ROLES), "openai:auto"), **given})
    rows = []
    for name, field in fields.items():
        unset = missing is not None and name.endswith("_model") and name not in given
        value = None if unset else getattr(resolved, name)
        source = _source(name, value, given, field.default)
        rows.append({"name": name, "value": value, "from": source, "meaning": field.description})

    def form(row: Mapping[str, Any]) -> str:
        value = "unset" if row["value"] is None else one_line(row["value"])
        return f"{row['name']:<29} {value:<24} {row['from']:<12}  {row['meaning']}"

    write_list(rows, form, as_json=as_json)
    if missing is not None and not as_json:
        say(str(missing), "yellow")


def _source(name: str, value: Any, given: Mapping[str, Any], default: Any) -> str:
    """Say where a setting is from."""
    if name in given and str(value) == str(given[name]):
        return "given"
    own = host.variable(f"{host.PREFIX}{name.upper()}")
    common = host.variable(f"{host.PREFIX}MODEL") if name.endswith("_model") else None
    if value == default:
        return "default"
    return "environment" if own or common else "ceiling" if host.variable(f"{host.CEILING}{name.upper()}") else "keys"


def list_specialists(folder: Path | None, *, as_json: bool) -> None:
    """List who can be named in a plan.

    Raises:
        OrchestratorError: a file of theirs, or a tool that they name, is no good.
    """
    members = assemble(specialists_dir=folder).roster.members.values()
    rows = [
        {
            "name": member.name,
            "description": member.description,
            "from": "built in" if member.built_in else member.where,
            "tools": list(member.tools),
            "model": member.model or None,
        }
        for member in members
    ]

    def form(row: Mapping[str, Any]) -> str:
        tools = f" [{', '.join(row['tools'])}]" if row["tools"] else ""
        return f"{one_line(row['name']):<24} {one_line(row['from'])}{tools}  {one_line(row['description'])}"

    write_list(rows, form, as_json=as_json)
    if not as_json:
        say("A plan may also name experts of its own, played by a general worker (--set improvise=false: no other).")


def embedded_models(action: str, name: str, *, as_json: bool) -> None:
    """List, fetch or remove embedded models.

    Raises:
        WeightsError: there is none of that name, or it cannot be had or removed.
    """
    if action == "fetch":
        with Download() as download:
            path = local.fetch(local.lookup(name), progress=download.show)
        say(f"local:{name} is here: {path}")
    elif action == "remove":
        say(f"local:{name} removed; {local.remove(local.lookup(name)) / 1e9:.2f} GB freed")
    else:
        rows = [weights.described() for weights in local.CATALOGUE.values()]
        write_list(rows, _MODEL.format_map, as_json=as_json)
