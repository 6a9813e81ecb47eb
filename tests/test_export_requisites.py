"""Exports of single articles bring what their pages need to look as they did, and nothing of others'."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from scraper.demo.process import running_replica
from storage.archive import Archive
from storage.captures import PendingCapture
from storage.exporting import Selection, export_warc, keeps_requisites, select_captures
from storage.exporting.marks import Marks
from storage.models import capture, location
from storage.warc_records import Record, read_records
from tests.browsing import look_at
from tests.crawling import Ran, crawl, presskeep
from tests.databases import Place
from tests.keeping import PRIMARY, working
from tests.small_site import (
    HOST,
    MIRROR,
    Answer,
    article_page,
    article_path,
    crawl_small,
    redirect,
    section,
    small_site,
)
from tests.test_replay import free_port
from tests.test_replay_look import LEAST, MOST_WITHOUT, alike
from tests.tools import cdxj_indexer, tool

ELSEWHERE = "images.elsewhere.example"
HEAD = '<link rel="stylesheet" href="/main.css">'


def css(text: str) -> Answer:
    return Answer(text.encode(), content_type="text/css")


def image(text: str) -> Answer:
    return Answer(text.encode() * 300, content_type="image/png")


SHARED = '<img src="/logo.png"><img src="/moved.png">'
ANSWERS = {
    (HOST, "/"): section(article_path(1), article_path(2)),
    (HOST, article_path(1)): article_page(1, links=HEAD + SHARED + '<img src="/one.png"><img src="/same.png">'),
    (HOST, article_path(2)): article_page(2, links=HEAD + SHARED + '<img src="/two.png"><img src="/gone.png">'),
    (HOST, "/main.css"): css("@import 'second.css'; a { background: url(bar.png); } b { src: url(f.woff2) }"),
    (HOST, "/second.css"): css("a { background: url(third.png) }"),
    (HOST, "/bar.png"): image("bar"),
    (HOST, "/f.woff2"): Answer(b"wOF2" * 400, content_type="font/woff2"),
    (HOST, "/logo.png"): image("logo"),
    (HOST, "/moved.png"): redirect(f"http://{ELSEWHERE}/photo.png"),
    (ELSEWHERE, "/photo.png"): image("photo"),
    (HOST, "/one.png"): image("one"),
    (HOST, "/two.png"): image("two"),
    (HOST, "/same.png"): image("one"),
}
OF_BOTH = {
    f"http://{HOST}/main.css",
    f"http://{HOST}/second.css",
    f"http://{HOST}/bar.png",
    f"http://{HOST}/f.woff2",
    f"http://{HOST}/logo.png",
    f"http://{HOST}/moved.png",
    f"http://{ELSEWHERE}/photo.png",
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An archive of the small site with what its pages need."""
    folder = tmp_path_factory.mktemp("requisites")
    place = Place(folder / "archive", None)
    with small_site(folder, lambda host, path: ANSWERS.get((host, path))) as site:
        ran = crawl_small(place, site, "--media")
        assert ran.code == 0, ran.err
    return place


def export(place: Place, kind: str, out: Path, *arguments: str, environment: dict[str, str] | None = None) -> Ran:
    return presskeep(
        "export", kind, *arguments, "--out", str(out), "--json", "--archive", str(place.folder), environment=environment
    )


def exchanges(data: bytes) -> list[Record]:
    return [each for each in read_records(io.BytesIO(data), 0) if each.kind in ("response", "revisit")]


def urls_in(path: Path) -> set[str]:
    """The URLs whose exchanges a WARC file holds, those of the mirror aside; each has its record once."""
    records = exchanges(path.read_bytes())
    assert len({each.id for each in records}) == len(records)
    return {url for each in records if MIRROR not in (url := each.fields["warc-target-uri"])}


