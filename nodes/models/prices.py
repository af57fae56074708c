"""Prices: what a model's tokens cost, and how many it can read at once. genai-prices is loaded at first use."""

from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

from nodes.budget import Price, cost_usd
from nodes.memory import MEMORY
from nodes.models.endpoints import Endpoints
from nodes.providers import provider_of

FREE_PROVIDERS = frozenset({"scripted", "local"})
# genai-prices has its own names for some of LangChain's providers.
_LISTED_AS = {
    "google_genai": "google",
    "google_vertexai": "google",
    "azure_openai": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
}
NAMES_KEPT = 8  # models that one alias has answered as; a gateway may have a name for each day
BYTES_A_TOKEN = 3  # for guessing tokens from bytes: a little less than most texts have; a 400 corrects the guess
RESERVED = 4  # a quarter of the window is kept for the answer


def price_of(spec: str, answered: str | None, endpoints: Endpoints) -> Price | None:
    """Find what a token costs, by the name in the reply first, then by the name that was asked for.

    Before a reply (answered None): at the dearest that this spec's replies have been seen to cost.
    Source: the host's own prices, then genai-prices (the dearest tier of each model). None: unknown.
    """
    price = _price(spec, answered, endpoints)
    if answered is not None or price is None:
        return price
    seen = [_price(spec, name, endpoints) for name in MEMORY.answered.get(_key(spec, endpoints), ())]
    known = [price, *(dearer for dearer in seen if dearer is not None)]
    return Price(max(price.input for price in known), max(price.output for price in known))


def remember(spec: str, answered: str, endpoints: Endpoints) -> None:
    """Keep which model answers for a spec: a gateway may send a dearer one than was asked for.

    What a reply shows holds for every call that is not sent yet.
    """
    key = _key(spec, endpoints)
    names = [name for name in MEMORY.answered.get(key, ()) if name != answered]
    while len(names) >= NAMES_KEPT:
        names.remove(min(names, key=lambda name: _dearness(_price(spec, name, endpoints))))
    MEMORY.answered[key] = (*names, answered)


def seen(spec: str, endpoints: Endpoints) -> bool:
    """Tell whether any reply has shown which model answers for a spec. Free ones need not show it."""
    return provider_of(spec)[0] in FREE_PROVIDERS or _key(spec, endpoints) in MEMORY.answered


def _key(spec: str, endpoints: Endpoints) -> tuple[Hashable, str]:
    return endpoints.environment(provider_of(spec)[0]), spec


def _dearness(price: Price | None) -> float:
    return 0.0 if price is None else price.input + price.output


def _own_price(spec: str, answered: str | None, endpoints: Endpoints) -> Price | None:
    provider, name = provider_of(spec)
    names = [f"{provider}:{answered}", answered] if answered else []
    for named in (*names, spec, name):
        if named in endpoints.prices:
            return endpoints.prices[named]
    return Price(0.0, 0.0) if provider in FREE_PROVIDERS else None


def _price(spec: str, answered: str | None, endpoints: Endpoints) -> Price | None:
    own = _own_price(spec, answered, endpoints)
    if own is not None:
        return own
    provider, name = provider_of(spec)
    return next((price for named in (answered, name) if named and (price := _listed(provider, named))), None)


@lru_cache(maxsize=256)
def _listed(provider: str, name: str) -> Price | None:
    sides, sizes = ("input_tokens", "output_tokens"), (1_000, 900_000)
    try:
        return Price(*(max(_total(provider, name, {side: size}) / size for size in sizes) for side in sides))
    except LookupError:
        return None


def _total(provider: str, name: str, tokens: dict[str, int]) -> float:
    from genai_prices import Usage, calc_price  # 0.1 s, and many runs need no price list

    usage = Usage(**tokens)
    return float(calc_price(usage, name, provider_id=_LISTED_AS.get(provider, provider)).total_price)


def exact_usd(spec: str, answered: str | None, endpoints: Endpoints, usage: Mapping[str, Any]) -> float | None:
    """Price one reply by its usage, cached input at the cache's price (None: price unknown).

    Args:
        spec: what was asked for.
        answered: the model that the reply names.
        endpoints: the host's own prices come first.
        usage: input_tokens (cached ones included), output_tokens, and as input_token_details cache_read and
            cache_creation (Anthropic's ephemeral_5m_input_tokens and ephemeral_1h_input_tokens count as the latter).
    """
    own = _own_price(spec, answered, endpoints)
    if own is not None:
        return cost_usd(own, usage["input_tokens"], usage["output_tokens"])
    tokens = {key: usage[key] for key in ("input_tokens", "output_tokens")}
    details = usage.get("input_token_details") or {}
    read = details.get("cache_read") or 0
    written = sum(
        details.get(f"{key}") or 0
        for key in ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    )
    if read + written <= tokens["input_tokens"]:  # else the parts contradict the whole, and the whole is priced
        tokens |= {"cache_read_tokens": read, "cache_write_tokens": written}
    provider, name = provider_of(spec)
    for named in (answered, name):
        if named:
            try:
                return _total(provider, named, tokens)
            except LookupError:
                continue
    return None


@lru_cache(maxsize=256)
def listed_window(provider: str, name: str) -> int | None:
    """Find a model's context window in tokens, in genai-prices' table (None: not listed)."""
    from genai_prices import Usage, calc_price

    try:
        listed = calc_price(Usage(input_tokens=1), name, provider_id=_LISTED_AS.get(provider, provider))
    except LookupError:
        return None
    return listed.model.context_window


def window_room(window: int | None, fixed: int) -> float:
    """Bytes of results that fit a window beside a prompt of `fixed` bytes (infinite: no window known)."""
    if window is None:
        return float("inf")
    return max(0.0, (window - window // RESERVED) * BYTES_A_TOKEN - fixed)
