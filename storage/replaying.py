"""What a replay program needs to show an archive: its configuration, and the address of each capture in it."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from storage.archive import Archive
from storage.cdxj_following import FOLDER, follow_warcs, index_elsewhere
from storage.cdxj_index import Followed
from storage.errors import ArchiveDamaged
from storage.foreign import is_foreign
from storage.foreign.cutting import stands_unpacked
from storage.foreign.zips import NotReadable
from storage.warc_reading import open_warc
from storage.warc_writing import OPEN

COLLECTION = "presskeep"
DEFAULT_PORT = 8080
DEFAULT_BASE = f"http://127.0.0.1:{DEFAULT_PORT}"
"""Where a replay listens if nothing else is said."""
_LINKS = "open"
_HEAD = 8192
"""Compressed bytes that are read of a record to find its date and address, which stand at its beginning."""
_GZIP = 16 + zlib.MAX_WBITS
_FIELD = re.compile(rb"(?im)^(warc-date|warc-target-uri):[ \t]*([^\r\n]*)")


def prepare(archive: Archive, folder: Path, told: Callable[[Followed], None] = lambda done: None) -> Followed | None:
    """Bring the archive's index up to date and write pywb's configuration to `folder`, an empty one.

    Nothing is written to the archive but its index; where that cannot be, what is missing in it goes to `folder` and
    None is given. WARC files that are not closed yet are linked from `folder` (`link_open_files`).
    """
    try:
        done = follow_warcs(archive, told)
        indexes = {"archive": str(archive.folder / FOLDER)}
    except OSError:
        done = None
        index = index_elsewhere(archive, folder / FOLDER, told)
        places = sorted({path.parent for path in index.paths} | {folder / FOLDER})
        indexes = {f"part{number}": str(place) for number, place in enumerate(places)}
    link_open_files(archive, folder)
    collection = {
        "index_group": indexes,
        # The last one serves files elsewhere that the archive only refers to.
        "archive_paths": [f"{archive.warc_folder}/", f"{folder / _LINKS}/", ""],
    }
    (folder / "config.yaml").write_text(json.dumps({"collections": {COLLECTION: collection}}))  # JSON is YAML
    return done


def link_open_files(archive: Archive, folder: Path) -> None:
    """Link the WARC files that are not closed from a replay's folder, under the names that they will have, by which the
    index calls them already. To be called again and again: the next run may begin one."""
    links = folder / _LINKS
    links.mkdir(exist_ok=True)
    for path in archive.warc_folder.glob(f"*{OPEN}"):
        with suppress(FileExistsError):
            (links / path.name.removesuffix(OPEN)).symlink_to(path)


def replay_address(warc_folder: Path, warc: str, offset: int, base: str) -> str | None:
    """The address at which a capture is replayed, `base` being the server's; None where its record cannot be read, or
    must be unpacked twice to be read, which no replay program does.

    It is made from the record's own date and address: those of the database are of the clock that the run went by,
    and without trackers.
    """
    try:
        if is_foreign(warc) and not stands_unpacked(warc_folder, warc):
            return None
        with open_warc(warc_folder, warc) as file:
            file.seek(offset)
            data = file.read(_HEAD)
        head = zlib.decompressobj(_GZIP).decompress(data, 4 * _HEAD) if data.startswith(b"\x1f\x8b") else data
    except (ArchiveDamaged, NotReadable, OSError, zlib.error):
        return None
    found: Mapping[bytes, bytes] = {
        name.lower(): value for name, value in _FIELD.findall(head.partition(b"\r\n\r\n")[0])
    }
    digits = re.sub(r"[^0-9]", "", found.get(b"warc-date", b"").decode("ascii", "replace"))[:14]
    url = found.get(b"warc-target-uri", b"").decode("utf-8", "replace").strip("<> ")
    return f"{base.rstrip('/')}/{COLLECTION}/{digits}mp_/{url}" if len(digits) == 14 and url else None
