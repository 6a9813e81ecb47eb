"""The replica's pages: what they say, on which host, and that the truth says the same."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lxml.etree
import pytest

from scraper.demo.__main__ import main
from scraper.demo.hostset import HostSet
from scraper.demo.hostsets import DEMO, HOST_SETS, PRESSTV
from scraper.demo.site import Site
from scraper.demo.timeline import Timeline, Volume
from scraper.demo.truth import describe_article
from scraper.profiles import SHIPPED, load_outlet
from storage.urls import canonical_url
from tests.replica_reading import links, read_article

STRAIGHT = str.maketrans("’‘“”", "''\"\"")


def site_of(hosts: HostSet = DEMO, size: int = 120, seed: int = 3, **options: Any) -> Site:
    return Site(hosts, Timeline(seed, size, hosts, **options))


def get(site: Site, url: str, day: int = 0) -> bytes:
    parts = urlsplit(url)
    answer = site.answer(parts.netloc, parts._replace(scheme="", netloc="").geturl(), day)
    assert answer.status == 200, url
    return answer.body


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module", params=sorted(HOST_SETS))
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Path]:
    """A site of 120 articles and the folder of its truth, written by the command."""
    folder = tmp_path_factory.mktemp("truth")
    options = ["--articles", "120", "--seed", "3", "--host-set", request.param, "--days", "2", "--out", str(folder)]
    assert main(["generate", *options]) == 0
    return site_of(HOST_SETS[request.param]), folder


def test_pages_say_on_every_domain_what_the_truth_says(told: tuple[Site, Path]) -> None:
    site, folder = told
    seen: Counter[str] = Counter()
    for truth in read_lines(folder / "articles.jsonl"):
        for name, url in truth["locations"].items():
            host = site.hosts.host(name)
            assert host is not None
            table = STRAIGHT if host.apostrophe == "'" else {}
            found = read_article(get(site, url), url)
            assert found["template"] == ("reader" if host.dress == "reader" else truth["template"])
            for field in ("headline", "section", "lead", "tags", "language"):
                said = truth[field]
                expected = [part.translate(table) for part in said] if isinstance(said, list) else said.translate(table)
                assert found[field] == expected, (url, field)
            blocks = [
                (
                    "paragraph" if block["kind"] == "byline" else block["kind"],
                    (block.get("text") or "\n".join(block["items"])).translate(table),
                )
                for block in truth["blocks"]
            ]
            assert found["blocks"] == blocks, url
            figures = [(figure["url"], figure["caption"]) for figure in truth["figures"]]
            assert found["figures"] == [(image, caption and caption.translate(table)) for image, caption in figures]
            if host.dress == "house":
                assert found["dates"].startswith(truth["published"]["printed"])
                assert ("[" in found["dates"]) == (truth["updated"] is not None)
                assert truth["updated"] is None or truth["updated"]["printed"] in found["dates"]
            seen[f"{found['template']} {truth['kind']}"] += 1
    assert {key.split()[0] for key in seen} >= {"old", "later"}
    assert {"article", "video", "gallery", "bulletin", "programme", "opinion", "interview"} <= {
        key.split()[1] for key in seen
    }


def test_the_check_of_truth_sees_a_wrong_page() -> None:
    site = site_of()
    truth = describe_article(site, 60, 0)
    url = truth["locations"]["www.replica.example"]
    page = get(site, url)
    right = read_article(page, url)
    assert right["headline"] == truth["headline"]
    wrong = page.replace(truth["lead"].split()[3].encode(), b"otherwise")
    assert read_article(wrong, url) != right


def test_the_same_seed_makes_the_same_site_and_another_seed_another() -> None:
    def story(size: int, seed: int, index: int = 17) -> dict[str, Any]:
        return describe_article(site_of(size=size, seed=seed), index, 0)

    assert story(120, 3) == story(120, 3)
    assert story(120, 3)["blocks"] != story(120, 4)["blocks"]
    # What an article says depends on its index alone, when it appeared on the size of the site too.
    assert story(120, 3)["headline"] == story(5000, 3)["headline"]


def test_each_domain_lists_every_article_of_its_edition_in_each_of_four_ways() -> None:
    site = site_of(size=130)
    expected: dict[str, set[str]] = {}
    for index in range(130):
        for host, url in describe_article(site, index, 0)["locations"].items():
            expected.setdefault(host, set()).add(url)
    assert len(expected) == 5
    for name, urls in expected.items():
        host = site.hosts.host(name)
        assert host is not None
        assert urls <= _by_sections(site, name), name
        assert urls <= _by_sitemap(site, name), name
        assert urls <= _by_date(site, name), name
        feed = get(site, f"http://{name}/{'feed' if host.dress == 'reader' else 'rss'}.xml")
        assert len(lxml.etree.fromstring(feed).findall(".//item")) >= 20


def _by_sections(site: Site, name: str) -> set[str]:
    host = site.hosts.host(name)
    assert host is not None
    found: set[str] = set()
    for section in site.hosts.sections_of(host.edition):
        path = f"/topics/{section.word}" if host.dress == "reader" else f"/Section/{section.number}"
        waiting: list[str] = [f"http://{name}{path}"]
        while waiting:
            page = get(site, waiting[-1])
            found |= _normal(links(page, waiting.pop()))
            tree = lxml.html.document_fromstring(page)
            waiting += [
                f"http://{name}{href}" for href in tree.xpath("//li[@class='next']/a/@href|//a[@class='more']/@href")
            ]
    return found


def _by_sitemap(site: Site, name: str) -> set[str]:
    host = site.hosts.host(name)
    assert host is not None
    index = get(site, f"http://{name}/{'map' if host.dress == 'reader' else 'sitemap'}.xml")
    children = [str(element.text) for element in lxml.etree.fromstring(index).iter("{*}loc")]
    return {
        str(element.text) for child in children for element in lxml.etree.fromstring(get(site, child)).iter("{*}loc")
    }


def _by_date(site: Site, name: str) -> set[str]:
    host = site.hosts.host(name)
    assert host is not None
    template = "/archive?after={}&before={}&p={}" if host.dress == "reader" else "/default/search?from={}&to={}&page={}"
    found: set[str] = set()
    for page in range(1, 9):
        url = f"http://{name}" + template.format("2011-01-01", "2026-12-31", page)
        found |= _normal(links(get(site, url), url))
    return found


def _normal(urls: set[str]) -> set[str]:
    return {canonical_url(url) for url in urls if url.startswith("http")}


def test_a_hundred_thousand_articles_need_no_more_memory_than_a_thousand() -> None:
    def peak(size: int) -> int:
        tracemalloc.start()
        try:
            site = site_of(size=size)
            for index in range(0, size, size // 100):
                describe_article(site, index, 0)
            get(site, f"http://www.replica.example/sitemap-{size // 1000}.xml")
            get(site, "http://www.replica.example/Section/201/40")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(1_000), peak(100_000)
    assert large < small + 3_000_000, (small, large)


def test_days_bring_new_edited_and_withdrawn_articles_as_the_change_file_says(told: tuple[Site, Path]) -> None:
    site, folder = told
    before = {article["key"]: article for article in read_lines(folder / "articles.jsonl")}
    changes = read_lines(folder / "day-1.jsonl")
    assert Counter(change["change"] for change in changes) == {"new": 5, "edited": 3, "withdrawn": 1}
    for change in changes:
        article = change.get("article", change)
        for url in article["locations"].values():
            parts = urlsplit(url)
            yesterday = site.answer(parts.netloc, parts.path, 0)
            today = site.answer(parts.netloc, parts.path, 1)
            if change["change"] == "new":
                assert (yesterday.status, today.status) == (404, 200)
            elif change["change"] == "edited":
                assert yesterday.etag != today.etag
                assert read_article(today.body, url)["headline"] in (
                    article["headline"],
                    article["headline"].translate(STRAIGHT),
                )
            else:
                assert (yesterday.status, today.status) == (200, change["status"])
        if change["change"] == "edited":
            fields = ("headline", "blocks")
            assert any(article[field] != before[article["key"]][field] for field in fields)
            assert article["updated"]["at"] > article["published"]["at"]


def test_a_sitemap_dates_what_changed_and_only_that() -> None:
    site = site_of()
    dated = []
    for day in (0, 1):
        tree = lxml.etree.fromstring(get(site, "http://www.replica.example/sitemap-1.xml", day))
        dated.append({url.findtext("{*}loc"): url.findtext("{*}lastmod") for url in tree})
    plan = site.catalogue.timeline.planned(1)
    english = [index for index in (*plan.new, *plan.edited) if site.catalogue.stub(index, 1).edition == "en"]
    changed = {f"http://www.replica.example{site.catalogue.stub(index, 1).path}" for index in english}
    assert changed
    assert {url for url, at in dated[1].items() if dated[0].get(url) != at} == changed
    silent = Site(DEMO, Timeline(3, 120, DEMO), lastmod=False)
    assert b"lastmod" not in get(silent, "http://www.replica.example/sitemap-1.xml")


def test_an_edit_can_be_taken_back_by_a_change_file(tmp_path: Path) -> None:
    site = site_of()
    key = site.catalogue.timeline.key(100)
    plan = tmp_path / "changes.jsonl"
    plan.write_text(f'{{"day": 1, "edited": [{key}]}}\n{{"day": 2, "reverted": [{key}]}}\n', "utf-8")
    options = ["--articles", "120", "--seed", "3", "--changes", str(plan), "--days", "2", "--out", str(tmp_path)]
    assert main(["generate", *options]) == 0
    first = next(article for article in read_lines(tmp_path / "articles.jsonl") if article["key"] == str(key))
    (edited,) = read_lines(tmp_path / "day-1.jsonl")
    (back,) = read_lines(tmp_path / "day-2.jsonl")
    content = ("headline", "blocks", "figures")
    assert any(edited["article"][field] != first[field] for field in content)
    assert all(back["article"][field] == first[field] for field in content)
    assert back["change"] == "reverted"


def test_a_lagging_mirror_shows_yesterday() -> None:
    lagging = tuple(replace(host, lag=1) if host.role == "mirror" else host for host in DEMO.hosts)
    site = Site(replace(DEMO, hosts=lagging), Timeline(3, 120, DEMO, Volume(new=20, edited=0, withdrawn=0)))
    new = site.catalogue.timeline.planned(1).new
    stub = next(stub for stub in (site.catalogue.stub(index, 1) for index in new) if stub.edition == "en")
    assert site.answer("www.replica.example", stub.path, 1).status == 200
    assert site.answer("www.replica-mirror.example", stub.path, 1).status == 404
    assert site.answer("www.replica-mirror.example", stub.path, 2).status == 200


def test_the_former_domain_answers_every_path_with_its_notice() -> None:
    site = site_of()
    for path in ("/", "/robots.txt", site.catalogue.stub(5, 0).path, "/sitemap.xml"):
        answer = site.answer("www.replica-daily.example", path, 0)
        assert answer.status == 200
        assert b"has been seized" in answer.body
        assert b"<img" in answer.body
    assert b"has been seized" not in get(site, "http://www.replica.example/")


def test_some_canonical_links_lie() -> None:
    site = site_of(size=200)
    lies: Counter[str] = Counter()
    for index in range(200):
        for name, url in describe_article(site, index, 0)["locations"].items():
            tree = lxml.html.document_fromstring(get(site, url))
            canonical = str(tree.xpath("//link[@rel='canonical']/@href")[0])
            lies[name] += str(site.catalogue.stub(index, 0).key) not in canonical
    assert 0 < lies["www.replica.example"] < lies["reader.replica-news.example"] < 100
    assert lies["48210377.edge.replica-cdn.example"] == 0


def test_old_addresses_lead_to_the_right_one() -> None:
    site = site_of()
    stub = site.catalogue.stub(100, 0)
    for path in (f"/detail/{stub.key}.html", f"/Detail/2001/01/01/{stub.key}/other-slug"):
        answer = site.answer("www.replica.example", path, 0)
        assert (answer.status, answer.location) == (301, stub.path)


def test_every_form_of_address_wording_and_slug_appears() -> None:
    site = site_of(size=2000)
    stubs = [site.catalogue.stub(index, 0) for index in range(2000)]
    paths = [stub.path for stub in stubs if stub.edition == "en"]
    forms = (
        r"/detail/\d+\.html",
        r"/detail/\d{4}/.*/",
        "/Video/.*",
        "/Detail/.*-",
        "/Detail/.*%E2%80%9C.*",
        "/Detail/.*,.*",
    )
    for form in forms:
        assert any(re.fullmatch(form, path) for path in paths), form
    announced: Counter[tuple[str, ...]] = Counter()
    wordings: Counter[str] = Counter()
    for stub in stubs[1800:]:
        url = f"http://{site.hosts.home_of(stub.edition).name}{stub.path}"
        page = get(site, url).decode()
        announced[tuple(read_article(page.encode(), url)["announced"])] += 1
        wordings["curly"] += "Daily’s website can also" in page
        wordings["straight"] += "Daily's website can also" in page
    assert set(announced) == {(), ("www.replica-mirror.example",), ("www.replica-new.example",)}
    assert min(wordings.values()) > 0


@pytest.mark.parametrize("hosts", [DEMO, PRESSTV], ids=lambda hosts: hosts.name)
def test_numbers_never_collide(hosts: HostSet) -> None:
    timeline = Timeline(11, 130_000, hosts)
    keys = [timeline.key(index) for index in range(60_000, 120_000)]
    assert keys == sorted(set(keys))
    assert not hosts.reserved & set(keys)
    assert all(timeline.index(key, 0) == index for index, key in enumerate(keys[:2000], 60_000))
    assert timeline.index(keys[0] + 3, 0) is None


@pytest.mark.parametrize("told", ["demo"], indirect=True)
def test_the_profile_knows_every_address_of_the_replica(told: tuple[Site, Path]) -> None:
    _, folder = told
    outlet = load_outlet(SHIPPED / "demo.toml")
    assert outlet.hidden
    for article in read_lines(folder / "articles.jsonl"):
        for url in article["locations"].values():
            found = outlet.identify(url)
            assert found is not None, url
            assert found.key == article["key"]
            assert found.kind in (None, article["kind"])
    for other in read_lines(folder / "others.jsonl"):
        assert (outlet.identify(other["url"]) is not None) == (other["why"] == "no text"), other
