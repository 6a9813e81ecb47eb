"""The truth: what every article says and where it stands, written to files for tests to read.

`site.json` describes the replica; `articles.jsonl` holds the articles of day 0, one JSON object a line; `day-N.jsonl`
what day N changed; `others.jsonl` the pages that are no articles. docs/replica.md explains every field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scraper.demo.catalogue import Stub
from scraper.demo.documentaries import documentaries
from scraper.demo.errors import ReplicaError
from scraper.demo.site import Site
from scraper.demo.story import Photo, write_story
from scraper.demo.view import address, printed_date
from storage.content import Block, plain_text


def write_truth(site: Site, folder: Path, days: int, scheme: str = "http") -> None:
    """Write the truth of day 0 and of the days up to `days` into a folder, which is made."""
    timeline = site.catalogue.timeline
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "site.json").write_text(json.dumps(_describe(site), ensure_ascii=False, indent=1) + "\n", "utf-8")
        _write_lines(
            folder / "articles.jsonl", (describe_article(site, index, 0, scheme) for index in range(timeline.size))
        )
        _write_lines(folder / "others.jsonl", _others(site, scheme))
        for day in range(1, days + 1):
            _write_lines(folder / f"day-{day}.jsonl", _changes(site, day, scheme))
    except OSError as error:
        raise ReplicaError(f"cannot be written: {error.strerror}", str(folder)) from error


def describe_article(site: Site, index: int, day: int, scheme: str = "http") -> dict[str, Any]:
    """An article's exact fields as a day shows them on the first host of its edition, and its address on each host."""
    story = write_story(site.catalogue, index, day)
    stub = story.stub
    return {
        "key": str(stub.key),
        "kind": stub.slot.kind,
        "edition": stub.edition,
        "language": stub.edition,
        "headline": stub.headline,
        "lead": story.lead,
        "blocks": [_block(block) for block in story.blocks],
        "body": plain_text(story.blocks),
        "authors": list(story.authors),
        "section": list(stub.section.names),
        "tags": list(story.tags),
        "published": _date(site, stub, stub.local),
        "updated": _date(site, stub, story.updated) if story.updated else None,
        "figures": [_figure(site, photo, scheme) for photo in story.photos],
        "template": "old" if stub.old else "later",
        "version": story.version,
        "locations": {host.name: address(stub, host, scheme) for host in site.hosts.hosts_of(stub.edition)},
    }


def _describe(site: Site) -> dict[str, Any]:
    timeline = site.catalogue.timeline
    hosts = [
        {
            "name": host.name,
            "role": host.role,
            "edition": host.edition,
            "dress": host.dress,
            "apostrophe": host.apostrophe,
            "lag": host.lag,
        }
        for host in site.hosts.hosts
    ]
    return {
        "hosts": hosts,
        "host_set": site.hosts.name,
        "seed": timeline.seed,
        "articles": timeline.size,
        "zone": site.hosts.zone,
        "day_0": timeline.first.isoformat(),
        "announced": list(site.hosts.announced),
        "notice": site.hosts.notice,
        "lastmod": site.lastmod,
    }


def _changes(site: Site, day: int, scheme: str) -> Iterator[dict[str, Any]]:
    plan = site.catalogue.timeline.planned(day)
    for index in plan.new:
        yield {"change": "new", "article": describe_article(site, index, day, scheme)}
    for index in plan.edited:
        yield {"change": "edited", "article": describe_article(site, index, day, scheme)}
    for index in plan.reverted:
        yield {"change": "reverted", "article": describe_article(site, index, day, scheme)}
    for index in plan.withdrawn:
        stub = site.catalogue.stub(index, day)
        places = {host.name: address(stub, host, scheme) for host in site.hosts.hosts_of(stub.edition)}
        status = site.catalogue.timeline.withdrawn_status(index)
        yield {"change": "withdrawn", "key": str(stub.key), "status": status, "locations": places}


def _others(site: Site, scheme: str) -> Iterator[dict[str, str]]:
    for host in site.hosts.hosts:
        base = f"{scheme}://{host.name}"
        if host.role == "former":
            yield {"url": f"{base}/", "why": "notice"}
        if not host.serves:
            continue
        yield {"url": f"{base}/", "why": "listing"}
        reader = host.dress == "reader"
        for path in ("/feed.xml", "/map.xml") if reader else ("/rss.xml", "/sitemap.xml"):
            yield {"url": base + path, "why": "listing"}
        for section in site.hosts.sections_of(host.edition):
            yield {
                "url": f"{base}/topics/{section.word}" if reader else f"{base}/Section/{section.number}",
                "why": "listing",
            }
            if not reader:
                yield {"url": f"{base}/Tag/{section.number}", "why": "tag"}
        if not reader:
            yield from ({"url": base + page.path, "why": page.reason} for page in site.hosts.standing)
            yield from ({"url": base + film.path, "why": "documentary"} for film in documentaries(site.catalogue, 0))


def _block(block: Block) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": block.kind}
    if block.kind == "list":
        return {**found, "items": list(block.items)}
    found["text"] = block.text
    if block.level is not None:
        found["level"] = block.level
    return found


def _date(site: Site, stub: Stub, at: datetime) -> dict[str, str]:
    """A date as the page prints it to its readers: to the minute, without a zone; `machine` is to the second."""
    local = at.astimezone(site.catalogue.timeline.zone)
    minute = local.replace(second=0)
    return {
        "at": minute.astimezone(UTC).isoformat(),
        "local": minute.isoformat(),
        "printed": printed_date(local, stub, site.hosts.home_of(stub.edition), site.hosts),
        "precision": "minute",
        "zone": site.hosts.zone,
        "machine": local.isoformat(),
    }


def _figure(site: Site, photo: Photo, scheme: str) -> dict[str, str | None]:
    return {
        "url": f"{scheme}://{site.hosts.image_host}{photo.path}",
        "caption": photo.printed or None,
        "credit": photo.credit or None,
    }


def _write_lines(path: Path, values: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for value in values:
            file.write(json.dumps(value, ensure_ascii=False) + "\n")
