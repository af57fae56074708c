"""Faults: what a provider's failure means, whether trying again helps, and how to mend it."""

from dataclasses import dataclass
from typing import Literal

from nodes.providers import known_provider

Kind = Literal[
    "rate_limit",
    "quota",
    "timeout",
    "connection",
    "server",
    "auth",
    "not_found",
    "redirect",
    "no_tools",
    "bad_request",
    "context_length",
    "envelope",
    "package",
    "ended",
    "gate",
]

RETRIED: frozenset[Kind] = frozenset({"rate_limit", "timeout", "connection", "server"})

_MEND: dict[Kind, str] = {
    "rate_limit": "The endpoint allows fewer calls at a time; lower max_parallel or raise the limit there.",
    "quota": "The account has no money or quota left; top it up, or use another key or model.",
    "timeout": "Raise call_timeout_s, or use a faster model.",
    "connection": "Is the server running, and is {address} right?",
    "server": "The endpoint itself is in trouble; try again later.",
    "auth": "Check the key ({key}) and that it may use this model.",
    "not_found": "Check the model's name and, for a server of your own, {address}{v1}.",
    "redirect": "Calls are not sent on to another place; set {address} to where the endpoint really is.",
    "no_tools": "Use a model that takes tools.",
    "bad_request": "The endpoint refuses this call; what it says above tells why.",
    "context_length": "Set context_window, use a model with a larger window, or shorten the request.",
    "envelope": "This does not look like {kind}; check {address}.",
    "package": "LangChain's package for this provider failed; update it, or use another provider.",
    "ended": "",
    "gate": "",
}


class BadEnvelope(Exception):
    """An answer with status 200 that is no chat completion: a web page, broken JSON, no choices."""

    def __init__(self, what: str, text: str = "") -> None:
        super().__init__(what)
        self.text = text


@dataclass(frozen=True)
class Fault:
    """What went wrong at an endpoint."""

    kind: Kind
    message: str
    text: str = ""  # what the endpoint sent, for a bad envelope
    retry_after: float | None = None  # seconds

    @property
    def retry(self) -> bool:
        """True when the same call may well succeed a little later."""
        return self.kind in RETRIED

    def explained(self, spec: str) -> str:
        """Say what happened, where, and how to mend it, with the names of that provider's own variables."""
        name = spec.partition(":")[0]
        provider = known_provider(name)
        mend = _MEND[self.kind].format(
            key=" or ".join(provider.keys) or "none is needed as a rule",
            address=provider.addresses[0] if provider.addresses else "its base URL",
            v1=" (it ends in /v1 as a rule)" if name == "openai" else "",
            kind="an OpenAI-compatible endpoint" if name == "openai" else f"the API of {name}",
        )
        return f"{spec}: {self.message} {mend}" if mend else self.message
