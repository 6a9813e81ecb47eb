"""`verify` names addresses, keys and resources that somebody gave to another article, and no move of the program."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, select, update

from storage import models
from storage.archive import Archive
from storage.crawls import end_crawl, free_outlet
from storage.fixity.checking import check
from storage.fixity.findings import Finding
from storage.fixity.repairing import repair
from tests.keeping import HOUR, PRIMARY, T0, Work, working

Break = Callable[[Connection], object]


def fill(archive: Archive) -> None:
    """Articles 1 and 2, each at its address, and an old number and a second one that led to article 1 by redirects."""
    with working(archive) as work:
        found = work.find("1", "2", "old", "older")
        work.show("1", found["1"], "One.")
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
}


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


@pytest.mark.parametrize("name", sorted(BREAKS.keys() - {"an extractor"}))
def test_what_other_rows_or_manifests_prove_is_mended(archive: Archive, name: str) -> None:
    fill(archive)
    with archive.begin() as connection:
        BREAKS[name][0](connection)

    def look() -> list[Finding]:
        return list(check(archive))

    assert all(each.repaired for each in repair(archive, look(), look))
    assert look() == []


def test_a_resource_of_a_merged_article_is_none_of_another(archive: Archive) -> None:
    fill(archive)
    with archive.begin() as connection:
        connection.execute(update(models.article).where(models.article.c.id == 1).values(merged_into=2))
        connection.execute(update(models.resource).where(models.resource.c.key == "1").values(article=article_of("2")))
    assert [each for each in check(archive) if each.place.startswith("resource/")] == []
