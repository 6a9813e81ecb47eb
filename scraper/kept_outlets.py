"""Which outlets of an archive are meant, each with the profile that it is read by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scraper.errors import ScraperError, UsageError
from scraper.profiles import find_outlet, load_outlet, profile_files, profile_paths
from storage.rereading import kept_outlets

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.outlet import Outlet
    from storage.archive import Archive


@dataclass(frozen=True, slots=True)
class KeptOutlet:
    """An outlet of the archive, with its profile if it has one."""

    id: int
    name: str
    profile: Outlet | None


def kept_outlets_of(
    config: Config, archive: Archive, name: str | None
) -> tuple[list[KeptOutlet], list[tuple[str, ScraperError]]]:
    """The outlet of a name, or all; and those whose profile cannot be used, with what is wrong with it.

    Raises UsageError for a name that is no outlet of the archive, and what is wrong with the profile of the one named.
    """
    paths = profile_paths(config)
    files = profile_files(paths)
    with archive.read() as connection:
        kept = kept_outlets(connection)
    if name is not None and name not in {outlet for _, outlet, _ in kept}:
        known = ", ".join(outlet for _, outlet, _ in kept) or "none"
        raise UsageError("is no outlet of this archive", name, f"Its outlets: {known}.")
    usable, unusable = [], []
    for number, outlet, kind in kept:
        if name not in (None, outlet):
            continue
        try:
            adhoc = kind == "adhoc" and outlet not in files
            profile = None if adhoc else load_outlet(files[outlet]) if outlet in files else find_outlet(outlet, paths)
        except ScraperError as error:
            if name is not None:
                raise
            unusable.append((outlet, error))
        else:
            usable.append(KeptOutlet(number, outlet, profile))
    return usable, unusable
