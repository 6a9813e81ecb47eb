"""The spider of an outlet: its profile says what to visit, the crawl session does the rest."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from scrapy import Spider

from scraper.config import Config, load_config
from scraper.crawling.session import CrawlSession, probes
from scraper.crawling.settings import crawl_settings
from scraper.crawling.state import CrawlOptions
from scraper.outlet import Outlet
from spiders.datearchive import frames
from spiders.ways import Request, plan_seeds, read_listing
from storage.records import Found

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

log = logging.getLogger(__name__)


class OutletSpider(Spider):
    """Crawls one outlet over all its domains; the loader makes a subclass for each profile.

    Arguments (`-a`): `discovery`, ways of discovery divided by commas (default: all of the profile).
    """

    outlet: ClassVar[Outlet]
    config: ClassVar[Config | None] = None
    """The run's configuration, flags included; None (under `scrapy crawl`): what environment and file say."""
    session: CrawlSession

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.setdict(crawl_settings(cls.config or load_config(), cls.outlet), priority="spider")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> OutletSpider:
        session: CrawlSession | None = kwargs.pop("session", None)
        discovery: str | None = kwargs.pop("discovery", None)
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.session = session or cls._own_session(crawler, discovery)
        spider.session.state.frames = frames(cls.outlet)
        crawler.clock = spider.session.clock  # type: ignore[attr-defined]
        crawler.robots_store = spider.session.robots  # type: ignore[attr-defined]
        crawler.host_turns = spider.session.state.turns  # type: ignore[attr-defined]
        return spider

    async def start(self) -> AsyncIterator[Any]:
        """Nothing of its own: the frontier gives every request."""
        return
        yield

    @classmethod
    def seeds(
        cls, outlet: Outlet, now: datetime, options: CrawlOptions, ways: tuple[str, ...] | None = None
    ) -> tuple[Found, ...]:
        """The listings that a crawl at `now` (UTC) begins with, and a look at each former domain."""
        former = {domain.host for domain in outlet.crawled_domains() if domain.role == "former"}
        request = Request(
            today=now.astimezone(ZoneInfo(outlet.zone)).date(),
            since=options.since,
            until=options.until,
            hosts=options.domains or None,
            ways=ways,
        )
        listings = tuple(
            Found(seed.key, seed.kind, seed.url, seed.priority, now, found_by="profile")
            for seed in plan_seeds(outlet, request)
            if urlsplit(seed.url).hostname not in former
        )
        return listings + probes(outlet, now)

    @classmethod
    def _own_session(cls, crawler: Crawler, discovery: str | None) -> CrawlSession:
        """The session of `scrapy crawl`, which knows settings from the environment and the configuration file."""
        from scrapy import signals

        from scraper.crawling.run import demand_contact, start_workers
        from scraper.extraction import EXTRACTOR_VERSION, profile_digest
        from scraper.fetching.clock import clock_from
        from storage.records import ExtractorName

        config = load_config()
        demand_contact(config, cls.outlet)
        workers = start_workers(config, {cls.outlet.name: cls.outlet}, read_listing)
        clock, options = clock_from(config.now), CrawlOptions()
        ways = tuple(discovery.split(",")) if discovery else None
        session = CrawlSession(
            config,
            cls.outlet,
            cls.seeds(cls.outlet, clock.now(), options, ways),
            options,
            workers=workers,
            clock=clock,
            extractor=ExtractorName(EXTRACTOR_VERSION, profile_digest(cls.outlet)),
        )

        def end() -> None:
            workers.stop()
            if session.state.broken is not None:
                log.error("%s", session.state.broken)

        crawler.signals.connect(end, signals.spider_closed, weak=False)
        return session


def spider_for(outlet: Outlet) -> type[OutletSpider]:
    """The spider class of an outlet."""
    name = "".join(part.capitalize() for part in outlet.name.replace("-", "_").split("_")) + "Spider"
    return type(name, (OutletSpider,), {"name": outlet.name, "outlet": outlet, "__doc__": outlet.title})
