"""One look at the replica: from which host, over which scheme, on which day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import unquote

from scraper.demo.catalogue import Catalogue, Stub
from scraper.demo.chance import share
from scraper.demo.dates import french_date, later_date, old_date, reader_date
from scraper.demo.hostset import Edition, Host, HostSet
from scraper.demo.story import Photo

_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Who looks from where; `day` is the host's own, which a lagging host has behind the replica's."""

    catalogue: Catalogue
    host: Host
    day: int
    scheme: str = "http"

    @property
    def hosts(self) -> HostSet:
        return self.catalogue.hosts

    def stub(self, index: int) -> Stub:
        return self.catalogue.stub(index, self.day)

    def text(self, text: str) -> str:
        """A text as this host prints it, escaped for HTML."""
        return escape(text if self.host.apostrophe == "’" else text.translate(_STRAIGHT), quote=False)

    def attribute(self, text: str) -> str:
        """A text escaped for a double-quoted attribute."""
        return escape(text if self.host.apostrophe == "’" else text.translate(_STRAIGHT))

    def href(self, stub: Stub) -> str:
        """An article's path as links print it: half of them raw, half percent-encoded."""
        path = stub.path_on(self.host)
        return escape(unquote(path) if stub.index % 2 else path)

    def url(self, stub: Stub, host: Host | None = None) -> str:
        """An article's whole address on a host, by default on this one."""
        return address(stub, host or self.host, self.scheme)

    def canonical(self, stub: Stub) -> str:
        """What the page calls its canonical address; on some pages a lie."""
        if share(self.catalogue.seed, "lie", self.host.name, stub.index) < self.host.lies:
            if stub.index % 2 == 0 or stub.index == 0:
                return f"{self.scheme}://{self.hosts.primary.name}/"
            return self.url(self.stub(stub.index - 1), self.hosts.primary)
        own = self.host.dress == "reader" or self.host.edition != "en" or stub.edition != "en"
        return self.url(stub, self.host if own else self.hosts.primary)

    def image(self, photo: Photo, size: str = "") -> str:
        return f"//{self.hosts.image_host}{photo.path.removesuffix('.jpg')}{size}.jpg"

    @property
    def look(self) -> str:
        """The elements in a page's head that lead to its stylesheet and its icon."""
        place = f"//{self.hosts.image_host}"
        return f'<link rel="stylesheet" href="{place}/{self.host.dress}.css"><link rel="icon" href="{place}/icon.png">'

    def published(self, stub: Stub) -> str:
        """The date of publication as this host's page of an article prints it."""
        return printed_date(stub.local, stub, self.host, self.hosts)

    def updated(self, stub: Stub, at: datetime) -> str:
        return printed_date(at.astimezone(self.catalogue.timeline.zone), stub, self.host, self.hosts)


def address(stub: Stub, host: Host, scheme: str) -> str:
    """An article's whole address on a host."""
    return f"{scheme}://{host.name}{stub.path_on(host)}"


def printed_date(local: datetime, stub: Stub, host: Host, hosts: HostSet) -> str:
    """A date as the page of an article prints it on a host."""
    if host.dress == "reader":
        return reader_date(local)
    if stub.edition == "fr" and hosts.french_dates:
        return french_date(local)
    return old_date(local) if stub.old else later_date(local)


def language_name(edition: Edition) -> str:
    """The language tag in a page's `lang` attribute."""
    return {"en": "en", "fr": "fr"}[edition]
