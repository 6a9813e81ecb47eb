"""Find closed WARC files that no row names."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import select

from storage.archive import Archive
from storage.foreign.views import IMPORTED
from storage.foreign_files import is_held
from storage.models import warc_file
from storage.torn import TORN

_ENDINGS = (".warc", ".warc.gz", ".warc.zst", ".arc", ".arc.gz", ".arc.zst", ".wacz")


def strange_files(archive: Archive) -> list[str]:
    """Closed files that no row names, by their path in the WARC folder.

    One that is open has no row before its first batch is kept, or was left by a killed run for the next recovery; what
    broke off and was put aside is known to whoever did so; and one that a living import has copied gets its row next.
    """
    found = []
    for folder, folders, names in os.walk(archive.warc_folder):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name).relative_to(archive.warc_folder)
            if _is_warc(path):
                found.append(str(path))
    known = _known(archive)  # after the walk: the state that is checked may be older than a file
    strange = [path for path in found if path not in known and not is_held(archive.warc_folder / path)]
    # An import lets go of a file once its row stands: what was let go of since `known` was read is known now.
    known = _known(archive) if strange else known
    return [path for path in strange if path not in known]


def _known(archive: Archive) -> set[str]:
    with archive.read() as connection:
        paths = connection.execute(select(warc_file.c.path).where(warc_file.c.store == "warc")).scalars()
        return {path.partition("#")[0] for path in paths}


def _is_warc(path: Path) -> bool:
    """Whether a file should have a row by its name; a copy of an import has none before its dot is gone."""
    if path.parts[0] == TORN or path.name.startswith("."):
        return False
    return path.parts[0] == IMPORTED or path.name.endswith(_ENDINGS)
