"""Evidence of what others captured: records as they stood in imported files, commands that cut them out of these again,
and the decisions about an article."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from scraper.profiles import load_outlet
from storage.archive import Archive
from storage.crawls import begin_crawl, end_crawl
from storage.models import article, article_key, crawl, decision
from storage.stamps import stamp_request
from tests.crawling import presskeep
from tests.databases import place_of
from tests.foreign import all_packed, arc, each_packed, each_zstd, http, record, wacz, zstd_with_dictionary
from tests.test_evidence import commands, demand_only_what_is_there, run, told, unzipped
from tests.test_foreign import CUTS
from tests.test_importing import WARC_DATA, page, revisit, shown, take_in, url_of, write
from tests.test_importing_odd import piece
from tests.time_stamps import running_authority

INFO = record("warcinfo", b"software: Someone's crawler 1.0\r\n", "")
RESPONSE = shown("2019-05-06", record_id="<urn:uuid:a>", WARC_IP_Address="192.0.2.7")
REQUEST = record("request", b"GET / HTTP/1.1\r\n\r\n", url_of(), record_id="<urn:uuid:b>",
                 WARC_Concurrent_To="<urn:uuid:a>")  # fmt: skip
PAGE = http(page())
BROWSER = record(
    block=http(page(), "content-type: text/html", "content-encoding: br", status="HTTP/2 200"), uri=url_of(),
    date="2019-05-06T10:00:00.123Z", version="WARC/1.1",
)  # fmt: skip
RESOURCE = record("resource", page(), url_of(), date="2019-05-06T10:00:00Z", Content_Type="text/html")


def segments() -> list[bytes]:
    """The page's record cut into two, with another record between."""
    first = record(block=PAGE[: CUTS[1]], uri=url_of(), record_id="<urn:uuid:s>", WARC_Segment_Number="1")
    second = record("continuation", PAGE[CUTS[1] :], url_of(), WARC_Segment_Number="2",
                    WARC_Segment_Origin_ID="<urn:uuid:s>", WARC_Segment_Total_Length=str(len(PAGE)))  # fmt: skip
    return [first, REQUEST, second]


FILES: dict[str, tuple[bytes, dict[str, bytes]]] = {
    "each.warc.gz": (each_packed([INFO, RESPONSE, REQUEST]), {
        "record.warc.gz": each_packed([RESPONSE]), "request.warc.gz": each_packed([REQUEST]),
        "about.warc.gz": each_packed([INFO]),
    }),
    "plain.warc": (INFO + RESPONSE + REQUEST, {
        "record.warc": RESPONSE, "request.warc": REQUEST, "about.warc": INFO,
    }),
    "whole.warc.gz": (all_packed([INFO, RESPONSE, REQUEST]), {
        "record.warc": RESPONSE, "request.warc": REQUEST, "about.warc": INFO,
    }),
    "no info.warc": (RESOURCE, {"record.warc": RESOURCE}),
    "cut.warc.gz": (each_packed(segments()), {
        "record.warc.gz": each_packed(segments()[:1]), "segment-2.warc.gz": each_packed(segments()[2:]),
    }),
    "frames.warc.zst": (each_zstd([INFO, RESPONSE]), {
        "record.warc.zst": each_zstd([RESPONSE]), "record.warc": RESPONSE,
        "about.warc.zst": each_zstd([INFO]),
    }),
    "stored.wacz": (wacz({"archive/data.warc.gz": each_packed([INFO, BROWSER])}), {
        "record.warc.gz": each_packed([BROWSER]), "about.warc.gz": each_packed([INFO]),
    }),
    "packed.wacz": (wacz({"archive/my data.warc.gz": each_packed([INFO, RESOURCE])}, stored=False), {
        "record.warc.gz": each_packed([RESOURCE]), "about.warc.gz": each_packed([INFO]),
    }),
    "twice.wacz": (wacz({"archive/a.warc.gz": all_packed([INFO, BROWSER])}, stored=False), {
        "record.warc": BROWSER, "about.warc": INFO,
    }),
    "one.arc.gz": (each_packed(arc((url_of(), PAGE))), {
        "record.arc.gz": each_packed(arc((url_of(), PAGE))[1:]), "about.arc.gz": each_packed(arc((url_of(), PAGE))[:1]),
    }),
    "one.arc": (b"".join(arc((url_of(), PAGE))), {
        "record.arc": arc((url_of(), PAGE))[1], "about.arc": arc((url_of(), PAGE))[0],
    }),
}  # fmt: skip
"""Files as others write them, and what the evidence of the page in them holds of their bytes."""


