"""Whether an archive is sound: what `verify` finds, what the independent walk finds, and twins in which both must."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from storage.archive import Archive
from storage.errors import ArchiveMissing
from storage.fixity.checking import check
from storage.owners import new_owner
from storage.recovery import Recovered, recover
from tests.crawling import NOON
from tests.databases import Place
from tests.independent_walk import connected, walk


def is_there(place: Place) -> bool:
    """Whether a crawl came so far that there is an archive."""
    try:
        Archive.open(place.folder, place.database, write=False).close()
    except ArchiveMissing:
        return False
    return True


def verified(place: Place) -> list[str]:
    """What `verify` names."""
    with Archive.open(place.folder, place.database, write=False) as archive:
        return [f"{each.kind} {each.place}: {each.what}" for each in check(archive)]


def walked(place: Place, *, settled: bool = False, resting: bool = False) -> list[str]:
    """What the independent walk names; `settled` says that recovery has been here and nobody writes, `resting` that
    files may wait for the next run."""
    with connected(place.folder, place.database) as connection:
        return walk(connection, place.folder, settled=settled, resting=resting)


def recovered(place: Place) -> Recovered:
    """Recover an archive as the next crawl would."""
    with Archive.open(place.folder, place.database) as archive:
        return recover(archive, new_owner(), NOON)


def flipped(place: Place, folder: Path, seed: int) -> Place:
    """A twin in which one byte of a record that was committed is another; the database is the same, or a copy."""
    shutil.copytree(place.folder, folder)
    twin, chance = Place(folder, place.database), random.Random(seed)
    with connected(folder, place.database) as connection:
        spans = connection.execute(
            'SELECT path, "offset", length FROM capture JOIN warc_file ON warc_file.id = warc_file ORDER BY capture.id'
        ).fetchall()
    path, offset, length = chance.choice(spans)
    file = folder / "warc" / path
    file = file if file.exists() else file.with_name(path + ".open")
    data = bytearray(file.read_bytes())
    data[offset + chance.randrange(10, length - 8)] ^= 0x40
    file.write_bytes(data)
    return twin
