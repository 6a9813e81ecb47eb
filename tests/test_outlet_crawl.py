"""Press TV's profile leads a crawl of its whole site, over TLS, by the command line alone."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scraper.demo.process import running_replica
from tests.crawling import look, place_options, presskeep, replica_options
from tests.databases import Place


@pytest.mark.long
def test_a_crawl_of_press_tv_finds_every_article_on_all_crawled_domains_and_the_notice(tmp_path: Path) -> None:
    crawled = {"www.presstv.ir", "www.presstv.co.uk", "french.presstv.ir", "french.presstv.co.uk"}
    place = Place(tmp_path / "archive", None)
    with running_replica(articles=20, seed=4, host_set="presstv", days=0, tls=True) as replica:
        options = (*place_options(place), *replica_options(replica))
        ran = presskeep("crawl", "presstv", "--json", *options, now="leap:2026-06-01T12:00:00Z")
        assert ran.code == 0, ran.out + ran.err
        held, truth = look(place), {each["key"]: each for each in replica.articles()}
        asked = replica.requests()
    assert held.headlines == {key: each["headline"] for key, each in truth.items()}
    assert held.bodies == {key: each["body"] for key, each in truth.items()}
    for key, each in truth.items():
        hosts = {urlsplit(url).hostname for url in held.locations[key]}
        assert crawled & each["locations"].keys() <= hosts
    assert held.outcomes["https://www.presstv.com/"] == ["notice"]
    # Flags reach every request: the authority given by --ca-file is trusted, so nothing falls back to plain http.
    assert {each["scheme"] for each in asked} == {"https"}
