"""Time stamps: every run's manifest gets one where an authority is named, and OpenSSL agrees; none ever fails a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from scraper.config import load_config
from scraper.crawling.stamping import stamp_runs
from scraper.demo.process import Replica, running_replica
from scraper.errors import UsageError
from storage.archive import Archive
from storage.crawls import begin_crawl, end_crawl
from storage.errors import ArchiveUnusable
from storage.manifest import kept_manifest
from storage.models import crawl
from storage.stamps import StampWrong, certificates_of, check_stamp, keep_stamp, stamp_request, unstamped
from tests.crawling import DAY, ROOT, look, place_options, presskeep, replica_options
from tests.crawling import crawl as run_crawl
from tests.databases import Place, place_of
from tests.keeping import T0
from tests.time_stamps import Authority, openssl, running_authority

URL = "http://stamps.example/tsr"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with running_authority(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    with running_replica(articles=12) as running:
        yield running


def way_to(authority: Authority) -> list[str]:
    """Options that name the authority, at a public name that leads here."""
    port = authority.url.rsplit(":", 1)[1].partition("/")[0]
    return [
        "--time-stamp-authority", URL, "--time-stamp-ca", str(authority.root),
        "--connect-to", f"stamps.example:80:127.0.0.1:{port}",
    ]  # fmt: skip


def runs(place: Place) -> list[Any]:
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        return list(connection.execute(select(crawl).order_by(crawl.c.id)))


def openssl_agrees(place: Place, crawl_id: int, stamp: bytes, root: Path, folder: Path, *, append: str = "") -> bool:
    """Whether openssl(1) takes the stamp for one over the run's manifest."""
    with Archive.open(place.folder, place.database, write=False) as archive, archive.read() as connection:
        (folder / "manifest.txt").write_text("".join(kept_manifest(connection, crawl_id)) + append)
    (folder / "stamp.tsr").write_bytes(stamp)
    command = ["openssl", "ts", "-verify", "-in", folder / "stamp.tsr", "-data", folder / "manifest.txt"]
    done = subprocess.run([*command, "-CAfile", root], capture_output=True, text=True)
    assert ("Verification: OK" in done.stdout + done.stderr) == (done.returncode == 0)
    return done.returncode == 0


def ended_run(archive: Archive, authority: str | None) -> int:
    with archive.begin() as connection:
        number = begin_crawl(
            connection, None, "import", operator=None, robots_policy="obey", now=T0, stamp_authority=authority
        )
        end_crawl(connection, number, "finished", {}, T0)
    return number


