"""What an imported capture leaves in the evidence: its records as they stand in the file of others, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from storage.errors import ArchiveDamaged
from storage.evidence.captured import CapturedFile, Connected, facts_file, payload_files
from storage.evidence.gathering import CaptureFacts, without_folders
from storage.exporting.foreign_records import request_beside, standing_record
from storage.exporting.selection import Placed
from storage.foreign import FoundRecord, RecordHead, Scan, exchange_of, open_part
from storage.foreign.packing import packing_of_bytes
from storage.foreign.scanning import Place
from storage.foreign.sources import dictionary_frame, unpacked_frame
from storage.foreign.views import UNPACKING
from storage.warc_records import MEMBER_LIMIT

_ENDINGS = {"gunzip": ".gz", "unzstd": ".zst", "": ""}
_ABOUT_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """A file of the evidence that stands, byte for byte, at `offset` of what a path leads to."""

    name: str
    path: str
    offset: int
    content: bytes


def read_imported(archive_folder: Path, facts: CaptureFacts) -> tuple[list[CapturedFile], Connected, list[Stretch]]:
    """The files of an imported capture, and which of them stand where. Raises ArchiveDamaged where its record is not
    what the row says.

    They are the record as it stands, in its packing; its further segments, if it was cut; the request, where that is
    the next record; and what the file's first record says of who wrote it. What is packed by zstd is there unpacked
    as well, with the dictionary that it needs.
    """
    root = archive_folder / "warc"
    placed = Placed(facts.id, facts.warc, facts.offset, facts.length, facts.member_sha256, None, None)
    with open_part(root, facts.warc) as file:
        content, record = standing_record(file, placed)
        stretches = [Stretch(_named("record", content, record.head), facts.warc, facts.offset, content)]
        for number, place in enumerate(record.further, 2):
            stretches.append(_at(root, f"segment-{number}", facts.warc, place, record.head))
        beside = request_beside(file, facts.warc, record, facts.offset + facts.length)
        if beside is not None:
            request, found = beside
            stretches.append(Stretch(_named("request", request, found.head), facts.warc, found.place.offset, request))
        unpacked = list(_unpacked(file, stretches))
    about = _about(root, facts.warc)
    files = [CapturedFile(each.name, each.content) for each in stretches]
    files += unpacked
    if about is not None:
        stretches.append(about)
        files.append(CapturedFile(about.name, about.content))
    files += payload_files(exchange_of(record), facts)
    connected = _connected(record)
    files.append(facts_file(facts, connected, _places(facts, stretches)))
    return files, connected, stretches


def _named(name: str, content: bytes, head: RecordHead) -> str:
    kind = "warc" if "warc-type" in head.fields else "arc"
    return f"{name}.{kind}{_ENDINGS[packing_of_bytes(content)]}"


def _at(root: Path, name: str, path: str, place: Place, head: RecordHead) -> Stretch:
    with open_part(root, path + place.part) as file:
        file.seek(place.offset)
        content = file.read(place.length)
    if hashlib.sha256(content).hexdigest() != place.sha256:
        raise ArchiveDamaged("another record stands here", f"{path}{place.part} at byte {place.offset}")
    return Stretch(_named(name, content, head), path + place.part, place.offset, content)


def _about(root: Path, path: str) -> Stretch | None:
    """The file's first record, where it says who wrote the file: a warcinfo record, or an ARC file's version block."""
    steps = path.split("#")
    if UNPACKING.fullmatch(steps[-1]):
        path = "#".join(steps[:-1])

    def is_about(head: RecordHead) -> bool:
        if head.kind != "warcinfo":
            raise _Enough
        return True

    with open_part(root, path) as file, suppress(_Enough):
        for found in Scan(file, is_about, limit=_ABOUT_LIMIT):
            return _at(root, "about", path, found.place, found.head) if isinstance(found, FoundRecord) else None
    return None


class _Enough(Exception):
    """The first record is another."""


def _unpacked(file: BinaryIO, stretches: list[Stretch]) -> Iterator[CapturedFile]:
    packed = [each for each in stretches if each.name.endswith(".zst")]
    for each in packed:
        content = unpacked_frame(file, each.content, MEMBER_LIMIT)
        yield CapturedFile(each.name.removesuffix(".zst"), content)
    if packed and (dictionary := dictionary_frame(file)):
        yield CapturedFile("dictionary.zst", dictionary)


def _connected(record: FoundRecord) -> Connected:
    fields = record.head.fields
    return Connected(
        address=fields.get("warc-ip-address", ""),
        port="",
        protocol=fields.get("warc-protocol", ""),
        cipher=fields.get("warc-cipher-suite", ""),
        date=fields.get("warc-date", f"{record.head.at:%Y-%m-%dT%H:%M:%SZ}"),
    )


def _places(facts: CaptureFacts, stretches: list[Stretch]) -> dict[str, Any]:
    return {
        "file_sha256": facts.file_sha256,
        "file_row": f"warc_file/{facts.file}",
        "records": [
            {"name": each.name, "in": without_folders(each.path), "offset": each.offset, "length": len(each.content)}
            for each in stretches
        ],
    }
