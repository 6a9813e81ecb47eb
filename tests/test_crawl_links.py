"""Where links and redirects lead a crawl: to each article once, to no other's text, and to an end."""

from __future__ import annotations

import gzip
import itertools
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from scraper.demo.process import running_replica
from storage.archive import Archive
from storage.models import capture, resource
from tests.breaking import (
    bound_no_host,
    broken,
    follow_no_redirects,
    go_on_blindly,
    miss_gained_places,
    redirect_within_the_slot,
)
from tests.crawling import Held, crawl, look, place_options, presskeep
from tests.databases import Place
from tests.small_site import (
    HOST,
    MIRROR,
    PROFILE,
    Answer,
    article_page,
    article_path,
    crawl_small,
    pages,
    redirect,
    section,
    sitemap,
    sitemap_index,
    small_site,
)

ELSEWHERE = "elsewhere.example"
READER = "reader.replica-news.example"
SELF, TO_ANOTHER, ANOTHER, HOME, ACROSS, OFF, LONG, THERE, BACK, PLAIN = range(1, 11)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "archive", None)


def redirecting(host: str, path: str) -> Answer | None:
    """A site whose articles redirect in every way."""
    hops = [article_path(LONG), *(f"/hop/{number}" for number in range(15))]
    table: dict[tuple[str, str], Answer] = {
        (HOST, "/"): section(*map(article_path, range(1, 11))),
        (HOST, article_path(SELF)): redirect(article_path(SELF), 301),
        (HOST, article_path(TO_ANOTHER)): redirect(article_path(ANOTHER)),
        (HOST, article_path(ANOTHER)): article_page(ANOTHER),
        (HOST, article_path(HOME)): redirect("/"),
        (MIRROR, article_path(HOME)): article_page(HOME),
        (HOST, article_path(ACROSS)): redirect(f"http://{MIRROR}{article_path(ACROSS)}", 308),
        (MIRROR, article_path(ACROSS)): article_page(ACROSS),
        (HOST, article_path(OFF)): redirect(f"http://{ELSEWHERE}{article_path(OFF)}"),
        (ELSEWHERE, article_path(OFF)): article_page(OFF),
        (HOST, article_path(THERE)): redirect(article_path(BACK)),
        (HOST, article_path(BACK)): redirect(article_path(THERE)),
        (HOST, article_path(PLAIN)): article_page(PLAIN),
    }
    table |= {(HOST, at): redirect(to) for at, to in itertools.pairwise(hops)}
    return table.get((host, path))


def named(place: Place) -> dict[str, list[str]]:
    """The reasons that `status --refused` tells, by URL."""
    told = presskeep("status", "--refused", "--limit", "1000", "--json", *place_options(place)).json
    reasons: dict[str, list[str]] = {}
    for line in told["refused"] + told["failures"]:
        reasons.setdefault(line["url"], []).append(line["reason"])
    return reasons


def mixed_up(headlines: Mapping[str, str]) -> list[str]:
    """Articles that have another one's text."""
    return [key for key, headline in headlines.items() if headline != f"Article number {key} of the gazette"]


def lost(held: Held, reasons: Mapping[str, list[str]]) -> list[str]:
    """Linked addresses that are no article's location, and of which nothing is told."""
    urls = [f"http://{HOST}{article_path(number)}" for number in range(1, 11)]
    seen = set().union(*held.locations.values())
    return [url for url in urls if url not in seen and url not in reasons]


@pytest.mark.long
def test_redirects_lead_to_their_article_or_are_named(place: Place, tmp_path: Path) -> None:
    with small_site(tmp_path, redirecting) as site:
        ran = crawl_small(place, site)
        asked = Counter(site.asked)
        twin = Place(tmp_path / "twin", None)
        crawl_small(twin, site, program=broken(follow_no_redirects))
    assert ran.code == 1, "what failed is told by the exit code"
    counts = ran.json["outlets"][0]["counts"]
    assert counts["failures"] == {"redirect-loop": 3, "redirect-limit": 1}
    held, reasons = look(place), named(place)
    assert held.headlines.keys() == {str(each) for each in (ANOTHER, HOME, ACROSS, PLAIN)}
    assert f"http://{HOST}{article_path(TO_ANOTHER)}" in held.locations[str(ANOTHER)]
    assert f"http://{MIRROR}{article_path(ACROSS)}" in held.locations[str(ACROSS)]
    assert lost(held, reasons) == []
    assert mixed_up(held.headlines) == []
    for number in (SELF, THERE, BACK):
        assert "redirect-loop" in reasons[f"http://{HOST}{article_path(number)}"]
    assert [url for url, each in reasons.items() if "redirect-limit" in each] == [f"http://{HOST}/hop/9"]
    assert reasons[f"http://{ELSEWHERE}{article_path(OFF)}"] == ["refused:no-article"]
    assert max(asked.values()) <= 3, "an article, and what two others redirect to"
    followed = f"http://{HOST}{article_path(TO_ANOTHER)}"
    assert followed not in reasons, "it led to a page"
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        led = connection.execute(select(capture.c.origin).where(capture.c.origin.is_not(None))).scalars().all()
    assert f"redirect:{followed}" in led

    # The checks see a lost address and a text that is another's; and without following, an address leads nowhere.
    assert lost(held, {}) != []
    assert mixed_up({"1": held.headlines[str(PLAIN)]}) == ["1"]
    assert f"http://{HOST}{article_path(TO_ANOTHER)}" not in look(twin).locations.get(str(ANOTHER), set())
    assert named(twin)[followed] == ["refused:redirect"]


