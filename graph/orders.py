"""Orders: what a person wants of a run that another process is at work on, left in its database and taken there."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from graph.store import Store
from nodes.control import Control
from nodes.errors import BadRequest

EVERY_S = 0.5  # how often the process at work looks

Listen = Callable[[dict[str, Any]], None]

# What is told when an order is carried out. The order's fields are {"do", "subtask", "words"}.
TOLD = {
    "stop": "{subtask} is stopped",
    "again": "",  # as Control says
    "tell": "{subtask} is told: {words}",
    "pause": "paused: no further call begins",
    "go-on": "goes on",
    "write-up": "no more is done; the answer is written from what is finished",
    "leave": "leaves off: what is under way is finished and kept",
}


def carry_out(control: Control, order: Mapping[str, Any], listen: Listen) -> None:
    """Do what an order says, and tell of it; one that cannot be carried out is told with the reason."""
    name, subtask, words = order["do"], order.get("subtask", ""), order.get("words", "")
    said = ""
    try:
        match name:
            case "stop":
                control.stop(subtask)
            case "again":
                said = control.again(subtask, words)
            case "tell":
                control.tell(subtask, words)
            case "pause":
                control.pause()
            case "go-on":
                control.go_on()
            case "write-up":
                control.stop_and_write_up()
            case "leave":
                control.leave()
    except BadRequest as error:
        said = str(error)
    text = said or TOLD[name].format(subtask=subtask, words=words)
    listen({"type": "steered", "text": text, "paused": control.paused})


class Orders:
    """Looks for orders while a run is under way. `aclose` ends it."""

    def __init__(self, store: Store, run_id: str, control: Control, listen: Listen) -> None:
        self._store, self._run, self._control, self._listen = store, run_id, control, listen
        self._deaf = False  # the last look failed
        self._looking = asyncio.create_task(self._look())

    async def aclose(self) -> None:
        """Look no more."""
        self._looking.cancel()
        await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        await self._orders()  # what was left for it before it was at work is of no use now
        while True:
            await asyncio.sleep(EVERY_S)
            for order in await self._orders():
                carry_out(self._control, order, self._listen)

    async def _orders(self) -> list[dict[str, Any]]:
        """Take what there is; a database that is locked or away for a moment is looked at again, and that is told once."""
        try:
            orders = await self._store.orders(self._run)
        except Exception as error:  # noqa: BLE001 - each database has its own, and the run needs none of them here
            if not self._deaf:
                text = f"orders from elsewhere are not heard for now: {error}"
                self._listen({"type": "steered", "text": text, "paused": self._control.paused})
            self._deaf = True
            return []
        self._deaf = False
        return orders
