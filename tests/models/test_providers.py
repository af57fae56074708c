"""Providers: which models are taken, by whichever key is at hand, and what is told where one cannot be had."""

import asyncio
import importlib.util
import subprocess
import sys
from typing import Any

import pytest
from langchain_openai import ChatOpenAI

from graph import NoModel, settings
from nodes.budget import Price
from nodes.errors import install_command
from nodes.models.endpoints import Endpoints
from nodes.models.prices import exact_usd, price_of, remember, seen
from nodes.models.providers import open_model
from nodes.providers import PROVIDERS
from nodes.state import Context

KEYS = {
    "OPENAI_API_KEY": "openai:gpt-5.5",
    "ANTHROPIC_API_KEY": "anthropic:claude-opus-5-5",
    "GOOGLE_API_KEY": "google_genai:gemini-4-argon",
    "GEMINI_API_KEY": "google_genai:gemini-4-argon",
}


@pytest.mark.parametrize("key", KEYS)
def test_whichever_key_is_at_hand(key: str) -> None:
    """With no model named, the provider whose key is set gives all three."""
    resolved = settings.resolve(None, {key: "a-key"})
    provider = KEYS[key].partition(":")[0]

    assert resolved.planner_model == resolved.synthesiser_model == KEYS[key]
    assert resolved.worker_model == f"{provider}:{PROVIDERS[provider].worker}"


def test_no_key_at_all() -> None:
    """Without any key the ways are told, each provider's variable by its name."""
    with pytest.raises(NoModel, match="OPENAI_API_KEY, ANTHROPIC_API_KEY or GOOGLE_API_KEY"):
        settings.resolve(None, {"ANTHROPIC_API_KEY": "  "})


def test_every_default_has_a_price() -> None:
    """A money budget can be used with the models that are taken by default."""
    endpoints = Endpoints()
    specs = [spec for name, known in PROVIDERS.items() if known.planner for spec in known.defaults(name).values()]

    assert [spec for spec in specs if price_of(spec, None, endpoints) is None] == []


def opened(spec: str) -> Any:
    return asyncio.run(open_model(spec, Context(), "worker", Endpoints(), None))


def test_a_missing_package() -> None:
    """A provider whose package is not installed is told with the command that works here."""
    with pytest.raises(NoModel, match="langchain-groq") as caught:
        opened("groq:llama")

    assert str(caught.value).endswith(install_command("langchain-groq"))


def test_an_unknown_provider() -> None:
    """A provider that LangChain does not know is told with the ways."""
    with pytest.raises(NoModel, match="LangChain knows no provider 'nobody'"):
        opened("nobody:model")


@pytest.mark.parametrize(("pip", "begins"), [(None, "uv pip install --python "), (object(), sys.executable)])
def test_the_command_that_works_here(monkeypatch: pytest.MonkeyPatch, pip: object, begins: str) -> None:
    """An environment without pip, as uv makes them, is told of uv."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: pip)

    assert install_command("orchestrator-workers[anthropic]").startswith(begins)
    assert install_command("orchestrator-workers[anthropic]").endswith(" 'orchestrator-workers[anthropic]'")


def test_what_a_reply_showed_holds_for_the_next_calls() -> None:
    """A dearer model that answered once is what the next calls are reserved at, at that endpoint alone."""
    here, there = Endpoints(environment=lambda _: "here"), Endpoints(environment=lambda _: "there")
    asked, dear = price_of("openai:gpt-4o-mini", None, here), price_of("openai:gpt-4o", None, here)
    assert asked is not None
    assert dear is not None
    before = seen("openai:gpt-4o-mini", here)
    remember("openai:gpt-4o-mini", "gpt-4o", here)
    remember("openai:gpt-4o-mini", "gpt-4o-mini", here)

    assert (before, seen("openai:gpt-4o-mini", here), seen("openai:gpt-4o-mini", there)) == (False, True, False)
    assert price_of("openai:gpt-4o-mini", None, here) == dear
    assert price_of("openai:gpt-4o-mini", None, there) == asked
    assert price_of("openai:gpt-4o-mini", "gpt-4o-mini", here) == asked


def test_names_without_end() -> None:
    """A gateway that answers under ever new names fills no memory, and the dearest stays known."""
    endpoints = Endpoints({"dear": Price(1.0, 1.0), "openai:alias": Price(0.1, 0.1)})
    remember("openai:alias", "dear", endpoints)
    for number in range(50):
        remember("openai:alias", f"name-{number}", endpoints)

    assert price_of("openai:alias", None, endpoints) == Price(1.0, 1.0)


def test_written_and_read_caches_have_their_prices() -> None:
    """Input that was read from a cache is cheaper, input that was written to one is dearer."""

    def cost(**details: int) -> float:
        usage = {"input_tokens": 1000, "output_tokens": 10, "input_token_details": details}
        usd = exact_usd("anthropic:claude-sonnet-5-5", None, Endpoints(), usage)
        assert usd is not None
        return usd

    assert cost(cache_read=800) < cost() < cost(cache_creation=800)
    assert cost(cache_creation=800) == cost(ephemeral_5m_input_tokens=800)
    assert cost(cache_read=5000) == cost()  # more than there was: the parts are not believed


LAZY = (
    "genai_prices",
    "json_repair",
    "pint",
    "pypdf",
    "anthropic",
    "google.genai",
    "langchain_anthropic",
    "bpe_openai",
)


def test_import_loads_no_price_list() -> None:
    """`import nodes.models` loads nothing that only some runs need."""
    code = f"import sys, nodes.models; print([name for name in {LAZY!r} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"


def test_the_private_names_we_lean_on() -> None:
    """The private parts of LangChain's packages that nodes/models/chats.py names are there."""
    langchain_anthropic = pytest.importorskip("langchain_anthropic")

    assert callable(ChatOpenAI._convert_chunk_to_generation_chunk)
    assert {"_async_client", "_client_params"} <= set(vars(langchain_anthropic.ChatAnthropic))
