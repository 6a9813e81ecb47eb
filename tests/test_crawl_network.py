"""The network goes for a time in the middle of a crawl: nothing is lost, nothing is taken for withdrawn."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage.archive import Archive
from storage.models import article
from tests.crawling import Ran, dangling, look
from tests.databases import Place
from tests.lasting import lasting_run
from tests.living import end_of, living_crawl, wait_until
from tests.namespaces import Network, network
from tests.small_site import HOST, Answer, SmallSite, article_page, article_path, section, small_site

__all__ = ["network"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(0)]

OUTAGE = float(os.environ.get("PRESSKEEP_OUTAGE", "3"))
"""Seconds for which the network is gone."""
KNOWN, ALL = range(1, 13), range(1, 16)
GONE = Answer(b"<h1>Gone</h1>", status=410)
FIRST, SECOND, THIRD = "2026-06-01T12:00:00Z", "2026-06-04T12:00:00Z", "2026-06-04T14:00:00Z"


class Site:
    """Fifteen articles; before it answers for the `goes_at`-th article that is asked for, the network goes."""

    def __init__(self, network: Network) -> None:
        self.network, self.shown, self.gone = network, KNOWN, frozenset[int]()
        self.goes_at: int | None = None
        self.has_gone = False
        self._articles = 0

    def __call__(self, host: str, path: str) -> Answer | None:
        if host != HOST:
            return None
        if path == "/":
            return section(*map(article_path, self.shown))
        number = next((each for each in self.shown if article_path(each) == path), None)
        if number is None:
            return None
        self._articles += 1
        if self._articles == self.goes_at:
            self.network.take_down()
            self.has_gone = True
        return GONE if number in self.gone else article_page(number)

    def go_at(self, count: int) -> None:
        """Let the network go at the `count`-th article from now."""
        self.goes_at, self.has_gone = self._articles + count, False


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "archive", None)


@contextmanager
def served(network: Network, folder: Path) -> Iterator[tuple[Site, SmallSite]]:
    """The site within the network."""
    answering = Site(network)
    with network.entered():
        serving = small_site(folder, answering)
        site = serving.__enter__()
    try:
        yield answering, site
    finally:
        serving.__exit__(None, None, None)


def crawl_living(
    network: Network, place: Place, site: SmallSite, now: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    environment = {**site.environment, "PRESSKEEP_NOW": now}
    return living_crawl(
        place, site, "--domain", HOST, outlet="small", environment=environment, before=network.before
    )  # fmt: skip


def crawl_within(network: Network, place: Place, site: SmallSite, now: str) -> Ran:
    with crawl_living(network, place, site, now) as process:
        return end_of(process)


def withdrawn(place: Place) -> int:
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        statement = select(func.count()).where(article.c.withdrawn_at.is_not(None))
        return connection.execute(statement).scalar_one()


def keys(numbers: range) -> set[str]:
    return {str(each) for each in numbers}


def test_a_crawl_whose_network_goes_loses_nothing_and_the_next_completes(
    network: Network, place: Place, tmp_path: Path
) -> None:
    with served(network, tmp_path) as (answering, site):
        assert crawl_within(network, place, site, FIRST).code == 0
        assert look(place).headlines.keys() == keys(KNOWN)

        answering.shown = ALL
        answering.go_at(3)
        with crawl_living(network, place, site, SECOND) as process:
            wait_until(lambda: answering.has_gone, "the end of the network")
            time.sleep(OUTAGE)
            assert process.poll() is None
            assert look(place).headlines.keys() != keys(ALL), "the check sees what is not there yet"
            network.bring_up()
            ran = end_of(process)
        assert ran.code in (0, 1), ran.err
        assert "Traceback" not in ran.err
        assert withdrawn(place) == 0
        assert keys(KNOWN) <= look(place).headlines.keys()

        last = crawl_within(network, place, site, THIRD)
        assert last.code == 0, last.err
        assert look(place).headlines.keys() == keys(ALL)
        assert (withdrawn(place), dangling(place), look(place).revisions) == (0, [], len(ALL))

        answering.gone = frozenset({2})
        crawl_within(network, place, site, "2026-06-12T12:00:00Z")
        assert withdrawn(place) == 1, "the check sees one that is gone"


@pytest.mark.soak
def test_a_crawl_goes_on_by_another_time_when_nothing_can_be_reached(
    network: Network, place: Place, tmp_path: Path
) -> None:
    with served(network, tmp_path) as (_, site):
        assert crawl_within(network, place, site, FIRST).code == 0
        network.take_down()
        ran = crawl_within(network, place, site, SECOND)
        assert ran.code == 3, ran.err
        assert "none of its hosts could be reached" in ran.err
        assert withdrawn(place) == 0
        assert look(place).headlines.keys() == keys(KNOWN)
        network.bring_up()
        site.new_requests()
        assert crawl_within(network, place, site, THIRD).code == 0
        asked = {path for _, path in site.new_requests()}
        assert {article_path(each) for each in KNOWN} < asked, "those that were due are asked for again"


@pytest.mark.soak
def test_run_goes_on_when_the_network_is_back(network: Network, place: Place, tmp_path: Path) -> None:
    def has(numbers: range) -> Callable[[], bool]:
        return lambda: (place.folder / "archive.db").exists() and look(place).headlines.keys() == keys(numbers)

    with (
        served(network, tmp_path) as (answering, site),
        lasting_run(
            place, site, folder=tmp_path / "said", outlet="small", environment=site.environment, before=network.before
        ) as running,
    ):
        answering.shown = ALL
        answering.go_at(5)
        running.wait_for(lambda: answering.has_gone, "the end of the network")
        time.sleep(OUTAGE)
        assert not has(ALL)(), "the check sees what is missing"
        assert withdrawn(place) == 0
        network.bring_up()
        running.wait_for(has(ALL), "all articles")
        assert withdrawn(place) == 0
        assert running.end().code == 0
    assert dangling(place) == []
