"""Opening: which database a path or a URL means."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from graph.store.runs import Store, StoreError
from graph.store.sqlite import open_sqlite


def open_store(where: str | Path) -> AbstractAsyncContextManager[Store]:
    """Open a database: a path (SQLite) or a postgresql:// URL (needs the extra "postgres").

    Raises:
        StoreError: it cannot be used.
    """
    if str(where).startswith(("postgresql://", "postgres://")):
        from graph.store.postgres import open_postgres  # needs the extra

        return open_postgres(str(where))
    if "://" in str(where):
        raise StoreError(f"the database {where} cannot be used: it is neither a path nor a postgresql:// URL")
    return open_sqlite(Path(where).expanduser())
