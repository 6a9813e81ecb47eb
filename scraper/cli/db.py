"""`presskeep db`: migrations, and moving an archive between SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Annotated

import typer

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import write, write_error, write_json
from scraper.config import Config
from scraper.errors import UsageError

app = group("Upgrade the database, or copy the archive to another one.")
IN_FOLDER = "sqlite"


@app.command(cls=PlainCommand)
@configured()
def upgrade(config: Config, json: JsonOption = False) -> int:
    """Bring the archive's database to the schema of this version. Doing it twice is the same as once."""
    from storage.archive import Archive
    from storage.migrating import current

    with Archive.open(config.archive, config.database, write=True) as archive:
        revision = current(archive.engine)
    if json:
        write_json({"revision": revision})
    else:
        write(f"The database is at {revision}.")
    return 0


@app.command(cls=PlainCommand)
@configured()
def stamp(
    config: Config, revision: Annotated[str, typer.Argument(metavar="REVISION", help="The migration to write down.")]
) -> int:
    """Write down that the database is at a migration, and change nothing else.

    Only for a schema that was brought there by other means, such as a dump that left its version out.
    """
    from alembic.util import CommandError

    from storage.archive import Archive
    from storage.migrating import stamp as stamp_database

    with Archive.open(config.archive, config.database, write=True) as archive:
        try:
            stamp_database(archive.engine, revision)
        except CommandError as error:
            raise UsageError(f"there is no such migration ({error})", f"db stamp {revision}") from error
    write(f"The database is at {revision} now.")
    return 0


@app.command(cls=PlainCommand)
@configured()
def move(
    config: Config,
    to: Annotated[str, typer.Argument(metavar="TO", help="PostgreSQL's URL, or 'sqlite' for the archive's folder.")],
    json: JsonOption = False,
) -> int:
    """Copy the archive's database to PostgreSQL, or back to SQLite in the archive's folder.

    The old database stays as it is; the new one must be empty. WARC files stay in the archive's folder, which goes
    on serving both. Then use --database URL (or leave it out).

    Example: presskeep db move postgresql://archive@localhost/presskeep
    """
    from storage.archive import Archive
    from storage.moving import move as copy

    database = None if to == IN_FOLDER else to
    if database is not None and not database.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        raise UsageError(f"{to!r} is neither a PostgreSQL URL nor 'sqlite'", "db move")
    if database == config.database:
        raise UsageError("is where the archive is", f"db move {IN_FOLDER if database is None else 'TO'}")

    def tell(table: str, rows: int) -> None:
        if rows and not json:
            write_error(f"{table}: {rows} rows")

    with (
        Archive.open(config.archive, config.database, write=False) as source,
        Archive.open(config.archive, database, create=True, refill=True) as target,
    ):
        counts = copy(source, target, tell)
    if json:
        write_json({"rows": counts})
    else:
        write(f"{sum(counts.values())} rows were copied, and counted again in the new database.")
    return 0
