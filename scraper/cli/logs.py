"""Send log lines to standard error, one line each, whatever they hold: as text, or as JSON for a journal."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING

from scraper.cli.printing import form_errors, one_line, write_error, write_formed
from scraper.crawls_under_way import UNDER_WAY

if TYPE_CHECKING:
    from scraper.config import Config

_PROGRAM = "presskeep"


def start_logging(config: Config, say: Callable[[str], None] = write_error) -> None:
    """Log through `say`, from the level on and in the form that the settings name: as JSON, whatever goes to standard
    error from now on is an object a line, what the command itself says too."""
    level = config.log_level
    as_json = config.log_format == "json"
    form_errors(_object_of if as_json else None)
    handler = _LineHandler(write_formed if as_json else say)
    handler.setLevel(level.upper())  # Scrapy sets its own loggers to DEBUG: the handler decides
    handler.setFormatter(_JsonFormatter() if as_json else logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level.upper() != "DEBUG":
        # A server that is gone is told in our own words; its driver warns of each thing that it had under way as well.
        logging.getLogger("psycopg").setLevel(logging.ERROR)


class _JsonFormatter(logging.Formatter):
    """One object a record."""

    def format(self, record: logging.LogRecord) -> str:
        return _object(record.created, record.levelname, record.name, record.getMessage())


def _object_of(text: str) -> str:
    """The object of a line that the command itself says; its errors begin with its name."""
    message = text.removeprefix(f"{_PROGRAM}: ")
    return _object(time(), "INFO" if message == text else "ERROR", _PROGRAM, message)


def _object(created: float, level: str, logger: str, message: str) -> str:
    """`at` (UTC), `level`, `logger`, `message`, and `crawl`, the id of the crawl that is under way (null where there is
    none, or several)."""
    at = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    only = next(iter(UNDER_WAY)) if len(UNDER_WAY) == 1 else None
    return json.dumps({"at": at, "level": level, "logger": logger, "message": message, "crawl": only})


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
