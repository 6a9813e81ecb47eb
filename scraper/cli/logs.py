"""Send log lines to standard error, one line each, whatever they hold."""

from __future__ import annotations

import logging
from collections.abc import Callable

from scraper.cli.printing import one_line, write_error
from scraper.errors import UsageError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def start_logging(level: str, say: Callable[[str], None] = write_error) -> None:
    """Log from `level` on through `say`. Raises UsageError for a level that there is not."""
    if level.upper() not in LEVELS:
        raise UsageError(f"{level!r} is no level", "PRESSKEEP_LOG_LEVEL", f"One of: {', '.join(LEVELS)}.")
    handler = _LineHandler(say)
    handler.setLevel(level.upper())  # Scrapy sets its own loggers to DEBUG: the handler decides
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level.upper() != "DEBUG":
        # A server that is gone is told in our own words; its driver warns of each thing that it had under way as well.
        logging.getLogger("psycopg").setLevel(logging.ERROR)


class _LineHandler(logging.Handler):
    """Hands every record on as one printable line; tracebacks only where the level is DEBUG."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self.level > logging.DEBUG:
                record.exc_info = record.exc_text = record.stack_info = None
            self._say(one_line(self.format(record)))
        except OSError:
            return  # the terminal is gone; the run goes on
        except Exception:  # noqa: BLE001 - a log line must never end a run
            self.handleError(record)