@pytest.mark.long
def test_an_article_brings_what_its_page_needs_and_nothing_of_others(kept: Place, tmp_path: Path) -> None:
    out = tmp_path / "2.warc.gz"
    done = export(kept, "warc", out, "small:2")
    assert (done.code, done.json["unread"]) == (0, []), done.err
    own = {f"http://{HOST}{article_path(2)}", f"http://{HOST}/two.png", f"http://{HOST}/gone.png"}
    assert urls_in(out) == OF_BOTH | own
    whole = tmp_path / "all.warc.gz"
    assert export(kept, "warc", whole, "small").code == 0
    assert f"http://{HOST}/one.png" in urls_in(whole), "it could have been taken"
    with Archive.open(kept.folder, write=False) as archive, archive.read() as connection:
        from storage.keys import resolve

        articles = (resolve(connection, "small:2"),)
        without = io.BytesIO()
        captures = select_captures(connection, Selection(articles=articles))
        export_warc(without, "x", archive.warc_folder, captures, {}, lambda done: None)
    known = {each.fields["warc-target-uri"] for each in exchanges(without.getvalue())}
    assert not known & OF_BOTH, "without reading its pages nothing is known of what they need"


@pytest.mark.long
def test_a_search_brings_what_all_its_articles_need_each_once(kept: Place, tmp_path: Path) -> None:
    out = tmp_path / "both.wacz"
    done = export(kept, "wacz", out, "--query", "outlet:small")
    assert (done.code, done.json["pages"]) == (0, 2), done.err
    with zipfile.ZipFile(out) as package:
        (tmp_path / "data.warc.gz").write_bytes(package.read("archive/data.warc.gz"))
    assert urls_in(tmp_path / "data.warc.gz") == OF_BOTH | {
        f"http://{HOST}{path}"
        for path in (article_path(1), article_path(2), "/one.png", "/two.png", "/same.png", "/gone.png")
    }
    alone = export(kept, "warc", tmp_path / "x.warc.gz", "small", "small:2")
    assert alone.json["captures"] == export(kept, "warc", tmp_path / "y.warc.gz", "small").json["captures"]


@pytest.mark.long
def test_a_requisite_that_is_a_revisit_brings_what_it_refers_to(kept: Place, tmp_path: Path) -> None:
    with Archive.open(kept.folder, write=False) as archive, archive.read() as connection:
        place = capture.join(location, location.c.id == capture.c.location)
        rows = connection.execute(
            select(location.c.url, capture.c.refers_to)
            .select_from(place)
            .where(location.c.url.in_([f"http://{HOST}/one.png", f"http://{HOST}/same.png"]))
        ).all()
    assert sorted(refers_to is None for _, refers_to in rows) == [False, True]
    out = tmp_path / "1.warc.gz"
    assert export(kept, "warc", out, "small:1").code == 0
    kinds = {each.fields["warc-target-uri"]: each.kind for each in exchanges(out.read_bytes())}
    pair = {kinds[f"http://{HOST}/one.png"], kinds[f"http://{HOST}/same.png"]}
    assert pair == {"response", "revisit"}


@pytest.mark.long
def test_a_page_that_cannot_be_read_within_its_limits_costs_itself_alone(kept: Place, tmp_path: Path) -> None:
    out = tmp_path / "2.warc.gz"
    bounds = {"PRESSKEEP_MAX_PAGE_BYTES": "200"}
    done = export(kept, "warc", out, "small:2", environment=bounds)
    assert (done.code, len(done.json["unread"])) == (1, 1), done.err
    assert f"http://{HOST}{article_path(2)}: " in done.json["unread"][0]
    assert urls_in(out) == {f"http://{HOST}{article_path(2)}"}
    told = presskeep("export", "warc", "small:2", "--out", str(tmp_path / "b"), "--archive", str(kept.folder),
                     environment=bounds)  # fmt: skip
    assert "what it needs to look as it did is not known" in told.err


