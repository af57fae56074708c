"""Saver: LangGraph's for SQLite, with an async side on the connection's own thread.

LangGraph's own async one goes to its thread and back for the cursor, each statement, the commit and the cursor's end.
"""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver

from graph.store.connection import Connection


class Saver(SqliteSaver):
    """Keeps checkpoints through a connection; what is asynchronous is committed as the connection does it.

    Attributes:
        on_any_loop: it may be used on any event loop, not only on the one that opened the store.
    """

    on_any_loop = True

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.sqlite)
        self._connection = connection

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:  # noqa: FBT001, FBT002 - LangGraph's
        """Get a cursor. In the connection's thread the connection commits."""
        with super().cursor(transaction and not self._connection.is_here) as cursor:
            yield cursor

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read a checkpoint, the newest where none is named."""
        return await self._connection.run(partial(self.get_tuple, config))

    async def alist(self, config: RunnableConfig | None, **how: Any) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, the newest first."""
        for each in await self._connection.run(lambda: [*self.list(config, **how)]):
            yield each

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint, the end of a step."""
        save = partial(self.put, config, checkpoint, metadata, new_versions)
        return await self._connection.write(save, ends=config["configurable"].get("checkpoint_id"))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what one task of a step has come to; its end, if that follows at once, holds it too."""
        save = partial(self.put_writes, config, writes, task_id, task_path)
        await self._connection.write(save, until=config["configurable"]["checkpoint_id"])

    async def adelete_thread(self, thread_id: str) -> None:
        """Forget a thread."""
        await self._connection.write(partial(self.delete_thread, thread_id))
