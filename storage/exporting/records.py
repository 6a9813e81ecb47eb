"""The WARC records of captures as they stand in the archive, to be copied byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from storage.errors import ArchiveDamaged
from storage.exporting.foreign_records import foreign_records
from storage.exporting.own_records import own_records
from storage.exporting.selection import Placed
from storage.foreign import is_foreign
from storage.warc_reading import ANSWERS, open_warc, read_shared
from storage.warc_records import Record
from storage.warc_writing import OPEN


@dataclass(frozen=True, slots=True)
class Copied:
    """A record to give out: its gzip member as it is, its header fields by lower-case name, and its block."""

    member: bytes = field(repr=False)
    fields: Mapping[str, str]
    block: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Given:
    """The records of a capture that are whole: its `own`, in the order of the file, and the `shared` ones that stand
    elsewhere. `faults` names each that is not, as one line with file and offset. `whole`: none of its own is missing;
    `answered`: the answer is there. `notes` is what we noted of the fetch, empty where that is broken."""

    own: list[Copied]
    shared: list[Copied] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    whole: bool = True
    answered: bool = True
    notes: Mapping[str, Any] = field(default_factory=dict)


class RecordReader:
    """Reads the records of captures, file after file. A context manager: leaving it closes the file.

    Records that several captures share, such as certificates, are given once, before the first that needs them; where
    they are broken, that is told once too.
    """

    def __init__(self, warc_folder: Path) -> None:
        self._folder = warc_folder
        self._stack = ExitStack()
        self._path: str | None = None
        self._file: BinaryIO | None = None
        self._shared: set[tuple[str, int]] = set()
        self._told: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def read(self, placed: Placed) -> Given:
        """The records of a capture. Raises ArchiveDamaged where its file is missing, or a record that others wrote is
        not what it was."""
        file = self._open(placed.path)
        if is_foreign(placed.path):
            return Given(
                [Copied(member, each.head.fields, each.block) for member, each in foreign_records(file, placed)]
            )
        standing = own_records(file, placed)
        faults = list(standing.faults)
        self._told.update(faults)
        shared = list(self._pointed_at(file, placed, standing.records, faults))
        for record in standing.records:
            if record.kind == "metadata":
                self._shared.add((placed.path, record.offset))
        return Given(
            [_copy(file, record) for record in standing.records],
            [_copy(file, record) for record in shared],
            faults,
            whole=not standing.faults,
            answered=any(record.kind in ANSWERS for record in standing.records),
            notes=next(filter(None, map(Record.exchange_facts, standing.records)), {}),
        )

    def _open(self, path: str) -> BinaryIO:
        if self._file is None or self._path != path:
            self._file = None
            self._stack.close()
            self._file = self._stack.enter_context(open_warc(self._folder, path))
            self._path = path
        return self._file

    def _pointed_at(
        self, file: BinaryIO, placed: Placed, found: tuple[Record, ...], faults: list[str]
    ) -> Iterator[Record]:
        """The certificates and addresses that were noted of the fetch and stand elsewhere in the file."""
        here = {record.offset for record in found}
        noted = [each.exchange_facts() for each in found if each.kind in ("request", "metadata")]
        for pointer in (facts.get(name) for facts in noted for name in ("chain", "dns")):
            if pointer is None:
                continue
            try:
                record = read_shared(file, pointer)
            except ArchiveDamaged as error:
                said = str(error).replace(f"{self._folder}/", "").replace(placed.path + OPEN, placed.path)
                self._tell(said, faults)
                continue
            if record is None:
                self._tell(f"{placed.path}: another record stands where its notes point to: {pointer}", faults)
            elif record.offset not in here and (placed.path, record.offset) not in self._shared:
                self._shared.add((placed.path, record.offset))
                yield record

    def _tell(self, fault: str, faults: list[str]) -> None:
        """Say once what many captures may share."""
        if fault not in self._told:
            self._told.add(fault)
            faults.append(fault)


def _copy(file: BinaryIO, record: Record) -> Copied:
    file.seek(record.offset)
    return Copied(file.read(record.end - record.offset), record.fields, record.block)
