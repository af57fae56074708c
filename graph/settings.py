"""Settings: from the environment to what a run is told. The only reader of os.environ. What few commands need is imported late."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from dotenv import load_dotenv
from pydantic import NonNegativeFloat, TypeAdapter, ValidationError

from nodes.budget import Price
from nodes.context import ROLES, Context, like, like_setting
from nodes.errors import BadSettings, NoModel
from nodes.providers import VARIABLES, WAYS, default_models, provider_of, variables_of

if TYPE_CHECKING:
    from nodes.specialists import SearchEngine

PREFIX = "ORCHESTRATOR_"
CEILING = f"{PREFIX}CEILING_"
# What the host alone sets: paths, addresses, prices, who may use it, and the model for all roles.
HostSetting = Literal[
    "MODEL", "PRICES", "SPECIALISTS_DIR", "LOCAL_MODEL", "DB", "MCP_CONFIG", "SEARXNG_URL", "REDIS_URL", "DAILY_USD",
    "USERS", "JWT_KEY", "JWT_AUDIENCE", "JWT_ISSUER", "PAGE_PASSWORD",
]  # fmt: skip
HOST_SETTINGS: tuple[HostSetting, ...] = get_args(HostSetting)
# What a deployment may cap. A caller's context may ask for less, never for more.
CAPPED = (
    "max_subtasks", "max_rounds", "max_plan_attempts", "max_parallel", "call_timeout_s", "worker_timeout_s",
    "planner_max_output_tokens", "worker_max_output_tokens", "synthesiser_max_output_tokens",
    "budget_usd", "budget_tokens", "context_window",
)  # fmt: skip


def read_env_file(path: Path = Path(".env")) -> None:
    """Add what a .env file sets to the environment; what is set already wins."""
    load_dotenv(path, override=False)
    for name in VARIABLES:
        if os.environ.get(name, "set").strip() == "":  # as .env.example has them: not filled in is not set
            del os.environ[name]


def resolve(
    given: Context | Mapping[str, Any] | None,
    environment: Mapping[str, str] | None = None,
    configurable: Mapping[str, Any] | None = None,
) -> Context:
    """Settle the settings of a run: default < environment < explicit, under the deployment's and the user's ceilings.

    Args:
        given: what the caller set (None: nothing).
        environment: os.environ unless given.
        configurable: the run's, where a server says who asks.

    Raises:
        BadSettings: a setting, in the environment or given, is unknown or out of range.
        NoModel: no model is named anywhere and there is no key.
    """
    environment = os.environ if environment is None else environment
    context = given if isinstance(given, Context) else Context(**(given or {}))
    explicit = {name: getattr(context, name) for name in context.model_fields_set}
    # A client's form sends every field; an empty one is not a choice.
    explicit = {name: value for name, value in explicit.items() if value not in (None, "")}
    merged = {**_from_environment(environment), **explicit}
    _check_names(environment)
    capped = _under_ceilings({**merged, **_models(merged, environment)}, environment)
    settings = Context(**_under_ceilings(capped, _ceilings_of(configurable or {})))
    for role in ROLES:
        provider_of(settings.model(role))
    return settings


def still_under_ceilings(settled: Mapping[str, Any], configurable: Mapping[str, Any]) -> dict[str, Any]:
    """Cap settings that are kept in a run's state, which a server lets its user rewrite; name a model that nobody had."""
    named = {name: value for name, value in settled.items() if value != "openai:auto"}
    if len(named) < len(settled):
        named = {**settled, **_models({**_from_environment(os.environ), **named}, os.environ)}
    return _under_ceilings(_under_ceilings(named, os.environ), _ceilings_of(configurable))


def _ceilings_of(configurable: Mapping[str, Any]) -> dict[str, str]:
    """Read what graph/auth.py has said of the user, in the form of a deployment's ceilings."""
    user = configurable.get("langgraph_auth_user")
    given = user.get("ceilings") if isinstance(user, Mapping) else getattr(user, "ceilings", None)
    return {CEILING + name.upper(): str(value) for name, value in (given or {}).items()}


