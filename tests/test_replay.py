"""Replay: pywb shows what was kept, in a real browser."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from scraper.demo.process import running_replica
from storage.archive import Archive
from storage.cdxj_following import FOLDER, follow_warcs
from storage.folding import fold_typography
from storage.history import history
from storage.keys import resolve
from storage.replaying import replay_address
from storage.search import search
from storage.views import ArticleView, view_article
from tests.browsing import HEIGHT, WIDTH, look_at
from tests.crawling import ROOT, crawl, presskeep
from tests.databases import Place
from tests.keeping import PRIMARY, working
from tests.living import heed_hangups, wait_until
from tests.tools import tool

OPENER = build_opener(ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@contextmanager
def replaying(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`presskeep replay` of an archive: the server's address, and the process."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PRESSKEEP_")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-m", "scraper.cli", "replay", "--archive", str(folder), "--port", str(port),
         "--pywb", tool("pywb", "wayback"), *options],
        stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed_hangups,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "until Ctrl-C" in line:
                break
        assert "until Ctrl-C" in "".join(said[-1:]), "".join(said)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An archive of the replica's two days."""
    place = Place(tmp_path_factory.mktemp("replay") / "archive", None)
    with running_replica(articles=20) as replica:
        assert crawl(place, replica, now="leap:2026-06-01T12:00:00Z").code == 0
        replica.set_day(1)
        assert crawl(place, replica, now="leap:2026-06-02T12:00:00Z").code == 0
    return place


def views(place: Place, number: int) -> list[ArticleView]:
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        hits = search(connection, "outlet:demo", limit=number).hits
        return [view_article(connection, resolve(connection, hit.key)) for hit in hits]


def addresses(place: Place, base: str, chosen: Sequence[ArticleView]) -> dict[str, ArticleView]:
    """The address of the newest capture of each article that showed its text."""
    found = {}
    for view in chosen:
        with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
            shown = [each for each in history(connection, view.id) if each.digest == view.text.digest]
        (capture,) = [each for each in view.captures if each.id == shown[-1].capture]
        address = replay_address(place.folder / "warc", capture.warc, capture.offset, base)
        assert address is not None
        found[address] = view
    return found


def squeezed(text: str) -> str:
    """One line, and one typography: that of two captures of one text may differ."""
    return " ".join(fold_typography(text).split())


@pytest.mark.long
def test_chromium_shows_headline_and_text_of_the_demos_articles_out_of_the_archive(kept: Place) -> None:
    with replaying(kept.folder) as (base, _):
        asked = addresses(kept, base, views(kept, 8))
        assert len(asked) == 8
        seen = dict(zip(asked, look_at(list(asked), screenshots=True), strict=True))
        missing = f"{base}/presskeep/20260601120000mp_/http://nowhere.example/"
        (nothing,) = look_at([missing])
    for address, page in seen.items():
        view = asked[address]
        assert page.status == 200
        assert squeezed(page.headline) == squeezed(view.text.headline)
        text = squeezed(page.text)
        for block in view.text.blocks:
            if block.kind in ("paragraph", "heading", "quote"):
                assert squeezed(block.text) in text, address
        assert page.outside == ()
        assert len(page.grey) == WIDTH * HEIGHT
        assert len(set(page.grey)) > 20, "an empty page"
    assert nothing.status == 404
    assert all(squeezed(view.text.headline) not in nothing.text for view in asked.values())


