"""`presskeep export evidence`: one article with all that proves it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.options import JsonOption
from scraper.cli.printing import counted, one_line, write, write_error, write_json
from scraper.cli.show import KeyArgument
from scraper.config import Config

if TYPE_CHECKING:
    from storage.evidence import Evidence


def evidence(
    config: Config,
    key: KeyArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The zip to make.")],
    time_stamp_ca: Annotated[
        Path | None,
        typer.Option("--time-stamp-ca", metavar="FILE", help="The time-stamp authority's certificates, PEM, to add."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    json: JsonOption = False,
) -> int:
    """Export one article with all that proves it, as a zip.

    It holds the WARC records of every capture byte for byte, every text, certificates and addresses of the servers,
    the manifests of the runs with their time stamps, a page to read, and README.txt, whose checks need only sha256sum,
    zcat and openssl. The file appears when it is whole; the same archive gives the same bytes. The digest of its
    SHA256SUMS is printed.

    Example: presskeep export evidence presstv:638540 --out 638540.zip
    """
    from storage.archive import Archive
    from storage.evidence import export_evidence
    from storage.exporting import new_file
    from storage.keys import resolve
    from storage.stamps import certificates_of

    trusted = time_stamp_ca or config.time_stamp_ca
    if trusted is not None:
        certificates_of(trusted)
    with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
        article = resolve(connection, key)
        with new_file(out, force=force) as file:
            done = export_evidence(archive, connection, article, file, trusted=trusted)
    return _report(done, out, json=json)


def _report(done: Evidence, out: Path, *, json: bool) -> int:
    from scraper.cli.running import DAMAGED, DONE

    code = DAMAGED if done.damaged else DONE
    if json:
        write_json(
            {
                "file": str(out),
                "key": done.key,
                "captures": done.captures,
                "revisions": done.revisions,
                "decisions": done.decisions,
                "runs": done.runs,
                "stamps": done.stamps,
                "sha256sums": done.sums,
                "damaged": done.damaged,
                "exit_code": code,
            }
        )
        return code
    for line in done.damaged:
        write_error(f"presskeep: {one_line(line)}")
    write_error(
        f"{one_line(str(out))}: {counted(done.captures, 'capture')}, {counted(done.revisions, 'text')} and "
        f"{counted(done.runs, 'manifest')} of {one_line(done.key)}; README.txt in it says how to check them"
    )
    write(f"{done.sums}  SHA256SUMS")
    write_error("Tell this digest by another way than the zip goes: who has it knows that no file in it was changed.")
    return code