@pytest.mark.long
def test_a_crawl_is_stamped_and_openssl_agrees(authority: Authority, replica: Replica, tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    ran = run_crawl(place, replica, *way_to(authority))
    assert (ran.code, ran.err) == (0, "")
    (run,) = runs(place)
    assert run.stamp_authority == URL
    assert openssl_agrees(place, run.id, run.stamp, authority.root, tmp_path)
    # ... and does not for another manifest, nor by another root.
    assert not openssl_agrees(place, run.id, run.stamp, authority.root, tmp_path, append="\n")
    with running_authority(tmp_path / "other", "Other") as other:
        assert not openssl_agrees(place, run.id, run.stamp, other.root, tmp_path)


@pytest.mark.long
def test_a_missing_stamp_fails_no_run_is_told_and_made_up_for(
    authority: Authority, replica: Replica, tmp_path: Path
) -> None:
    place = Place(tmp_path / "archive", None)
    # The address is private, and nothing permits it: our own guard refuses it.
    ran = run_crawl(place, replica, "--time-stamp-authority", authority.url)
    assert ran.code == 0
    assert f"no time stamp from {authority.url}" in ran.err
    assert "private-address" in ran.err
    (run,) = runs(place)
    assert (run.stamp, run.stamp_authority) == (None, authority.url)
    asked = authority.asked
    # The next run of any kind asks for both, now that the address is permitted.
    page = next(url for url, outcomes in look(place).outcomes.items() if "article" in outcomes)
    fetched = presskeep(
        "fetch", page, "--save", *place_options(place), *replica_options(replica), *way_to(authority),
        "--allow-private", now=DAY.format(day=1, hour=13),
    )  # fmt: skip
    assert fetched.code == 0
    assert "time stamp" not in fetched.err
    stamped = runs(place)
    assert authority.asked == asked + len(stamped)
    assert len(stamped) == 2, fetched.err
    for run in stamped:
        assert openssl_agrees(place, run.id, run.stamp, authority.root, tmp_path)


@pytest.mark.soak
@pytest.mark.long
def test_an_import_is_stamped_too(authority: Authority, replica: Replica, tmp_path: Path) -> None:
    crawled, place = Place(tmp_path / "crawled", None), Place(tmp_path / "archive", None)
    assert run_crawl(crawled, replica, "--limit", "3").code in (0, 1)
    (file,) = (crawled.folder / "warc").glob("*.warc.gz")
    ran = presskeep(
        "import", str(file), *place_options(place), "--time-stamp-authority", authority.url,
        "--time-stamp-ca", str(authority.root), environment={"PRESSKEEP_ALLOW_PRIVATE": "1"},
    )  # fmt: skip
    assert ran.code in (0, 1), ran.err
    (run,) = [each for each in runs(place) if each.kind == "import"]
    assert openssl_agrees(place, run.id, run.stamp, authority.root, tmp_path)


@pytest.mark.soak
@pytest.mark.either
@pytest.mark.long
def test_answers_that_are_no_stamp_for_this_run_are_refused(
    authority: Authority, archive: Archive, tmp_path: Path
) -> None:
    first = ended_run(archive, authority.url)
    place = place_of(archive)
    flags = {
        "archive": place.folder, "database": place.database, "allow_private": True,
        "time_stamp_authority": authority.url, "time_stamp_ca": authority.root,
    }  # fmt: skip
    config = load_config(flags, {})
    old = authority.stamp(stamp_request("ab" * 32).der)
    with archive.read() as connection:
        digest = connection.execute(select(crawl.c.manifest_digest).filter_by(id=first)).scalar_one()
    replayed = authority.stamp(stamp_request(digest).der)
    with running_authority(tmp_path / "strangers", "Strange") as stranger:
        by_stranger = stranger.stamp
    bad = {
        "status 503": lambda answer: (503, answer),
        "no TimeStampResp": lambda answer: (200, b"<html>not here</html>"),
        "is for something else": lambda answer: (200, old),
        "another request": lambda answer: (200, replayed),
        "refused it": lambda answer: (200, bytes.fromhex("30053003020102")),
        "could not be asked (too-large)": lambda answer: (200, answer + bytes(200_000)),
    }
    for reason, altered in bad.items():
        authority.altered = altered
        report = stamp_runs(config)
        assert (report.kept, report.missing) == (0, 1), reason
        assert reason in report.reasons[0][1]
    authority.altered = lambda answer: (200, by_stranger(sent_to(authority)))
    assert "signature does not hold" in stamp_runs(config).reasons[0][1]
    authority.altered = lambda answer: (200, answer)
    assert stamp_runs(config).kept == 1
    assert stamp_runs(config).kept == 0  # nothing is asked twice


def sent_to(authority: Authority) -> bytes:
    """The newest request that the authority got."""
    return max(authority.folder.glob("query-*.tsq"), key=lambda place: place.stat().st_mtime_ns).read_bytes()


def test_a_stamp_is_kept_once_and_for_its_own_manifest(archive: Archive) -> None:
    number = ended_run(archive, URL)
    ended_run(archive, None)
    with archive.begin() as connection:
        (waiting,) = unstamped(connection, 10)
        assert (waiting.crawl, waiting.authority) == (number, URL)
        assert not keep_stamp(connection, number, "00" * 32, b"stamp")
        assert keep_stamp(connection, number, waiting.digest, b"stamp")
        assert not keep_stamp(connection, number, waiting.digest, b"another")
        assert unstamped(connection, 10) == []
        connection.execute(update(crawl).values(stamp=None))
        assert len(unstamped(connection, 10)) == 1


def test_a_request_is_one_that_openssl_reads_and_asks_for_the_digest(tmp_path: Path) -> None:
    digest = "0123456789abcdef" * 4
    request = stamp_request(digest)
    (tmp_path / "query").write_bytes(request.der)
    said = openssl("ts", "-query", "-in", tmp_path / "query", "-text")
    shown = "".join(part for line in said.splitlines() if " - " in line for part in line.split(" - ")[1][:50].split())
    assert digest in shown.replace("-", "")
    nonce = next(line.split("0x")[1] for line in said.splitlines() if line.startswith("Nonce"))
    assert int(nonce, 16) == request.nonce
    assert "Certificate required: yes" in said


def test_every_flipped_byte_of_a_stamp_is_seen_or_harmless(authority: Authority) -> None:
    """By the root, no altered answer states another time or another digest."""
    digest = "5a" * 32
    request = stamp_request(digest)
    stamp = authority.stamp(request.der)
    when = check_stamp(stamp, digest, nonce=request.nonce, trusted=authority.root)
    seen = 0
    for place in range(0, len(stamp), 3):
        flipped = bytearray(stamp)
        flipped[place] ^= 0x10
        try:
            assert check_stamp(bytes(flipped), digest, nonce=request.nonce, trusted=authority.root) == when
        except StampWrong:
            seen += 1
    assert seen > len(stamp) // 4


@pytest.mark.soak
@pytest.mark.long
def test_without_the_library_a_run_ends_well_and_says_what_to_install(
    authority: Authority, replica: Replica, tmp_path: Path
) -> None:
    place = Place(tmp_path / "archive", None)
    hidden = tmp_path / "without"
    hidden.mkdir()
    (hidden / "rfc3161_client.py").write_text("raise ImportError('hidden by the test')")
    ran = run_crawl(place, replica, *way_to(authority), environment={"PYTHONPATH": f"{hidden}{os.pathsep}{ROOT}"})
    assert ran.code == 0
    assert "pip install 'presskeep[timestamps]'" in ran.err
    assert len([line for line in ran.err.splitlines() if "time stamp" in line]) == 1


@pytest.mark.parametrize(
    "url", ["ftp://stamps.example/", "stamps.example", "https://me:secret@stamps.example/", "http://[::1", "https://"]
)
def test_urls_that_are_none_are_refused_before_anything_is_done(url: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_config({"time_stamp_authority": url}, {})
    assert "secret" not in str(refused.value)
    assert load_config({}, {"PRESSKEEP_TIME_STAMP_AUTHORITY": URL}).time_stamp_authority == URL


def test_certificates_that_are_none_are_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    with pytest.raises(ArchiveUnusable, match="holds no PEM certificate"):
        certificates_of(wrong)


def test_importing_the_commands_brings_no_library_of_time_stamps() -> None:
    program = "import scraper.crawling.run, scraper.crawling.saving, sys; print('rfc3161_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "False", done.stderr
