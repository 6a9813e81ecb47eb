"""An outlet's profile recognises its hosts and articles."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.outlet import Outlet
from scraper.patterns import repeats_without_anchor
from scraper.profiles import SHIPPED, load_outlet

PRESSTV = load_outlet(SHIPPED / "presstv.toml")


def make_outlet(**changes: Any) -> Outlet:
    facts: dict[str, Any] = {
        "name": "daily",
        "title": "The Daily",
        "language": "en",
        "zone": "Europe/London",
        "country": "GB",
        "domains": [
            {"host": "www.daily.example", "role": "primary"},
            {"host": "mirror.example", "path": "/daily", "role": "mirror"},
            {"host": "own.example", "role": "mirror", "paths": "own"},
            {"host": "fr.daily.example", "role": "edition", "edition": "fr"},
            {"host": "img.daily.example", "role": "assets"},
            {"host": "old.daily.example", "role": "former", "crawl": False},
        ],
        "host_patterns": [{"pattern": r"\d+\.cdn\.example"}],
        "articles": [
            {
                "name": "today",
                "pattern": r"/news/(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)/(?P<key>\d+)(?:/|$)",
                "example": "/news/2020/11/15/1",
                "since": date(2015, 1, 1),
            },
            {
                "name": "then",
                "pattern": r"/news/(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)/(?P<key>\d+)(?:/|$)",
                "example": "/news/2010/11/15/1",
                "until": date(2014, 12, 31),
            },
            {"name": "own", "pattern": r"/a/(?P<key>\d+)$", "example": "/a/1", "hosts": ["own.example"]},
        ],
        "never": [r"/news/2020/01/01/7(?:/|$)"],
    }
    return Outlet.model_validate(facts | changes)


DAILY = make_outlet()


@pytest.mark.parametrize(
    ("url", "pattern", "key", "day"),
    [
        ("/detail/139946.html", "number-before-2012", "139946", None),
        ("/detail.aspx?id=139946&sectionid=351020403", "query-before-2012", "139946", None),
        ("/detail.aspx?sectionid=351020403&id=139946", "query-before-2012", "139946", None),
        ("/detail/2013/11/12/334416/us-writers-scared-silent-by-nsa-spying/", "detail-2012", "334416", (2013, 11, 12)),
        ("/Detail/2020/02/01/617641/Slug-With-Hyphens-", "detail-2014", "617641", (2020, 2, 1)),
        ("/DETAIL/2020/02/01/617641", "detail-2014", "617641", (2020, 2, 1)),
        ("/Detail/2020/02/01/617641?print=1", "detail-2014", "617641", (2020, 2, 1)),
        ("/Detail/2023/05/19/703718/“human-rights”,--«é»", "detail-2014", "703718", (2023, 5, 19)),
        ("/Detail/2023/05/19/703718/%E2%80%99x", "detail-2014", "703718", (2023, 5, 19)),
        ("/Video/2015/10/04/431915/slug", "video-2014", "431915", (2015, 10, 4)),
        ("/DetailFr/2016/05/20/466500/slug", "french-on-main-host", "466500", (2016, 5, 20)),
    ],
)
def test_every_era_of_press_tvs_urls_names_its_article(
    url: str, pattern: str, key: str, day: tuple[int, int, int] | None
) -> None:
    for host in ("www.presstv.ir", "www.presstv.co.uk", "599046384.r.worldcdn.net", "77777777.r.worldcdn.net", ""):
        found = PRESSTV.identify(f"http://{host}{url}" if host else url)
        assert found is not None
        assert (found.pattern, found.key, found.day) == (pattern, key, date(*day) if day else None)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.presstv.ir/Detail/2014/12/31/390988/About-PressTV",
        "https://www.presstv.ir/detail/2014/12/31/390989",
        "https://www.presstv.ir/Detail/2018/02/20/553044/privacy-policy",
        "https://www.presstv.ir/doc/Detail/2026/02/18/764305/Golden-Corridor-",
        "https://www.presstv.ir/doc/section/601",
        "https://www.presstv.ir/Section/101/2",
        "https://www.presstv.ir/Default/Live",
        "https://www.presstv.ir/default/search?q=/Detail/2020/02/01/617641",
        "https://www.presstv.ir/default/GetSchedule?date=2020-01-01",
        "https://www.presstv.ir/",
        "https://www.presstv.ir/Detail/2020/13/01/617641/no-such-month",
        "https://cdn.presstv.ir/Detail/2020/02/01/617641/x",
        "https://www.hispantv.com/Detail/2020/02/01/617641/x",
        "https://presstv.ir.evil.example/Detail/2020/02/01/617641/x",
        "https://evil.example/?u=https://www.presstv.ir/Detail/2020/02/01/617641/x",
        "mailto:a@www.presstv.ir",
        "javascript:void(0)",
        "ftp://www.presstv.ir/Detail/2020/02/01/617641/x",
        "https://www.presstv.ir/Detail/2020/02/01/617641/" + "x" * 3000,
    ],
)
def test_what_is_no_article_of_press_tv_is_not_taken_for_one(url: str) -> None:
    assert PRESSTV.identify(url) is None
    assert PRESSTV.identify("https://www.presstv.ir/Detail/2020/02/01/617641/x") is not None


def test_press_tvs_domains_have_their_roles() -> None:
    roles = {
        "www.presstv.ir": "primary",
        "www.presstv.co.uk": "mirror",
        "WWW.PressTV.com.": "former",
        "french.presstv.ir:443": "edition",
        "123456789.r.worldcdn.net": "cdn",
        "preview.presstv.ir": "assets",
    }
    for host, role in roles.items():
        domain = PRESSTV.domain_of(host)
        assert domain is not None
        assert domain.role == role
    assert PRESSTV.domain_of("r.worldcdn.net") is None
    assert PRESSTV.domain_of("www.hispantv.com") is None
    crawled = [domain.host for domain in PRESSTV.crawled_domains()]
    assert crawled[:2] == ["www.presstv.ir", "www.presstv.co.uk"]
    assert "preview.presstv.ir" not in crawled


def test_the_era_of_a_pattern_goes_by_the_day_of_publication() -> None:
    for year, name in ((2020, "today"), (2015, "today"), (2014, "then"), (2010, "then")):
        found = DAILY.identify(f"https://www.daily.example/news/{year}/03/04/9/x")
        assert found is not None
        assert found.pattern == name


def test_a_path_prefix_belongs_to_the_domain_and_not_to_the_article() -> None:
    assert DAILY.identify("https://mirror.example/daily/news/2020/11/15/1") is not None
    assert DAILY.identify("https://mirror.example/news/2020/11/15/1") is None
    assert DAILY.identify("https://mirror.example/dailymail/news/2020/11/15/1") is None
    assert DAILY.owns("https://mirror.example/daily")
    assert not DAILY.owns("https://mirror.example/dailymail")


def test_a_pattern_of_some_hosts_holds_there_alone() -> None:
    assert DAILY.identify("https://own.example/a/1") is not None
    assert DAILY.identify("https://www.daily.example/a/1") is None


def test_what_is_never_an_article_goes_before_the_patterns() -> None:
    assert DAILY.identify("https://www.daily.example/news/2020/01/01/7/x") is None
    assert DAILY.identify("https://www.daily.example/news/2020/01/01/71/x") is not None


def test_keys_of_an_edition_carry_it_where_editions_number_for_themselves() -> None:
    outlet = make_outlet(key_scope="edition")
    french = outlet.identify("https://fr.daily.example/news/2020/11/15/1")
    assert french is not None
    assert french.key == "fr:1"
    english = outlet.identify("https://www.daily.example/news/2020/11/15/1")
    assert english is not None
    assert english.key == "1"


def test_a_listing_is_the_same_resource_on_every_domain_with_the_same_paths() -> None:
    keys = {
        DAILY.listing_key(url)
        for url in (
            "https://www.daily.example/section/1?page=2",
            "http://www.daily.example:80/section/1?page=2",
            "https://mirror.example/daily/section/1?page=2",
            "https://9.cdn.example/section/1?page=2#top",
        )
    }
    assert keys == {"listing::/section/1?page=2"}
    others = {
        DAILY.listing_key(url)
        for url in (
            "https://fr.daily.example/section/1?page=2",
            "https://own.example/section/1?page=2",
            "https://elsewhere.example/section/1?page=2",
        )
    }
    assert len(others | keys) == 4


def test_a_profile_travels_to_other_processes() -> None:
    assert DAILY.identify("/news/2020/11/15/1")
    copy = pickle.loads(pickle.dumps(DAILY))
    assert copy == DAILY
    assert copy.identify("/news/2020/11/15/1") == DAILY.identify("/news/2020/11/15/1")


@given(st.text(max_size=300), st.sampled_from(["", "https://www.presstv.ir", "//french.presstv.ir", "https://"]))
def test_no_url_is_too_strange_to_be_asked_about(path: str, front: str) -> None:
    url = front + path
    found = PRESSTV.identify(url)
    assert found is None or found.key.isdigit()
    assert PRESSTV.listing_key(url).startswith("listing:")
    PRESSTV.owns(url)


@pytest.mark.parametrize(
    ("pattern", "runs_away"),
    [
        ("(a+)+", True),
        (r"(\w+\s*)*", True),
        ("(?:a|b+)+", True),
        ("((a*)*)", True),
        ("(x{2,})+", True),
        (r"(?:/[^/]+)*", False),
        (r"(?:[^/]*/)*", False),
        (r"(?:a+)++", False),
        (r"[(]+)]+", False),
        (r"\(+\)+", False),
        (r"(?i)/detail/(?P<key>\d+)(?:/[^?#]*)?$", False),
    ],
)
def test_patterns_that_could_run_away_are_told_by_their_shape(pattern: str, runs_away: bool) -> None:
    assert repeats_without_anchor(pattern) is runs_away
