"""Doctor: what a run needs, looked at one by one. Nothing is paid: a server is asked for its list of models alone."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graph import settings as host
from graph.assembly import assemble
from graph.cli.kept import where_runs_are
from graph.cli.output import COMPLETE, WRONG, say, write_json
from graph.local import engine_options
from graph.sanitise import one_line
from graph.store import open_store
from nodes.errors import OrchestratorError
from nodes.models import Endpoints, listed, listed_window, on_engine, price_of, settle
from nodes.providers import provider_of
from nodes.state import ROLES, Context


@dataclass(frozen=True)
class Look:
    """What came of one look.

    Attributes:
        what: was looked at.
        ok: it can be used (None: it may be; nothing says that it cannot).
        said: what was seen, or how to mend it.
    """

    what: str
    ok: bool | None
    said: str


def examine(given: Mapping[str, Any], folder: Path | None, database: str | None, *, as_json: bool) -> int:
    """Look at all that a run needs, say what was seen, and return the exit code: 0, or 2 if a run could not begin."""
    findings = [
        *_looked_at("settings and models", lambda: _models(given)),
        *_looked_at("specialists and tools", lambda: _specialists(folder)),
        *_looked_at("database of runs", lambda: _database(database)),
    ]
    if as_json:
        write_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark, style = {True: ("✓", "green"), None: ("?", "yellow"), False: ("✗", "red")}[finding.ok]
            say(f"{mark} {finding.what}: {one_line(finding.said)}", style)
    return WRONG if any(finding.ok is False for finding in findings) else COMPLETE


def _looked_at(what: str, look: Callable[[], Iterator[Look]]) -> Iterator[Look]:
    """Look at something; what it raises is a finding as well."""
    try:
        yield from look()
    except OrchestratorError as error:
        yield Look(what, ok=False, said=str(error))


def _models(given: Mapping[str, Any]) -> Iterator[Look]:
    asked = host.resolve(given)
    where = Endpoints(
        host.prices(), lambda name: engine_options(name, host.path("LOCAL_MODEL")), host.endpoint_environment
    )
    settled: Context = asyncio.run(on_engine(settle(asked, where)))
    yield Look("settings", ok=True, said="read; `orchestrate settings` lists them")
    for spec in dict.fromkeys(settled.model(role) for role in ROLES):
        roles = ", ".join(role for role in ROLES if settled.model(role) == spec)
        yield _model(spec, roles, settled, where)


def _model(spec: str, roles: str, settings: Context, where: Endpoints) -> Look:
    provider, name = provider_of(spec)
    price = price_of(spec, None, where)
    if price is None:
        cost = "price unknown (ORCHESTRATOR_PRICES; a budget in USD needs it)"
    else:
        cost = f"${price.input * 1e6:.2f} in, ${price.output * 1e6:.2f} out per million tokens"
    tokens = settings.context_window or listed_window(provider, name)
    window = f"window of {tokens:,} tokens" if tokens else "window unknown (--set context_window=…)"
    names = asyncio.run(on_engine(listed(spec, settings, where)))
    unlisted = bool(names) and name not in (names or ())
    server = "not asked" if names is None else "answers, but does not list it" if unlisted else "answers"
    ok = True if price and not unlisted else None
    return Look(f"model of {roles}", ok=ok, said=f"{spec}; {cost}; {window}; its server {server}")


def _specialists(folder: Path | None) -> Iterator[Look]:
    team = assemble(specialists_dir=folder)
    names = ", ".join(team.roster.members)
    yield Look("specialists and tools", ok=True, said=f"{names or 'none'}; tools: {', '.join(team.toolbox.tools)}")


def _database(database: str | None) -> Iterator[Look]:
    async def count() -> int:
        async with open_store(where_runs_are(database)) as store:
            return len(await store.runs())

    yield Look("database of runs", ok=True, said=f"{where_runs_are(database)} holds {asyncio.run(count())}")
