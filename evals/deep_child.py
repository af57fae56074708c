"""Deep agents' own process: a deep agent for each line of input. Runs in deepagents' environment; imports nothing of ours."""

import asyncio
import json
import sys
import time
from typing import Any

from deepagents import create_deep_agent
from langchain.chat_models import init_chat_model
from langchain_core.callbacks import UsageMetadataCallbackHandler


async def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """Run one agent; what it dies of is its result."""
    usage, began = UsageMetadataCallbackHandler(), time.monotonic()
    made: dict[str, Any] = {"serial": asked["serial"], "text": "", "error": None}
    try:
        agent = create_deep_agent(model=init_chat_model(asked["model"], timeout=asked["timeout"]))
        state = await agent.ainvoke({"messages": [("user", asked["request"])]}, {"callbacks": [usage]})
        made["text"] = str(state["messages"][-1].text)
    except Exception as error:  # noqa: BLE001
        made["error"] = f"{type(error).__name__}: {error}"[:500]
    spent = usage.usage_metadata.values()
    sent, got = (sum(each[side] for each in spent) for side in ("input_tokens", "output_tokens"))
    return made | {"tokens": sent + got, "sent": sent, "got": got, "seconds": time.monotonic() - began}


async def main() -> None:
    """Answer each line as it comes, many at once."""
    tasks = set[asyncio.Task[None]]()

    async def tell(line: str) -> None:
        print(json.dumps(await answered(json.loads(line))), flush=True)

    while line := await asyncio.to_thread(sys.stdin.readline):
        tasks.add(asyncio.create_task(tell(line)))
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main())
