"""An article as it was written: what a right extraction of its page must find, and what stands between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from uuid import UUID

from scraper.demo.catalogue import TONGUES, Catalogue, Stub, Topic
from scraper.demo.chance import share, stream
from scraper.demo.tongue import Pen
from storage.content import Block

_CITIES = ("Tehran", "London", "Ankara", "Caracas", "Nairobi", "Geneva", "Port Alder", "Winter Quay")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo: its path on the image host, its caption without credit, the credit as printed ('' for none)."""

    path: str
    caption: str = ""
    credit: str = ""

    @property
    def printed(self) -> str:
        return f"{self.caption} {self.credit}".strip()


@dataclass(frozen=True, slots=True)
class ReadMore:
    """The 'Read more:' block inside a body, with the indexes of the articles it links to, or with none."""

    links: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Blank:
    """An empty paragraph."""


Part = Block | Photo | ReadMore | Blank


@dataclass(frozen=True, slots=True)
class Story:
    """One article as a day shows it. `emphasis` is a phrase that its page marks up in each paragraph."""

    stub: Stub
    parts: tuple[Part, ...]
    emphasis: str
    photo: Photo | None = None
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    updated: datetime | None = None
    version: int = 0
    video: str | None = None

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The typed blocks of the body in reading order; captions of photos inside the body are blocks too."""
        found = []
        for part in self.parts:
            if isinstance(part, Block):
                found.append(part)
            elif isinstance(part, Photo) and part.printed:
                found.append(Block("caption", part.printed))
        return tuple(found)

    @property
    def photos(self) -> tuple[Photo, ...]:
        inside = tuple(part for part in self.parts if isinstance(part, Photo))
        return ((self.photo,) if self.photo else ()) + inside

    @property
    def lead(self) -> str:
        """The first paragraph."""
        return next((block.text for block in self.blocks if block.kind == "paragraph"), "")


def write_story(catalogue: Catalogue, index: int, day: int) -> Story:
    """Write the article of an index as a day shows it, whether or not it is withdrawn."""
    stub = catalogue.stub(index, day)
    story = _Writer(catalogue, stub, day).write()
    for edit in catalogue.edits(index, day):
        story = _edit(catalogue, story, edit)
    timeline = catalogue.timeline
    return replace(story, updated=timeline.updated(index, day), version=len(timeline.edits(index, day)))


class _Writer:
    def __init__(self, catalogue: Catalogue, stub: Stub, day: int) -> None:
        self._catalogue, self._stub, self._day = catalogue, stub, day
        self._hosts = catalogue.hosts
        self._topic: Topic = catalogue.topic(stub.index)
        self._random: Random = stream(catalogue.seed, "story", stub.index)
        fixed = {"photoyear": str(stub.local.year), "show": stub.section.names[-1], "title": self._hosts.title}
        self._tongue = TONGUES[stub.edition]
        self._pen = Pen(self._tongue, self._random, fixed)
        self._pen.meet_speaker()

    def write(self) -> Story:
        parts, authors = getattr(self, f"_{self._stub.slot.kind}")()
        has_photo = self._stub.slot.kind in ("gallery", "video") or self._pen.chance(0.9)
        captioned = self._stub.slot.kind != "video"
        return Story(
            stub=self._stub,
            parts=tuple(parts),
            emphasis=self._topic.place,
            photo=self._photo(captioned=captioned) if has_photo else None,
            authors=authors,
            tags=self._topic.tags if self._hosts.tags else (),
            video=f"/clips/{self._stub.local:%Y%m%d}/{self._stub.key}" if self._stub.slot.kind == "video" else None,
        )

    def _article(self) -> tuple[list[Part], tuple[str, ...]]:
        pen, tongue = self._pen, self._tongue
        parts: list[Part] = [self._lead()]
        for at in range(pen.number(4, 8)):
            patterns = tongue.sayings if at % 2 == 0 else tongue.facts
            parts.append(Block("paragraph", pen.paragraph(patterns, 1 if at % 2 == 0 else pen.number(1, 3))))
        if pen.chance(0.5):
            self._insert(parts, Block("heading", pen.sentence(tongue.headings), level=3))
        if pen.chance(0.35):
            self._insert(parts, Block("quote", pen.sentence(tongue.block_quotes)))
        if pen.chance(0.35):
            at = self._insert(parts, Block("paragraph", pen.sentence(tongue.list_intros)))
            items = tuple(dict.fromkeys(pen.write(pattern) for pattern in tongue.list_items[: pen.number(2, 5)]))
            parts.insert(at + 1, Block("list", items=items))
        parts.append(Block("paragraph", pen.pick(self._topic.backgrounds)))
        if pen.chance(0.4):
            parts.append(Block("paragraph", pen.paragraph(tongue.facts, 2)))
        self._add_read_more(parts)
        return parts, ()

    def _brief(self) -> tuple[list[Part], tuple[str, ...]]:
        return [self._lead(), Block("paragraph", self._pen.sentence(self._tongue.facts))], ()

    def _opinion(self) -> tuple[list[Part], tuple[str, ...]]:
        pen = self._pen
        author = " ".join(pen.name())
        signed = self._hosts.signed_opinions
        parts: list[Part] = [Block("byline", f"By {author}")] if signed else []
        parts += [
            Block("paragraph", pen.paragraph(self._tongue.musings, pen.number(2, 3))) for _ in range(pen.number(5, 8))
        ]
        self._add_read_more(parts)
        return parts, (author,) if signed else ()

    def _interview(self) -> tuple[list[Part], tuple[str, ...]]:
        pen, tongue = self._pen, self._tongue
        parts: list[Part] = [Block("paragraph", pen.sentence(tongue.interview_intros))]
        for _ in range(pen.number(3, 5)):
            parts.append(Block("paragraph", f"{self._hosts.title}: {pen.sentence(tongue.questions)}"))
            answer = f"{pen.paragraph(tongue.musings, 1)} {pen.paragraph(tongue.facts, 1)}"
            parts.append(Block("paragraph", f"{pen.fixed['short']}: {answer}"))
        return parts, ()

    def _video(self) -> tuple[list[Part], tuple[str, ...]]:
        pen = self._pen
        parts: list[Part] = []
        authors: tuple[str, ...] = ()
        if self._stub.slot.report:
            authors = (" ".join(pen.name()),)
            parts += [Block("byline", authors[0]), Block("byline", f"{self._hosts.title}, {pen.pick(_CITIES)}")]
        parts.append(self._lead())
        parts += [Block("paragraph", pen.paragraph(self._tongue.facts, 2)) for _ in range(pen.number(1, 3))]
        return parts, authors

    def _gallery(self) -> tuple[list[Part], tuple[str, ...]]:
        parts: list[Part] = [Block("paragraph", self._tongue.gallery_intro)]
        for _ in range(self._pen.number(4, 8)):
            parts += [self._photo(), Blank()]
        return [*parts, Blank(), Blank()], ()

    def _bulletin(self) -> tuple[list[Part], tuple[str, ...]]:
        pen, tongue = self._pen, self._tongue
        parts: list[Part] = []
        for _ in range(pen.number(5, 8)):
            parts.append(Block("heading", pen.sentence(tongue.labels), level=3))
            parts.append(Block("paragraph", pen.paragraph(tongue.facts, pen.number(1, 2))))
        return parts, ()

    def _programme(self) -> tuple[list[Part], tuple[str, ...]]:
        first, second, *more = self._tongue.programmes
        chosen = [self._pen.pick((first, second)), *more[: self._pen.number(1, 2)]]
        return [Block("paragraph", " ".join(self._pen.write(pattern) for pattern in chosen))], ()

    def _lead(self) -> Block:
        lead = Pen(
            self._tongue, self._random, {**self._pen.fixed, "place": self._topic.place, "thing": self._topic.thing}
        )
        return Block("paragraph", lead.sentence(self._tongue.leads))

    def _insert(self, parts: list[Part], part: Part) -> int:
        """Put a part somewhere after the lead and before the end."""
        at = self._pen.number(2, len(parts) - 1)
        # Never between a list and the line that introduces it.
        at += any(isinstance(other, Block) and other.kind == "list" for other in parts[at : at + 1])
        parts.insert(at, part)
        return at

    def _add_read_more(self, parts: list[Part]) -> None:
        if not self._pen.chance(0.6):
            return
        links = self._catalogue.related(self._stub.index, self._day)
        self._insert(parts, ReadMore(tuple(links[: self._pen.number(0, 3)])))

    def _photo(self, *, captioned: bool = True) -> Photo:
        name = UUID(int=self._random.getrandbits(128), version=4)
        day = self._stub.local
        path = (
            f"/photo/{day:%Y%m%d}/{name}.jpg"
            if day.year < 2020
            else f"/Photo/{day.year}/{day.month}/{day.day}/{name}.jpg"
        )
        if not captioned:
            return Photo(path)
        pen = self._pen
        return Photo(path, pen.sentence(self._tongue.captions), pen.fill(pen.pick(self._tongue.credits)))


def _edit(catalogue: Catalogue, story: Story, day: int) -> Story:
    """An article after the edit of a day; an edit of the headline alone stands in the stub already."""
    kind = catalogue.edit_of(story.stub.index, day)
    if kind == "headline":
        return story
    tongue = TONGUES[story.stub.edition]
    pen = Pen(tongue, stream(catalogue.seed, "edit", story.stub.index, day))
    pen.meet_speaker()
    parts = list(story.parts)
    last = max((at for at, part in enumerate(parts) if isinstance(part, Block) and part.kind == "paragraph"), default=0)
    first = next((at for at, part in enumerate(parts) if isinstance(part, Block) and part.kind == "paragraph"), 0)
    if kind == "rewritten" and last > first:
        parts[last] = Block("paragraph", pen.write(tongue.rewritten))
    else:
        parts.append(Block("paragraph", pen.sentence(tongue.edits)))
    return replace(story, parts=tuple(parts))


def wording(seed: int, index: int) -> float:
    """A number in [0, 1) that decides which of several printed forms an article's page uses."""
    return share(seed, "wording", index)
