"""Parts of archives by date that were never read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from storage.finding import hashed
from storage.inserting import among, in_portions
from storage.models import location
from storage.outlets import DomainMap
from storage.records import Found


def unread_archives(connection: Connection, founds: Sequence[Found], domain_map: DomainMap) -> set[str]:
    """The URLs of archives by date that were never fetched: they are read once, though a page of today that leads back
    to them brought nothing that other listings had not brought before it. Mirrors' are read while they bring news."""
    hashes: dict[bytes, str] = {}
    for each in founds:
        home = domain_map.find(each.url) if each.kind == "datearchive" else None
        if home is not None and home.role not in ("mirror", "cdn"):
            try:
                hashes[hashed(each.url)[1]] = each.url
            except ValueError:
                continue  # add_groups says so
    read: set[bytes] = set()
    for portion in in_portions(list(hashes)):
        statement = select(location.c.url_hash).where(among(location.c.url_hash), location.c.fetched_at.is_not(None))
        read.update(bytes(digest) for digest in connection.execute(statement, {"values": portion}).scalars())
    return {url for digest, url in hashes.items() if digest not in read}
