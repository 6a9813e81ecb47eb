"""Check the time stamps on manifests: that those asked for are there, and hold."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from storage.errors import ArchiveUnusable
from storage.fixity.findings import Finding
from storage.models import crawl
from storage.stamps import StampWrong, check_stamp

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StampPolicy:
    """What is wanted of time stamps. `demanded`: the operator has every run stamped, so that one which neither has a
    stamp nor stands before one that holds is named. `trusted` is a PEM file of certificates that signatures must lead
    to; without it signatures are not checked."""

    demanded: bool = False
    trusted: Path | None = None


def check_stamps(connection: Connection, policy: StampPolicy) -> Iterator[Finding]:
    """Check every stamp, and name the runs that lack one. A stamp on a run fixes all runs before it in the chain."""
    statement = select(
        crawl.c.id, crawl.c.stamp_authority, crawl.c.stamp, crawl.c.manifest_digest, crawl.c.previous_digest
    ).where(crawl.c.manifest_digest.is_not(None))
    rows = {row.manifest_digest: row for row in connection.execute(statement.order_by(crawl.c.id))}
    holding: set[str] = set()
    for digest, row in rows.items():
        name = f"crawl/{row.id}"
        if row.stamp is None:
            if row.stamp_authority is not None:
                yield Finding("stamp-missing", name, f"{row.stamp_authority} has not stamped its manifest yet")
            continue
        try:
            check_stamp(bytes(row.stamp), digest, trusted=policy.trusted)
        except StampWrong as error:
            yield Finding("stamp-wrong", name, error.what)
        except ArchiveUnusable as error:
            log.warning("time stamps are not checked: %s", error)
            return
        else:
            holding.add(digest)
    if policy.demanded:
        fixed = _fixed_by(holding, {digest: row.previous_digest for digest, row in rows.items()})
        for digest, row in rows.items():
            if digest not in fixed and row.stamp is None and row.stamp_authority is None:
                yield Finding(
                    "stamp-missing", f"crawl/{row.id}", "neither it nor a later run has a time stamp that holds"
                )


def _fixed_by(holding: set[str], previous: dict[str, str | None]) -> set[str]:
    """The manifests that stamps fix: those stamped, and all before them."""
    fixed: set[str] = set()
    for digest in holding:
        at: str | None = digest
        while at is not None and at in previous and at not in fixed:
            fixed.add(at)
            at = previous[at]
    return fixed
