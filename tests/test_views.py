"""An article is shown with its text, and all that is known around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import update

from storage import models, outlets
from storage.archive import Archive
from storage.content import Block, PrintedDate
from storage.errors import KeyUnknown
from storage.frontier import add_found
from storage.priorities import NEW
from storage.records import Failure, Found, Reading
from storage.status import crawls, failures, refused, status
from storage.views import ArticleView, view_article
from tests.keeping import EXTRACTOR, FORMER, HOUR, MIRROR, PRIMARY, T0, Work, content, working


@pytest.fixture
def work(archive: Archive) -> Iterator[Work]:
    with working(archive) as begun:
        yield begun


def view(work: Work, article: int | None, **options: Any) -> ArticleView:
    assert article is not None
    with work.archive.read() as connection:
        return view_article(connection, article, **options)


def test_an_article_is_shown_whole(work: Work) -> None:
    resource = work.find("1")["1"]
    with work.archive.begin() as connection:
        found = Found("1", "article", f"https://{MIRROR}/detail/1", NEW, T0, "feed")
        add_found(connection, work.outlet, [found], now=T0, crawl=work.crawl)
    kept = work.keep(resource, f"https://{PRIMARY}/detail/1")
    known = work.read(kept.capture, resource, "1", "Said.", published_day=date(2026, 3, 1))
    shown = view(work, known.article)
    assert (shown.key, shown.keys, shown.outlet, shown.kind, shown.current) == (
        "demo:1",
        ("1",),
        "demo",
        "article",
        True,
    )
    assert (shown.published_at, shown.published_day) == (T0, date(2026, 3, 1))
    assert shown.text.blocks == content("Said.").blocks
    assert shown.text.blocks[2] == Block("list", items=("a", "b"))
    assert shown.text.figures == content().figures
    assert (shown.text.authors, shown.text.section) == (("Ada Writer", "Ben Editor"), ("News", "Politics"))
    assert shown.text.published is not None
    assert (shown.text.published.printed, shown.text.published.precision) == ("1 March 2026 12:00", "minute")
    assert (shown.text.number, shown.text.extractor, shown.text.updated) == (1, "1", None)
    assert [(line.domain, line.role) for line in shown.locations] == [(PRIMARY, "primary"), (MIRROR, "mirror")]
    assert [(line.fetched_at is None) for line in shown.locations] == [False, True]
    (capture,) = shown.captures
    assert (capture.id, capture.status, capture.outcome, capture.warc) == (kept.capture, 200, "article", kept.warc_path)
    assert (capture.offset, capture.length) == (kept.offset, kept.length)


@pytest.mark.parametrize(
    ("at", "printed", "shown"),
    [
        (datetime(2026, 3, 2, 20, 40, tzinfo=UTC), "Tue Mar 03, 2026 12:10AM", ("minute", "Asia/Tehran")),
        (datetime(2026, 3, 2, 20, 40, 7, tzinfo=UTC), "3/3/2026 12:10:07 AM", ("second", "Asia/Tehran")),
        (datetime(2026, 3, 2, 20, 30, tzinfo=UTC), "3.03.2026", ("day", "Asia/Tehran")),
        (datetime(2026, 3, 2, 20, 40, tzinfo=UTC), "3.03.2026, 0.10", ("minute", "Asia/Tehran")),
    ],
)
def test_the_date_of_an_update_is_shown_in_the_zone_of_its_page(
    work: Work, at: datetime, printed: str, shown: tuple[str, str]
) -> None:
    resource = work.find("1")["1"]
    kept = work.keep(resource, f"https://{PRIMARY}/detail/1")
    dated = replace(
        content(),
        published=PrintedDate(T0, "1 March 2026 12:00", "minute", "Asia/Tehran"),
        updated=PrintedDate(at, printed, "minute", "Asia/Tehran"),
    )
    reading = Reading(kept.capture, resource, EXTRACTOR, "article", key="1", content=dated, at=T0)
    updated = view(work, work.writer.know(reading).result(20).article).text.updated
    assert updated is not None
    assert (updated.at, updated.printed, (updated.precision, updated.zone)) == (at, printed, shown)


def test_revisions_are_numbered_by_first_observation(work: Work) -> None:
    resource = work.find("1")["1"]
    late = work.show("1", resource, "late", at=T0 + HOUR)
    early = work.show("1", resource, "early", host=MIRROR)
    shown = view(work, late.article)
    assert [(line.number, line.id, line.current) for line in shown.revisions] == [
        (1, early.revision, False),
        (2, late.revision, True),
    ]
    old = view(work, late.article, revision=early.revision)
    assert (old.text.body.split("\n\n")[1], old.text.number, old.current) == ("early", 1, False)


def test_a_merged_article_brings_its_places_and_texts(work: Work) -> None:
    resources = work.find("1", "2")
    one, two = (work.show(key, resources[key], key, at=T0 + int(key) * HOUR).article for key in "12")
    with work.archive.begin() as connection:
        connection.execute(update(models.article).where(models.article.c.id == two).values(merged_into=one))
    shown = view(work, one)
    assert shown.merged == (two,)
    assert [line.number for line in shown.revisions] == [1, 2]
    assert [line.url[-1] for line in shown.locations] == ["1", "2"]
    assert [line.url[-1] for line in shown.captures] == ["2", "1"]


def test_what_is_not_there_is_unknown(work: Work) -> None:
    with pytest.raises(KeyUnknown):
        view(work, 99)


def test_status_counts_what_is_there(work: Work) -> None:
    resources = work.find("1", "2", "3", "4")
    work.show("1", resources["1"], "a")
    work.show("1", resources["1"], "b", at=T0 + HOUR)
    work.show("2", resources["2"], "c", host=MIRROR)
    notice = work.keep(resources["3"], f"https://{FORMER}/detail/3")
    work.writer.know(Reading(notice.capture, resources["3"], EXTRACTOR, "notice", T0)).result(20)
    work.keep(resources["3"], f"https://{PRIMARY}/detail/3", status=404, outcome="refused:status-404")
    work.writer.fail(Failure(resources["4"], f"https://{PRIMARY}/detail/4", "dns", T0, True, None)).result(20)
    work.keep(resources["4"], f"https://{MIRROR}/detail/4", outcome="failed:timeout")
    with work.archive.begin() as connection:
        outlets.announce(connection, work.outlet, "fresh.example", T0)
        outlets.sync_outlet(connection, "empty", "adhoc", [], T0)
    with work.archive.read() as connection:
        counted = status(connection)
        (alone,) = status(connection, "demo").outlets
        nothing = status(connection, "nobody")
    for table, number in (("article", 2), ("revision", 3), ("capture", 6)):
        assert getattr(counted, f"{table}s") == number == work.count(table)
    assert counted.locations == work.count("location") == 7
    assert [each.name for each in counted.outlets] == ["demo", "empty"]
    assert alone == counted.outlets[0]
    assert (alone.articles, alone.revisions, alone.refused, alone.notices, alone.failed) == (2, 3, 1, 1, 2)
    by_host = {each.host: each for each in counted.domains}
    assert list(by_host) == [PRIMARY, MIRROR, FORMER]
    assert [(each.articles, each.captures) for each in by_host.values()] == [(2, 3), (1, 2), (0, 1)]
    assert [each.host for each in counted.candidates] == ["fresh.example"]
    assert [(each.id, each.kind, each.outlet, each.ended_at) for each in counted.crawls] == [
        (work.crawl, "crawl", "demo", None)
    ]
    assert counted.reasons == {"notice": 1, "refused:status-404": 1, "failed:timeout": 1}
    assert (nothing.articles, nothing.captures, nothing.outlets, nothing.crawls) == (0, 0, (), ())


def test_what_was_declined_is_listed_until_it_is_accepted(work: Work) -> None:
    resources = work.find("1", "2")
    url = f"https://{PRIMARY}/detail/1"
    work.keep(resources["1"], url, outcome="refused:no-text")
    work.keep(resources["2"], f"https://{PRIMARY}/detail/2", at=T0 + HOUR, outcome="failed:timeout")

    def listed(**options: Any) -> list[tuple[str, str]]:
        with work.archive.read() as connection:
            return [(each.reason, each.url[-1]) for each in refused(connection, **options)]

    assert listed() == [("failed:timeout", "2"), ("refused:no-text", "1")]
    assert listed(limit=1) == [("failed:timeout", "2")]
    assert listed(reason="refused") == [("refused:no-text", "1")]
    assert listed(reason="refused_") == []
    assert listed(outlet="nobody") == []
    work.show("1", resources["1"], "text at last", at=T0 + 2 * HOUR)
    assert listed() == [("failed:timeout", "2")]


def test_failures_and_crawls_are_listed_newest_first_and_bounded(work: Work) -> None:
    resource = work.find("1")["1"]
    for hour, reason in enumerate(("dns", "timeout", "tls")):
        work.fail(resource, f"https://{PRIMARY}/detail/1", reason, T0 + hour * HOUR)
    with work.archive.read() as connection:
        assert [each.reason for each in failures(connection, "demo")] == ["tls", "timeout", "dns"]
        assert [each.reason for each in failures(connection, limit=1)] == ["tls"]
        assert failures(connection, limit=0) == ()
        assert [each.id for each in crawls(connection, limit=5)] == [work.crawl]
