"""Saver: LangGraph's for SQLite, each write in one go on the connection's own thread.

Its async side goes there and back for the cursor, the statement, the commit and the cursor's end; each way costs two
wake-ups, 40 µs, and made runs that are kept cost a third to a half more than others.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from graph.store.sqlite import in_one_go


class Saver(AsyncSqliteSaver):
    """Reads as LangGraph's does, and writes by its sync side."""

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint."""
        await self.setup()
        return await in_one_go(self.conn, self._sync.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what one task of a step has come to."""
        await self.setup()
        await in_one_go(self.conn, self._sync.put_writes, config, writes, task_id, task_path)

    @property
    def _sync(self) -> SqliteSaver:
        saver = SqliteSaver(self.conn._conn, serde=self.serde)  # noqa: SLF001 - used on its own thread alone
        saver.is_setup = True
        return saver
