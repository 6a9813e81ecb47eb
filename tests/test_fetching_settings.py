"""Scrapy is set up for what we need, and nothing else is on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings
from scrapy.utils.misc import load_object

from scraper.config import Config
from scraper.errors import UsageError
from scraper.fetching.settings import fetching_settings, needs_contact, user_agent
from scraper.outlet import Domain, Manners, Outlet, UrlPattern


def config(**values: Any) -> Config:
    return Config(archive=Path(), **values)


def outlet(**manners: Any) -> Outlet:
    return Outlet(
        name="a",
        title="A",
        language="fr",
        zone="UTC",
        country="FR",
        domains=(Domain(host="a.example", role="primary"),),
        articles=(UrlPattern(name="all", pattern="^/(?P<key>[0-9]+)", example="/1"),),
        manners=Manners(**manners),
    )


def settings_of(*arguments: Any, **options: Any) -> Settings:
    return Settings(fetching_settings(*arguments, **options))


def test_only_http_is_fetched_and_no_door_stands_open() -> None:
    settings = settings_of(config(), None)
    handlers = settings.getwithbase("DOWNLOAD_HANDLERS")
    assert {scheme for scheme, handler in handlers.items() if handler} == {"http", "https"}
    for name in ("TELNETCONSOLE_ENABLED", "REMOTE_CONTROL_ENABLED", "COOKIES_ENABLED", "HTTPCACHE_ENABLED"):
        assert settings.getbool(name) is False
    assert settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")


def test_every_component_named_can_be_loaded() -> None:
    settings = settings_of(config(proxy="http://proxy.example:3128"), None)
    tables = ("DOWNLOADER_MIDDLEWARES", "EXTENSIONS", "DOWNLOAD_HANDLERS")
    paths = [path for table in tables for path in settings.getwithbase(table) if "." in path]
    assert all(load_object(path) for path in paths)
    assert load_object(settings["TWISTED_DNS_RESOLVER"])


def test_settings_can_be_copied_as_scrapy_copies_them() -> None:
    settings = settings_of(config(connect_to=("a.example:443:127.0.0.1:8443",), now="leap:2026-03-01T00:00:00Z"), None)
    assert settings.copy()["PRESSKEEP_CONNECT_TO"] == ["a.example:443:127.0.0.1:8443"]


def test_manners_come_from_the_profile() -> None:
    settings = settings_of(config(), outlet(delay=2.5, concurrency=3))
    assert (settings["DOWNLOAD_DELAY"], settings["CONCURRENT_REQUESTS_PER_DOMAIN"]) == (2.5, 3)
    assert settings["DEFAULT_REQUEST_HEADERS"]["Accept-Language"] == "fr,*;q=0.5"


def test_where_the_clock_leaps_mapped_hosts_alone_are_not_waited_for() -> None:
    leaping = "leap:2026-03-01T00:00:00Z"
    mapped = config(now=leaping, connect_to=("a.example:443:127.0.0.1:8443",))
    assert settings_of(mapped, outlet(delay=2))["DOWNLOAD_SLOTS"]["a.example"]["delay"] == 0
    assert settings_of(mapped, outlet(delay=2))["DOWNLOAD_DELAY"] == 2
    assert settings_of(config(now=leaping), outlet(delay=2))["DOWNLOAD_SLOTS"].getdict("a.example", {}) == {}


def test_the_user_agent_names_the_contact() -> None:
    assert user_agent(config(contact="mail@example.org"), None).endswith("(+mail@example.org)")
    assert user_agent(config(), None).startswith("Presskeep")
    assert user_agent(config(user_agent="Mine/1"), outlet(user_agent="Theirs/1")) == "Mine/1"
    assert user_agent(config(contact="x"), outlet(user_agent="Theirs/1")) == "Theirs/1"
    with pytest.raises(UsageError, match="plain ASCII"):
        user_agent(config(contact="a@example.org\r\nX-Evil: 1"), None)


@pytest.mark.parametrize(
    ("hosts", "options", "needed"),
    [
        (["news.example"], {}, True),
        (["news.example"], {"contact": "a@example.org"}, False),
        (["news.example"], {"connect_to": ("news.example:443:127.0.0.1:1",)}, False),
        (["news.example"], {"resolve": ("news.example:443:127.0.0.1",)}, False),
        (["news.example"], {"connect_to": ("::127.0.0.1:8443",)}, False),
        (["news.example", "other.example"], {"connect_to": ("news.example:443:127.0.0.1:1",)}, True),
        (["news.example"], {"connect_to": ("news.example:443::8443",)}, True),
        (["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "0x7f.1"], {}, False),
        (["8.8.8.8"], {}, True),
        (["news.example"], {"allow_private": True}, True),
        ([], {}, False),
    ],
)
def test_a_contact_is_needed_for_public_hosts_alone(hosts: list[str], options: dict[str, Any], needed: bool) -> None:
    assert needs_contact(hosts, config(**options)) is needed


def test_options_that_cannot_be_read_are_refused_before_anything_starts(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("no certificate")
    for options in (
        {"resolve": ("x",)},
        {"connect_to": ("x",)},
        {"now": "soon"},
        {"ca_file": empty},
        {"ca_file": tmp_path / "absent.pem"},
    ):
        with pytest.raises(UsageError):
            fetching_settings(config(**options), None)
