"""What repeats on an outlet's pages is learnt, and leaves the bodies; what only seems to, stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from scraper.demo.hostsets import HOST_SETS
from scraper.demo.site import Site
from scraper.demo.timeline import Timeline
from scraper.demo.truth import describe_article
from scraper.extraction import extract
from scraper.extraction.learnt import LEAST_ARTICLES, Counted, Learnt, Repeat, learn
from scraper.extraction.page import Context, Page
from scraper.extraction.passages import letters_of
from scraper.extraction.repeats import Shown, count_blocks
from scraper.profiles import SHIPPED, load_outlet
from storage.archive import Archive
from storage.models import block_count, cursor, learnt, resource
from storage.repeats import BlockCount, add_counts
from tests.commanding import Run
from tests.databases import place_of
from tests.keeping import PRIMARY
from tests.rereading import PROFILE, current_body, edits, printing, profile_of, read_again, told

CAPTURED = datetime(2026, 6, 1, 12, tzinfo=UTC)
ARTICLES = 200
PLACES = (
    "Ashby", "Brook", "Crane", "Dunmore", "Eastham", "Farrow", "Granby", "Hollin", "Ister", "Jarrow", "Kelby", "Linden",
    "Marsh", "Norton", "Oxley",
)  # fmt: skip


def learn_from(pages: Sequence[Sequence[Shown]]) -> Learnt | None:
    seen = count_blocks(pages, {})
    return learn(Counted(each, s.n, s.among, s.after, len(pages), s.sample) for each, s in seen.items())


class Replica:
    """The replica's pages of both eras on its first host, each with its body's texts and its captions, as letters."""

    def __init__(self, articles: int) -> None:
        hosts = HOST_SETS["demo"]
        site = Site(hosts, Timeline(7, articles, hosts))
        self.pages: list[Printed] = []
        for index in range(articles):
            truth = describe_article(site, index, 0)
            host, url = next(iter(truth["locations"].items()))
            if host == hosts.primary.name:
                answer = site.answer(host, urlsplit(url).path, 0)
                texts = {
                    letters_of(text) for block in truth["blocks"] for text in block.get("items") or [block["text"]]
                }
                captions = {letters_of(figure["caption"] or "") for figure in truth["figures"]}
                page = Page(answer.body, answer.content_type, url, CAPTURED)
                self.pages.append(Printed(page, texts, captions))

    def read(self, context: Context) -> Replied:
        """What the bodies hold that they should not, what they lack, and what the pages show."""
        replied = Replied([], [], [])
        for each in self.pages:
            outcome = extract(each.page, context)
            assert outcome.article is not None, each.page.url
            found = [str(text) for block in outcome.article.blocks for text in block.items or (block.text,)]
            replied.alien.extend(text for text in found if letters_of(text) not in each.texts | each.captions)
            replied.missing.extend(each.texts - set(map(letters_of, found)))
            replied.shown.append(outcome.shown)
        return replied


@dataclass(frozen=True)
class Printed:
    page: Page
    texts: set[str]
    captions: set[str]


@dataclass(frozen=True)
class Replied:
    alien: list[str]
    missing: list[str]
    shown: list[tuple[Shown, ...]]


def test_learning_alone_takes_what_repeats_on_the_replica_and_no_sentence_of_a_body() -> None:
    replica = Replica(ARTICLES)
    profile = load_outlet(SHIPPED / "demo.toml")
    bare = [each.model_copy(update={"drop": (), "boilerplate": ()}) for each in profile.templates]
    outlet = profile.model_copy(update={"templates": tuple(bare), "boilerplate": ()})
    before = replica.read(Context(outlet=outlet, showing=True))
    assert len(before.alien) > 100, "the control: with nothing learnt, the bodies hold it"
    known = learn_from(before.shown)
    after = replica.read(Context(outlet=outlet, learnt=known))
    assert len(after.alien) <= 0.01 * len(before.alien), after.alien
    assert after.missing == before.missing == []


@pytest.mark.long
def test_learning_takes_what_repeats_of_pages_read_without_templates_too() -> None:
    replica = Replica(ARTICLES)
    generic = load_outlet(SHIPPED / "demo.toml").model_copy(update={"templates": (), "boilerplate": ()})
    before = replica.read(Context(outlet=generic, showing=True))
    assert len(before.alien) > 100, "the control: with nothing learnt, the bodies hold it"
    after = replica.read(Context(outlet=generic, learnt=learn_from(before.shown)))
    assert len(after.alien) <= 0.01 * len(before.alien), after.alien
    assert set(after.missing) <= set(before.missing)
    # Where all that was chosen of a gallery repeats, its one sentence is found beside that.
    assert len(after.missing) < len(before.missing)


SAID = [("The old bridge of", "closed for good"), ("A long meeting in", "broken off at night"), ("All of", "moved")]
AGENCY = "The two towns have been at odds over the river since the flood of 1953, when eleven people lost their lives."


def paper(place: str, *, end: str = "", middle: str = "", box: str = "", before: str = "") -> bytes:
    """An article's page: three paragraphs of its own, what is given before, between and behind them, and a box."""
    own = [f"{part} {place} was {what}, people from {place} said." for part, what in SAID]
    body = "".join(f"<p>{text}</p>" for text in (*own[:2], middle, own[2], end) if text)
    box = f"<div class=promo>{box}</div>" if box else ""
    title = f"<h1 class=title>What {place} says</h1>"
    return f"<html lang=en><body>{title}<div class=text>{before}{body}{box}</div></body></html>".encode()


