"""Tell when another project's package stands where ours should: the import names are generic."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from scraper.errors import UsageError

OURS = ("scraper", "spiders", "storage")


def check_imports(home: Path | None = None) -> None:
    """Check that each of our packages is the one beside this one. Raises UsageError naming the intruder.

    Nothing is imported by it. `home` is the folder that should hold them all.
    """
    home = home or Path(__file__).resolve().parents[2]
    for name in OURS:
        found = _place_of(name)
        if found is None or found.resolve() != home / name:
            raise UsageError(
                f"is not Presskeep's package of that name, which stands in {home / name}",
                str(found) if found else name,
                "Install Presskeep into an environment of its own: pipx install presskeep.",
            )


def _place_of(name: str) -> Path | None:
    loaded = sys.modules.get(name)
    origin = getattr(loaded, "__file__", None) if loaded is not None else None
    if origin is None:
        spec = find_spec(name)
        origin = spec.origin if spec is not None else None
    return Path(origin).parent if origin else None
