"""The reports of crawls: one JSON object for each, a line in a file of the month in the archive's folder."""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.errors import StorageError

if TYPE_CHECKING:
    from scraper.crawling.forecasting import Forecast

log = logging.getLogger(__name__)

FOLDER = "reports"


@dataclass(frozen=True, slots=True)
class CrawlReport:
    """How a crawl ended. `error` is set where it could not begin or had to stop; `finished` is False then, and where it
    was interrupted. `crawl` is its row in the archive, None where it never began; times are UTC of the mapped clock."""

    outlet: str
    finished: bool
    counts: Mapping[str, Any]
    error: Exception | None = None
    forecast: Forecast | None = None
    crawl: int | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def failures(self) -> int:
        return sum(self.counts["failures"].values())

    def as_json(self) -> dict[str, Any]:
        """The report with stable keys (docs/json.md)."""
        told: dict[str, Any] = {
            "crawl": self.crawl,
            "outlet": self.outlet,
            "began_at": _instant(self.began_at),
            "ended_at": _instant(self.ended_at),
            "seconds": round((self.ended_at - self.began_at).total_seconds(), 3)
            if self.began_at and self.ended_at
            else None,
            "finished": self.finished,
            "error": str(self.error) if self.error is not None else None,
            "counts": dict(self.counts),
        }
        return told | {"forecast": asdict(self.forecast)} if self.forecast is not None else told


def write_report(folder: Path, report: CrawlReport) -> None:
    """Append a report to `reports/YYYY-MM.jsonl` of the archive's folder, in one write. A crawl that never began has
    none. What goes wrong is logged, unless the crawl ended by it: the same counts stand in the crawl's row."""
    if report.crawl is None or report.ended_at is None:
        return
    line = json.dumps(report.as_json(), ensure_ascii=True) + "\n"
    path = folder / FOLDER / f"{report.ended_at.astimezone(UTC):%Y-%m}.jsonl"
    try:
        path.parent.mkdir(exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            _append(descriptor, line.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        level = logging.INFO if isinstance(report.error, StorageError) else logging.WARNING
        log.log(level, "the report of crawl %d was not written to %s: %s", report.crawl, path, error.strerror)


def _append(descriptor: int, line: bytes) -> None:
    """Append a whole line or nothing: on a full disk the system writes as much as there is room for."""
    before = os.fstat(descriptor).st_size
    if os.write(descriptor, line) < len(line):
        os.ftruncate(descriptor, before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at is not None else None
