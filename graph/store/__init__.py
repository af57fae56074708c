"""Store: where runs are kept, so that they can be listed, shown and resumed.

runs: what is known of a run, and the SQL of both databases; sqlite, postgres: each database; opening: which one a path
or a URL means; journal: what each call is charged at, so that a kill loses no bill.
"""

from graph.store.journal import RunJournal, lost_charges, unfinished_step
from graph.store.opening import open_store
from graph.store.runs import (
    STATE_VERSION,
    Run,
    RunBusy,
    RunStatus,
    RunUnknown,
    Store,
    StoreError,
    default_path,
)