@pytest.mark.long
def test_pywb_serves_the_bytes_of_every_capture(kept: Place) -> None:
    """By its own address and time, as the wire had it without transfer coding; what the crawl kept is what is told."""
    import hashlib

    with Archive.open(kept.folder, write=False) as archive, archive.read() as connection:
        from sqlalchemy import select

        from storage.models import capture, warc_file

        rows = connection.execute(
            select(capture.c.offset, capture.c.payload_sha256, warc_file.c.path)
            .join(warc_file, warc_file.c.id == capture.c.warc_file)
            .where(capture.c.status == 200)
        ).all()
    equal = 0
    with replaying(kept.folder) as (base, _):
        for row in rows:
            address = replay_address(kept.folder / "warc", row.path, row.offset, base)
            assert address is not None
            asked = Request(address.replace("mp_/", "id_/"), headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
            with OPENER.open(asked, timeout=20) as answer:
                equal += hashlib.sha256(answer.read()).hexdigest() == row.payload_sha256
    assert equal == len(rows) > 60


def test_an_article_crawled_by_tls_is_replayed_and_not_its_certificates(sqlite_archive: Archive) -> None:
    from storage.exchange import TlsFacts

    chain = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", (b"\x30\x03\x02\x01\x01",))
    with working(sqlite_archive) as work:
        work.keep(work.find("1")["1"], f"https://{PRIMARY}/detail/1", body=b"<h1>The article</h1>", tls=chain)
        # The file is open still: pywb finds it by the name that it will have.
        assert list(sqlite_archive.warc_folder.glob("*.open"))
        with replaying(sqlite_archive.folder) as (base, _):
            (row,) = work.rows("capture")
            (file,) = work.rows("warc_file")
            address = replay_address(sqlite_archive.warc_folder, file.path, row.offset, base)
            assert address is not None
            with OPENER.open(address, timeout=20) as answer:
                assert b"<h1>The article</h1>" in answer.read()


@pytest.mark.long
def test_a_running_replay_shows_a_page_of_a_file_that_was_begun_since(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work, replaying(sqlite_archive.folder) as (base, _):
        work.keep(work.find("1")["1"], f"https://{PRIMARY}/detail/1", body=b"<h1>The article</h1>")
        follow_warcs(sqlite_archive)  # as a crawl does at its end
        assert list(sqlite_archive.warc_folder.glob("*.open"))
        (row,), (file,) = work.rows("capture"), work.rows("warc_file")
        address = replay_address(sqlite_archive.warc_folder, file.path, row.offset, base)
        assert address is not None

        def is_served() -> bool:
            try:
                with OPENER.open(address, timeout=20) as answer:
                    return b"<h1>The article</h1>" in answer.read()
            except HTTPError:
                return False

        wait_until(is_served, "the page in the replay")


@pytest.mark.long
def test_what_was_imported_has_an_address_where_a_replay_can_open_it(sqlite_archive: Archive, tmp_path: Path) -> None:
    from tests.foreign import all_packed, each_packed, wacz
    from tests.test_importing import captures, shown, take_in, url_of

    rows = [shown(f"20{year}-05-06", f"The year was {year}.") for year in range(10, 16)]
    contents = {
        "each.warc.gz": each_packed(rows[:1]), "plain.warc": rows[1],
        "stored.wacz": wacz({"archive/x.warc.gz": each_packed(rows[2:3])}),
        "packed.wacz": wacz({"archive/x.warc.gz": each_packed(rows[3:4])}, stored=False),
        "whole.warc.gz": all_packed(rows[4:]),
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    take_in(Place(sqlite_archive.folder, None), *(tmp_path / name for name in contents))
    shown_now = presskeep("show", "presstv:595001", "--json", "--archive", str(sqlite_archive.folder)).json
    replays = {each["at"][:4]: each["replay"] for each in shown_now["captures"]}
    assert len(captures(sqlite_archive)) == len(replays) == 6
    assert {year for year, address in replays.items() if address is not None} == {"2010", "2011", "2012"}
    with replaying(sqlite_archive.folder) as (base, _):
        for year in (10, 11, 12):
            address = f"{base}/presskeep/20{year}0506100000id_/{url_of()}"
            assert replays[f"20{year}"].partition("/presskeep/")[2] == address.partition("/presskeep/")[2].replace(
                "id_", "mp_"
            )
            with OPENER.open(address, timeout=20) as answer:
                assert f"The year was {year}." in answer.read().decode()


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("archive.db-shm", "archive.db-wal")
    }


@pytest.mark.long
def test_replay_writes_nothing_to_the_archive_but_its_index(kept: Place) -> None:
    index = kept.folder / FOLDER
    for path in index.glob("*"):
        path.unlink()
    before = files_of(kept.folder)
    with replaying(kept.folder):
        pass
    after = files_of(kept.folder)
    assert {name for name in after if name not in before} == {f"{FOLDER}/{path.name}" for path in index.iterdir()}
    assert {name: after[name] for name in before} == before


@pytest.mark.long
def test_an_archive_that_cannot_be_written_is_replayed_from_an_index_elsewhere(kept: Place, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "archive"
    shutil.copytree(kept.folder, folder, ignore=shutil.ignore_patterns(FOLDER))
    (folder / FOLDER).write_text("in the way of a folder")  # root is not held by modes
    with replaying(folder) as (base, _):
        ((address, view),) = addresses(Place(folder, None), base, views(kept, 1)).items()
        with OPENER.open(address, timeout=20) as answer:
            assert view.text.headline.encode() in answer.read()
    assert (folder / FOLDER).is_file()


@pytest.mark.long
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_pywb_too_and_is_no_failure(kept: Place, stop: signal.Signals) -> None:
    with replaying(kept.folder) as (base, process):
        with OPENER.open(base, timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(stop)
        assert process.wait(30) == 0
        with pytest.raises(OSError):
            OPENER.open(base, timeout=5)


def test_a_missing_pywb_is_told_with_the_commands_that_install_it(kept: Place, tmp_path: Path) -> None:
    done = presskeep("replay", "--archive", str(kept.folder), "--pywb", str(tmp_path / "none"))
    assert done.code == 2
    assert "pip install pywb" in done.err
    assert "Traceback" not in done.err
    own = Path(sys.executable).parent / "pip"
    done = presskeep("replay", "--archive", str(kept.folder), "--pywb", str(own))
    assert (done.code, "own environment" in done.err) == (2, True), done.err


def test_a_port_that_is_taken_is_told(kept: Place) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        begun = time.monotonic()
        done = presskeep(
            "replay", "--archive", str(kept.folder), "--port", port, "--pywb", tool("pywb", "wayback")
        )  # fmt: skip
        assert done.code == 1, done.err
        assert "cannot be listened at" in done.err
        assert time.monotonic() - begun < 120


def test_the_index_is_brought_up_to_date_and_rebuilt_by_the_command(kept: Place) -> None:
    rebuilt = presskeep("replay", "--index", "--rebuild", "--json", "--archive", str(kept.folder))
    assert rebuilt.code == 0, rebuilt.err
    assert rebuilt.json["lines"] > 100
    again = presskeep("replay", "--index", "--json", "--archive", str(kept.folder))
    assert (again.json["lines"], again.json["damaged"]) == (0, [])
    assert presskeep("replay", "--rebuild", "--archive", str(kept.folder)).code == 2


@pytest.mark.long
def test_show_prints_where_each_capture_is_replayed(kept: Place) -> None:
    (view,) = views(kept, 1)
    told = presskeep("show", view.key, "--archive", str(kept.folder))
    listed = presskeep("show", view.key, "--json", "--archive", str(kept.folder)).json["captures"]
    assert all(each["replay"].startswith("http://127.0.0.1:8080/presskeep/20") for each in listed)
    shown = [line.strip() for line in told.out.splitlines() if "mp_/" in line]
    assert shown == [each["replay"] for each in listed if each["outcome"] == "article"][:6]
    with replaying(kept.folder) as (base, _):
        for address in shown:
            with OPENER.open(address.replace("http://127.0.0.1:8080", base), timeout=20) as answer:
                assert answer.status == 200
