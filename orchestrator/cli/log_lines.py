"""What a process that runs for long says: for a person on a terminal, else as JSON."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import Processor


def configure_log_lines(
    *, level: int = logging.INFO, as_json: bool | None = None
) -> None:
    """Send our log lines and those of libraries to the standard error.

    `as_json` unset: JSON where the standard error is not a terminal.
    """
    if as_json is None:
        as_json = not sys.stderr.isatty()
    ours: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=as_json),
    ]
    structlog.configure(
        processors=[*ours, *_ending(as_json=as_json)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _take_over_libraries(ours, as_json=as_json)


def _ending(*, as_json: bool) -> list[Processor]:
    if as_json:
        return [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ]
    # Plain: the default shows local variables, and some of them are secrets.
    plain = structlog.dev.plain_traceback
    return [
        structlog.dev.ConsoleRenderer(
            colors=True,
            pad_event_to=24,
            exception_formatter=plain,
        ),
    ]


def _take_over_libraries(ours: list[Processor], *, as_json: bool) -> None:
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=ours,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_ending(as_json=as_json),
        ],
    )
    handler: logging.StreamHandler[Any] = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
