"""A KEY names one article, or says why it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select, update

from storage import models, outlets
from storage.archive import Archive
from storage.errors import KeyAmbiguous, KeyUnknown
from storage.keys import find_revision, resolve, resolve_revision
from tests.keeping import HOUR, PRIMARY, T0, Work, working


@pytest.fixture
def work(archive: Archive) -> Iterator[Work]:
    with working(archive) as begun:
        yield begun


def named(work: Work, key: str) -> int:
    with work.archive.read() as connection:
        return resolve(connection, key)


def test_every_form_of_key_names_the_article(work: Work) -> None:
    resource = work.find("639021")["639021"]
    first = work.show("639021", resource, "text")
    digest = work.rows("revision")[0].digest
    for key in (
        "demo:639021",
        "639021",
        f"https://{PRIMARY}/detail/639021",
        f"http://{PRIMARY}/detail/639021/",
        f"HTTPS://{PRIMARY.upper()}:443/detail/639021?utm_source=x#top",
        digest,
        digest[:8].upper(),
        " demo:639021 ",
    ):
        assert named(work, key) == first.article, key
    with work.archive.read() as connection:
        assert resolve_revision(connection, digest[:10]) == (first.article, first.revision)
        assert resolve_revision(connection, "639021") == (first.article, None)


@pytest.mark.parametrize(
    "key",
    ["", "nothing", "demo:2", "other:1", "ffffffff", "https://elsewhere.example/1", "https://", "x" * 9000, "%", "_"],
)
def test_a_key_of_nothing_is_unknown(work: Work, key: str) -> None:
    work.show("1", work.find("1")["1"], "text")
    with pytest.raises(KeyUnknown):
        named(work, key)
    assert named(work, "1") == 1, "the control"


def test_a_page_that_is_no_article_says_what_it_is(work: Work) -> None:
    resource = work.find("7")["7"]
    with pytest.raises(KeyUnknown, match="not fetched yet"):
        named(work, f"https://{PRIMARY}/detail/7")
    work.keep(resource, f"https://{PRIMARY}/detail/7", outcome="refused:status-404", status=404)
    with pytest.raises(KeyUnknown, match="refused:status-404"):
        named(work, f"https://{PRIMARY}/detail/7")


def test_a_key_of_several_outlets_is_listed(work: Work) -> None:
    first = work.show("1", work.find("1")["1"], "text").article
    with work.archive.begin() as connection:
        other = outlets.sync_outlet(connection, "another", "profile", [], T0)
        row = {"outlet": other, "kind": "article", "first_at": T0}
        second = connection.execute(insert(models.article).values(row).returning(models.article.c.id)).scalar_one()
        connection.execute(insert(models.article_key).values(outlet=other, key="1", article=second))
        connection.execute(insert(models.article_key).values(outlet=other, key="0", article=second))
    with pytest.raises(KeyAmbiguous) as caught:
        named(work, "1")
    assert caught.value.candidates == ("another:1", "demo:1")
    assert (named(work, "another:1"), named(work, "demo:1"), named(work, "0")) == (second, first, second)


def test_a_digest_prefix_of_several_revisions_is_listed(work: Work) -> None:
    resources = work.find("a", "b")
    articles = {key: work.show(key, resources[key], key).article for key in resources}
    with work.archive.begin() as connection:
        for key, digest in (("a", "abcdef00" + "0" * 56), ("b", "abcdef01" + "0" * 56)):
            connection.execute(
                update(models.revision).where(models.revision.c.article == articles[key]).values(digest=digest)
            )
    with pytest.raises(KeyAmbiguous) as caught:
        named(work, "abcdef0")
    assert caught.value.candidates == ("demo:a", "demo:b")
    assert named(work, "abcdef01") == articles["b"]
    with pytest.raises(KeyUnknown):
        named(work, "abcdef02")


def test_a_merged_article_leads_to_the_one_that_stands(work: Work) -> None:
    resources = work.find("1", "2", "3")
    one, two, three = (work.show(key, resources[key], key).article for key in "123")
    with work.archive.begin() as connection:
        for article, into in ((three, two), (two, one)):
            connection.execute(update(models.article).where(models.article.c.id == article).values(merged_into=into))
    assert named(work, "3") == named(work, f"https://{PRIMARY}/detail/3") == one
    with work.archive.begin() as connection:  # a circle, which no decision should make, ends
        connection.execute(update(models.article).where(models.article.c.id == one).values(merged_into=three))
    assert named(work, "3") in (one, two, three)


def test_a_revision_is_named_by_its_number_or_its_digest(work: Work) -> None:
    resource = work.find("1")["1"]
    first = work.show("1", resource, "a")
    second = work.show("1", resource, "b", at=T0 + HOUR)
    assert first.article is not None
    numbers = [each for each in (first.revision, second.revision) if each is not None]
    with work.archive.read() as connection:
        digest = connection.execute(
            select(models.revision.c.digest).where(models.revision.c.id == second.revision)
        ).scalar_one()
        assert find_revision(connection, first.article, "1", numbers) == first.revision
        assert find_revision(connection, first.article, "2", numbers) == second.revision
        assert find_revision(connection, first.article, digest[:9], numbers) == second.revision
        for name in ("0", "3", "9" * 30, "zzz", "ffffffffff"):
            with pytest.raises(KeyUnknown, match="counted from 1"):
                find_revision(connection, first.article, name, numbers)
