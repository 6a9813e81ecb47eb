"""What the tests of whole crawls share: run the command against a replica, and compare archive and truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select

from scraper.demo.process import Replica
from storage.archive import Archive
from storage.captures import capture_at, read_capture
from storage.models import article, article_key, capture, domain, location, resource, revision, warc_file
from storage.urls import canonical_url
from storage.warc import read_exchange
from tests.databases import Place

ROOT = Path(__file__).parents[1]
DAY = "2026-06-0{day}T{hour}:00:00Z"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""An hour of the replica's days: day 0 is 1 June 2026."""


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def presskeep(
    *arguments: str,
    now: str | None = None,
    program: Sequence[str] = ("-m", "scraper.cli"),
    timeout: float = 280,
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Run the command line in a process of its own; `environment` adds variables. What `fetch` would wait for between
    two requests to a host of ours passes at once."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PRESSKEEP_")}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    variables |= {"PRESSKEEP_LOG_LEVEL": "WARNING", **(environment or {})}
    if now is not None:
        variables["PRESSKEEP_NOW"] = now
    elif arguments[:1] == ("fetch",):
        variables.setdefault("PRESSKEEP_NOW", f"leap:{datetime.now(UTC).isoformat()}")
    done = subprocess.run(
        [sys.executable, *program, *arguments], capture_output=True, text=True, env=variables, timeout=timeout
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def place_options(place: Place) -> list[str]:
    """The options that name an archive."""
    return ["--archive", str(place.folder), *(["--database", place.database] if place.database else [])]


class Served(Protocol):
    """A site on this machine."""

    @property
    def connect_to(self) -> tuple[str, ...]: ...
    @property
    def ca_file(self) -> Path | None: ...


def replica_options(replica: Served) -> list[str]:
    """The options that lead a site's hosts to it."""
    options = [part for each in replica.connect_to for part in ("--connect-to", each)]
    return options + (["--ca-file", str(replica.ca_file)] if replica.ca_file else [])


def crawl(
    place: Place, replica: Replica, *more: str, outlet: str = "demo", day: int = 0, hour: int = 12, **options: Any
) -> Ran:
    """Crawl a replica on its day, at noon if nothing else is said (UTC); `now` in the options says it all."""
    options.setdefault("now", DAY.format(day=day + 1, hour=hour))
    return presskeep(
        "crawl", outlet, "--json", *place_options(place), *replica_options(replica), *more, **options
    )  # fmt: skip


@dataclass(frozen=True)
class Held:
    """What an archive holds of one outlet: URLs where each article was seen by key, and more."""

    locations: dict[str, set[str]]
    headlines: dict[str, str]
    bodies: dict[str, str]
    revisions: int
    outcomes: dict[str, list[str]]
    domains: dict[str, tuple[str, str]]


def look(place: Place) -> Held:
    """Read an archive."""
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        locations: dict[str, set[str]] = {}
        for key, url in connection.execute(
            select(article_key.c.key, location.c.url)
            .join(resource, resource.c.article == article_key.c.article)
            .join(location, location.c.resource == resource.c.id)
        ):
            locations.setdefault(key, set()).add(canonical_url(url))
        texts = list(
            connection.execute(
                select(article_key.c.key, revision.c.headline, revision.c.body)
                .join(article, article.c.id == article_key.c.article)
                .join(revision, revision.c.id == article.c.current_revision)
            )
        )
        revisions = len(list(connection.execute(select(revision.c.id))))
        outcomes: dict[str, list[str]] = {}
        for url, outcome in connection.execute(
            select(location.c.url, capture.c.outcome).join(capture, capture.c.location == location.c.id)
        ):
            outcomes.setdefault(url, []).append(outcome)
        domains = {
            row.host: (row.state, row.approval)
            for row in connection.execute(select(domain.c.host, domain.c.state, domain.c.approval))
        }
    return Held(
        locations,
        {row.key: row.headline for row in texts},
        {row.key: row.body for row in texts},
        revisions,
        outcomes,
        domains,
    )


def missing_from(held: Held, truth: Sequence[dict[str, Any]]) -> list[str]:
    """Where an archive differs from the truth: articles missing, strange or without a location."""
    faults = []
    expected = {each["key"]: each for each in truth}
    faults += [f"missing {key}" for key in expected.keys() - held.locations.keys()]
    faults += [f"strange {key}" for key in held.locations.keys() - expected.keys()]
    for key in expected.keys() & held.locations.keys():
        wanted = {canonical_url(url) for url in expected[key]["locations"].values()}
        faults += [f"{key} not seen at {url}" for url in sorted(wanted - held.locations[key])]
    return faults


def dangling(place: Place) -> list[str]:
    """Captures whose records cannot be read back as they were written down."""
    import hashlib

    faults = []
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        rows = connection.execute(
            select(capture.c.id, warc_file.c.path, capture.c.offset, capture.c.length, capture.c.payload_sha256).join(
                warc_file, warc_file.c.id == capture.c.warc_file
            )
        )
        for number, path, offset, length, digest in rows:
            try:
                exchange = read_exchange(archive.folder, path, offset, length)
            except Exception as error:
                faults.append(f"capture {number}: {error}")
                continue
            if hashlib.sha256(exchange.payload).hexdigest() == digest:
                continue
            referred = read_capture(archive.folder, capture_at(connection, number))  # a revisit has none of its own
            if hashlib.sha256(referred.payload).hexdigest() != digest:
                faults.append(f"capture {number}: another payload")
    return faults