def amended(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Change settled settings by what is given now, under the deployment's ceilings.

    Raises:
        BadSettings: a setting is unknown or out of range.
    """
    explicit = Context(**with_model(given)).model_dump(exclude_unset=True)
    explicit = {name: value for name, value in explicit.items() if value not in (None, "")}
    settings = Context(**_under_ceilings({**before, **explicit}, os.environ))
    for role in ROLES:
        provider_of(settings.model(role))
    return settings.model_dump()


def with_model(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Read `model=` as the three roles' model, where a role has none of its own."""
    given = dict(settings)
    model = given.pop("model", None)
    return {**({f"{role}_model": model for role in ROLES} if model else {}), **given}


def check_configurable(configurable: Mapping[str, Any], context: Context | None) -> None:
    """Refuse settings in the wrong place, where they would do nothing, and what looks like a misspelt one.

    A server drops what its context's schema does not know, but leaves it here.

    Raises:
        BadSettings: there is one in config["configurable"].
    """
    given = context.model_fields_set if isinstance(context, Context) else set(context or ())
    for name in configurable:
        if name in given or name.startswith("__"):
            continue
        meant = like_setting(name)
        if meant == name:
            raise BadSettings(
                f"the setting {name!r} is given in configurable, where nothing reads it: give it as context"
            )
        if meant:
            raise BadSettings(f"unknown setting {name!r} in configurable; did you mean {meant!r}, given as context?")


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, field in Context.model_fields.items():
        text = environment.get(PREFIX + name.upper(), "").strip()
        if text:
            values[name] = _parsed(PREFIX + name.upper(), text, field.annotation)
    return values


def _parsed(variable: str, text: str, kind: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise BadSettings(f"{variable}={text!r}: {error.errors()[0]['msg']}") from None


def _check_names(environment: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Context.model_fields} | {PREFIX + name for name in HOST_SETTINGS}
    known |= {CEILING + name.upper() for name in CAPPED}
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known:
            meant = like(variable, known)
            hint = f"did you mean {meant}? " if meant else ""
            raise BadSettings(
                f"unknown setting in the environment: {variable}; {hint}known: {', '.join(sorted(known))}"
            )


def _models(merged: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    common = environment.get(f"{PREFIX}MODEL", "").strip()
    own_server = environment.get("OPENAI_BASE_URL") or environment.get("OPENAI_API_BASE")
    named = {role: merged.get(f"{role}_model") or common for role in ROLES}
    one_for_all = "openai:auto" if own_server else next(filter(None, named.values()), "")
    defaults = {} if own_server else default_models(environment) or {}
    settled = {f"{role}_model": named[role] or defaults.get(role) or one_for_all for role in ROLES}
    if not all(settled.values()):
        raise NoModel(f"No model is set up. {WAYS}")
    return settled


def _under_ceilings(values: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    capped = dict(values)
    for name in CAPPED if environment else ():
        text = environment.get(CEILING + name.upper(), "").strip()
        if not text:
            continue
        field = Context.model_fields[name]
        ceiling, value = _parsed(CEILING + name.upper(), text, field.annotation), capped.get(name, field.default)
        if name == "context_window" and value is None:
            value = _least_window(capped)
            if value is not None and value <= ceiling:
                continue
        capped[name] = ceiling if value is None else min(value, ceiling)
    return capped


def _least_window(values: Mapping[str, Any]) -> int | None:
    """The smallest window that is known of the models, in tokens: a ceiling caps it, and claims no more for any of them."""
    from nodes.models import listed_window

    windows = [listed_window(*provider_of(values[f"{role}_model"])) for role in ROLES if values.get(f"{role}_model")]
    return min((window for window in windows if window is not None), default=None)


def prices() -> dict[str, Price]:
    """Read ORCHESTRATOR_PRICES: {"model": {"input": USD, "output": USD}} per million tokens.

    Raises:
        BadSettings: it is not such a JSON object.
    """
    try:
        return prices_from(json.loads(said("PRICES") or "{}"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadSettings(f"{PREFIX}PRICES is not valid JSON: {error}") from None


def prices_from(given: Any) -> dict[str, Price]:
    """Turn {"model": {"input": USD per million tokens, "output": …}} into prices for one token.

    Raises:
        BadSettings: it has another shape, or a price below zero.
    """
    try:
        table = TypeAdapter(dict[str, dict[str, float]]).validate_python(given)
        prices = {name: Price(entry["input"] / 1e6, entry["output"] / 1e6) for name, entry in table.items()}
        if not all(0 <= rate < math.inf for price in prices.values() for rate in (price.input, price.output)):
            raise BadSettings(f"{PREFIX}PRICES: a price is below zero or no number")
    except (ValidationError, KeyError):
        form = '{"openai:my-model": {"input": 0.5, "output": 1.5}} in USD per million tokens'
        raise BadSettings(f"{PREFIX}PRICES: expected {form}, got {str(given)[:200]}") from None
    return prices


def use_endpoint(base_url: str) -> None:
    """Send this process's OpenAI calls to a server that a person has just agreed to."""
    os.environ["OPENAI_BASE_URL"] = base_url


def endpoint_environment(provider: str) -> tuple[int, ...]:
    """Tell one state of a provider's keys and addresses from another, without holding what they say."""
    return tuple(hash(os.environ.get(name)) for name in variables_of(provider))


def said(name: HostSetting) -> str | None:
    """Read what the host has set in ORCHESTRATOR_<NAME> (None: not set)."""
    return os.environ.get(PREFIX + name, "").strip() or None


def path(name: HostSetting) -> Path | None:
    """Read the path in ORCHESTRATOR_<NAME> (None: not set)."""
    text = said(name)
    return Path(text).expanduser() if text else None


def daily_usd() -> float | None:
    """Read ORCHESTRATOR_DAILY_USD, what all runs of the host may cost in a day (None: not set)."""
    text = said("DAILY_USD")
    if text and not said("REDIS_URL"):
        raise BadSettings(f"{PREFIX}DAILY_USD needs {PREFIX}REDIS_URL, where all processes keep what they have spent")
    return _parsed(f"{PREFIX}DAILY_USD", text, NonNegativeFloat) if text else None


def search_engine() -> "SearchEngine | None":
    """Read where the web is searched: ORCHESTRATOR_SEARXNG_URL, else TAVILY_API_KEY (None: neither is set)."""
    from nodes.specialists import TAVILY, SearchEngine

    url, key = said("SEARXNG_URL"), os.environ.get("TAVILY_API_KEY", "").strip()
    return SearchEngine(url) if url else SearchEngine(TAVILY, key) if key else None


def orchestrator_variables() -> list[str]:
    """List the variables of ours that are set."""
    return [name for name in os.environ if name.startswith(PREFIX)]


def variable(name: str) -> str | None:
    """Look up a variable that a file of the host's names, a server's key, or one of LangSmith's own (None: not set)."""
    return os.environ.get(name)
