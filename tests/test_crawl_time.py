"""What a crawl does as time passes: visits come due, articles go and return, extractors change, processes end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from storage.archive import Archive
from storage.models import article, article_key
from tests.breaking import (
    broken,
    leave_pending_unread,
    live_to_read,
    read_nothing_again,
    restore_nothing,
    take_every_answer_for_shown,
    wait_for_downloads,
)
from tests.crawling import dangling, look
from tests.databases import Place
from tests.living import end_of, living_crawl, wait_until
from tests.small_site import (
    HOST,
    MIRROR,
    NO_PAGE,
    PROFILE,
    Answer,
    SmallSite,
    article_page,
    article_path,
    crawl_small,
    pages,
    section,
    small_site,
)

GOES, STAYS, GOES_FOR_GOOD, ON_THE_MIRROR = 1, 2, 3, 4
GONE = Answer(b"<h1>Gone</h1>", status=410)
FAILS = Answer(b"<h1>Out of order</h1>", status=500)
SOONER, LATER, HOURS_LATER, NEXT_DAY = (
    "2026-06-02T11:00:00Z",
    "2026-06-02T13:00:00Z",
    "2026-06-02T17:00:00Z",
    "2026-06-03T14:00:00Z",
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "archive", None)


def copied(place: Place, name: str) -> Place:
    """The same archive once more, to go on with in another way."""
    folder = place.folder.with_name(name)
    shutil.copytree(place.folder, folder)
    return Place(folder, None)


def asked_articles(site: SmallSite) -> list[tuple[str, int]]:
    """The articles asked for since the last look, by host and number."""
    return sorted((host, int(path[-1])) for host, path in site.new_requests() if path.startswith("/news/"))


def withdrawn(place: Place) -> dict[str, datetime]:
    """When the articles that are gone were found to be, by key."""
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        rows = connection.execute(
            select(article_key.c.key, article.c.withdrawn_at)
            .join(article, article.c.id == article_key.c.article)
            .where(article.c.withdrawn_at.is_not(None))
        )
        return {row[0]: row[1] for row in rows}


def shelves(**others: Answer) -> Callable[[str, str], Answer | None]:
    """Four articles, one of which the mirror alone shows; `others` replace pages: n1 is article 1."""
    listing = section(*map(article_path, (GOES, STAYS, GOES_FOR_GOOD)), f"http://{MIRROR}{article_path(ON_THE_MIRROR)}")
    table = {(HOST, article_path(number)): article_page(number) for number in (GOES, STAYS, GOES_FOR_GOOD)}
    table |= {(HOST, "/"): listing, (MIRROR, article_path(ON_THE_MIRROR)): article_page(ON_THE_MIRROR)}
    table |= {(HOST, article_path(int(name[1:]))): answer for name, answer in others.items()}
    return lambda host, path: table.get((host, path))


@pytest.mark.soak
@pytest.mark.long
def test_visits_come_due_and_what_is_gone_is_marked_until_it_returns(place: Place, tmp_path: Path) -> None:
    ours = [(HOST, GOES), (HOST, STAYS), (HOST, GOES_FOR_GOOD), (HOST, ON_THE_MIRROR)]
    with small_site(tmp_path, shelves()) as site:
        crawl_small(place, site)
        assert set(ours) < set(asked_articles(site))
        crawl_small(place, site, now=SOONER)
        assert asked_articles(site) == [], "articles of two days ago are visited daily: in an hour"

        site.answering = shelves(n1=NO_PAGE, n3=GONE)
        before, twin = look(place), copied(place, "asked-is-shown")
        crawl_small(place, site, now=LATER)
        assert asked_articles(site) == sorted([*ours, (MIRROR, ON_THE_MIRROR)])
        first = withdrawn(place)
        assert first.keys() == {str(GOES), str(GOES_FOR_GOOD)}
        assert all(at >= datetime(2026, 6, 2, 13, tzinfo=UTC) for at in first.values())
        assert look(place).bodies == before.bodies, "what is kept of them stays"

        crawl_small(twin, site, now=LATER, program=broken(take_every_answer_for_shown))
        assert str(ON_THE_MIRROR) in withdrawn(twin), "the check would see one that its own domain still shows"

        site.answering = shelves(n3=GONE)
        site.new_requests()
        twin = copied(place, "not-restored")
        crawl_small(place, site, now=NEXT_DAY)
        assert set(ours) <= set(asked_articles(site))
        assert withdrawn(place) == {str(GOES_FOR_GOOD): first[str(GOES_FOR_GOOD)]}
        crawl_small(twin, site, now=NEXT_DAY, program=broken(restore_nothing))
        assert withdrawn(twin) == first, "the check would see one that stays gone"
    held = look(place)
    assert (held.bodies, held.revisions) == (before.bodies, 4)


@pytest.mark.long
def test_nothing_is_gone_while_a_domain_fails_that_may_have_it(place: Place, tmp_path: Path) -> None:
    def no_copy(host: str, path: str) -> Answer | None:
        shown = shelves(n4=FAILS) if fails else shelves()
        return NO_PAGE if (host, path) == (MIRROR, article_path(ON_THE_MIRROR)) else shown(host, path)

    fails = True
    with small_site(tmp_path, shelves()) as site:
        crawl_small(place, site)
        assert withdrawn(place) == {}
        site.answering = no_copy
        twin = copied(place, "absent")
        crawl_small(place, site, now=LATER)
        asked = asked_articles(site)
        assert (HOST, ON_THE_MIRROR) in asked
        assert (MIRROR, ON_THE_MIRROR) in asked
        assert withdrawn(place) == {}
        crawl_small(place, site, now=HOURS_LATER)
        assert (HOST, ON_THE_MIRROR) in asked_articles(site), "it is asked again as soon as what fails"
        fails = False
        crawl_small(twin, site, now=LATER)
        assert withdrawn(twin).keys() == {str(ON_THE_MIRROR)}, "the check would see one that no domain has"


@pytest.mark.long
def test_a_changed_profile_makes_no_edits(place: Place, tmp_path: Path) -> None:
    """The note on each page is text by the first profile, and none by the second."""
    dropping = PROFILE.replace('body = ["div.text"]', 'body = ["div.text"]\ndrop = ["em.note"]')
    note = "<em class='note'>Call the desk at any hour, it is always there for you.</em>"
    table = {"/": section(article_path(1), article_path(2))}
    table |= {article_path(number): article_page(number, note) for number in (1, 2)}
    with small_site(tmp_path, pages(table)) as site:
        crawl_small(place, site, "--domain", HOST)
        twin = copied(place, "twin")
        site.profile.write_text(dropping)
        site.answering = pages(table | {article_path(2): article_page(2, "The council met again." + note)})
        ran = crawl_small(place, site, "--domain", HOST, now=LATER)
        wrong = crawl_small(twin, site, "--domain", HOST, now=LATER, program=broken(read_nothing_again))
    counts = ran.json["outlets"][0]["counts"]
    assert (counts["articles"], counts["edits"], counts["duplicates"]) == (2, 1, 1)
    assert wrong.json["outlets"][0]["counts"]["edits"] == 2, "without the rule both would be"
    bodies = look(place).bodies
    assert "Call the desk" not in bodies["1"]
    assert "The council met again." in bodies["2"]


@pytest.mark.long
def test_what_a_killed_crawl_kept_is_read_by_the_next(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, pages({"/": section(article_path(1)), article_path(1): article_page(1)})) as site:
        killed = crawl_small(place, site, "--domain", HOST, program=broken(live_to_read))
        assert killed.code == -signal.SIGKILL
        assert asked_articles(site) == [(HOST, 1)]
        url = f"http://{HOST}{article_path(1)}"
        assert (look(place).outcomes[url], look(place).headlines) == (["pending"], {})
        twin = copied(place, "twin")
        ran = crawl_small(place, site, "--domain", HOST, now="2026-06-01T12:05:00Z")
        assert ran.code == 0, ran.err
        crawl_small(twin, site, "--domain", HOST, now="2026-06-01T12:05:00Z", program=broken(leave_pending_unread))
    assert asked_articles(site) == [], "what was kept is not asked for again"
    assert look(place).outcomes[url] == ["article"]
    assert look(place).headlines == {"1": "Article number 1 of the gazette"}
    assert dangling(place) == []
    assert look(twin).headlines == {}, "the check would see what stays unread"


@pytest.mark.soak
@pytest.mark.long
def test_one_interrupt_ends_a_crawl_that_waits_for_an_answer(place: Place, tmp_path: Path) -> None:
    """The slow answer comes when the crawl has ended, never before: no clock is read."""
    let_go = threading.Event()

    def slow(host: str, path: str) -> Answer | None:
        if path == article_path(2):
            let_go.wait(60)
        return {"/": section(article_path(1), article_path(2))}.get(path) or (
            article_page(int(path[-1])) if path.startswith("/news/") else None
        )

    def begin(at: Place, program: tuple[str, ...]) -> int:
        with living_crawl(
            at, site, "--domain", HOST, outlet="small", program=program, environment=site.environment
        ) as process:
            wait_until(lambda: (HOST, article_path(2)) in site.asked, "the slow article's request")
            wait_until(lambda: bool(kept(at)), "the other article")
            os.kill(process.pid, signal.SIGINT)
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                let_go.set()
            return end_of(process).code

    def kept(at: Place) -> dict[str, str]:
        return look(at).headlines if (at.folder / "archive.db").exists() else {}

    with small_site(tmp_path, slow) as site:
        code = begin(place, ("-m", "scraper.cli"))
        assert not let_go.is_set(), "it waited for the answer"
        assert code == 7
        assert kept(place).keys() == {"1"}
        site.new_requests()
        begin(Place(tmp_path / "twin", None), broken(wait_for_downloads))
        assert let_go.is_set(), "the check would see a crawl that waits"
        site.new_requests()
        last = crawl_small(place, site, "--domain", HOST, now="2026-06-01T12:20:00Z")
        assert last.code == 0, last.err
        assert asked_articles(site) == [(HOST, 2)]
    assert kept(place).keys() == {"1", "2"}
