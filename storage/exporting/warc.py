"""Export captures as one WARC file: a warcinfo record of ours, then the records as they stand in the archive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from storage.errors import ArchiveDamaged
from storage.exporting.records import Copied, RecordReader
from storage.exporting.selection import Placed
from storage.exporting.tally import Exported, Told
from storage.warc_records import frame, new_record_id


def export_warc(
    file: BinaryIO, filename: str, warc_folder: Path, captures: Iterable[Placed], about: Mapping[str, str], told: Told
) -> Exported:
    """Write the captures' records to `file`, which is called `filename`. `about` goes into the warcinfo record.

    What is damaged is left out and named in the result. OSError as the file system does.
    """
    done = Exported()
    for member, _ in members(filename, warc_folder, captures, about, done, told):
        file.write(member)
    return done


def members(
    filename: str,
    warc_folder: Path,
    captures: Iterable[Placed],
    about: Mapping[str, str],
    done: Exported,
    told: Told,
) -> Iterator[tuple[bytes, Copied | None]]:
    """The gzip members of the file, each with the record that it holds, None for our warcinfo. Counts in `done`."""
    first = _warcinfo(filename, about)
    done.size += len(first)
    yield first, None
    with RecordReader(warc_folder) as reader:
        for placed in captures:
            try:
                given = reader.read(placed)
            except ArchiveDamaged as error:
                done.damaged.append(str(error))
                continue
            done.damaged += given.faults
            for record in (*given.shared, *given.own):
                yield record.member, record
                done.records += 1
                done.size += len(record.member)
            done.captures += given.answered
            told(done)


def _warcinfo(filename: str, about: Mapping[str, str]) -> bytes:
    fields = {"format": "WARC File Format 1.1", **about}
    block = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in fields.items())
    head = {"Content-Type": "application/warc-fields", "WARC-Filename": filename}
    return frame("warcinfo", new_record_id(), datetime.now(UTC), head, block.encode())
