"""Where each article stands: its section, number, path and headline, without writing its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from urllib.parse import quote

from scraper.demo.chance import share, stream
from scraper.demo.english import ENGLISH
from scraper.demo.french import FRENCH
from scraper.demo.hostset import Edition, Host, HostSet, Section, Slot
from scraper.demo.timeline import Timeline
from scraper.demo.tongue import Pen, Tongue

BLOCK = 20
TONGUES: dict[Edition, Tongue] = {"en": ENGLISH, "fr": FRENCH}
# An article published before wears the old template, as if its page had been fetched then.
OLD_TEMPLATE_UNTIL = date(2020, 6, 1)


@dataclass(frozen=True, slots=True)
class Stub:
    """What a list shows of an article. `path` is percent-encoded; `reader_path` is the one of the reader dress."""

    index: int
    key: int
    slot: Slot
    section: Section
    headline: str
    published: datetime
    local: datetime
    path: str
    reader_path: str

    @property
    def edition(self) -> Edition:
        return self.section.edition

    @property
    def old(self) -> bool:
        """Whether its page wears the old template."""
        return self.local.date() < OLD_TEMPLATE_UNTIL

    def path_on(self, host: Host) -> str:
        return self.reader_path if host.dress == "reader" else self.path


@dataclass(frozen=True, slots=True)
class Topic:
    """What the articles of a section write about for a while: the same place and thing, the same background."""

    place: str
    thing: str
    backgrounds: tuple[str, ...]
    tags: tuple[str, ...]


class Catalogue:
    """All articles of a replica, none of them held: each is found by its index."""

    def __init__(self, hosts: HostSet, timeline: Timeline) -> None:
        self.hosts, self.timeline, self.seed = hosts, timeline, timeline.seed
        self._sections = {section.number: section for section in hosts.sections}
        self._places = {
            section.number: sum(slot.section == section.number for slot in hosts.slots) for section in hosts.sections
        }
        self._slots_of = lru_cache(maxsize=4096)(self._shuffle)
        self.stub = lru_cache(maxsize=1024)(self._make_stub)

    def slot(self, index: int) -> Slot:
        block, place = divmod(index, BLOCK)
        return self.hosts.slots[self._slots_of(block)[place]]

    def topic(self, index: int) -> Topic:
        section = self._sections[self.slot(index).section]
        return _topic(self.seed, section.edition, section.number, index // BLOCK // 3)

    def _make_stub(self, index: int, day: int) -> Stub:
        slot = self.slot(index)
        section = self._sections[slot.section]
        key = self.timeline.key(index)
        published = self.timeline.published(index)
        local = published.astimezone(self.timeline.zone)
        topic = self.topic(index)
        slug = _slug(self.seed, index, section.edition, topic)
        return Stub(
            index=index,
            key=key,
            slot=slot,
            section=section,
            headline=self._headline(index, day, slot, section, topic),
            published=published,
            local=local,
            path=quote(_path(key, slot, section.edition, local.date(), slug), safe="/,"),
            reader_path=f"/story/{key}-{_plain(slug)}",
        )

    def newest(self, edition: Edition, day: int) -> Iterator[int]:
        """The indexes of an edition's articles that stand on a day, newest first."""
        for index in range(self.timeline.total(day) - 1, -1, -1):
            if self._sections[self.slot(index).section].edition == edition and not self.timeline.withdrawn(index, day):
                yield index

    def count(self, section: Section, day: int) -> int:
        """How many articles a section has had by a day, the withdrawn ones counted."""
        blocks, rest = divmod(self.timeline.total(day), BLOCK)
        return blocks * self._places[section.number] + len(self._within(section, blocks, rest))

    def page_of(self, section: Section, first: int, count: int, day: int) -> list[int]:
        """The indexes of a section's articles from the `first` newest on, the withdrawn ones left out."""
        found: list[int] = []
        block, rest = divmod(self.timeline.total(day), BLOCK)
        newest = self._within(section, block, rest)
        places = self._places[section.number]
        if first >= len(newest):
            # Every whole block holds the same number of a section's articles, so that deep pages cost no walk.
            skipped, first = divmod(first - len(newest), places)
            block -= 1 + skipped
            newest = self._within(section, block, BLOCK) if block >= 0 else []
        while len(found) < first + count and (newest or block > 0):
            found += newest
            block -= 1
            newest = self._within(section, block, BLOCK) if block >= 0 else []
            if block < 0:
                break
        return [index for index in found[first : first + count] if not self.timeline.withdrawn(index, day)]

    def related(self, index: int, day: int) -> list[int]:
        """Up to three earlier articles of the same section."""
        section = self._sections[self.slot(index).section]
        block, place = divmod(index, BLOCK)
        found = self._within(section, block, place)
        while len(found) < 3 and block > 0:
            block -= 1
            found += self._within(section, block, BLOCK)
        return [index for index in found[:3] if not self.timeline.withdrawn(index, day)]

    def edits(self, index: int, day: int) -> list[int]:
        """The days whose edits an article's text shows on a day: those after the last return to the first text."""
        days = self.timeline.edits(index, day)
        last = max((at for at, edit in enumerate(days) if self.timeline.reverts(index, edit)), default=-1)
        return days[last + 1 :]

    def edit_of(self, index: int, day: int) -> str:
        """What an edit does: 'headline', 'added' or 'rewritten'."""
        kinds = ("headline", "added", "rewritten")
        edit = kinds[int(share(self.seed, "edit", index, day) * 3)]
        return "added" if edit == "headline" and self.slot(index).kind in ("bulletin", "gallery", "programme") else edit

    def _headline(self, index: int, day: int, slot: Slot, section: Section, topic: Topic) -> str:
        tongue = TONGUES[section.edition]
        fixed = {"place": topic.place, "thing": topic.thing, "title": self.hosts.title}
        pen = Pen(tongue, stream(self.seed, "headline", index), fixed)
        match slot.kind:
            case "bulletin":
                headline = pen.write(tongue.bulletin_title)
            case "programme":
                headline = pen.sentence(tongue.programme_titles)
            case "gallery":
                headline = pen.sentence(tongue.gallery_titles)
            case _:
                headline = pen.sentence(tongue.headlines)
        for edit in self.edits(index, day):
            if self.edit_of(index, edit) == "headline":
                suffix = Pen(tongue, stream(self.seed, "headline", index, edit), fixed)
                headline += suffix.fill(suffix.pick(tongue.headline_edits))
        return headline

    def _within(self, section: Section, block: int, until: int) -> list[int]:
        """The indexes of a section's articles in a block, of its first `until` places, newest first."""
        slots, order = self.hosts.slots, self._slots_of(block)
        return [block * BLOCK + at for at in range(until - 1, -1, -1) if slots[order[at]].section == section.number]

    def _shuffle(self, block: int) -> tuple[int, ...]:
        order = list(range(BLOCK))
        stream(self.seed, "block", block).shuffle(order)
        return tuple(order)


