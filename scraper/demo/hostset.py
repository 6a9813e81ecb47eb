"""What a replica serves and from where: the model of a set of hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from storage.content import ArticleKind

Edition = Literal["en", "fr"]
Dress = Literal["house", "reader"]
FeedDates = Literal["none", "day", "zoneless", "full"]
FeedLinks = Literal["own", "primary", "mixed"]
HostRole = Literal["primary", "mirror", "edition", "cdn", "former", "assets", "gone"]


@dataclass(frozen=True, slots=True)
class Host:
    """One host. `dress` is its chrome and its paths: `house` as on the primary, `reader` has its own.

    `apostrophe` is how it prints U+2019 in articles, `lies` the share of pages with a wrong canonical link,
    `lag` the days it is behind. `former` shows the notice on every path, `gone` answers 404 to everything.
    """

    name: str
    role: HostRole
    edition: Edition = "en"
    dress: Dress = "house"
    apostrophe: Literal["’", "'"] = "’"
    feed_dates: FeedDates = "none"
    feed_links: FeedLinks = "own"
    lies: float = 0.0
    lag: int = 0

    @property
    def serves(self) -> bool:
        """Whether articles are served here."""
        return self.role in ("primary", "mirror", "edition", "cdn")


@dataclass(frozen=True, slots=True)
class Section:
    """A section: its number in paths, its breadcrumb from the top, its word in the reader dress' paths."""

    number: int
    names: tuple[str, ...]
    word: str
    edition: Edition = "en"


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the twenty places of a block of articles: where it appears and what kind of page it is."""

    section: int
    kind: ArticleKind
    report: bool = False


@dataclass(frozen=True, slots=True)
class StandingPage:
    """A page that is no article, at a path that may look like one; `reason` says what it is.

    A `hollow` one has a headline and a date in the article template, and no text.
    """

    path: str
    title: str
    reason: str
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class HostSet:
    """An outlet as the replica plays it. `slots` has twenty entries; every block of twenty articles holds each once.

    `reserved` numbers belong to standing pages. `tags` and `signed_opinions` say whether pages print tags and the
    authors of opinions; `foreign_caption` is left in every page of the French edition.
    """

    name: str
    title: str
    mark: str
    zone: str
    hosts: tuple[Host, ...]
    sections: tuple[Section, ...]
    slots: tuple[Slot, ...]
    standing: tuple[StandingPage, ...]
    announced: tuple[str, ...]
    notice: str
    image_host: str
    video_host: str
    first_key: int
    reserved: frozenset[int] = frozenset()
    tags: bool = True
    signed_opinions: bool = True
    french_dates: bool = True
    foreign_caption: str | None = None

    def host(self, name: str) -> Host | None:
        """The host of that name, None for a stranger."""
        return next((host for host in self.hosts if host.name == name), None)

    @property
    def primary(self) -> Host:
        return next(host for host in self.hosts if host.role == "primary")

    def home_of(self, edition: Edition) -> Host:
        """The first host on which an edition is at home."""
        return next(host for host in self.hosts if host.serves and host.edition == edition)

    def hosts_of(self, edition: Edition) -> tuple[Host, ...]:
        """The hosts whose listings lead to an edition's articles."""
        return tuple(host for host in self.hosts if host.serves and host.edition == edition)

    def sections_of(self, edition: Edition) -> tuple[Section, ...]:
        return tuple(section for section in self.sections if section.edition == edition)

    def section(self, number: int) -> Section | None:
        return next((section for section in self.sections if section.number == number), None)
