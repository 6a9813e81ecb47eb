"""Export captures as a WACZ 1.1.1 (https://specs.webrecorder.net/wacz/1.1.1/): a zip file with the WARC file, its
index, the pages with their texts, and the digests of all, signed where asked.

It is written from front to back in one go; the WARC file and the compressed index are stored as they are, so that a
viewer can fetch single records of a large one.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from storage.cdxj import cdxj_line
from storage.exporting.records import Copied
from storage.exporting.selection import Placed
from storage.exporting.signing import Signer
from storage.exporting.tally import Exported, Told
from storage.exporting.warc import members
from storage.sorting import sorted_lines

VERSION = "1.1.1"
WARC, INDEX, INDEX_OF_INDEX, PAGES = "data.warc.gz", "index.cdx.gz", "index.idx", "pages.jsonl"
_BLOCK_LINES = 1024
"""Lines of the index in a gzip member: what a viewer fetches to find one."""


@dataclass(frozen=True, slots=True)
class _Indexed:
    """A record where it stands in the WARC file of the WACZ."""

    fields: Mapping[str, str]
    block: bytes
    offset: int
    end: int


def export_wacz(
    file: BinaryIO,
    warc_folder: Path,
    captures: Iterable[Placed],
    pages: Iterable[bytes],
    about: Mapping[str, str],
    told: Told,
    *,
    title: str,
    scratch: Path,
    signer: Signer | None = None,
) -> Exported:
    """Write a WACZ with the captures' records to `file`. `pages` are the lines of pages.jsonl, the header first;
    `about` goes into the warcinfo record, its `software` into the package too. `scratch` is a folder for nameless
    files. What is damaged is left out and named in the result.
    """
    created = datetime.now(UTC)
    done = Exported()
    with ZipFile(file, "w", allowZip64=True) as archive:
        package = _Package(archive, created)
        with package.add(f"archive/{WARC}", ZIP_STORED) as out:
            records = _copied(members(WARC, warc_folder, captures, about, done, told), out)
            lines = sorted_lines(records, scratch)
            first = next(lines, None)  # all records are written once the first line is known
        _write_index(package, _again(first, lines))
        with package.add(f"pages/{PAGES}", ZIP_DEFLATED) as out:
            for number, line in enumerate(pages):
                out(line)
                done.pages = number
        _write_package(package, created, title, about.get("software", ""), signer)
    done.size = file.tell()
    return done


def _copied(found: Iterable[tuple[bytes, Copied | None]], out: Callable[[bytes], Any]) -> Iterator[bytes]:
    """Writes the members, and gives the lines of the index."""
    offset = 0
    for member, record in found:
        out(member)
        end = offset + len(member)
        if record is not None and record.fields.get("content-type") != "application/pem-certificate-chain":
            line = cdxj_line(_Indexed(record.fields, record.block, offset, end), WARC)
            if line is not None:
                yield line
        offset = end


def _again(first: bytes | None, lines: Iterable[bytes]) -> Iterator[bytes]:
    if first is not None:
        yield first
        yield from lines


def _write_index(package: _Package, lines: Iterable[bytes]) -> None:
    """The index in gzip members of some lines each, and the index of those."""
    entries = [b"!meta 0 " + json.dumps({"format": "cdxj-gzip-1.0", "filename": INDEX}).encode() + b"\n"]
    offset = 0
    with package.add(f"indexes/{INDEX}", ZIP_STORED) as out:
        for block in _blocks(lines):
            packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
            data = packer.compress(b"".join(block)) + packer.flush()
            out(data)
            place = {"offset": offset, "length": len(data), "digest": f"sha256:{hashlib.sha256(data).hexdigest()}"}
            entries.append(block[0].partition(b" {")[0] + b" " + json.dumps(place).encode() + b"\n")
            offset += len(data)
    with package.add(f"indexes/{INDEX_OF_INDEX}", ZIP_DEFLATED) as out:
        for entry in entries:
            out(entry)


def _blocks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    for line in lines:
        block.append(line)
        if len(block) == _BLOCK_LINES:
            yield block
            block = []
    if block:
        yield block


def _write_package(package: _Package, created: datetime, title: str, software: str, signer: Signer | None) -> None:
    """datapackage.json with the digests of the files, and datapackage-digest.json with the digest of that."""
    content = {
        "profile": "data-package",
        "resources": package.resources,
        "wacz_version": VERSION,
        "title": title,
        "created": f"{created:%Y-%m-%dT%H:%M:%SZ}",
        "software": software,
    }
    data = json.dumps(content, indent=2).encode() + b"\n"
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    package.put("datapackage.json", data)
    seal: dict[str, Any] = {"path": "datapackage.json", "hash": digest}
    if signer is not None:
        seal["signedData"] = signer.sign(digest, created)
    package.put("datapackage-digest.json", json.dumps(seal, indent=2).encode() + b"\n")


class _Package:
    """The zip file; `resources` describes each entry made by `add`, as datapackage.json lists them."""

    def __init__(self, archive: ZipFile, created: datetime) -> None:
        self._archive = archive
        self._date = created.timetuple()[:6]
        self.resources: list[dict[str, Any]] = []

    def add(self, path: str, compression: int) -> _Entry:
        return _Entry(self._archive.open(self._info(path, compression), "w", force_zip64=True), path, self.resources)

    def put(self, path: str, data: bytes) -> None:
        self._archive.writestr(self._info(path, ZIP_DEFLATED), data)

    def _info(self, path: str, compression: int) -> ZipInfo:
        info = ZipInfo(path, self._date)
        info.compress_type = compression
        info.external_attr = 0o644 << 16
        return info


class _Entry:
    """An entry of the zip file while it is written: within it, a function that takes bytes."""

    def __init__(self, out: IO[bytes], path: str, resources: list[dict[str, Any]]) -> None:
        self._out, self._path, self._resources = out, path, resources
        self._digest, self._size = hashlib.sha256(), 0

    def __enter__(self) -> Callable[[bytes], None]:
        return self._write

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._out.close()
        if kind is None:
            name = self._path.rpartition("/")[2]
            self._resources.append(
                {"name": name, "path": self._path, "hash": f"sha256:{self._digest.hexdigest()}", "bytes": self._size}
            )

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._digest.update(data)
        self._size += len(data)
