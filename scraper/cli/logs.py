"""Send log lines to standard error, one line each, whatever they hold: as text, or as JSON for a journal."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scraper.cli.printing import one_line, write_error
from scraper.crawls_under_way import UNDER_WAY

if TYPE_CHECKING:
    from scraper.config import Config


def start_logging(config: Config, say: Callable[[str], None] = write_error) -> None:
    """Log through `say`, from the level on and in the form that the settings name."""
    level = config.log_level
    handler = _LineHandler(say)
    handler.setLevel(level.upper())  # Scrapy sets its own loggers to DEBUG: the handler decides
    handler.setFormatter(
        _JsonFormatter() if config.log_format == "json" else logging.Formatter("%(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level.upper() != "DEBUG":
        # A server that is gone is told in our own words; its driver warns of each thing that it had under way as well.
        logging.getLogger("psycopg").setLevel(logging.ERROR)


class _JsonFormatter(logging.Formatter):
    """One object a record: `at` (UTC), `level`, `logger`, `message`, and `crawl`, the id of the crawl that is under way
    (null where there is none, or several)."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        only = next(iter(UNDER_WAY)) if len(UNDER_WAY) == 1 else None
        told = {
            "at": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "crawl": only,
        }
        return json.dumps(told)


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
