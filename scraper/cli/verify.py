"""`presskeep verify`: check that everything in the archive is still what was kept."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.estimate import BYTES, show_estimate
from scraper.cli.findings import Pages, capture_of, print_extent, print_findings
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import write_json
from scraper.cli.stopping import stop_cleanly
from scraper.config import Config
from scraper.errors import UsageError

if TYPE_CHECKING:
    from storage.archive import Archive
    from storage.fixity.checking import Held
    from storage.fixity.findings import Finding

app = group("Check that everything in the archive is still what was kept.")
DAMAGED = 5


@app.command(cls=PlainCommand)
@configured(stamping=True)
def verify(
    config: Config,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended, and say what cannot.")] = False,
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            "--anchor", metavar="DIGEST", help="A manifest's digest, written down elsewhere, that must be here."
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Processes at work (default: one a core).")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Check every byte and row of the archive that a digest covers, and name what is not as it was kept.

    WARC files, the members and payloads of captures, pointers in both directions, the digests of texts, the manifests
    of crawls and their chain, time stamps, and what is drawn from all this. Ends with 0 when all is right (or was
    mended), and with 5 when something is damaged. A crawl may go on meanwhile.

    Examples: presskeep verify; presskeep verify --repair; presskeep verify --anchor 3f6c0a...
    """
    from storage.archive import Archive
    from storage.fixity.checking import check
    from storage.fixity.repairing import repair as mend
    from storage.fixity.stamped import StampPolicy

    stop_cleanly()
    anchors = tuple(each.strip().lower() for each in anchor or ())
    for each in anchors:
        if len(each) != 64 or not all(letter in "0123456789abcdef" for letter in each):
            raise UsageError("is no digest", each, "A digest has 64 characters, 0-9 and a-f; see `status --json`.")
    stamps = StampPolicy(config.time_stamp_authority is not None, config.time_stamp_ca)
    workers = jobs or len(os.sched_getaffinity(0))
    with Archive.open(config.archive, config.database, write=repair) as archive:

        def look() -> list[Finding]:
            with show_estimate(BYTES) as estimate:
                told = partial(estimate, "checking")
                return list(check(archive, jobs=workers, told=told, anchors=anchors, stamps=stamps))

        findings = look()
        if repair and findings:
            from scraper.restoring import TextReader

            with TextReader(config, archive) as read_again:
                findings = mend(archive, findings, look, read_again)
        held, pages = _count(archive), _pages(archive, findings)
    damaged = [each for each in findings if not each.repaired]
    if json:
        write_json(
            {
                "damaged": len(damaged),
                "repaired": len(findings) - len(damaged),
                "checked": asdict(held) if held else None,
                "findings": [asdict(each) for each in findings],
            }
        )
    else:
        print_findings(findings, pages, repair=repair)
        if held:
            print_extent(held)
    return DAMAGED if damaged else 0


def _count(archive: Archive) -> Held | None:
    """How much was checked; None where the database is too damaged to tell."""
    from storage.errors import ArchiveDamaged
    from storage.fixity.checking import count_held

    try:
        return count_held(archive)
    except ArchiveDamaged:
        return None


def _pages(archive: Archive, findings: list[Finding]) -> Pages:
    """The pages of the captures that findings name; none where the database is too damaged to tell."""
    from storage.errors import ArchiveDamaged
    from storage.fixity.checking import pages_at

    try:
        return pages_at(archive, {number for each in findings if (number := capture_of(each)) is not None})
    except ArchiveDamaged:
        return {}
