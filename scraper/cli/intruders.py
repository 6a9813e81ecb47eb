"""Tell when another project's package stands where ours should: the import names are generic."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

OURS = ("scraper", "spiders", "storage")


def find_intruder(home: Path | None = None) -> str | None:
    """A line that names the first package that is not the one beside this one; None where all are ours.

    Nothing is imported by it. `home` is the folder that should hold them all.
    """
    home = home or Path(__file__).resolve().parents[2]
    for name in OURS:
        found = _place_of(name)
        if found is None or found.resolve() != home / name:
            return (
                f"{ascii(str(found or name))[1:-1]}: is not Presskeep's package {name}, which stands in {home / name}. "
                "Install Presskeep into an environment of its own (pipx does), and start it outside that folder."
            )
    return None


def _place_of(name: str) -> Path | None:
    loaded = sys.modules.get(name)
    origin = getattr(loaded, "__file__", None) if loaded is not None else None
    if origin is None:
        spec = PathFinder.find_spec(name)
        origin = spec.origin if spec is not None else None
    return Path(origin).parent if origin else None