@pytest.mark.long
def test_stylesheets_that_name_each_other_end_and_reading_is_bounded(archive: Archive) -> None:
    """On both databases; no more than some pages are given to be read at once, and nothing is read twice."""
    named = {f"https://{PRIMARY}/detail/{number}": [f"http://{PRIMARY}/0.css"] for number in range(40)}
    named |= {f"http://{PRIMARY}/{number}.css": [f"https://{PRIMARY}/{(number + 1) % 30}.css"] for number in range(30)}
    read: list[str] = []
    most = 0

    def read_needs(captures: Sequence[PendingCapture]) -> Iterator[Sequence[str]]:
        nonlocal most
        most = max(most, len(captures))
        for each in captures:
            read.append(each.url)
            yield named[each.url]

    with working(archive) as work:
        with archive.read() as connection:
            assert not keeps_requisites(connection)
        for key, resource in work.find(*map(str, range(40))).items():
            work.show(key, resource, f"Text {key}.")
        style = ((b"Content-Type", b"text/css"),)
        for number in range(31):
            url = f"http://{PRIMARY}/{number}.css"
            work.keep(media(work.archive, work.outlet, url), url, headers=style, body=b"a", outcome="media")
        with archive.read() as connection:
            articles = tuple(sorted(row.id for row in work.rows("article")))
            assert keeps_requisites(connection)
            found = list(select_captures(connection, Selection(articles=articles), read_needs))
    assert len(found) == len({each.id for each in found}) == 40 + 30, "one stylesheet is named by nobody"
    assert sorted(read) == sorted(named)
    assert most <= 16


def media(archive: Archive, outlet: int, url: str) -> int:
    from datetime import UTC, datetime

    from storage.finding import resource_at
    from storage.records import Found

    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with archive.begin() as connection:
        return resource_at(
            connection, outlet, Found(f"media:{url}", "media", url, 40, None, "page:1"), now=now, crawl=1
        )


def test_marks_know_what_was_met() -> None:
    marks = Marks()
    numbers = [0, 7, 8, 100_000, 7, 0, 9]
    assert [marks.add(each) for each in numbers] == [True, True, True, True, False, False, True]


@contextmanager
def shown_by_pywb(warc: Path, folder: Path) -> Iterator[str]:
    """pywb on one WARC file and nothing else: the address of its replay."""
    (folder / "index.cdxj").write_bytes(b"".join(sorted(cdxj_indexer("-s", str(warc)).splitlines(keepends=True))))
    collection = {"index_paths": str(folder / "index.cdxj"), "archive_paths": f"{warc.parent}/"}
    (folder / "config.yaml").write_text(json.dumps({"collections": {"one": collection}}))
    port = free_port()
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | nowhere
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [tool("pywb", "wayback"), "-b", "127.0.0.1", "-p", str(port), "-d", str(folder)],
            cwd=folder, stdout=log, stderr=log, env=environment | {"NO_PROXY": "127.0.0.1,localhost"},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not is_open(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/one"
    finally:
        process.terminate()
        process.wait(30)


def is_open(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.long
@pytest.mark.soak
def test_an_exported_article_looks_in_pywb_as_it_does_live(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with running_replica(articles=20) as replica:
        assert crawl(place, replica, "--media", now="leap:2026-06-01T12:00:00Z").code == 0
        with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
            from storage.keys import resolve
            from storage.search import search
            from storage.views import view_article

            hit = search(connection, "outlet:demo", limit=1).hits[0]
            url = view_article(connection, resolve(connection, hit.key)).captures[0].url
        for name, needs in (("whole", True), ("bare", False)):
            (tmp_path / name).mkdir()
            warc = tmp_path / name / "one.warc.gz"
            if needs:
                assert export(place, "warc", warc, hit.key).code == 0
            else:
                bare(place, hit.key, warc)
        (live,) = look_at([url], screenshots=True, proxy=f"http://127.0.0.1:{replica.port}")
    scores = {}
    for name in ("whole", "bare"):
        folder = tmp_path / f"pywb-{name}"
        folder.mkdir()
        with shown_by_pywb(tmp_path / name / "one.warc.gz", folder) as base:
            (seen,) = look_at([f"{base}/2026mp_/{url}"], screenshots=True)
        assert seen.headline == live.headline
        assert seen.outside == ()
        scores[name] = alike(seen, live)
    assert scores["whole"] >= LEAST, scores
    assert scores["bare"] < MOST_WITHOUT, scores


def bare(place: Place, key: str, out: Path) -> None:
    """Export an article without what it needs."""
    from storage.keys import resolve

    with Archive.open(place.folder, write=False) as archive, archive.read() as connection, out.open("wb") as file:
        captures = select_captures(connection, Selection(articles=(resolve(connection, key),)))
        export_warc(file, out.name, archive.warc_folder, captures, {}, lambda done: None)