def export(archive: Archive, out: Path, *more: str, key: str = "presstv:595001", code: int = 0) -> Path:
    """Export the evidence of an article, and unzip it."""
    done = presskeep("export", "evidence", key, "--out", str(out), "--archive", str(archive.folder), *more)
    assert done.code == code, done.err
    return unzipped(out, out.with_suffix(""))


def demand_checks(folder: Path) -> list[str]:
    """The README's commands hold as it prints them; gives them."""
    found = commands(folder)
    assert [run(folder, command) for command in found] == [0] * len(found)
    return found


def cut_again(folder: Path, *files: Path) -> int:
    """What the README tells those to do who have the imported files."""
    (line,) = (each for each in (folder / "README.txt").read_text().splitlines() if "compare.sh)" in each)
    for file, name in zip(files, names_of(folder), strict=True):
        shutil.copy(file, folder / "sources" / name)
    done = subprocess.run(["/bin/sh", "-e", "-c", line], cwd=folder, capture_output=True)
    return done.returncode


def names_of(folder: Path) -> list[str]:
    return [line.split("  ")[1] for line in (folder / "sources" / "DIGESTS").read_text().splitlines()]


def demand_no_folder_of(machine: Path, folder: Path) -> None:
    """No file of the evidence tells where something lies on the archive's machine."""
    telling = str(machine).encode()
    assert [each for each in folder.rglob("*") if each.is_file() and telling in each.read_bytes()] == []


def facts_of(folder: Path, number: int) -> Any:
    return json.loads((folder / "captures" / str(number) / "facts.json").read_text())


QUICK = ("each.warc.gz", "packed.wacz", "one.arc")


@pytest.mark.parametrize(
    ("name", "link"),
    [
        pytest.param(name, bool(number % 2), marks=() if name in QUICK else pytest.mark.long)
        for number, name in enumerate(FILES)
    ],
)
def test_records_are_given_as_they_stood_and_are_found_again_in_their_file(
    sqlite_archive: Archive, tmp_path: Path, name: str, *, link: bool
) -> None:
    source = tmp_path / "in" / name
    source.parent.mkdir()
    content, expected = FILES[name]
    source.write_bytes(content)
    assert take_in(place_of(sqlite_archive), source, link=link).tally.new == 1
    folder = export(sqlite_archive, tmp_path / "evidence.zip")
    kept = {each.name: each.read_bytes() for each in (folder / "captures" / "1").iterdir()}
    assert {each: data for each, data in kept.items() if each.split(".")[0] not in ("facts", "payload")} == expected
    assert kept["payload.bin"] == page()
    facts = facts_of(folder, 1)
    assert facts["imported"]["file_sha256"] == hashlib.sha256(content).hexdigest()
    assert facts["origin"].partition("#")[0] == name
    first = next(iter(expected))
    assert len(demand_checks(folder)) == 4 + any(each.endswith(".gz") for each in kept)
    demand_only_what_is_there(folder)
    demand_no_folder_of(tmp_path, folder)
    assert cut_again(folder, source) == 0
    page_shown = (folder / "index.html").read_text()
    assert hashlib.sha256(content).hexdigest() in page_shown

    (folder / "captures" / "1" / first).write_bytes(expected[first][:-9] + b"?" + expected[first][-8:])
    sums, _, compared, *_ = commands(folder)
    assert run(folder, sums) != 0
    assert run(folder, compared) != 0
    assert cut_again(folder, source) != 0, "another record than the one that stands in the file"


@pytest.mark.long
def test_a_zstd_record_comes_with_the_dictionary_that_it_needs(sqlite_archive: Archive, tmp_path: Path) -> None:
    source = tmp_path / "x.warc.zst"
    source.write_bytes(zstd_with_dictionary([INFO, RESPONSE]))
    take_in(place_of(sqlite_archive), source)
    folder = export(sqlite_archive, tmp_path / "evidence.zip")
    kept = folder / "captures" / "1"
    joined = tmp_path / "joined.warc.zst"
    joined.write_bytes((kept / "dictionary.zst").read_bytes() + (kept / "record.warc.zst").read_bytes())
    other = Archive.open(tmp_path / "other", create=True)
    with other:
        assert take_in(place_of(other), joined).tally.new == 1, "the two are a file that reads by itself"
    assert (kept / "record.warc").read_bytes() == RESPONSE
    demand_checks(folder)
    assert cut_again(folder, source) == 0
    out = tmp_path / "out.warc.gz"
    done = presskeep("export", "warc", "presstv", "--out", str(out), "--archive", str(sqlite_archive.folder))
    assert done.code == 0, done.err


