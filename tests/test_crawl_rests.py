"""A host that asks for rest is left alone until then by later runs too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases import Place
from tests.small_site import PROFILE, Answer, article_page, article_path, crawl_small, pages, section, small_site

_MIRROR = PROFILE.index('[[domains]]\nhost = "mirror')
ALONE = PROFILE[:_MIRROR] + PROFILE[PROFILE.index("[[articles]]") :]
"""The outlet without a mirror, which would be asked in the host's place."""
BUSY = Answer(b"busy", status=429, headers={"Retry-After": "7200"})
SITE = {"/": section(article_path(1)), article_path(1): article_page(1)}


@pytest.mark.long
def test_a_listing_whose_host_asked_for_rest_is_asked_again_when_it_is_over(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, pages(SITE | {"/sitemap.xml": BUSY}), ALONE) as site:
        asked, said = [], []
        for hour in ("12:00", "12:20", "13:10", "14:20"):
            ran = crawl_small(place, site, "--due", now=f"2026-06-01T{hour}:00Z")
            asked.append([path for _, path in site.new_requests()].count("/sitemap.xml"))
            said.append("www.small.example asks to be left alone for 2 hours (Retry-After)" in ran.err)
    assert asked == [1, 0, 0, 1]
    assert said == [True, False, False, True]


@pytest.mark.long
@pytest.mark.parametrize("busy", ["/sitemap.xml", "/robots.txt"])
def test_a_host_that_asked_for_rest_is_asked_for_nothing_else_by_later_runs(tmp_path: Path, busy: str) -> None:
    place = Place(tmp_path / "archive", None)
    with small_site(tmp_path, pages(SITE | {busy: BUSY}), ALONE) as site:
        crawl_small(place, site, now="2026-06-01T12:00:00Z")
        assert busy in [path for _, path in site.new_requests()]
        site.answering = pages(SITE)
        ran = crawl_small(place, site, now="2026-06-01T13:30:00Z")
        assert site.new_requests() == []
        assert ran.code == 1
        assert set(ran.json["outlets"][0]["counts"]["failures"]) == {"retry-after"}
        for day in ("2026-06-01T14:01", "2026-05-30T12:00"):  # it is over, or ends so late by a wrong clock alone
            assert crawl_small(place, site, now=f"{day}:00Z").code == 0
            assert "/" in [path for _, path in site.new_requests()], day
