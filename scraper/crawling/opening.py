"""Opening an archive for a run, and closing it; both block, so never in the reactor's thread."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from scraper.crawling.describing import describe_run
from scraper.crawling.taking import join_or_take, take_outlet
from storage.archive import Archive
from storage.captures import PendingCapture, capture_at, read_capture
from storage.crawls import begin_crawl, end_crawl
from storage.due import unfinished_since
from storage.errors import ArchiveMissing, StorageError
from storage.exchange import Exchange
from storage.finding import resource_at
from storage.frontier import release
from storage.joining import leave_outlet
from storage.models import capture
from storage.outlets import DomainRow, domains
from storage.owners import give_up, new_owner
from storage.records import DomainFacts, Found
from storage.recovery import recover
from storage.robots import plain_hosts
from storage.turned_back import count_from_now, turned_back
from storage.writer import LINGER, Writer
from storage.yields import yields_of

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.crawling.tally import Tally
    from scraper.fetching.clock import Clock
    from scraper.outlet import Outlet

log = logging.getLogger(__name__)

PLAIN_FOR = timedelta(hours=24)
"""How long it is remembered that a host gave no answer by https."""

GOES_ON = timedelta(hours=1)
"""A crawl that was killed or stopped within this time is gone on with: listings that it has read are not read again."""

_MOUNTED = "Is its disk mounted? A crawl without --no-create makes one."


@dataclass(slots=True)
class Opened:
    """An archive held by one run on one outlet. `first_capture`: captures with a smaller id came
    before this run. `plain` holds the hosts that answer by http alone; what was fetched
    since `begun_at` belongs to this run, or to the one that it `goes_on` with. `joined` is the crawl of another process
    that this one takes part in."""

    archive: Archive
    writer: Writer
    outlet: int
    crawl: int
    owner: str
    domains: list[DomainRow]
    first_capture: int
    plain: set[str]
    begun_at: datetime
    goes_on: bool
    joined: int | None = None

    def read_capture(self, connection: Connection, capture_id: int) -> tuple[PendingCapture, Exchange]:
        """A kept capture and its exchange, read back from its WARC file."""
        place = capture_at(connection, capture_id)
        return place, read_capture(self.archive.folder, place)

    def add_one(self, connection: Connection, found: Found, now: datetime) -> int:
        """The id of the resource that a URL belongs to, which is added if it is not known."""
        return resource_at(connection, self.outlet, found, now=now, crawl=self.crawl)

    def close(self, outcome: str, tally: Tally, now: datetime, whole: bool) -> None:
        """Drain the writer, end the crawl's row where nothing failed, and let go of the archive."""
        ended = False
        try:
            self.writer.close()
            if whole:
                with self.archive.begin() as connection:
                    tally.fields = yields_of(connection, self.crawl)
                    end_crawl(connection, self.crawl, outcome, tally.as_counts(), now)
                    leave_outlet(connection, self.outlet, self.owner)  # who left before us may have left it to us
                ended = True
        finally:
            if not ended:
                # A process that goes on (`run`) takes the outlet again, and recovers what was left.
                give_up(self.owner)
            self.archive.close()


def open_archive(
    config: Config, outlet: Outlet, clock: Clock, *, keep_open: bool = False, create: bool = True, join: bool = False
) -> Opened:
    """Open (or with `create` make) the archive, take the outlet, recover what a killed run left, and start the writer,
    which leaves its WARC file to the next run with `keep_open`. With `join`, where a crawl of the outlet runs, take
    part in it: that one has recovered the archive, and holds the outlet.

    Raises ArchiveUnusable, OutletLocked, ArchiveDamaged or StorageError; then nothing is held.
    """
    archive = Archive.open(config.archive, config.database, create=True) if create else open_existing(config)
    owner, now = new_owner(), clock.now()
    outlet_id: int | None = None
    try:
        begin = partial(
            begin_crawl,
            kind="crawl",
            operator=config.contact,
            robots_policy="ignore" if config.ignore_robots else "obey",
            now=now,
            owner=owner,
            stamp_authority=config.time_stamp_authority,
        )
        taking = partial(join_or_take, begin=begin) if join else take_outlet
        taken = taking(archive, outlet, facts_of(outlet), owner, now)
        outlet_id, crawl, unfinished = taken.outlet, taken.crawl, None
        if crawl is None:
            recover(archive, owner, now)
        with archive.begin() as connection:
            if crawl is None:
                _notice_set_clock(connection, outlet_id, outlet, now)
                unfinished = unfinished_since(connection, outlet_id, not_before=now - GOES_ON)
                crawl = begin(connection, outlet_id)
            rows = domains(connection, outlet_id)
            first = (connection.execute(select(func.max(capture.c.id))).scalar_one() or 0) + 1
            plain = plain_hosts(connection, [row.host for row in rows], now - PLAIN_FOR)
        writer = Writer(
            archive,
            crawl=crawl,
            outlet=outlet_id,
            owner=owner,
            warcinfo=describe_run(config, outlet),
            keep_open=keep_open,
            linger=0.0 if clock.leaps else LINGER,  # delays that pass at once let one request under way at a time
            now=clock.now,
        )
        writer.start()
    except BaseException:
        if outlet_id is not None:
            # Where nothing can be written, the outlet is free as soon as this process has ended.
            with suppress(StorageError), archive.begin() as connection:
                release(connection, owner)
                leave_outlet(connection, outlet_id, owner)
        give_up(owner)
        archive.close()
        raise
    return Opened(
        archive,
        writer,
        outlet_id,
        crawl,
        owner,
        rows,
        first,
        plain,
        begun_at=taken.since or unfinished or now,
        goes_on=unfinished is not None,
        joined=taken.joined,
    )


def open_existing(config: Config) -> Archive:
    """Open the archive to write to it, and make nothing.

    Raises ArchiveMissing where there is none, or its database is there (on PostgreSQL) and the folder of its WARC files
    is not: the disk may not be mounted, and what is kept from now on would lie elsewhere than what was kept before.
    """
    try:
        archive = Archive.open(config.archive, config.database)
    except ArchiveMissing as error:
        raise ArchiveMissing(error.what, error.which, _MOUNTED) from error
    if config.database is not None and not archive.warc_folder.is_dir():
        archive.close()
        raise ArchiveMissing("the folder of the archive's WARC files is not there", str(archive.warc_folder), _MOUNTED)
    return archive


def _notice_set_clock(connection: Connection, outlet_id: int, outlet: Outlet, now: datetime) -> None:
    """Say that the clock was set back since the last crawl, and let nothing wait for that time to come again."""
    found = turned_back(connection, outlet_id, now)
    if found is None:
        return
    if not found.is_wrong:
        count_from_now(connection, outlet_id, now)
    log.warning(
        "the clock stands at %s, before the end of the last crawl of %s at %s (UTC). Set it right if it is wrong; all "
        "that is kept stays, and the crawl goes on by this clock",
        f"{now:%Y-%m-%d %H:%M}",
        outlet.name,
        f"{found.last:%Y-%m-%d %H:%M}",
    )


def facts_of(outlet: Outlet) -> list[DomainFacts]:
    """The profile's domains in the archive's terms; their order is their rank."""
    return [
        DomainFacts(
            host=domain.host,
            path=domain.path,
            role=domain.role,
            edition=domain.edition,
            since=domain.since,
            until=domain.until,
            rank=rank,
        )
        for rank, domain in enumerate(outlet.domains)
    ]
