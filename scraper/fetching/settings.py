"""Every Scrapy setting of fetching."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from scraper.config import Config
from scraper.errors import UsageError
from scraper.fetching.clock import clock_from
from scraper.fetching.mapping import Mapping
from scraper.fetching.slots import is_own
from scraper.outlet import Manners, Outlet

PRODUCT = "Presskeep"
MAX_REDIRECTS = 10

_MIDDLEWARES: dict[str, int | None] = {
    "scraper.fetching.manners.MannersMiddleware": 90,
    "scraper.fetching.robots.RobotsMiddleware": 100,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.retry.RetryMiddleware": 550,
    "scraper.fetching.redirects.NamedRedirects": 600,
}
_EXTENSIONS: dict[str, int | None] = {
    "scrapy.extensions.telnet.TelnetConsole": None,
    "scrapy.extensions.remote_control.RemoteControl": None,
    "scrapy.extensions.memusage.MemoryUsage": None,
    "scrapy.extensions.memdebug.MemoryDebugger": None,
    "scrapy.extensions.feedexport.FeedExporter": None,
    "scrapy.extensions.spiderstate.SpiderState": None,
    "scrapy.extensions.throttle.AutoThrottle": None,
}


def fetching_settings(config: Config, outlet: Outlet | None, *, decode: bool = False) -> dict[str, Any]:
    """The settings for fetching from an outlet, or from anywhere.

    They belong on the crawler process, whose settings alone Scrapy gives to the resolver. With `decode`, responses'
    bodies are decoded as Scrapy's users expect (`scrapy shell`); else that is left to the workers. Nothing here
    holds a live object: a clock and a store for robots.txt are given as attributes `clock` and `robots_store` of the
    crawler. Raises UsageError for options that cannot be read.
    """
    mapping = Mapping.parse(config.resolve, config.connect_to)
    clock = clock_from(config.now)
    if config.ca_file is not None:
        from scraper.fetching.tls import check_ca_file

        check_ca_file(config.ca_file)
    manners = outlet.manners if outlet is not None else Manners()
    own = [domain.host for domain in outlet.domains if is_own(domain.host, mapping)] if outlet is not None else []
    everywhere = clock.leaps and mapping.names("*")
    return {
        "PRESSKEEP_RESOLVE": list(config.resolve),
        "PRESSKEEP_CONNECT_TO": list(config.connect_to),
        "PRESSKEEP_ALLOW_PRIVATE": config.allow_private,
        "PRESSKEEP_PROXY": config.proxy,
        "PRESSKEEP_CA_FILE": str(config.ca_file) if config.ca_file is not None else None,
        "PRESSKEEP_NOW": config.now,
        "PRESSKEEP_MAX_HEAD_BYTES": config.max_head_bytes,
        "PRESSKEEP_IGNORE_ROBOTS": config.ignore_robots,
        "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
        "TWISTED_DNS_RESOLVER": "scraper.fetching.resolver.GuardedResolver",
        "DNS_TIMEOUT": min(10.0, config.request_timeout),
        "DOWNLOAD_HANDLERS": {
            "http": "scraper.fetching.handler.TapHandler",
            "https": "scraper.fetching.handler.TapHandler",
            "data": None,
            "file": None,
            "ftp": None,
            "s3": None,
        },
        "DOWNLOAD_TIMEOUT": config.request_timeout,
        "DOWNLOAD_MAXSIZE": config.max_wire_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_FAIL_ON_DATALOSS": False,
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DOWNLOAD_DELAY": 0.0 if everywhere else manners.delay,
        "PRESSKEEP_LEAPING_DELAY": manners.delay if clock.leaps else 0.0,
        "DOWNLOAD_DELAY_JITTER": 0.25,
        "DOWNLOAD_SLOTS": {host: {"delay": 0.0, "concurrency": manners.concurrency} for host in own}
        if clock.leaps
        else {},
        "DOWNLOADER": "scraper.fetching.downloader.BoundedDownloader",
        "CONCURRENT_REQUESTS": 16,
        # Scrapy starts so many asyncio tasks for the output of each callback (100 by default: half of a page's CPU).
        "CONCURRENT_ITEMS": 1,
        "CONCURRENT_REQUESTS_PER_DOMAIN": manners.concurrency,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "COOKIES_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "REFERER_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "HTTPCACHE_ENABLED": False,
        "COMPRESSION_ENABLED": decode,
        "REDIRECT_MAX_TIMES": MAX_REDIRECTS,
        "RETRY_TIMES": 2,
        # No time-outs: three of them hold a slot three times as long; the frontier tries again another day.
        "RETRY_EXCEPTIONS": [
            "scrapy.exceptions.DownloadConnectionRefusedError",
            "scrapy.exceptions.DownloadFailedError",
            "twisted.internet.error.ConnectionDone",
            "twisted.internet.error.ConnectError",
            "twisted.internet.error.ConnectionLost",
        ],
        "RETRY_GIVE_UP_LOG_LEVEL": "DEBUG",
        "USER_AGENT": user_agent(config, outlet),
        "DEFAULT_REQUEST_HEADERS": _headers(config, outlet),
        # Emptied, since each of Scrapy's costs CPU on every page, and is imported even where it is off.
        "DOWNLOADER_MIDDLEWARES_BASE": {},
        "DOWNLOADER_MIDDLEWARES": _middlewares(config, decode=decode),
        "EXTENSIONS": dict(_EXTENSIONS),
    }


def user_agent(config: Config, outlet: Outlet | None) -> str:
    """The User-Agent: the one given, the profile's, or Presskeep's with the contact."""
    given = config.user_agent or (outlet.manners.user_agent if outlet is not None else None)
    text = given or (f"{product()} (+{config.contact})" if config.contact else product())
    if not text.isprintable() or not text.isascii():
        which = "setting user_agent" if given else "--contact"
        raise UsageError(f"{text!r} cannot stand in a User-Agent", which, "Give it in plain ASCII.")
    return text


def needs_contact(hosts: Iterable[str], config: Config) -> bool:
    """Whether a crawl of these hosts needs a contact that is not given: when one is neither mapped nor private."""
    if config.contact:
        return False
    mapping = Mapping.parse(config.resolve, config.connect_to)
    return any(not is_own(host, mapping) for host in hosts)


@cache
def product() -> str:
    """This software with its installed version, as headers and records name it; a checkout has none."""
    try:
        return f"{PRODUCT}/{version('presskeep')}"
    except PackageNotFoundError:
        return PRODUCT


def _headers(config: Config, outlet: Outlet | None) -> dict[str, str]:
    headers = {
        "User-Agent": user_agent(config, outlet),
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Encoding": "gzip, deflate, br, zstd",
    }
    if outlet is not None:
        headers["Accept-Language"] = f"{outlet.language},*;q=0.5"
    return headers


def _middlewares(config: Config, *, decode: bool) -> dict[str, int | None]:
    table = dict(_MIDDLEWARES)
    if config.proxy:
        table["scraper.fetching.proxying.ProxyMiddleware"] = 740
        table["scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware"] = 750
    if decode:
        table["scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware"] = 590
    return table