def test_captures_of_several_files_name_each_and_revisits_bring_what_they_refer_to(
    sqlite_archive: Archive, tmp_path: Path
) -> None:
    names = ("a/x.warc.gz", "b/x.warc.gz", "c/y.warc.gz")
    rows = (shown("2019-05-06"), shown("2020-05-06", "It was corrected since."), revisit("2021-05-06", "2019-05-06"))
    files = [write(tmp_path / name, row) for name, row in zip(names, rows, strict=True)]
    for file in files:
        take_in(place_of(sqlite_archive), file, link=True)
    folder = export(sqlite_archive, tmp_path / "evidence.zip")
    assert len(set(names_of(folder))) == 3, "two files of one name are two"
    assert facts_of(folder, 3)["refers_to"] == 1
    assert not (folder / "captures" / "3" / "payload.bin").exists()
    demand_checks(folder)
    assert cut_again(folder, *files) == 0
    (folder / "sources" / names_of(folder)[0]).write_bytes(b"another file")
    assert cut_again(folder, files[1], *files[1:]) != 0
    files[1].unlink()
    out = tmp_path / "less.zip"
    folder = export(sqlite_archive, out, code=5)
    assert [each.name for each in sorted((folder / "captures").iterdir())] == ["1", "3"]
    text = (folder / "README.txt").read_text()
    assert "capture 2: x.warc.gz: this file cannot be read" in text
    assert "the folder in which a file of others lies" in text
    assert not list(folder.glob("manifests/*/warc_file/*")), "a linked file's row names its folder"
    demand_checks(folder)
    demand_no_folder_of(tmp_path, folder)
    (folder / "README.txt").write_text(str(files[1]))
    with pytest.raises(AssertionError):
        demand_no_folder_of(tmp_path, folder)


def test_a_payload_that_zcat_cannot_unpack_is_not_called_gz(sqlite_archive: Archive, tmp_path: Path) -> None:
    whole = gzip.compress(page(), mtime=0)
    coded = [
        record(block=http(body, "Content-Type: text/html", "Content-Encoding: gzip"), uri=url_of(), date=date)
        for body, date in ((whole, "2019-05-06T10:00:00Z"), (whole[:-200], "2020-05-06T10:00:00Z"))
    ]
    take_in(place_of(sqlite_archive), write(tmp_path / "x.warc.gz", *coded))
    folder = export(sqlite_archive, tmp_path / "evidence.zip")
    assert (folder / "captures" / "1" / "payload.gz").read_bytes() == whole
    assert (folder / "captures" / "2" / "payload.bin").read_bytes() == whole[:-200]
    demand_checks(folder)


@pytest.mark.long
def test_a_forger_who_writes_all_lists_anew_is_found(sqlite_archive: Archive, tmp_path: Path) -> None:
    coded = record(block=http(gzip.compress(page(), mtime=0), "Content-Encoding: gzip"), uri=url_of(),
                   date="2019-05-06T10:00:00Z")  # fmt: skip
    take_in(place_of(sqlite_archive), write(tmp_path / "x.warc.gz", coded))
    with running_authority(tmp_path / "authority") as authority, sqlite_archive.begin() as connection:
        for run_id, digest in connection.execute(select(crawl.c.id, crawl.c.manifest_digest)).all():
            stamp = authority.stamp(stamp_request(digest).der)
            connection.execute(update(crawl).where(crawl.c.id == run_id).values(stamp=stamp, stamp_authority="x"))
    done = presskeep("export", "evidence", "presstv:595001", "--out", str(tmp_path / "evidence.zip"),
                     "--time-stamp-ca", str(authority.root), "--archive", str(sqlite_archive.folder))  # fmt: skip
    assert done.code == 0, done.err
    folder = unzipped(tmp_path / "evidence.zip", tmp_path / "evidence")
    found = demand_checks(folder)
    assert len(found) == 6
    docs = (Path(__file__).parents[1] / "docs" / "evidence.md").read_text()
    assert [each for each in found if indent(each, "    ") not in docs] == [], "who doubts the README finds them there"
    assert done.out.split() == [hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest(), "SHA256SUMS"]

    def failing(forged: dict[Path, bytes | None]) -> list[int]:
        """The checks that fail where these files were replaced, added or (None) taken, and SHA256SUMS fits that."""
        copy = tmp_path / "forged"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(folder, copy)
        for path, content in forged.items():
            place = copy / path.relative_to(folder)
            place.unlink(missing_ok=True)
            if content is not None:
                place.parent.mkdir(exist_ok=True, parents=True)
                place.write_bytes(content)
        files = {path.relative_to(copy): path for path in copy.rglob("*") if path.is_file()}
        lines = (f"{sha256(path.read_bytes()).decode()}  {name}\n" for name, path in files.items())
        (copy / "SHA256SUMS").write_text("".join(line for line in lines if "SHA256SUMS" not in line))
        return [number for number, command in enumerate(found, 1) if run(copy, command) != 0]

    payload = folder / "captures" / "1" / "payload.gz"
    (row,) = folder.glob("manifests/*/capture/1")
    (text,) = folder.glob("revisions/*.json")
    altered = gzip.compress(b"<p>Never published.</p>")
    sworn = row.read_bytes().replace(sha256(payload.read_bytes()), sha256(altered))
    assert sworn != row.read_bytes()
    other = folder / "manifests" / "0"
    another_run = {row: None, other / "capture" / "1": sworn}
    manifest = sha256(sworn) + b"  capture/1\n"
    # The control: what is for reading alone is proven by the digest of SHA256SUMS, as README.txt says.
    assert failing({text.with_suffix(".txt"): b"Never published.", folder / "index.html": b""}) == []
    assert "For reading alone" in (folder / "README.txt").read_text()
    assert failing({payload: altered}) == [3]
    assert failing({text: b"{}"}) == [3, 4]
    assert failing({payload: None, payload.with_name("payload.html"): altered}) == [3]
    assert failing({text.with_name("2-0.json"): b"{}"}) == [3, 4]
    assert failing({payload: altered, row: sworn}) == [2]
    assert failing({payload: altered, row: None, row.with_name("01"): sworn}) == [2, 3, 4]
    assert failing({payload: altered, **another_run}) == [2, 6]
    assert failing({payload: altered, **another_run, other / "manifest.txt": manifest}) == [6]


