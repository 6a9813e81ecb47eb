"""What the reports of runs over outlets share: their JSON, their exit code, and the line for a run that broke off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from scraper.cli.printing import one_line, write_error
from scraper.errors import NothingReached, ScraperError
from storage.errors import ArchiveDamaged, StorageError

STOPPED = 7
_GRAVEST_FIRST = (ArchiveDamaged.exit_code, STOPPED)


class RunReport(Protocol):
    """How the run over one outlet ended: `error` is set where it could not begin or had to stop, and `finished` is
    False then, and where it was interrupted."""

    @property
    def outlet(self) -> str: ...
    @property
    def finished(self) -> bool: ...
    @property
    def counts(self) -> Mapping[str, Any]: ...
    @property
    def error(self) -> Exception | None: ...
    @property
    def failures(self) -> int: ...


def exit_code(reports: Sequence[RunReport], asked: int, *, many: bool) -> int:
    """The exit code of a run over outlets, of which `asked` were to be gone through: what happened to the only one, or
    the worst that needs to be said. `many`: they were not named one by one."""
    if any(not report.finished and report.error is None for report in reports) or len(reports) < asked:
        return STOPPED
    errors = [report.error for report in reports if report.error is not None]
    codes = [error.exit_code if isinstance(error, ScraperError | StorageError) else 1 for error in errors]
    if codes and len(reports) == 1 and not many:
        return codes[0]
    if errors and len(errors) == len(reports) and all(isinstance(error, NothingReached) for error in errors):
        return NothingReached.exit_code
    gravest = next((code for code in _GRAVEST_FIRST if code in codes), None)
    if gravest is not None:
        return gravest
    return 1 if codes or any(report.failures for report in reports) else 0


def report_json(report: RunReport) -> dict[str, Any]:
    """A report with stable keys (docs/json.md)."""
    return {
        "outlet": report.outlet,
        "finished": report.finished,
        "error": str(report.error) if report.error is not None else None,
        "counts": dict(report.counts),
    }


def say_errors(reports: Sequence[RunReport], kept: str) -> None:
    """One line on standard error for each run that could not begin or had to stop; `kept` says what is not lost."""
    for report in reports:
        if report.error is not None:
            write_error(f"presskeep: {one_line(str(report.error))}")
        elif not report.finished:
            write_error(f"presskeep: {report.outlet}: stopped. {kept}; the same command goes on.")
