"""Logs: JSON by the line, with the ids of runs, and without the words of errors, which may quote a request or an answer."""

import logging
import traceback
from types import TracebackType


def set_up() -> None:
    """Have everything told by aegra's own log, errors without their words."""
    import structlog
    from aegra_api.utils.setup_logging import setup_logging

    structlog.processors.format_exc_info = structlog.processors.ExceptionRenderer(without_words)
    setup_logging()
    logging.captureWarnings(capture=True)


def without_words(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """Tell an error and what led to it: their kinds, and where they were raised."""
    error: BaseException | None = exc_info[1]
    told: list[str] = []
    while error is not None:
        told.append("".join([*traceback.format_tb(error.__traceback__), type(error).__qualname__]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nbecause of:\n".join(told)
