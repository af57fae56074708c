"""Prices: what a model's tokens cost, and how many it can read at once."""

from functools import lru_cache
from typing import Any

from genai_prices import Usage, calc_price

from nodes.budget import Price, cost_usd
from nodes.models.endpoints import Endpoints, provider_of

FREE_PROVIDERS = frozenset({"scripted", "local"})
# genai-prices has its own names for some of LangChain's providers.
_PRICED_AS = {"google_genai": "google", "google_vertexai": "google", "azure_openai": "azure", "bedrock": "aws"}
BYTES_A_TOKEN = 3  # for guessing tokens from bytes: a little less than most texts have; a 400 corrects the guess
RESERVED = 4  # a quarter of the window is kept for the answer


def price_of(spec: str, told: str | None, endpoints: Endpoints) -> Price | None:
    """Find what a token costs, by the name in the reply first, then by the name that was asked for.

    Source: the host's own prices, then genai-prices (the dearest tier of each model). None: unknown.
    """
    provider, name = provider_of(spec)
    if told is None and (answered := _answered.get(spec)):  # by what came the last time, if that was dearer
        asked, came = _price(provider, name, None, endpoints), _price(provider, name, answered, endpoints)
        if asked is not None and came is not None:
            return Price(max(asked.input, came.input), max(asked.output, came.output))
    return _price(provider, name, told, endpoints)


_answered: dict[str, str] = {}  # spec → the model that its replies named last


def remember(spec: str, told: str) -> None:
    """Keep which model answers for a spec: a gateway may send a dearer one than was asked for."""
    _answered[spec] = told


def _price(provider: str, name: str, told: str | None, endpoints: Endpoints) -> Price | None:
    spec = f"{provider}:{name}"
    names = [one for one in (told, name) if one]
    for one in (f"{provider}:{told}" if told else "", told or "", spec, name):
        if one in endpoints.prices:
            return endpoints.prices[one]
    if provider in FREE_PROVIDERS:
        return Price(0.0, 0.0)
    return next((price for one in names if (price := _listed(provider, one))), None)


@lru_cache(maxsize=256)
def _listed(provider: str, name: str) -> Price | None:
    try:
        return Price(*(max(_unit(provider, name, side, size) for size in (1_000, 900_000)) for side in ("in", "out")))
    except LookupError:
        return None


def _unit(provider: str, name: str, side: str, size: int) -> float:
    usage = Usage(input_tokens=size, output_tokens=0) if side == "in" else Usage(input_tokens=0, output_tokens=size)
    return float(calc_price(usage, name, provider_id=_PRICED_AS.get(provider, provider)).total_price) / size


def exact_usd(spec: str, told: str | None, endpoints: Endpoints, usage: dict[str, Any]) -> float | None:
    """Price one reply by its usage, cached input included (None: price unknown).

    Args:
        spec: what was asked for.
        told: the model that the reply names.
        endpoints: the host's own prices come first.
        usage: input_tokens, output_tokens, and cached input as input_token_details.cache_read.
    """
    provider, name = provider_of(spec)
    names = [f"{provider}:{told}", told or "", spec, name]
    own = next((endpoints.prices[one] for one in names if one in endpoints.prices), None)
    if own is not None or provider in FREE_PROVIDERS:
        price = own or Price(0.0, 0.0)
        return cost_usd(price, usage["input_tokens"], usage["output_tokens"])
    cached = (usage.get("input_token_details") or {}).get("cache_read") or 0
    counted = Usage(input_tokens=usage["input_tokens"], cache_read_tokens=cached, output_tokens=usage["output_tokens"])
    for one in (told, name):
        if one:
            try:
                listed = calc_price(counted, one, provider_id=_PRICED_AS.get(provider, provider))
            except LookupError:
                continue
            return float(listed.total_price)
    return None


@lru_cache(maxsize=256)
def listed_window(provider: str, name: str) -> int | None:
    """Find a model's context window in tokens, in genai-prices' table (None: not listed)."""
    try:
        return calc_price(Usage(input_tokens=1, output_tokens=0), name, provider_id=provider).model.context_window
    except LookupError:
        return None


def window_room(window: int | None, fixed: int) -> float:
    """Bytes of results that fit a window beside a prompt of `fixed` bytes (infinite: no window known)."""
    if window is None:
        return float("inf")
    return max(0.0, (window - window // RESERVED) * BYTES_A_TOKEN - fixed)
