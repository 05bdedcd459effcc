"""Logs: text for a terminal, JSON lines otherwise, on stderr, with era, epoch and version on every line.

Everything is logged through the standard library's ``logging``, so that the packages below need no logging library;
``configure_logging`` renders those records, and structlog's own, with structlog. Nothing is imported before that. Of a
line that repeats (same logger, level and text) the first few of a minute are written, the rest are counted, and the
count is written after it; at level debug every line is written.
"""

import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any, TextIO

from era_store.redaction import MASK, is_secret_key, redacted
from eras import Epoch, __version__
from eras.words import visible

if TYPE_CHECKING:
    from structlog.typing import Processor

_log = logging.getLogger(__name__)

QUIET = ("urllib3", "websockets", "uvicorn.access", "asyncio", "alembic")
"""Libraries that log every step: below warning only at level debug."""

WINDOW_S = 60.0
AT_ONCE = 5
"""How many of the same line are written within a window."""

MAX_LINES = 1_000
"""How many different lines are remembered; beyond that the oldest window ends early."""

_Key = tuple[str, int, str]


class _Context:
    """The context and the format of log lines: one era and one epoch per process, seen by all its threads."""

    def __init__(self) -> None:
        self.era: str | None = None
        self.epoch: int | None = None
        self.level, self.format = "info", "auto"
        self.stream: TextIO | None = None


_context = _Context()


class _Handler(logging.StreamHandler[TextIO]):
    """Our handler, so that configuring twice replaces it and leaves those of an embedding program alone."""


class RepeatFilter(logging.Filter):
    """Lets the first lines of a window through, and adds how many were left out before to the next one.

    The count is on the first line of any kind that comes after the window, as a line of its own.

    Args:
        clock: seconds, by any clock that does not go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: OrderedDict[_Key, tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a line."""
        if getattr(record, "left_out", None) is not None or logging.getLogger().level <= logging.DEBUG:
            return True
        key = (
            record.name,
            record.levelno,
            str(record.msg.get("event")) if isinstance(record.msg, dict) else record.getMessage(),
        )
        now_s = self._clock()
        with self._lock:
            ended = self._end_windows(now_s)
            since_s, count = self._windows.get(key, (now_s, 0))
            self._windows[key] = (since_s, count + 1)
        for (name, level, text), left_out in ended:
            logging.getLogger(name).log(
                level, "%s more lines like this were left out: %s", left_out, text, extra={"left_out": left_out}
            )
        return count < AT_ONCE

    def _end_windows(self, now_s: float) -> list[tuple[_Key, int]]:
        """Forget the windows that are over; those of which lines were left out, and how many."""
        ended = []
        while self._windows:
            key, (since_s, count) = next(iter(self._windows.items()))
            if now_s - since_s < WINDOW_S and len(self._windows) <= MAX_LINES:
                break
            del self._windows[key]
            if count > AT_ONCE:
                ended.append((key, count - AT_ONCE))
        return ended


def bind_era(era: str | None, epoch: Epoch | None) -> None:
    """Give every line from now on this era and epoch; a line that names its own keeps them."""
    _context.era, _context.epoch = era, epoch


def configure_logging(level: str = "info", format: str = "auto", stream: TextIO | None = None) -> None:  # noqa: A002
    """Send every log line to ``stream`` (default stderr), at or above ``level``.

    Args:
        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.
        format: ``text``, ``json``, or ``auto``: text where the stream is a terminal.
        stream: where to write.
    """
    import structlog

    target = sys.stderr if stream is None else stream
    text = format == "text" or (format == "auto" and target.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_context,
    ]
    renderers: list[Processor]
    if text:
        renderers = [_visible, structlog.dev.ConsoleRenderer(colors=target.isatty(), pad_event_to=0)]
    else:
        to_json = structlog.processors.JSONRenderer(ensure_ascii=False)
        renderers = [to_json, lambda _logger, _method, line: visible(str(line))]  # the same JSON, escaped more
    handler = _Handler(target)
    handler.addFilter(RepeatFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                *renderers,
            ],
        )
    )
    root = logging.getLogger()
    replaced = [known for known in root.handlers if isinstance(known, _Handler)]
    root.addHandler(handler)
    for old in replaced:
        root.removeHandler(old)
    _context.level, _context.format, _context.stream = level, "text" if text else "json", stream
    _set_level(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def toggle_debug() -> None:
    """Log at level debug from now on, or, where that is done already, as configured again."""
    debugging = logging.getLogger().level == logging.DEBUG
    level = _context.level if debugging and _context.level != "debug" else "info" if debugging else "debug"
    _set_level(level)
    _log.warning("The log level is now %s", level)


def toggle_format() -> None:
    """Write the log as text instead of JSON from now on, or the other way round."""
    level = logging.getLogger().level
    configure_logging(_context.level, "json" if _context.format == "text" else "text", _context.stream)
    _set_level(logging.getLevelName(level).lower())
    _log.warning("The log format is now %s", _context.format)


def log_in_force() -> tuple[str, str]:
    """The level and the format of the log now."""
    return logging.getLevelName(logging.getLogger().level).lower(), _context.format


def change_log(level: str | None = None, format: str | None = None) -> None:  # noqa: A002
    """Write the log at another level, in another format, or both, until it is configured again.

    Args:
        level: as for ``configure_logging``; ``None`` leaves it.
        format: ``text`` or ``json``; ``None`` leaves it.
    """
    before, _ = log_in_force()
    if format is not None and format != _context.format:
        configure_logging(_context.level, format, _context.stream)
    _set_level(before if level is None else level)
    _log.warning("The log level is now %s and its format %s", *log_in_force())


def _set_level(level: str) -> None:
    logging.getLogger().setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)


def _add_context(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.pop("color_message", None)  # uvicorn's second copy of its message
    event.setdefault("era", _context.era)
    event.setdefault("epoch", _context.epoch)
    event.setdefault("version", __version__)
    return event


def _visible(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """One line for each event, in which nothing steers the terminal: era names, and what hooks print, are not ours."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = visible(value, keep="\n\t" if key in ("exception", "stack") else "")
    return event


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask what is secret by its name, by the look of it, or because it was registered."""
    for key, value in event.items():
        event[key] = MASK if value is not None and is_secret_key(key) else redacted(value)
    return event
