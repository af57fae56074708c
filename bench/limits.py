"""Limits: as many open connections as the system lets a process have."""

import resource


def raise_file_limit() -> None:
    """Raise this process's limit of open files to the most it may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
