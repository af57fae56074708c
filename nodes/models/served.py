"""Served: which models a server has, and which of them a run takes."""

from collections.abc import Mapping

from langchain_openai import ChatOpenAI

from nodes.errors import NoModel
from nodes.models.diagnosis import fault_of
from nodes.models.endpoints import Endpoints
from nodes.models.loop import on_engine
from nodes.models.providers import Model, open_model
from nodes.providers import PROVIDERS, provider_of
from nodes.state import ROLES, Context, Role


async def settle(settings: Context, endpoints: Endpoints) -> Context:
    """Name every role's model for good and make sure that each is there, before anything is spent.

    "openai:auto" becomes the model that the server at OPENAI_BASE_URL serves. Names are looked up in the server's own
    list where it keeps one that can be trusted: one that holds the planner's model.

    Raises:
        NoModel: a model cannot be set up, or its server does not have it.
    """
    specs = {role: settings.model(role) for role in ROLES}
    if len({*specs.values()}) == 1 and not specs["planner"].endswith(":auto"):
        return settings  # the planner's own call is the check, and costs no more
    return await on_engine(_settled(settings, specs, endpoints))


async def _settled(settings: Context, specs: Mapping[Role, str], endpoints: Endpoints) -> Context:
    opened = {spec: await open_model(spec, settings, "planner", endpoints, None) for spec in set(specs.values())}
    served: dict[str, list[str]] = {}
    for model in opened.values():
        if isinstance(model.chat, ChatOpenAI) and model.endpoint not in served:
            served[model.endpoint] = await _served(model)
    named: dict[str, str] = {}
    for role in ROLES:
        model = opened[specs[role]]
        names = served.get(model.endpoint, [])
        named[f"{role}_model"] = _named(specs[role], role, names)
        _check_listed(named[f"{role}_model"], provider_of(named["planner_model"])[1], names)
    return settings.model_copy(update=named)


async def listed(spec: str, settings: Context, endpoints: Endpoints) -> list[str] | None:
    """Ask a model's server which it has; that costs nothing ([]: it keeps no list; None: this provider's is not asked).

    Raises:
        NoModel: the model cannot be set up, or its server does not answer or take the key.
    """
    model = await open_model(spec, settings, "planner", endpoints, None)
    return await _served(model) if isinstance(model.chat, ChatOpenAI) else None


async def _served(model: Model) -> list[str]:
    """List the models of an OpenAI-compatible server ([]: it keeps no list)."""
    assert isinstance(model.chat, ChatOpenAI)  # noqa: S101 - for mypy; settle() asks of no other
    try:
        listed = await model.chat.root_async_client.with_options(timeout=10).models.list()
        return [name for card in listed.data or [] if isinstance(name := getattr(card, "id", None), str)]
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        if fault.kind in ("auth", "connection", "timeout"):
            raise NoModel(fault.explained(model.spec)) from None
        return []


def _named(spec: str, role: Role, names: list[str]) -> str:
    if spec != "openai:auto":
        return spec
    default = PROVIDERS["openai"].defaults("openai")[role]
    if not names or provider_of(default)[1] in names:
        return default
    if len(names) == 1:
        return f"openai:{names[0]}"
    listed = ", ".join(sorted(names)[:20])
    raise NoModel(f"The server has several models; name one in ORCHESTRATOR_MODEL as openai:NAME. It has: {listed}")


def _check_listed(spec: str, trusted: str, names: list[str]) -> None:
    provider, name = provider_of(spec)
    if provider == "openai" and trusted in names and name not in names:
        listed = ", ".join(sorted(names)[:20])
        raise NoModel(f"model {spec!r}: the server does not have it. It has: {listed}")
