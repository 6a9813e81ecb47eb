"""`presskeep backup`: a copy of the archive in another folder, while it is written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, one_line, write_error, write_json
from scraper.config import Config

app = group("Back the archive up.")


@app.command(cls=PlainCommand)
@configured()
def backup(
    config: Config,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where backups of this archive go, and nothing else.")],
    json: JsonOption = False,
) -> int:
    """Back the archive up, consistently, while crawls go on.

    What DIR holds of earlier backups is not copied again. The new backup counts once it is whole; a kill leaves the
    one before. `presskeep restore` makes an archive of it. A database on PostgreSQL is copied into the same form.

    Example: presskeep backup /mnt/disk/presskeep
    """
    from scraper.cli.running import DAMAGED, DONE
    from scraper.cli.stopping import stop_cleanly
    from storage.archive import Archive
    from storage.backup import back_up

    stop_cleanly()
    with Archive.open(config.archive, config.database, write=False) as archive:
        taken = back_up(archive, folder, teller())
    listing = taken.listing
    code = DAMAGED if taken.damaged else DONE
    if json:
        write_json(
            {
                "folder": str(folder),
                "archive": listing.archive,
                "taken_at": listing.taken_at,
                "files": len(listing.files),
                "bytes": sum(each.length for each in listing.files),
                "bytes_copied": taken.copied,
                "elsewhere": list(listing.elsewhere),
                "damaged": taken.damaged,
                "exit_code": code,
            }
        )
        return code
    for line in taken.damaged:
        write_error(f"presskeep: damaged in the archive: {one_line(line)}")
    for path in listing.elsewhere:
        write_error(f"not in the backup, since the archive only refers to it: {one_line(path)}")
    files = counted(len(listing.files), "WARC file")
    write_error(f"{one_line(str(folder))}: {files}, {taken.copied / 1e6:.1f} MB copied now")
    return code


def teller() -> Callable[[str, int, int], None]:
    """Says now and then on standard error how far copying has come."""
    from time import monotonic

    from scraper.cli.progress import PLAIN_SECONDS

    last = monotonic()

    def told(what: str, done: int, total: int) -> None:
        nonlocal last
        now = monotonic()
        if now - last >= PLAIN_SECONDS and total:
            last = now
            write_error(f"{what}: {100 * done // total} %")

    return told
