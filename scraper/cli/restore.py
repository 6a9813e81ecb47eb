"""`presskeep restore`: an archive from a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scraper.cli.backup import teller
from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import counted, one_line, write_error, write_json
from scraper.config import Config

app = group("Restore a backup.")


@app.command(cls=PlainCommand)
@configured()
def restore(
    config: Config,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that `presskeep backup` was given.")],
    json: JsonOption = False,
) -> int:
    """Restore a backup as the archive that --archive names, where no archive may be yet.

    Every file's digest is checked. Stopped or killed, the same command goes on. The next crawl goes on where the
    archive was when the backup was taken. With --database the database goes to PostgreSQL.

    Example: presskeep restore /mnt/disk/presskeep --archive /srv/presskeep
    """
    from scraper.cli.stopping import stop_cleanly
    from storage.backup import restore as restore_backup

    stop_cleanly()
    done = restore_backup(folder, config.archive, config.database, teller())
    listing = done.listing
    if json:
        write_json(
            {
                "archive": str(config.archive),
                "uuid": listing.archive,
                "taken_at": listing.taken_at,
                "files": len(listing.files),
                "files_copied": done.copied,
                "elsewhere": list(listing.elsewhere),
            }
        )
        return 0
    for path in listing.elsewhere:
        write_error(f"the archive refers to a file that no backup holds: {one_line(path)}")
    files = counted(len(listing.files), "WARC file")
    write_error(f"{one_line(str(config.archive))}: the backup of {listing.taken_at}, {files}")
    return 0
