"""What an import did: per file and in all, with every bad record named that there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from storage.foreign import BadRecord

FileOutcome = Literal["imported", "known", "refused", "urls", "not finished"]
BAD_NAMED = 1_000
"""Bad records of one file that a report names one by one; all are counted."""

Progress = Callable[[str, int, int], None]
"""Is told what goes on, how much of it is done, and how much there is."""


@dataclass(slots=True)
class FileReport:
    """What became of one file. `records` counts the whole records of it, `captures` those that were kept now, `held`
    those that the archive wrote itself, `unresolved` revisits whose payload is nowhere in the archive, `urls` what a
    list made due, `failed_before` the captures that an earlier import kept and nobody could read, by reason."""

    source: str
    outcome: FileOutcome = "not finished"
    reason: str = ""
    path: str = ""
    records: int = 0
    captures: int = 0
    held: int = 0
    unresolved: int = 0
    urls: dict[str, int] = field(default_factory=dict)
    failed_before: Counter[str] = field(default_factory=Counter)
    bad_count: int = 0
    bad: list[tuple[str, BadRecord]] = field(default_factory=list)

    def add_bad(self, part: str, records: Sequence[BadRecord], count: int | None = None) -> None:
        """Note bad records of a part of the file."""
        self.bad_count += len(records) if count is None else count
        self.bad += [(part, each) for each in records[: BAD_NAMED - len(self.bad)]]

    @property
    def failed(self) -> bool:
        """Whether anything of it could not be taken."""
        lacks = self.bad_count > 0 or self.unresolved > 0 or bool(self.failed_before)
        return lacks or self.outcome in ("refused", "not finished")


@dataclass(slots=True)
class ImportTally:
    """What was read of all that was imported: articles (new, with an edit, known), and what is none, by reason."""

    captures: int = 0
    read: int = 0
    articles: int = 0
    new: int = 0
    edits: int = 0
    duplicates: int = 0
    notices: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: str, novelty: str) -> None:
        """Count one page that was read."""
        self.read += 1
        kind, _, reason = outcome.partition(":")
        if kind == "article":
            self.articles += 1
            self.new += novelty == "new"
            self.edits += novelty == "edit"
            self.duplicates += novelty in ("same", "duplicate")
        elif kind == "notice":
            self.notices += 1
        elif kind == "failed":
            self.failed[reason] += 1
        else:
            self.refused[reason or kind] += 1

    def count_kept(self, captures: Counter[str]) -> None:
        """Count captures, by outcome. Those that are not to be read have it for good: what the server answered is no
        page, or it broke off."""
        self.captures += captures.total()
        for outcome, number in captures.items():
            kind, _, reason = outcome.partition(":")
            if kind == "failed":
                self.failed[reason] += number
            elif kind != "pending":
                self.refused[reason or kind] += number

    def as_counts(self) -> dict[str, Any]:
        """The counts with stable keys, for the crawl's row and for JSON."""
        names = ("captures", "read", "articles", "new", "edits", "duplicates", "notices")
        return {name: getattr(self, name) for name in names} | {
            "refused": dict(self.refused),
            "failures": dict(self.failed),
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How an import ended. `error` is set where it had to stop; `finished` is False then, and where it was stopped."""

    files: tuple[FileReport, ...]
    tally: ImportTally
    finished: bool
    error: Exception | None = None

    @property
    def failed(self) -> bool:
        """Whether anything could not be taken or read. What a server answered once (503) is taken as it is."""
        unread = any(not reason.startswith("status-") for reason in self.tally.failed)
        return unread or any(each.failed for each in self.files)