@pytest.mark.long
def test_another_articles_text_is_found_though_its_run_swears_to_it(sqlite_archive: Archive, tmp_path: Path) -> None:
    """Its row stands under the same manifest: what betrays it is the page that it was read from."""
    rows = [shown("2019-05-06", piece=piece(number)) for number in range(2)]
    take_in(place_of(sqlite_archive), write(tmp_path / "x.warc.gz", *rows))
    one = export(sqlite_archive, tmp_path / "one.zip", key="presstv:596000")
    two = export(sqlite_archive, tmp_path / "two.zip", key="presstv:596001")
    demand_checks(one)
    read_from = commands(one)[3]
    assert "596000" in told(one, read_from)[1]

    (mine,), (other,) = one.glob("revisions/*.json"), two.glob("revisions/*.json")
    mine.write_bytes(other.read_bytes())
    for row in two.glob("manifests/*/revision/*"):
        shutil.copy(row, one / row.relative_to(two))
    _, manifests, covered, *_ = commands(one)
    assert [run(one, command) for command in (manifests, covered)] == [0, 0], "the text is the one of a row"
    code, said = told(one, read_from)
    assert (code, f"revisions/{mine.name} was read from no capture here" in said) == (1, True)

    for row in two.glob("manifests/*/*/*"):
        shutil.copy(row, one / row.relative_to(two))
    code, said = told(one, read_from)
    assert (code, "596001" in said, "596000" in said) == (0, True, False), "the address tells whose text it is"


def test_rows_of_a_run_without_a_manifest_are_named_where_they_lie(sqlite_archive: Archive, tmp_path: Path) -> None:
    take_in(place_of(sqlite_archive), write(tmp_path / "x.warc.gz", shown("2019-05-06")))
    folder = export(sqlite_archive, tmp_path / "proven.zip")
    text, page_shown = ((folder / name).read_text() for name in ("README.txt", "index.html"))
    assert ("as manifests/1/warc_file/1 says" in text, "unproven/" in text) == (True, False)
    assert '<td dir="auto">manifests/1</td>' in page_shown
    with sqlite_archive.begin() as connection:
        connection.execute(update(crawl).values(manifest_form=1))
    folder = export(sqlite_archive, tmp_path / "early.zip")
    text, page_shown = ((folder / name).read_text() for name in ("README.txt", "index.html"))
    assert ("as unproven/1/warc_file/1 says" in text, "manifests/" in text) == (True, False)
    assert ("unproven/1</td>" in page_shown, "manifests/" in page_shown) == (True, False)
    assert not (folder / "manifests").exists()
    demand_checks(folder)
    demand_only_what_is_there(folder)


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


