"""Find all rows that belong to an article, and the runs that added them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from storage.captures import is_reduced
from storage.manifest import COVERED, covered, row_line, row_name
from storage.models import (
    article_key,
    capture,
    crawl,
    decision,
    extraction,
    fetch_failure,
    figure,
    location,
    reduction,
    resource,
    revision,
    warc_file,
)
from storage.stored_paths import span_start, stored_path

_BATCH = 200


@dataclass(frozen=True, slots=True)
class CoveredRow:
    """A row as a manifest covers it: the run that added it, its name there, and its line."""

    crawl: int
    name: str
    line: bytes

    @property
    def names_a_folder(self) -> bool:
        """Whether it is the row of a file that lies outside of the archive, and says in which folder."""
        return self.name.startswith("warc_file/") and str(json.loads(self.line)["store"]).startswith("/")


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run. `manifest_digest` is None while it goes on, `form` the form of its manifest, `stamp` a TimeStampResp."""

    id: int
    kind: str
    operator: str | None
    robots_policy: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    manifest_digest: str | None
    previous_digest: str | None
    form: int
    stamp_authority: str | None
    stamp: bytes | None

    @property
    def has_manifest(self) -> bool:
        """Whether a manifest was kept whose lines name its rows."""
        return self.manifest_digest is not None and self.form >= 2

    @property
    def folder(self) -> str:
        """Where its rows lie: what no manifest names must not lie where the checks look for proof."""
        return f"{'manifests' if self.has_manifest else 'unproven'}/{self.id}"


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """A capture of the article, or one that such a capture refers to. `span_sha256` is None for what an early version
    kept, and for what was imported. `warc` is the file's path, `file` its row, `file_crawl` the run that added it.
    `rights` is as its row holds it."""

    id: int
    crawl: int
    at: datetime
    url: str
    status: int
    outcome: str
    source: str
    origin: str | None
    truncated: str | None
    payload_sha256: str
    member_sha256: str
    span_sha256: str | None
    refers_to: int | None
    tls: Mapping[str, Any] | None
    warc: str
    offset: int
    length: int
    span_offset: int | None
    span_length: int | None
    file: int
    file_sha256: str | None
    file_crawl: int | None
    rights: Any

    @property
    def shown_file(self) -> str:
        """`warc` as it may be shown."""
        return without_folders(self.warc)

    @property
    def shown_origin(self) -> str | None:
        """`origin` as it may be shown."""
        return self.origin if self.origin is None or self.source != "import" else without_folders(self.origin)


def without_folders(path: str) -> str:
    """A pointer to a file, of one outside of the archive the name alone: in which folder of whose machine it lies
    proves nothing, and is for nobody else to know."""
    if not path.startswith("/"):
        return path
    file, *steps = path.split("#")
    return "#".join((file.rpartition("/")[2], *steps))


def captures_of(connection: Connection, family: Sequence[int]) -> list[CaptureFacts]:
    """The captures of an article with those merged into it, and what they refer to, in the order of their ids; none of
    which headers and digest alone are kept."""
    statement: Select[Any] = (
        select(
            *(capture.c[name] for name in ("id", "crawl", "at")),
            location.c.url,
            *(
                capture.c[name]
                for name in (
                    "status", "outcome", "source", "origin", "truncated", "payload_sha256", "member_sha256",
                    "span_sha256", "refers_to", "tls",
                )
            ),
            stored_path(warc_file),
            *(capture.c.offset, capture.c.length, span_start(capture), capture.c.span_length),
            *(warc_file.c[name] for name in ("id", "sha256", "crawl")),
            capture.c.rights,
        )
        .join(location, location.c.id == capture.c.location)
        .join(warc_file, warc_file.c.id == capture.c.warc_file)
        .where(_captures(family), ~is_reduced(capture))
        .order_by(capture.c.id)
    )  # fmt: skip
    return [CaptureFacts(*row._tuple()) for row in connection.execute(statement)]


def count_reduced(connection: Connection, family: Sequence[int]) -> int:
    """How many captures of the article are kept as headers and digest alone."""
    statement = select(func.count()).select_from(capture).where(_captures(family), is_reduced(capture))
    number: int = connection.execute(statement).scalar_one()
    return number


def runs_of(connection: Connection, numbers: Sequence[int]) -> list[RunFacts]:
    """The runs of these ids, in their order."""
    names = (
        "id", "kind", "operator", "robots_policy", "started_at", "ended_at", "outcome", "manifest_digest",
        "previous_digest", "manifest_form", "stamp_authority", "stamp",
    )  # fmt: skip
    found = []
    for start in range(0, len(numbers), _BATCH):
        statement = select(*(crawl.c[name] for name in names)).where(crawl.c.id.in_(numbers[start : start + _BATCH]))
        found += [RunFacts(*row) for row in connection.execute(statement)]
    return sorted(found, key=lambda run: run.id)


def rows_of(connection: Connection, family: Sequence[int], decisions: Sequence[int] = ()) -> Iterator[CoveredRow]:
    """The rows of an article that manifests cover, table after table, `decisions` (ids) among them. What no run added
    (an early version did not always say which) is left out."""
    conditions = _conditions(family) | {"decision": decision.c.id.in_(decisions)}
    for table, order, columns in COVERED:
        condition = conditions.get(table.name)
        if condition is None:
            continue
        added_by = table.c.crawl if "crawl" in table.c else revision.c.crawl
        statement: Select[Any] = select(added_by, *covered(table, columns)).where(condition)
        if "crawl" not in table.c:
            statement = statement.join(revision, revision.c.id == table.c.revision)
        for run, *values in connection.execute(statement.order_by(*(table.c[name] for name in order))):
            if run is not None:
                yield CoveredRow(run, row_name(table.name, order, columns, values), row_line(columns, values))


def _captures(family: Sequence[int]) -> ColumnElement[bool]:
    other = capture.alias("referring")
    referred = (
        select(other.c.refers_to).where(other.c.location.in_(_locations(family))).where(other.c.refers_to.is_not(None))
    )
    return capture.c.location.in_(_locations(family)) | capture.c.id.in_(referred)


def _locations(family: Sequence[int]) -> Select[Any]:
    place, owner = location.alias("place"), resource.alias("owner")
    return select(place.c.id).join(owner, owner.c.id == place.c.resource).where(owner.c.article.in_(family))


def _conditions(family: Sequence[int]) -> dict[str, ColumnElement[bool]]:
    revisions = select(revision.c.id).where(revision.c.article.in_(family))
    captures = select(capture.c.id).where(_captures(family))
    places = select(capture.c.location).where(_captures(family))
    return {
        "capture": _captures(family),
        "location": location.c.id.in_(_locations(family)) | location.c.id.in_(places),
        "revision": revision.c.article.in_(family),
        "extraction": extraction.c.capture.in_(captures),
        "article_key": article_key.c.article.in_(family),
        "fetch_failure": fetch_failure.c.location.in_(_locations(family)),
        "figure": figure.c.revision.in_(revisions),
        "reduction": reduction.c.capture.in_(captures),
        "warc_file": warc_file.c.id.in_(select(capture.c.warc_file).where(_captures(family))),
    }