MADE: dict[str, Callable[[int, str], bytes]] = {
    "Follow us": lambda at, p: paper(p, end=f"Updated on {at + 1} March 2026. Follow us at www.{p}.example for more."),
    "Subscribe": lambda at, p: paper(p, box="Subscribe to our letter, which costs nothing at all."),
    "Advertisement": lambda at, p: paper(p, middle="Advertisement"),
    "between": lambda at, p: paper(p, middle=AGENCY),
    "last": lambda at, p: paper(p, end=AGENCY) if at % 2 else paper(p, middle=AGENCY),
    "Player": lambda at, p: paper(p, before=f"<ul><li>Player</li></ul><p>People of {p} have had enough of it.</p>"),
    "few": lambda at, p: paper(p, end=AGENCY if at < LEAST_ARTICLES - 1 else ""),
}


@pytest.mark.parametrize("made", MADE)
def test_a_block_leaves_by_where_it_stands_and_how_often(made: str, tmp_path: Path) -> None:
    outlet = profile_of(tmp_path, PROFILE)
    pages = [
        Page(MADE[made](at, place), "text/html; charset=utf-8", f"https://{PRIMARY}/detail/{at}", CAPTURED)
        for at, place in enumerate(PLACES)
    ]
    known = learn_from([extract(each, Context(outlet=outlet, showing=True)).shown for each in pages])
    for each, place in zip(pages, PLACES, strict=True):
        before, after = (body_of(each, Context(outlet=outlet, learnt=what)) for what in (None, known))
        assert (made in before, made in after) == (made[0].isupper(), False)
        assert (AGENCY in after) == (AGENCY in before)
        assert after.count(place) >= 2 * len(SAID)


def body_of(each: Page, context: Context) -> str:
    article = extract(each, context).article
    assert article is not None
    return article.body


def test_a_body_that_repeats_as_a_whole_stays(tmp_path: Path) -> None:
    outlet = profile_of(tmp_path, PROFILE)
    html = (
        b"<html><body><h1 class=title>In pictures</h1><div class=text><p>Pictures from all the world.</p></div></body>"
    )
    each = Page(html, "text/html", f"https://{PRIMARY}/detail/1", CAPTURED)
    shown = extract(each, Context(outlet=outlet, showing=True)).shown
    everywhere = Learnt("", {block.block: Repeat(20, 20, ("apart", "after", "among")) for block in shown})
    assert body_of(each, Context(outlet=outlet, learnt=everywhere)) == "Pictures from all the world."


def test_what_reextract_learns_makes_no_edit_and_is_told_by_why(archive: Archive, tmp_path: Path, cli: Run) -> None:
    folder = tmp_path / "profiles"
    with printing(archive, folder) as papers:
        for at, place in enumerate(PLACES):
            papers.show(str(at), MADE["Follow us"](at, place))
        papers.show("1", paper("Brook", middle="Brook has a mayor again.", end=f"{FOLLOW} 3 May 2026."), hour=1)
    before = {str(at): edits(told(archive, str(at))) for at in range(len(PLACES))}
    assert sum(each[0] == "edit" for seen in before.values() for each in seen) == 1
    assert "Follow us" in current_body(archive, "2")

    report = read_again(archive, folder, PROFILE)
    assert (report.error, report.counts["changed"]) == (None, len(PLACES))
    assert "Follow us" not in current_body(archive, "2")
    assert {key: edits(told(archive, key)) for key in before} == before
    kept = counts_of(archive)
    assert read_again(archive, folder, PROFILE, hour=2000).counts["captures"] == 0
    assert counts_of(archive) == kept, "what was counted is not counted twice"

    with archive.read() as connection:
        digest, hashes = connection.execute(select(learnt.c.digest, learnt.c.hashes)).one()
    with printing(archive, folder) as later:
        later.learnt = Learnt.from_json(digest, hashes)
        with archive.read() as connection:
            later.resources = {row.key: row.id for row in connection.execute(select(resource.c.key, resource.c.id))}
        assert later.show("2", MADE["Follow us"](17, "Crane"), hour=3000).novelty == "same"
        assert later.show("2", paper("Crane", middle="Crane has a mayor again."), hour=3001).novelty == "edit"

    place = place_of(archive)
    options = ["--archive", str(place.folder), *(["--database", place.database] if place.database else [])]
    code, out, _ = cli("show", "demo:3", "--why", *options)
    assert code == 0
    assert f"on {len(PLACES)} of {len(PLACES)} articles" in " ".join(out.split())
    assert "Follow us at www.Dunmore.example" in " ".join(out.split())


FOLLOW = "Follow us at www.Brook.example for more. Updated on"


def counts_of(archive: Archive) -> list[tuple[Any, ...]]:
    with archive.read() as connection:
        rows = connection.execute(select(block_count).order_by(*block_count.primary_key)).all()
        return [tuple(row) for row in (*rows, *connection.execute(select(cursor)).all())]


def test_what_was_counted_is_added_once_however_a_run_ends(archive: Archive, tmp_path: Path) -> None:
    with printing(archive, tmp_path / "profiles"):
        pass
    counts = {(1, 24_000): (12, [BlockCount(7, 11, 1, 2, "A\0 block")])}

    def count(span: tuple[int, int], *, killed: bool = False) -> bool:
        with archive.begin() as connection:
            added = add_counts(connection, 1, span, counts)
            if killed:
                raise KeyboardInterrupt
        return added

    with pytest.raises(KeyboardInterrupt):
        count((0, 50), killed=True)
    assert counts_of(archive) == []
    assert [count(span) for span in ((0, 50), (0, 50), (50, 60))] == [True, False, True]
    assert counts_of(archive)[:2] == [(1, 24_000, 0, 24, "", 0, 0), (1, 24_000, 7, 22, "A block", 2, 4)]
