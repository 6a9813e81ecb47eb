"""Outlets, their domains and locks; crawls and their chained manifests."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import subprocess
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, delete, func, select, update

from storage import models, outlets
from storage.archive import Archive
from storage.clocks import TOLERANCE
from storage.crawls import beat, begin_crawl, end_crawl, free_outlet, hold_host, hold_outlet
from storage.errors import OutletLocked, StorageError
from storage.joining import keep_outlet
from storage.manifest import COVERED, binding_rows, kept_manifest, manifest_digest, row_line, row_name
from storage.outlets import DomainMap
from storage.owners import is_dead, machine, new_owner, process_lives
from storage.records import DomainFacts
from tests.keeping import HOUR, MIRROR, PRIMARY, T0, Work, begin, working

REAL = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_profiles_domains_are_kept_by_rank_and_follow_the_profile(archive: Archive) -> None:
    outlet, _, _, _ = begin(archive)
    with archive.begin() as connection:
        assert outlets.announce(connection, outlet, "new.example", T0)
        assert not outlets.announce(connection, outlet, "new.example", T0)
        assert not outlets.announce(connection, outlet, PRIMARY, T0), "it is known already"
        rows = outlets.domains(connection, outlet)
        assert [(row.host, row.approval, row.source) for row in rows[2:]] == [
            ("old.example", "approved", "profile"),
            ("new.example", "candidate", "announced"),
        ]
        facts = [DomainFacts("new.example", "", "primary", "fr", date(2026, 1, 1), None, 0)]
        assert outlets.sync_outlet(connection, "demo", "profile", facts, T0) == outlet
        first = next(row for row in outlets.domains(connection, outlet) if row.host == "new.example")
        assert (first.approval, first.source, first.edition, first.since) == (
            "approved", "profile", "fr", date(2026, 1, 1)
        )  # fmt: skip


def test_a_domains_change_of_state_is_an_event_and_the_same_state_is_none(archive: Archive) -> None:
    _, _, _, domains = begin(archive)
    with archive.begin() as connection:
        changed = [
            outlets.set_domain_state(connection, domains[PRIMARY], state, T0 + hours * HOUR)
            for hours, state in enumerate(("serving", "serving", "seized", "serving"))
        ]
        assert changed == [True, False, True, True]
        events = connection.execute(select(models.domain_event.c.state, models.domain_event.c.at)).all()
        assert [tuple(each) for each in events] == [
            ("serving", T0), ("seized", T0 + 2 * HOUR), ("serving", T0 + 3 * HOUR)
        ]  # fmt: skip
        with pytest.raises(StorageError):
            outlets.set_domain_state(connection, 999, "serving", T0)


def test_a_url_belongs_to_the_domain_with_the_longest_path(archive: Archive) -> None:
    facts = [
        DomainFacts("shared.example", "", "primary", None, None, None, 0),
        DomainFacts("shared.example", "/fr", "edition", "fr", None, None, 1),
    ]
    with archive.begin() as connection:
        outlet = outlets.sync_outlet(connection, "shared", "profile", facts, T0)
        found = DomainMap(outlets.domains(connection, outlet))
    paths = {path: found.find(f"https://shared.example{path}") for path in ("/fr", "/fr/a", "/france", "/")}
    assert {path: row and row.edition for path, row in paths.items()} == {
        "/fr": "fr", "/fr/a": "fr", "/france": None, "/": None
    }  # fmt: skip
    assert found.find("https://other.example/fr") is None


def test_a_held_outlet_names_its_holder_and_is_free_after_silence(archive: Archive) -> None:
    outlet, _, owner, _ = begin(archive)
    with archive.begin() as connection:
        hold_outlet(connection, outlet, owner, now=REAL)
        with pytest.raises(OutletLocked, match=rf"demo: .*process {os.getpid()} .*last heard of 59 s ago") as caught:
            hold_outlet(connection, outlet, new_owner(), now=REAL + timedelta(seconds=59))
        assert caught.value.exit_code == 4
        assert beat(connection, outlet, owner, now=REAL + timedelta(seconds=59))
        with pytest.raises(OutletLocked):
            hold_outlet(connection, outlet, new_owner(), now=REAL + timedelta(seconds=61))
        other = new_owner()
        hold_outlet(connection, outlet, other, now=REAL + timedelta(seconds=120))
        assert not beat(connection, outlet, owner), "it is another's now"
        free_outlet(connection, outlet, owner)
        with pytest.raises(OutletLocked):
            hold_outlet(connection, outlet, owner, now=REAL + timedelta(seconds=120))
        free_outlet(connection, outlet, other)
        hold_outlet(connection, outlet, owner)


def test_a_dead_process_loses_the_outlet_at_once(archive: Archive) -> None:
    outlet, _, owner, _ = begin(archive)
    child = multiprocessing.get_context("fork").Process(target=os.getpid)
    child.start()
    child.join()
    host = owner.split("/")[0]
    dead = f"{host}/{child.pid}/1/aa"
    with archive.begin() as connection:
        connection.execute(update(models.outlet_lock).values(owner=dead, pid=child.pid))
        hold_outlet(connection, outlet, owner)
    assert is_dead(dead)
    assert not is_dead(owner)
    assert is_dead("/".join([host, str(os.getpid()), "1", "aa"])), "another process had this number before"
    assert not is_dead(f"elsewhere/{child.pid}/1/aa")
    assert process_lives(1)


@pytest.mark.parametrize(
    ("host", "ahead", "taken"),
    [
        ("elsewhere", timedelta(days=365), True),
        ("elsewhere", TOLERANCE, False),
        (machine(), timedelta(days=365), False),  # it lives, and its clock was set back just now
    ],
)
def test_a_sign_of_life_that_is_still_to_come_holds_no_outlet(
    archive: Archive, host: str, ahead: timedelta, taken: bool
) -> None:
    """Neither against another run, nor against one that takes part in the crawl."""
    outlet, _, owner, _ = begin(archive)
    holder = "/".join((host, *owner.split("/")[1:3], "aa"))
    with archive.begin() as connection:
        free_outlet(connection, outlet, owner)
        hold_outlet(connection, outlet, holder, now=REAL + ahead)
        connection.execute(update(models.outlet_lock).values(host=host))
        held = connection.begin_nested()
        keep_outlet(connection, outlet, owner, now=REAL)
        assert beat(connection, outlet, owner, now=REAL) is taken
        held.rollback()
        with nullcontext() if taken else pytest.raises(OutletLocked, match="last heard of 0 s ago"):
            hold_outlet(connection, outlet, owner, now=REAL)


def test_a_host_is_asked_by_one_owner_at_a_time(archive: Archive) -> None:
    with archive.begin() as connection:
        assert hold_host(connection, "a", "me", T0, T0 + HOUR)
        assert not hold_host(connection, "a", "you", T0, T0 + HOUR)
        assert hold_host(connection, "a", "me", T0, T0 + 2 * HOUR)
        assert not hold_host(connection, "a", "you", T0 + HOUR, T0 + 3 * HOUR)
        assert hold_host(connection, "a", "you", T0 + 2 * HOUR, T0 + 3 * HOUR)


def fill(work: Work) -> None:
    resource = work.find("1")["1"]
    work.show("1", resource, "A")
    work.show("1", resource, "B", at=T0 + HOUR)
    work.fail(resource, f"https://{MIRROR}/detail/1")


def test_manifests_are_chained_and_no_crawl_ends_twice(archive: Archive) -> None:
    with working(archive) as work:
        fill(work)
    with archive.begin() as connection:
        first = end_crawl(connection, work.crawl, "finished", {"articles": 1}, T0)
        with pytest.raises(StorageError, match="ended already"):
            end_crawl(connection, work.crawl, "finished", {}, T0)
        with pytest.raises(StorageError, match="no such crawl"):
            end_crawl(connection, 999, "finished", {}, T0)
        second_crawl = begin_crawl(connection, work.outlet, "crawl", operator="x", robots_policy="obey", now=T0)
        second = end_crawl(connection, second_crawl, "finished", {}, T0)
        rows = connection.execute(select(models.crawl).order_by(models.crawl.c.id)).all()
        assert [(row.manifest_digest, row.previous_digest) for row in rows] == [(first, None), (second, first)]
        assert (rows[0].outcome, rows[0].counts) == ("finished", {"articles": 1})
        assert manifest_digest(connection, work.crawl) == first


@pytest.mark.parametrize("table", [table.name for table, _, _ in COVERED])
def test_every_change_to_what_a_crawl_added_shows_in_its_manifest(sqlite_archive: Archive, table: str) -> None:
    archive = sqlite_archive
    with working(archive) as work:
        fill(work)
    with archive.begin() as connection:
        connection.execute(
            models.decision.insert().values(at=T0, by="me", verb="approve", subject="x", crawl=work.crawl)
        )
        connection.execute(
            models.reduction.insert().values(capture=2, crawl=work.crawl, reason="unchanged", shows=1, sha256="x")
        )
    covered, _, columns = next(each for each in COVERED if each[0].name == table)
    first = next(iter(covered.primary_key.columns))
    one_row = first == select(func.min(first)).scalar_subquery()
    before = digest_after(archive, work.crawl, None)
    for name in columns:
        if not covered.c[name].primary_key and not covered.c[name].foreign_keys:
            change = update(covered).where(one_row).values({name: other(covered.c[name])})
            assert digest_after(archive, work.crawl, change) != before, name
    assert digest_after(archive, work.crawl, delete(covered).where(one_row)) != before


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum(1) is not here")
def test_sha256sum_checks_the_rows_against_their_manifest(archive: Archive, tmp_path: Path) -> None:
    with working(archive) as work:
        fill(work)
    with archive.begin() as connection:
        digest = end_crawl(connection, work.crawl, "finished", {}, T0)
    with archive.read() as connection:
        manifest = "".join(kept_manifest(connection, work.crawl))
        names = 0
        for table, order, columns in COVERED:
            for row in connection.execute(select(*(table.c[name] for name in columns))):
                place = tmp_path / row_name(table.name, order, columns, row)
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(row_line(columns, row))
                names += 1
        for name, line in binding_rows(connection, work.crawl):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(line)
            names += 1
    (tmp_path / "manifest").write_text(manifest)
    assert hashlib.sha256(manifest.encode()).hexdigest() == digest
    assert manifest.count("\n") == names + 2
    check = ["sha256sum", "--check", "--strict", "--quiet", "manifest"]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
    (tmp_path / "capture" / "1").write_bytes(b"altered")
    told = subprocess.run(check, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (1, "capture/1: FAILED\n")


def test_a_manifest_of_the_first_form_is_still_checked(archive: Archive) -> None:
    with working(archive) as work:
        fill(work)
    with archive.begin() as connection:
        connection.execute(update(models.crawl).values(manifest_form=1))
        before = manifest_digest(connection, work.crawl)
        connection.execute(update(models.capture).values(span_sha256="what this form did not cover"))
        assert manifest_digest(connection, work.crawl) == before
        connection.execute(update(models.capture).values(payload_sha256="altered"))
        assert manifest_digest(connection, work.crawl) != before


def test_a_manifest_of_the_second_form_is_still_checked(archive: Archive) -> None:
    with working(archive) as work:
        fill(work)
    key = update(models.article_key).values(article=select(func.max(models.article.c.id)).scalar_subquery())
    extractor = update(models.extractor).values(version="another")
    place = update(models.location).values(resource=select(func.max(models.resource.c.id)).scalar_subquery())
    with archive.begin() as connection:
        connection.execute(models.article.insert().values(outlet=work.outlet, kind="article", first_at=T0))
        connection.execute(models.resource.insert().values(outlet=work.outlet, key="other", kind="article", priority=1))
    for form, is_covered in ((3, True), (2, False)):
        with archive.begin() as connection:
            connection.execute(update(models.crawl).values(manifest_form=form))
        before = digest_after(archive, work.crawl, None)
        for change in (key, extractor, place):
            assert (digest_after(archive, work.crawl, change) != before) is is_covered, str(change)


def digest_after(archive: Archive, crawl: int, change: Any) -> str:
    """The manifest's digest as it would be after a change, which is rolled back."""
    with archive.engine.connect() as connection:
        transaction = connection.begin()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        if change is not None:
            connection.execute(change)
        digest = manifest_digest(connection, crawl)
        transaction.rollback()
    return digest


def other(column: Any) -> Any:
    """Another value of a column's type than any that stands there."""
    match str(column.type):
        case "TEXT":
            return "other"
        case "JSON":
            return ["other"]
        case "BLOB":
            return b"other"
        case "INTEGER":
            return 77
        case "BIGINT" if isinstance(column.type, BigInteger):
            return 77
        case _:
            return datetime(2001, 1, 1, tzinfo=UTC)


def test_what_changes_later_by_itself_does_not_change_a_manifest(archive: Archive) -> None:
    with working(archive) as work:
        fill(work)
    with archive.begin() as connection:
        before = manifest_digest(connection, work.crawl)
        connection.execute(update(models.location).values(last_at=T0 + 9 * HOUR, etag="x"))
        connection.execute(update(models.revision).values(last_at=T0 + 9 * HOUR))
        connection.execute(update(models.capture).values(outcome="refused:x"))
        assert manifest_digest(connection, work.crawl) == before