@pytest.mark.long
def test_a_one_off_fetch_follows_redirects(tmp_path: Path) -> None:
    with small_site(tmp_path, redirecting) as site:
        url = f"http://{HOST}{article_path(ACROSS)}"
        ran = presskeep("fetch", url, "--json", *site.options, environment=site.environment)
        looped = presskeep("fetch", f"http://{HOST}{article_path(SELF)}", *site.options, environment=site.environment)
    assert f"Article number {ACROSS} of the gazette" in ran.out
    assert looped.code == 3
    assert "redirects in a circle" in looped.err


@pytest.mark.soak
@pytest.mark.long
def test_articles_of_a_mirror_with_its_own_paths_keep_their_identity(place: Place, tmp_path: Path) -> None:
    with running_replica(articles=12, seed=9, folder=tmp_path / "replica") as replica:
        replica.set_rules([{"host": host, "drop": True} for host in replica.hosts if host != READER])
        first = crawl(place, replica)
        alone = look(place)
        replica.set_rules([])
        second = crawl(place, replica, hour=14)
        truth = {each["key"]: each for each in replica.articles()}
    assert (first.code, second.code) <= (1, 1), first.err + second.err
    shown = {key for key, each in truth.items() if READER in each["locations"]}
    assert shown
    assert alone.locations.keys() == shown
    assert {host for host, (state, _) in alone.domains.items() if state == "serving"} == {READER}
    both = look(place)
    assert both.locations.keys() == truth.keys()
    assert both.revisions == len(truth), "the house's own page of an article is no other article, and no edit"

    # Were an article known by its address, the mirror's would be articles of their own.
    by_address = {url for urls in alone.locations.values() for url in urls}
    assert by_address - set(truth) == by_address


def turning(host: str, path: str) -> Answer | None:
    """Two listings that link to each other, one page of a feed of pages without end, and sitemaps in each other."""
    name, _, number = path.rpartition("/")
    if path == "/":
        return section(article_path(1), following="/page/2")
    if path == "/page/2":
        return section(article_path(2), following="/")
    if name == "/offset":
        return section(article_path(1000 + int(number)), following=f"/offset/{int(number) + 20}")
    if path == "/sitemap.xml":
        return sitemap_index(f"http://{host}/sitemap.xml", f"http://{host}/deeper/1")
    if name == "/deeper":
        return sitemap_index(f"http://{host}/sitemap.xml", f"http://{host}/deeper/{int(number) + 1}")
    return article_page(int(number)) if number.isdigit() else None


@pytest.mark.long
@pytest.mark.parametrize("bound", [3, 7])
def test_listings_in_circles_and_without_end_are_read_to_an_end(place: Place, tmp_path: Path, bound: int) -> None:
    profile = PROFILE.replace('start = ["/"]', f'start = ["/", "/offset/0"]\npages = {bound}')
    with small_site(tmp_path, turning, profile) as site:
        ran = crawl_small(place, site, "--domain", HOST)
        asked = Counter(path for _, path in site.asked)
    assert ran.code == 0, ran.err
    assert asked["/"] == asked["/page/2"] == asked["/sitemap.xml"] == 1
    listed = [path for path in asked if path.startswith("/offset/")]
    assert len(listed) == bound, "the bound alone ends it: with another one it ends elsewhere"
    assert len([path for path in asked if path.startswith("/deeper/")]) == 4
    assert "led to it" in ran.err
    assert look(place).locations.keys() == {"1", "2", *(str(1000 + 20 * number) for number in range(bound))}