@lru_cache(maxsize=512)
def _topic(seed: int, edition: Edition, section: int, period: int) -> Topic:
    tongue = TONGUES[edition]
    pen = Pen(tongue, stream(seed, "topic", edition, section, period))
    place, thing = pen.pick(tongue.pools["place"]), pen.pick(tongue.pools["thing"])
    pen.fixed.update(place=place, thing=thing)
    backgrounds = tuple(pen.write(pattern) for pattern in tongue.backgrounds)
    return Topic(place, thing, backgrounds, tuple(dict.fromkeys(pen.write(pattern) for pattern in tongue.tags)))


def _path(key: int, slot: Slot, edition: Edition, day: date, slug: str) -> str:
    """An article's path in the form of its time."""
    if edition == "en" and day.year < 2012:
        return f"/detail/{key}.html"
    dated = f"{day:%Y/%m/%d}/{key}"
    if edition == "en" and day.year < 2014:
        return f"/detail/{dated}/{slug.lower()}/" if slug else f"/detail/{dated}/"
    form = "Video" if slot.kind == "video" and not slot.report and 2015 <= day.year < 2018 else "Detail"
    return f"/{form}/{dated}/{slug}" if slug else f"/{form}/{dated}"


def _slug(seed: int, index: int, edition: Edition, topic: Topic) -> str:
    """A slug in one of the forms that such sites are known for; it names the topic, not the headline."""
    words = f"{topic.place} {topic.thing}".replace("’", " ").split()
    form = int(share(seed, "slug", index) * 10)
    match form:
        case 0:
            return ""
        case 1:
            return words[0]
        case 2:
            return "-".join(words).lower()
        case 3:
            return "-".join(words).title() + "-"
        case 4:
            return "--".join(words[:3])
        case 5:
            return ",".join(words[:2]) + "-" + "-".join(words[2:])
        case 6:
            opening, closing = ("«", "»") if edition == "fr" else ("“", "”")
            return f"{opening}{'-'.join(words[:2])}{closing}-{'-'.join(words[2:])}"
        case 7:
            return "-".join(f"{topic.thing}’s {topic.place} {' '.join(topic.tags)}".split()[:16])
        case _:
            return "-".join(words).title()


def _plain(slug: str) -> str:
    """A slug with plain letters and hyphens alone."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in slug.lower())
    return "-".join(word for word in kept.split("-") if word) or "story"
