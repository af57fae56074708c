"""Auth: who may use a server, and what is theirs. langgraph.json names it; without users everybody shares everything.

Users come with an API key (ORCHESTRATOR_USERS, a file) or with a token (ORCHESTRATOR_JWT_KEY); docs/scale.md has both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

import yaml
from langgraph_sdk import Auth
from pydantic import TypeAdapter, ValidationError

from graph import settings
from nodes.errors import BadSettings
from nodes.state import Context

auth = Auth()


@dataclass(frozen=True)
class User:
    """One who may use the server."""

    name: str
    ceilings: Mapping[str, Any] = field(default_factory=dict)


@cache
def users_by_key() -> dict[str, User]:
    """Read the users, by the SHA-256 of their keys, once; `{alice: {key_sha256: …, ceilings: {budget_usd: 0.5}}}`.

    Raises:
        BadSettings: the file is not there, or not of that form.
    """
    path = settings.path("USERS")
    if path is None:
        return {}
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        users = {
            str(entry["key_sha256"]).lower(): User(str(name), _checked(entry.get("ceilings") or {}))
            for name, entry in table.items()
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, BadSettings) as error:
        form = "alice: {key_sha256: …, ceilings: {budget_usd: 0.5}}"
        raise BadSettings(f"ORCHESTRATOR_USERS={path}: expected {form}; {type(error).__name__}: {error}") from None
    if any(len(key) != 64 for key in users):  # noqa: PLR2004 - hex digits of a SHA-256
        raise BadSettings(f"ORCHESTRATOR_USERS={path}: key_sha256 is the SHA-256 of a key, in 64 hex digits")
    return users


def is_on() -> bool:
    """Tell whether anybody has to say who they are."""
    return bool(settings.said("USERS") or settings.said("JWT_KEY"))


@auth.authenticate
async def authenticate(headers: Mapping[Any, Any]) -> Auth.types.MinimalUserDict:
    """Say who asks, by the key in `x-api-key` or the token in `authorization: Bearer …`."""
    if not is_on():
        return {"identity": "anonymous", "is_authenticated": True}
    given = {_text(name).lower(): _text(value) for name, value in headers.items()}
    bearer = given.get("authorization", "").removeprefix("Bearer ").strip()
    for key in filter(None, (given.get("x-api-key", "").strip(), bearer)):
        user = users_by_key().get(sha256(key.encode()).hexdigest()) or _of_token(key)
        if user is not None:
            return {"identity": user.name, "is_authenticated": True, "ceilings": dict(user.ceilings)}  # type: ignore[typeddict-unknown-key]
    raise Auth.exceptions.HTTPException(status_code=401, detail="no key or token that is known here")


@auth.on
async def only_ones_own(ctx: Auth.types.AuthContext, value: dict[str, Any]) -> Any:
    """Let users see and change their own threads and runs, read the assistants, and do nothing else."""
    if not is_on():
        return True
    if ctx.resource == "assistants":
        return ctx.action in ("read", "search")
    if ctx.resource != "threads":  # the store and crons: nothing here uses them
        return False
    if _writes_state(ctx.action, value):
        told = "a thread's state is not written by hand where there are users: begin a run, or resume one"
        raise Auth.exceptions.HTTPException(status_code=403, detail=told)
    owner = {"owner": ctx.user.identity}
    if value.get("metadata") is None:
        value["metadata"] = {}
    value["metadata"].update(owner)  # in place: the server has a hold of it
    return owner


def _writes_state(action: str, value: Mapping[str, Any]) -> bool:
    """Tell whether somebody writes a state, which no ceiling would outlast: what a subtask may spend is part of it."""
    if action == "update":  # of a write LangGraph's own server says nothing but the thread
        return value.get("values") is not None or {*value} <= {"thread_id"}
    said = [value, value.get("kwargs"), value.get("command"), value.get("params")]  # as this and that server has it
    said += [given.get("command") for given in said if isinstance(given, Mapping)]
    return any(given.get(name) for given in said if isinstance(given, Mapping) for name in ("update", "goto"))


def _checked(ceilings: object) -> dict[str, Any]:
    """Check the ceilings of a user: {"budget_usd": 0.5, …}.

    Raises:
        BadSettings: one is of no setting that can be capped, or no value of it.
    """
    if not isinstance(ceilings, Mapping) or not {*ceilings} <= {*settings.CAPPED}:
        raise BadSettings(f"ceilings: expected some of {', '.join(settings.CAPPED)}; got {ceilings!r}"[:500])
    try:
        fields: Any = Context.model_fields
        return {name: TypeAdapter(fields[name].annotation).validate_python(value) for name, value in ceilings.items()}
    except ValidationError as error:
        raise BadSettings(f"ceilings: {ceilings!r}: {error.errors()[0]['msg']}"[:500]) from None


def _of_token(token: str) -> User | None:
    """Read a token (None: it is no good); its claim `orchestrator_ceilings` caps its user's runs."""
    key, audience, issuer = (settings.said("JWT_KEY"), settings.said("JWT_AUDIENCE"), settings.said("JWT_ISSUER"))
    if not key:
        return None
    try:
        import jwt
    except ImportError as error:
        raise BadSettings(
            f"ORCHESTRATOR_JWT_KEY needs the extra 'jwt': pip install 'orchestrator-workers[jwt]' ({error})"
        ) from None
    asymmetric = key.startswith("-----BEGIN")
    required = ["sub", "exp", *(["aud"] if audience else []), *(["iss"] if issuer else [])]
    try:
        claims = jwt.decode(
            token,
            key.replace("\\n", "\n"),
            algorithms=["RS256", "ES256", "EdDSA"] if asymmetric else ["HS256"],
            audience=audience,
            issuer=issuer,
            options={"require": required},
        )
        return User(str(claims["sub"]), _checked(claims.get("orchestrator_ceilings") or {}))
    except (jwt.PyJWTError, BadSettings):
        return None


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


if is_on():  # what is wrong is told at the start, not to the first user
    users_by_key()
    _of_token("")
