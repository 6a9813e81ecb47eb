"""`verify` names addresses, keys and resources that somebody gave to another article, and no move of the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, select, update

from storage import models
from storage.archive import Archive
from storage.content import PrintedDate
from storage.crawls import begin_crawl, end_crawl, free_outlet
from storage.fixity.checking import check
from storage.fixity.findings import Finding
from storage.fixity.repairing import repair
from storage.records import ExtractorName, Reading
from tests.keeping import HOUR, MIRROR, PRIMARY, T0, Work, content, working

Break = Callable[[Connection], object]


def fill(archive: Archive) -> None:
    """Articles 1 and 2, each at its address, and an old number and a second one that led to article 1 by redirects."""
    with working(archive) as work:
        found = work.find("1", "2", "old", "older")
        kept = work.keep(found["1"], f"https://{PRIMARY}/detail/1")
        work.read(kept.capture, found["1"], "1", "One.", published_day=T0.date())
        work.show("2", found["2"], "Two.")
        redirect(work, "old", found["old"], "1")
        redirect(work, "older", found["older"], "3")
    with archive.begin() as connection:
        end_crawl(connection, work.crawl, "finished", {}, T0 + HOUR)
        free_outlet(connection, work.outlet, work.owner)


def redirect(work: Work, key: str, resource: int, target: str) -> None:
    """A page whose redirect leads to the article of another key."""
    start, end = (f"https://{PRIMARY}/detail/{each}" for each in (key, target))
    work.keep(resource, start, T0, status=301, outcome="failed:redirect", final=False)
    kept = work.keep(resource, end, T0, redirected_from=start, body=target.encode())
    work.read(kept.capture, resource, target, f"Text of {target}.")


def set_article(connection: Connection, **values: object) -> None:
    connection.execute(update(models.article).where(models.article.c.id == 1).values(**values))


def resource_of(key: str) -> object:
    return select(models.resource.c.id).where(models.resource.c.key == key).scalar_subquery()


def article_of(key: str) -> object:
    return select(models.article_key.c.article).where(models.article_key.c.key == key).scalar_subquery()


def place_of(key: str) -> object:
    return models.location.c.url == f"https://{PRIMARY}/detail/{key}"


BREAKS: dict[str, tuple[Break, tuple[str, str]]] = {
    "an address": (
        lambda connection: connection.execute(
            update(models.location).where(place_of("1")).values(resource=resource_of("2"))
        ),
        ("row-altered", "location_resource"),
    ),
    "an address that a redirect moved": (
        lambda connection: connection.execute(
            update(models.location).where(place_of("3")).values(resource=resource_of("2"))
        ),
        ("state-wrong", "location"),
    ),
    "a resource": (
        lambda connection: connection.execute(
            update(models.resource).where(models.resource.c.key == "1").values(article=article_of("2"))
        ),
        ("state-wrong", "resource"),
    ),
    "a key": (
        lambda connection: connection.execute(
            update(models.article_key).where(models.article_key.c.key == "1").values(article=2)
        ),
        ("row-altered", "article_key_article"),
    ),
    "an extractor": (
        lambda connection: connection.execute(update(models.extractor).values(profile_digest="another")),
        ("row-altered", "extractor"),
    ),
    "a beginning": (
        lambda connection: connection.execute(
            update(models.article).where(models.article.c.id == 1).values(first_at=T0 - HOUR)
        ),
        ("state-wrong", "article"),
    ),
    "a kind": (lambda connection: set_article(connection, kind="novel"), ("state-wrong", "article")),
    "a date": (lambda connection: set_article(connection, published_at=T0 - HOUR), ("state-wrong", "article")),
    "no date": (lambda connection: set_article(connection, published_at=None), ("state-wrong", "article")),
    "a day": (
        lambda connection: set_article(connection, published_day=(T0 + 99 * HOUR).date()),
        ("state-wrong", "article"),
    ),
    "a merger": (lambda connection: set_article(connection, merged_into=2), ("state-wrong", "article")),
}
UNPROVEN = {"an extractor", "a kind", "a merger"}


def test_what_the_program_moves_itself_is_clean(archive: Archive) -> None:
    fill(archive)
    assert list(check(archive)) == []
    with archive.read() as connection:
        moves = connection.execute(select(models.decision.c.verb, models.decision.c.by)).all()
        assert [tuple(each) for each in moves] == [("rehome", "redirect")]
        aliases = connection.execute(select(models.resource.c.article).where(models.resource.c.key.like("old%")))
        assert None not in aliases.scalars().all()


def test_a_resource_that_an_address_was_taken_from_shows_what_that_led_to(archive: Archive) -> None:
    with working(archive) as work:
        number = work.find("1")["1"]
        work.show("1", number, "One.")
        kept = work.keep(number, f"https://{PRIMARY}/another/way", T0 + HOUR)
        work.read(kept.capture, number, "2", "Two.", at=T0 + HOUR)
    with archive.begin() as connection:
        end_crawl(connection, work.crawl, "finished", {}, T0 + HOUR)
        bound = select(models.resource.c.article).where(models.resource.c.key == "1")
        assert connection.execute(bound).scalar_one() == 2
    assert list(check(archive)) == []
    with archive.begin() as connection:
        connection.execute(update(models.decision).values(verb="approve"))
    assert ("state-wrong", f"resource/{number}") in {(each.kind, each.place) for each in check(archive)}


@pytest.mark.parametrize("name", BREAKS)
def test_what_was_given_to_another_is_named(archive: Archive, name: str) -> None:
    fill(archive)
    breaks, (kind, table) = BREAKS[name]
    with archive.begin() as connection:
        breaks(connection)
    found = list(check(archive))
    assert (kind, table) in {(each.kind, each.place.partition("/")[0]) for each in found}, found


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(BREAKS.keys() - UNPROVEN))
def test_what_other_rows_or_manifests_prove_is_mended(archive: Archive, name: str) -> None:
    fill(archive)
    with archive.begin() as connection:
        before = connection.execute(select(models.article).order_by(models.article.c.id)).all()
        BREAKS[name][0](connection)

    def look() -> list[Finding]:
        return list(check(archive))

    assert all(each.repaired for each in repair(archive, look(), look))
    assert look() == []
    with archive.read() as connection:
        assert connection.execute(select(models.article).order_by(models.article.c.id)).all() == before


def test_a_text_that_every_domain_has_moved_on_from_is_not_current(archive: Archive) -> None:
    with working(archive) as work:
        number = work.find("1")["1"]
        for hours, host, text in (
            (0, PRIMARY, "It said this."), (1, MIRROR, "It said this."), (2, PRIMARY, "It said that."),
            (3, PRIMARY, "It says nothing."), (4, MIRROR, "It said that."),
        ):  # fmt: skip
            work.show("1", number, text, host=host, at=T0 + hours * HOUR)
    with archive.begin() as connection:
        end_crawl(connection, work.crawl, "finished", {}, T0 + 5 * HOUR)
        free_outlet(connection, work.outlet, work.owner)
    assert list(check(archive)) == []

    def look() -> list[tuple[str, str, str]]:
        return [(each.kind, each.place, each.what) for each in check(archive)]

    def current() -> int | None:
        with archive.read() as connection:
            return connection.execute(select(models.article.c.current_revision)).scalar_one()

    kept = current()
    named = [("state-wrong", "article/1", "its current text is none that a domain showed last")]
    # The mirror's last text could be current if the primary did not serve; the first one could not.
    for revision, found in ((1, named), (2, []), (3, [])):
        with archive.begin() as connection:
            set_article(connection, current_revision=revision)
        assert look() == found
    assert kept == 3
    with archive.begin() as connection:
        set_article(connection, current_revision=1)
    assert all(each.repaired for each in repair(archive, list(check(archive)), lambda: list(check(archive))))
    assert (look(), current()) == ([], kept)


def test_a_resource_of_a_merged_article_is_none_of_another(archive: Archive) -> None:
    fill(archive)
    with archive.begin() as connection:
        connection.execute(update(models.article).where(models.article.c.id == 1).values(merged_into=2))
        connection.execute(update(models.resource).where(models.resource.c.key == "1").values(article=article_of("2")))
    assert [each for each in check(archive) if each.place.startswith("resource/")] == []


def decide(connection: Connection, verb: str, subject: str, payload: object) -> None:
    """Write down what a person has decided, in a run, as whoever decides does."""
    run = begin_crawl(connection, None, "decision", operator="ann", robots_policy="obey", now=T0)
    row = {"at": T0, "by": "ann", "verb": verb, "subject": subject, "payload": payload, "crawl": run}
    connection.execute(models.decision.insert().values(row))
    end_crawl(connection, run, "finished", {}, T0)


def test_mergers_are_what_decisions_say(archive: Archive) -> None:
    fill(archive)

    def look() -> list[Finding]:
        return [each for each in check(archive) if "merged" in each.what]

    with archive.begin() as connection:
        decide(connection, "merge", "demo:1", {"into": "demo:2"})
        set_article(connection, merged_into=2)
    assert look() == []
    for wrong in (3, 1, None):
        with archive.begin() as connection:
            set_article(connection, merged_into=wrong)
        assert [each.place for each in look()] == ["article/1"]
        assert all(each.repaired for each in repair(archive, look(), look))
        assert look() == []
    with archive.begin() as connection:
        decide(connection, "split", "demo:1", {"from": ["demo:2"]})
    assert [each.place for each in look()] == ["article/1"]
    assert [each.repaired for each in repair(archive, look(), look)] == [False]
    with archive.begin() as connection:
        set_article(connection, merged_into=None)
    assert look() == []


def test_a_date_that_a_later_reading_of_the_same_text_brought_is_clean(archive: Archive) -> None:
    """The readings' own dates stand nowhere: what cannot be told is not named."""
    fill(archive)
    later = datetime(2026, 3, 2, tzinfo=UTC)
    with working(archive) as work:
        number = work.find("again")["again"]
        kept = work.keep(number, f"https://{PRIMARY}/detail/again")
        work.read(kept.capture, number, "again")
        dated = replace(content(), published=PrintedDate(later, "2 March 2026", "day", "UTC"))
        reading = Reading(kept.capture, number, ExtractorName("2"), "article", T0 + HOUR, key="again", content=dated)
        work.writer.know(reading).result(20)
    with archive.begin() as connection:
        end_crawl(connection, work.crawl, "finished", {}, T0 + HOUR)
        assert later in connection.execute(select(models.article.c.published_at)).scalars().all()
    assert list(check(archive)) == []