QUOTES = """
name = "quotes"
title = "Quotes"
language = "en"
zone = "UTC"
country = "GR"

[[domains]]
host = "quotes.toscrape.com"
role = "primary"

[[articles]]
name = "numbered"
pattern = '/page/(?P<key>\\d+)/$'
example = "https://quotes.toscrape.com/page/2/"

[[discovery]]
way = "feed"
start = ["/rss.xml"]

[[templates]]
name = "page"
detect = ["div.quote"]
headline = ["h1"]
body = ["div.quote"]
"""
"""Takes pages of quotations for articles: the shared files hold none."""


@pytest.mark.soak
def test_evidence_of_every_article_of_the_shared_files_holds(sqlite_archive: Archive, tmp_path: Path) -> None:
    if not WARC_DATA.is_dir():
        pytest.skip("../shared/data/warc is not here")
    names = ("scrapy-webarchive-quotes.wacz", "pywb-example.arc.gz", "pywb-example2.warc.gz", "warcio-example.warc")
    files = [WARC_DATA / name for name in names]
    (profile := tmp_path / "quotes.toml").write_text(QUOTES)
    take_in(place_of(sqlite_archive), *files, outlets={"quotes": load_outlet(profile)}, any_host=True)
    with sqlite_archive.read() as connection:
        keys = connection.execute(select(article_key.c.key).order_by(article_key.c.article)).scalars().all()
    assert len(keys) > 1
    for number, key in enumerate(keys[:3]):
        folder = export(sqlite_archive, tmp_path / f"{number}.zip", key=key)
        demand_checks(folder)
        sources = [next(file for file in files if file.name == name) for name in names_of(folder)]
        assert cut_again(folder, *sources) == 0


NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def decide(archive: Archive, *decisions: tuple[str, str, str, Any]) -> None:
    """Write decisions down in a run, as whoever decides does."""
    with archive.begin() as connection:
        run = begin_crawl(connection, None, "decision", operator="ann", robots_policy="obey", now=NOW)
        for by, verb, subject, payload in decisions:
            row = {"at": NOW, "by": by, "verb": verb, "subject": subject, "payload": payload, "crawl": run}
            connection.execute(insert(decision).values(row))
        end_crawl(connection, run, "finished", {}, NOW)


@pytest.mark.long
@pytest.mark.either
def test_a_merged_articles_evidence_says_who_decided_it(archive: Archive, tmp_path: Path) -> None:
    rows = [shown("2019-05-06", piece=piece(number)) for number in range(4)]
    take_in(place_of(archive), write(tmp_path / "x.warc.gz", *rows))
    with archive.begin() as connection:
        rows_of_keys = connection.execute(select(article_key.c.key, article_key.c.article))
        owners = {row.key: row.article for row in rows_of_keys}
        connection.execute(update(article).where(article.c.id == owners["596001"]).values(merged_into=owners["596000"]))

    def evidence(name: str, code: int = 0) -> Path:
        place = place_of(archive)
        options = ("--database", place.database) if place.database else ()
        return export(archive, tmp_path / name, *options, key="presstv:596000", code=code)

    folder = evidence("before.zip")
    assert "no decision says by whom" in (folder / "README.txt").read_text()
    decide(
        archive,
        ("ann", "merge", "presstv:596001", {"into": "presstv:596000"}),
        ("rule near-duplicates 1", "split", "presstv:596002", {"from": ["presstv:596001"], "jaccard": 40}),
        ("bob", "approve", "presstv/www.presstv.ir", None),
        ("bob", "withhold", "presstv:596003", {"until": "presstv:5960000"}),
        ("bob", "approve", "presstv/elsewhere.example", {"x": None}),
    )
    folder = evidence("after.zip")
    demand_checks(folder)
    (decided,) = folder.glob("manifests/*/decision")
    lines = [json.loads(each.read_text()) for each in sorted(decided.iterdir())]
    assert [(each["by"], each["verb"], each["subject"]) for each in lines] == [
        ("ann", "merge", "presstv:596001"),
        ("rule near-duplicates 1", "split", "presstv:596002"),
        ("bob", "approve", "presstv/www.presstv.ir"),
    ]
    shown_page = (folder / "index.html").read_text()
    assert "rule near-duplicates 1" in shown_page
    assert "2026-03-04 05:06:00" in shown_page
    assert "no decision says by whom" not in (folder / "README.txt").read_text()

    with archive.begin() as connection:
        connection.execute(update(decision).where(decision.c.verb == "merge").values(by="somebody else"))
        unsaid = {"at": NOW, "by": "eve", "verb": "correct", "subject": "presstv:596000"}
        connection.execute(insert(decision).values(unsaid))
    folder = evidence("forged.zip", code=5)
    assert "decision" in (text := (folder / "README.txt").read_text())
    assert "no manifest covers it" in text
    assert run(folder, commands(folder)[1]) != 0, "it is not the row that the run had written down"
