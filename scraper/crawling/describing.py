"""How a run describes itself in the warcinfo record of its files (WARC 1.1, section 6.2)."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.config import Config
    from scraper.outlet import Outlet


@cache
def own_version() -> str:
    """The installed version of Presskeep, '0' in a checkout that is not installed."""
    try:
        return version("presskeep")
    except PackageNotFoundError:
        return "0"


def describe_run(config: Config, outlet: Outlet | None) -> dict[str, str]:
    """The fields of the warcinfo record: software, format, operator, robots policy, outlet and profile digest."""
    fields = {
        "software": f"Presskeep/{own_version()}",
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "robots": "ignore" if config.ignore_robots else "obey",
    }
    if config.contact:
        fields["operator"] = config.contact
    if outlet is not None:
        from scraper.extraction import profile_digest

        fields["isPartOf"] = outlet.name
        fields["presskeep-profile"] = profile_digest(outlet)
    return fields
