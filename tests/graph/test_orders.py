"""Orders: what another process leaves in the database for a run at work."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from graph import orders
from graph.orders import Orders
from graph.store import open_store
from nodes.control import Control


def test_a_locked_database_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is locked for a moment loses no order that comes after; that it was is told once."""
    monkeypatch.setattr(orders, "EVERY_S", 0.01)
    told: list[dict[str, Any]] = []
    control = Control()

    async def act() -> None:
        heard = asyncio.Event()

        def listen(event: dict[str, Any]) -> None:
            told.append(event)
            if control.paused:
                heard.set()

        async with open_store(str(tmp_path / "runs.db")) as store:
            take, looks = store.orders, iter([True, False, False])

            async def locked_at_first(run_id: str) -> list[dict[str, Any]]:
                if not next(looks, True):
                    raise sqlite3.OperationalError("database is locked")
                return await take(run_id)

            monkeypatch.setattr(store, "orders", locked_at_first)
            looking = Orders(store, "a1", control, listen)
            await asyncio.sleep(0.05)
            await store.order("a1", {"do": "pause"})
            await asyncio.wait_for(heard.wait(), 10)
            await looking.aclose()

    asyncio.run(act())

    assert [event["text"] for event in told] == [
        "orders from elsewhere are not heard for now: database is locked",
        "paused: no further call begins",
    ]
