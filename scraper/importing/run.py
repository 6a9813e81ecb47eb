"""One import: files are brought in and indexed by several processes, then what they hold is read."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from scraper.crawling.following import follow_captures
from scraper.crawling.run import start_workers
from scraper.crawling.stamping import stamp_runs
from scraper.errors import ScraperError, UsageError
from scraper.fetching.clock import clock_from
from scraper.importing.extracting import Extraction
from scraper.importing.indexing import Bring, Brought, Refused, Setup
from scraper.importing.keeping import Keeper
from scraper.importing.listing import make_urls_due
from scraper.importing.pool import Pool, ReaderDied, Work
from scraper.importing.reporting import FileReport, ImportReport, ImportTally, Progress
from scraper.importing.sources import (
    ArchiveFile,
    Contents,
    MadePage,
    NothingToRead,
    PageFile,
    Source,
    UrlFile,
    origin_of,
    size_of,
    sort_sources,
    why_not_linkable,
)
from scraper.importing.walking import Walker
from storage.archive import Archive
from storage.crawls import begin_crawl, end_crawl
from storage.errors import StorageError
from storage.foreign_files import remove_leftovers, settle
from storage.imported_files import ImportedFile, add_file, file_of, forget_file, imported_paths
from storage.made_warcs import write_resources
from storage.owners import new_owner
from storage.recovery import recover
from storage.resting import close_overdue

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.outlet import Outlet

log = logging.getLogger(__name__)

ReadUrls = Callable[[Path], Sequence[str]]


def import_sources(
    config: Config,
    paths: Sequence[Path],
    outlets: Mapping[str, Outlet],
    read_urls: ReadUrls,
    *,
    any_host: bool = False,
    link: bool = False,
    read: bool = True,
    observe: Progress = lambda what, done, total: None,
) -> ImportReport:
    """Import files and folders into the archive, which is made where there is none. Blocks; Ctrl-C stops it, all that
    was written down being kept, and the same import goes on.

    `outlets` are those whose article pages are taken, `any_host` takes HTML pages of other hosts too. With `link`,
    files stay where they are and are referred to. Without `read`, pages are indexed and wait for the next import or
    crawl that reads them. Raises UsageError for a path that is not there, and ArchiveUnusable.
    """
    sources = list(sort_sources(paths, read_urls))
    with Archive.open(config.archive, config.database, create=True) as archive:
        work = _Import(config, archive, outlets, sources, any_host=any_host, link=link, observe=observe)
        report = work.run(read=read)
    if read:
        follow_captures(config)
    stamp_runs(config)
    return report


class _Import:
    def __init__(
        self,
        config: Config,
        archive: Archive,
        outlets: Mapping[str, Outlet],
        sources: Sequence[Source],
        *,
        any_host: bool,
        link: bool,
        observe: Progress,
    ) -> None:
        self._config, self._archive, self._outlets, self._sources = config, archive, outlets, sources
        self._any_host, self._link, self._observe = any_host, link, observe
        self._choice = _number_of_choice(outlets, any_host=any_host)
        self._clock = clock_from(config.now)
        self._tally = ImportTally()
        self._reports = [FileReport(origin_of(each)) for each in sources]
        self._taken: set[str] = set()
        self._positions: dict[str, int] = {}
        self._total = sum(size_of(each) for each in sources)
        self._observed = 0.0

    def run(self, *, read: bool) -> ImportReport:
        """Do all of it; gives the report whether it came to its end or not."""
        owner, now = new_owner(), self._clock.now()
        recover(self._archive, owner, now)
        remove_leftovers(self._archive.warc_folder)
        with self._archive.begin() as connection:
            self._crawl = begin_crawl(
                connection,
                None,
                "import",
                operator=self._config.contact,
                robots_policy="obey",
                now=now,
                owner=owner,
                stamp_authority=self._config.time_stamp_authority,
            )
        close_overdue(self._archive, self._crawl, now)
        keeper = Keeper(self._archive, self._outlets, self._crawl, now)
        self._walker = Walker(self._archive, keeper, self._tally, self._crawl, self._choice, self._show)
        error: Exception | None = None
        finished = False
        try:
            with tempfile.TemporaryDirectory(prefix="presskeep-import-") as made:
                self._index(Path(made), now)
            if read:
                self._read()
            finished = True
        except KeyboardInterrupt:
            pass  # the report says that it did not come to its end
        except (StorageError, ScraperError) as broken:
            error = broken
        self._end("finished" if finished else "stopped: " + ("interrupted" if error is None else "failed"))
        return ImportReport(tuple(self._reports), self._tally, finished, error)

    def _read(self) -> None:
        workers = start_workers(self._config, self._outlets, None)
        try:
            extraction = Extraction(
                self._archive,
                self._outlets,
                workers,
                self._clock,
                self._crawl,
                self._tally,
                lambda done, total: self._observe("reading pages", done, total),
            )
            extraction.run(2 * self._config.workers)
        finally:
            workers.stop()

    def _index(self, made: Path, now: datetime) -> None:
        setup = Setup(self._outlets, self._any_host, self._config.max_wire_bytes, self._archive.warc_folder)
        pool = Pool(setup, self._config.workers)
        try:
            pool.run(self._works(made, now))
            pool.run(self._walker.walk_again())
        finally:
            pool.stop()

    def _end(self, outcome: str) -> None:
        counts = self._tally.as_counts() | {
            "files": len(self._reports),
            "records": sum(each.records for each in self._reports),
            "bad_records": sum(each.bad_count for each in self._reports),
            "refused_files": sum(each.outcome == "refused" for each in self._reports),
        }
        try:
            with self._archive.begin() as connection:
                end_crawl(connection, self._crawl, outcome, counts, self._clock.now())
        except StorageError as error:
            log.error("the end of the import cannot be written down: %s", error)

    def _works(self, made: Path, now: datetime) -> Iterator[Work]:
        """The work on each source. Lists are done at once; pages become records of a file first."""
        sizes = self._known_sizes()
        for number, (source, report) in enumerate(zip(self._sources, self._reports, strict=True)):
            try:
                match source:
                    case ArchiveFile(path, origin):
                        yield self._bring(path, path.name, origin, report, sizes, link=self._link)
                    case PageFile(path, origin, load):
                        place, contents = made / f"{number}.warc.gz", Contents()
                        _write_pages(place, contents.pages_of(load()))
                        report.add_bad("", contents.bad, contents.bad_count)
                        if contents.urls:
                            self._make_due(contents.urls, report, now)
                        if contents.pages:
                            name = f"pages-{path.parent.name if path.name == 'index.json' else path.stem}.warc.gz"
                            yield self._bring_made(place, name, origin, report, sizes)
                    case UrlFile(_, load_urls):
                        self._make_due(load_urls(), report, now)
            except NothingToRead as nothing:
                report.outcome, report.reason = "refused", str(nothing)
            except UsageError as error:
                report.outcome, report.reason = "refused", error.what

    def _bring_made(self, place: Path, name: str, origin: str, report: FileReport, sizes: set[int]) -> Work:
        """Bring a file in that was made for this import alone."""
        try:
            yield from self._bring(place, name, origin, report, sizes, link=False)
        finally:
            place.unlink(missing_ok=True)

    def _make_due(self, urls: Sequence[str], report: FileReport, now: datetime) -> None:
        report.urls = make_urls_due(self._archive, urls, self._outlets, self._crawl, now)
        report.outcome = "urls"

    def _known_sizes(self) -> set[int]:
        """The sizes of the files that were imported: one of another size is copied without being compared first."""
        sizes = set()
        with self._archive.read() as connection:
            for store, path in imported_paths(connection):
                root = self._archive.warc_folder if store == "warc" else Path(store)
                try:
                    sizes.add((root / path).stat().st_size)
                except OSError:
                    continue
        return sizes

    def _bring(self, path: Path, name: str, origin: str, report: FileReport, sizes: set[int], *, link: bool) -> Work:
        """Bring a file in and walk through it."""
        brought: object = None
        try:
            if link and (reason := why_not_linkable(path)):
                report.outcome, report.reason = "refused", reason
                return
            copies = not link and path.stat().st_size not in sizes
            brought = yield Bring(path, copies)
            file = self._known(brought)
            if file is None and isinstance(brought, Brought) and not link and brought.copy is None:
                brought = yield Bring(path, copy=True)
            if isinstance(brought, Refused):
                if brought.error is not None:
                    raise brought.error
                for each in brought.bad:
                    report.add_bad(each.part, each.named, each.count)
                report.outcome, report.reason = "refused", brought.reason
                return
            assert isinstance(brought, Brought)
            was_known = file is not None
            if file is not None and self._put_back(file, brought):
                report.reason = "its copy was missing, and is there again"
            if file is not None and brought.sha256 in self._taken:
                report.outcome, report.path = "known", file.path
                return
            self._taken.add(brought.sha256)
            file = file or self._admit(brought, path, name, link=link)
            if file is None:
                report.outcome = "refused"
                report.reason = "another content stood at this path when it was linked to before"
                return
            report.path = file.path if file.store == "warc" else f"{file.store}/{file.path}"
            report.add_bad("", brought.problems)
            yield from self._walker.walk_parts(file, brought, origin, report, was_known=was_known)
            if report.held and not report.captures and self._is_own(path):
                self._take_back(file, report)
        except ReaderDied:
            report.outcome, report.reason = "refused", "the process that read it died; it may have run out of memory"
        except OSError as error:
            report.outcome, report.reason = "refused", f"it cannot be read ({error.strerror})"
        finally:
            if isinstance(brought, Brought) and brought.copy is not None:
                brought.copy.unlink(missing_ok=True)  # it has got its name by now, or is not needed

    def _known(self, brought: object) -> ImportedFile | None:
        if not isinstance(brought, Brought):
            return None
        with self._archive.read() as connection:
            return file_of(connection, brought.sha256)

    def _put_back(self, file: ImportedFile, brought: Brought) -> bool:
        """Give a file that is known its place back, where its copy was lost and another has been made."""
        place = self._archive.warc_folder / file.path
        if file.store != "warc" or brought.copy is None or place.exists():
            return False
        settle(brought.copy, place.name, brought.sha256, self._archive.warc_folder)
        return True

    def _admit(self, brought: Brought, path: Path, name: str, *, link: bool) -> ImportedFile | None:
        """The row of a new file, under the name that it has from now on. None where that stands for another one."""
        if link:
            place = path.resolve()
            store, relative = str(place.parent), place.name
        else:
            assert brought.copy is not None
            store, relative = "warc", settle(brought.copy, name, brought.sha256, self._archive.warc_folder)
        with self._archive.begin() as connection:
            file = add_file(connection, store, relative, brought.sha256, brought.size, self._crawl)
        return file if file.sha256 == brought.sha256 else None

    def _is_own(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self._archive.warc_folder.resolve())

    def _take_back(self, file: ImportedFile, report: FileReport) -> None:
        """Remove the copy of a file that lies in the archive itself, where nothing of it was to be taken."""
        if self._walker.waits(report):
            return
        with self._archive.begin() as connection:
            gone = forget_file(connection, file)
        if gone:
            report.outcome, report.path = "known", ""
            if file.store == "warc":
                (self._archive.warc_folder / file.path).unlink(missing_ok=True)

    def _show(self, origin: str, position: int) -> None:
        self._positions[origin] = position
        if monotonic() - self._observed > 0.2:
            self._observed = monotonic()
            done = min(sum(self._positions.values()), self._total)
            self._observe("indexing, MB", done >> 20, max(1, self._total >> 20))


def _number_of_choice(outlets: Mapping[str, Outlet], *, any_host: bool) -> int:
    """A number (of 62 bits) that stands for what an import takes: other outlets, or altered profiles, have another."""
    digest = hashlib.sha256(b"any" if any_host else b"named")
    for name in sorted(outlets):
        digest.update(outlets[name].model_dump_json().encode())
    return int.from_bytes(digest.digest()[:8], "big") >> 2


def _write_pages(place: Path, pages: Iterable[MadePage]) -> None:
    write_resources(place, ((each.url, each.at, each.mime, each.html) for each in pages))