@pytest.mark.soak
@pytest.mark.long
def test_a_sitemap_of_a_million_addresses_is_read_to_its_bound(place: Place, tmp_path: Path) -> None:
    locs = "".join(f"<url><loc>/news/2026/05/30/{number}</loc></url>" for number in range(1_000_000))
    whole = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locs}</urlset>'.encode()
    packed = Answer(gzip.compress(whole, 1), content_type="application/gzip")
    with small_site(tmp_path, pages({"/sitemap.xml": packed, article_path(0): article_page(0)})) as site:
        ran = crawl_small(place, site, "--domain", HOST, "--limit", "1")
    assert ran.code == 0, ran.err
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        counted = select(func.count()).select_from(resource).where(resource.c.kind == "article")
        assert connection.execute(counted).scalar_one() == 50_000, "the bound of the protocol, not all and not none"
    assert look(place).headlines == {"0": "Article number 0 of the gazette"}


def gaining() -> Any:
    """A sitemap whose second place becomes known while the first is being fetched."""
    asked_first = threading.Event()

    def answer(host: str, path: str) -> Answer | None:
        if path == "/sitemap.xml":
            if host == MIRROR:
                asked_first.wait(30)
            return sitemap_index(f"http://{host}/part.xml")
        if path == "/part.xml" and host == HOST:
            asked_first.set()
            return replace(sitemap(f"http://{HOST}{article_path(1)}"), wait=1.5)
        if path == "/part.xml":
            return sitemap(f"http://{MIRROR}{article_path(2)}")
        return article_page(int(path[-1])) if path in (article_path(1), article_path(2)) else None

    return answer


@pytest.mark.long
def test_a_listing_that_gains_a_domain_while_it_is_fetched_is_read_there_too(place: Place, tmp_path: Path) -> None:
    twin = Place(tmp_path / "twin", None)
    with small_site(tmp_path, gaining()) as site:
        crawl_small(place, site)
        site.answering = gaining()
        crawl_small(twin, site, program=broken(miss_gained_places))
    assert look(place).headlines.keys() == {"1", "2"}
    assert look(twin).headlines.keys() == {"1"}, "the check would see it"


@pytest.mark.soak
@pytest.mark.long
def test_a_crawl_that_goes_on_reads_what_a_dead_one_had_not_seen_gained(place: Place, tmp_path: Path) -> None:
    twin = Place(tmp_path / "twin", None)
    with small_site(tmp_path, gaining()) as site:
        for each, program in ((place, ("-m", "scraper.cli")), (twin, broken(go_on_blindly))):
            site.answering = gaining()
            # Two sections, two sitemaps and a part: it ends with a place gained that nothing has made due.
            first = crawl_small(each, site, "--max-pages", "5", program=broken(miss_gained_places))
            assert first.code == 7, first.err
            crawl_small(each, site, program=program, now="2026-06-01T12:20:00Z")
    assert look(place).headlines.keys() == {"1", "2"}
    assert look(twin).headlines.keys() == {"1"}, "the check would see it"


@pytest.mark.long
def test_a_host_is_asked_no_more_at_once_than_its_profile_allows(place: Place, tmp_path: Path) -> None:
    paths = [article_path(number) for number in range(1, 40)]
    table = {path: replace(article_page(number), wait=0.05) for number, path in enumerate(paths, 1)}
    with small_site(tmp_path, pages({"/": section(*paths), **table})) as site:
        crawl_small(place, site, "--domain", HOST)
        most = site.most[HOST]
        site.most.clear()
        crawl_small(Place(tmp_path / "twin", None), site, "--domain", HOST, program=broken(bound_no_host))
    assert most == 4
    assert site.most[HOST] > 4, "the check would see it"


@pytest.mark.soak
@pytest.mark.long
def test_what_is_redirected_counts_to_the_host_that_it_leads_to(place: Place, tmp_path: Path) -> None:
    numbers, redirected = range(1, 49), range(1, 49, 2)

    def answer(host: str, path: str) -> Answer | None:
        if path == "/":
            return section(*(f"http://{MIRROR}{article_path(n)}" for n in numbers)) if host == HOST else None
        number = int(path.rpartition("/")[2]) if path.startswith("/news/") else 0
        if host == HOST and number in redirected:
            return redirect(f"http://{MIRROR}{path}")
        return replace(article_page(number), wait=0.2) if host == MIRROR and number else None

    with small_site(tmp_path, answer) as site:
        crawl_small(place, site)
        most = site.most[MIRROR]
        site.most.clear()
        crawl_small(Place(tmp_path / "twin", None), site, program=broken(redirect_within_the_slot))
    assert len(look(place).headlines) == 48
    assert most <= 4
    assert site.most[MIRROR] > 4, "the check would see it"
