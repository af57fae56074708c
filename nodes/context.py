"""Context: the settings of a run, which a caller may give. Imports nothing heavy: the command line reads it at once."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nodes.errors import BadSettings

Role = Literal["planner", "worker", "synthesiser"]
ROLES: tuple[Role, ...] = ("planner", "worker", "synthesiser")

FOREIGN = ("thread_id", "copilotkit")  # what AG-UI's and CopilotKit's adapters hand on beside the settings

_model = (
    "A model as provider:name, such as openai:gpt-5.5, anthropic:claude-opus-4-5, local:small or scripted:street-party."
)


def _with_nodes(schema: dict[str, Any]) -> None:
    """Say of each role's settings which steps they are for: Studio shows them there."""
    for name, setting in schema["properties"].items():
        if (role := name.split("_")[0]) in ROLES:
            setting["langgraph_nodes"] = ["planner", "sequel"] if role == "planner" else [role]


class Context(BaseModel):
    """The settings of a run. Each also from the environment as ORCHESTRATOR_<NAME>; one given here wins."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False, json_schema_extra=_with_nodes
    )

    planner_model: str | None = Field(None, description=f"Who plans. {_model} Unset: chosen by the keys at hand.")
    worker_model: str | None = Field(None, description=f"Who does the subtasks. {_model}")
    synthesiser_model: str | None = Field(None, description=f"Who writes the answer. {_model}")
    max_subtasks: int = Field(5, ge=1, le=1000, description="The most subtasks in one round.")
    max_rounds: int = Field(2, ge=1, le=10, description="The most rounds; 1 means no follow-up subtasks.")
    max_plan_attempts: int = Field(2, ge=1, le=5, description="How often the planner may be asked for one plan.")
    max_parallel: int = Field(8, ge=1, le=512, description="Model calls at once against one endpoint.")
    call_timeout_s: float = Field(120, gt=0, le=3600, description="Seconds for one call, its retries included.")
    worker_timeout_s: float = Field(300, gt=0, le=86400, description="Seconds for one worker, without waiting.")
    planner_max_output_tokens: int | None = Field(
        None, ge=16, le=10**9, description="Cap on the plan. Unset: not sent."
    )
    worker_max_output_tokens: int | None = Field(
        None, ge=16, le=10**9, description="Cap on each result. Unset: not sent."
    )
    synthesiser_max_output_tokens: int | None = Field(
        None, ge=16, le=10**9, description="Cap on the answer. Unset: not sent."
    )
    planner_temperature: float | None = Field(None, ge=0, le=2, description="Unset: not sent; some models refuse it.")
    worker_temperature: float | None = Field(None, ge=0, le=2, description="Unset: not sent.")
    synthesiser_temperature: float | None = Field(None, ge=0, le=2, description="Unset: not sent.")
    budget_usd: float | None = Field(None, gt=0, le=1e9, description="A ceiling in US dollars for the whole run.")
    budget_tokens: int | None = Field(
        None, gt=0, le=10**15, description="A ceiling in tokens, in and out, for the whole run."
    )
    approve_plan: bool = Field(default=False, description="Show the plan and wait for a person before any work.")
    improvise: bool = Field(default=True, description="Let the planner name specialists that are not registered.")
    structured_output: Literal["auto", "json_schema", "text"] = Field(
        "auto", description="How plans and answers are asked for: by JSON schema, in text, or whichever works."
    )
    context_window: int | None = Field(None, ge=1024, le=10**9, description="Tokens. Unset: by the model's name.")

    def __init__(self, **values: Any) -> None:
        """Check the settings.

        Raises:
            BadSettings: names every setting that is wrong, and what would be right.
        """
        for name in FOREIGN:
            values.pop(name, None)
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise BadSettings("; ".join(_fault(fault) for fault in error.errors())) from None

    @classmethod
    def of(cls, settled: Mapping[str, Any]) -> "Context":
        """Return settings as a state has them; each step asks, and checking them takes 0.1 ms.

        Raises:
            BadSettings: whoever may write the state has put something else there.
        """
        try:
            return _settled(tuple(settled.items()))
        except TypeError:  # a value that is no setting: it has no hash
            return cls(**settled)

    def model(self, role: Role) -> str:
        """The model of a role, as provider:name ("" while undecided)."""
        return getattr(self, f"{role}_model") or ""

    def max_output_tokens(self, role: Role) -> int | None:
        """The cap on one reply of a role, in tokens (None: not sent)."""
        cap: int | None = getattr(self, f"{role}_max_output_tokens")
        return cap

    def temperature(self, role: Role) -> float | None:
        """The temperature of a role (None: not sent)."""
        value: float | None = getattr(self, f"{role}_temperature")
        return value


@lru_cache(maxsize=64)
def _settled(settings: tuple[tuple[str, Any], ...]) -> Context:
    return Context(**dict(settings))


def _fault(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        meant = like_setting(name)
        hint = f"did you mean {meant!r}? " if meant else ""
        return f"unknown setting {name!r}; {hint}known: {', '.join(sorted(Context.model_fields))}"
    return f"setting {name!r}: {error['msg']} (got {error['input']!r})"


def like(name: str, known: Iterable[str]) -> str | None:
    """Find what a misspelt name means (None: nothing like it)."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.8)), None)


@lru_cache(maxsize=256)  # asked of every name in a run's configurable, at every run
def like_setting(name: str) -> str | None:
    """Find which setting a misspelt name means (None: nothing like it)."""
    return like(name, Context.model_fields)
