"""Evidence of an article: a zip whose README's commands hold, and fail on any change of what they cover."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import select, update

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import article_key, capture, location, resource, revision, warc_file
from storage.warc_records import read_records
from tests.crawling import Ran, crawl, look, place_options, presskeep, replica_options
from tests.databases import Place
from tests.sharing import made_once
from tests.test_stamps import way_to
from tests.time_stamps import running_authority

PROVEN = re.compile(r"captures/\d+/(payload|records|certificate)[.-].+|revisions/.+\.json")
"""Files whose SHA-256 a row states."""


@dataclass(frozen=True)
class Kept:
    """An archive of two stamped crawls, the root certificate (PEM) of who stamped them, and an article of it that has
    captures."""

    place: Place
    root: Path
    key: str


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = made_once(tmp_path_factory, "evidence", crawl_with_stamps)
    place = Place(folder / "archive", None)
    return Kept(place, folder / "root.pem", last_by_tls(place))


def crawl_with_stamps(folder: Path) -> None:
    place = Place(folder / "archive", None)
    with (
        running_replica(articles=16, tls=True) as replica,
        running_authority(folder / "authority") as authority,
    ):
        for day in (0, 1):
            assert crawl(place, replica, *way_to(authority), day=day).code == 0
        fetch_by_tls(place, replica, *way_to(authority))
        shutil.copy(authority.root, folder / "root.pem")


def fetch_by_tls(place: Place, replica: Replica, *more: str) -> None:
    """Fetch two articles over TLS in one run."""
    pages = sorted(url for url, outcomes in look(place).outcomes.items() if "article" in outcomes)[:2]
    urls = [url.replace("http://", "https://") for url in pages]
    fetched = presskeep("fetch", *urls, "--save", *place_options(place), *replica_options(replica), *more)
    assert fetched.code == 0, fetched.err


def last_by_tls(place: Place) -> str:
    """The key of the article fetched last over TLS: its certificates stand outside its own span."""
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        statement = (
            select(article_key.c.key)
            .join(resource, resource.c.article == article_key.c.article)
            .join(location, location.c.resource == resource.c.id)
            .join(capture, capture.c.location == location.c.id)
            .where(capture.c.tls.is_not(None))
            .order_by(capture.c.id.desc())
        )
        return str(connection.execute(statement).scalars().first())


@pytest.fixture
def folder(kept: Kept, tmp_path: Path) -> Path:
    """Where the evidence was unzipped."""
    export(kept, tmp_path / "evidence.zip")
    return unzipped(tmp_path / "evidence.zip", tmp_path / "unzipped")


def export(kept: Kept, out: Path, *more: str, code: int = 0) -> str:
    done = presskeep(
        "export", "evidence", f"demo:{kept.key}", "--out", str(out), "--time-stamp-ca", str(kept.root),
        *place_options(kept.place), *more,
    )  # fmt: skip
    assert done.code == code, done.err
    return done.err


def unzipped(file: Path, folder: Path) -> Path:
    with zipfile.ZipFile(file) as pack:
        assert pack.testzip() is None
        pack.extractall(folder)
    return folder


def commands(folder: Path) -> list[str]:
    """The commands of the README's numbered checks: its paragraphs that are indented by four."""
    blocks = re.findall(r"^    \S.*\n(?:    .*\n)*", (folder / "README.txt").read_text(), re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks]


def run(folder: Path, command: str) -> int:
    """Run a command by a shell whose path holds only what the README names."""
    return told(folder, command)[0]


def told(folder: Path, command: str) -> tuple[int, str]:
    """Run a command so; gives its exit code and what it printed."""
    tools = folder.parent / "tools"
    if not tools.exists():
        tools.mkdir()
        for name in ("sha256sum", "zcat", "openssl"):
            found = shutil.which(name)
            assert found is not None
            (tools / name).symlink_to(found)
        (tools / "gzip").symlink_to(shutil.which("gzip") or "/bin/gzip")  # zcat is a script that calls it
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", command], cwd=folder, capture_output=True, text=True, env={"PATH": str(tools)}
    )
    return done.returncode, done.stdout + done.stderr


def export_records(kept: Kept, out: Path) -> Ran:
    """Export the WARC records of the article."""
    return presskeep("export", "warc", f"demo:{kept.key}", "--out", str(out), *place_options(kept.place))


@pytest.mark.long
def test_the_readmes_commands_hold_where_it_was_unzipped(kept: Kept, folder: Path) -> None:
    found = commands(folder)
    assert len(found) == 6
    assert [run(folder, command) for command in found] == [0] * 6
    shown = presskeep("show", f"demo:{kept.key}", "--json", *place_options(kept.place)).json
    urls = {each["url"] for each in shown["captures"] if each["outcome"] == "article"}
    printed = [line.split(" ") for line in told(folder, found[3])[1].splitlines()]
    assert {file for file, _ in printed} == {f"revisions/{each.name}" for each in folder.glob("revisions/*.json")}
    assert {url for _, url in printed} == urls, "the addresses that the texts were read from"


@pytest.mark.long
def test_each_command_fails_on_a_flipped_byte_of_what_it_covers_and_names_the_file(folder: Path) -> None:
    sums, manifests, covered, bound, unpacked, stamps = commands(folder)
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}

    def failing(command: str, name: str) -> bool:
        content = files[name].read_bytes()
        flipped = bytearray(content)
        # The signature is a stamp's end; certificates before it have fields that no check reads.
        flipped[-20 if name.endswith(".tsr") else len(content) * 2 // 3] ^= 1
        files[name].write_bytes(bytes(flipped))
        code, said = told(folder, command)
        files[name].write_bytes(content)
        return code != 0 and re.sub(r"^manifests/\d+/(?!manifest|stamp)", "", name) in said

    rows = [name for name in files if re.fullmatch(r"manifests/\d+/\w+/.+", name)]
    texts = [name for name in files if name.endswith("/manifest.txt")]
    listed = [name for name in files if PROVEN.fullmatch(name)]
    packed = [name for name in files if re.fullmatch(r"captures/\d+/.+\.gz", name)]
    stamped = [name for name in files if name.endswith("/stamp.tsr")]
    assert min(map(len, (rows, texts, packed, stamped))) > 0
    assert {name.rpartition("/")[2].split("-")[0].split(".")[0] for name in listed} >= {
        "records",
        "payload",
        "certificate",
    }
    assert [name for name in files if name != "SHA256SUMS" and not failing(sums, name)] == []
    assert [name for name in [*rows, *texts] if not failing(manifests, name)] == []
    assert [name for name in listed if not failing(covered, name)] == []
    assert [name for name in listed if name.endswith(".json") and not failing(bound, name)] == []
    assert [name for name in packed if not failing(unpacked, name)] == []
    assert [name for name in stamped if not failing(stamps, name)] == []
    assert [name for name in texts if not failing(stamps, name.replace("manifest.txt", "stamp.tsr"))] == []
    assert [run(folder, command) for command in commands(folder)] == [0] * 6


@pytest.mark.long
def test_a_file_that_was_added_is_named_wherever_it_lies(folder: Path) -> None:
    sums = commands(folder)[0]
    (capture_folder, *_) = (folder / "captures").iterdir()
    (manifest_folder, *_) = (each for each in (folder / "manifests").iterdir() if each.is_dir())
    for place in (
        folder / "index.htm",
        folder / "revisions" / "9-0.txt",
        capture_folder / "about.warc.gz",
        manifest_folder / "capture" / "999999",
        manifest_folder / "more" / "9",
        folder / "unproven" / "1",
    ):
        place.parent.mkdir(exist_ok=True, parents=True)
        place.write_bytes(b"added")
        code, said = told(folder, sums)
        name = str(place.relative_to(folder))
        assert (code != 0, f"{name} is not in SHA256SUMS" in said) == (True, True), said
        place.unlink()
    (manifest_folder / "more" / "of").mkdir(parents=True)
    assert "more/of is not in SHA256SUMS" in told(folder, sums)[1], "what lies deeper than any file does"
    shutil.rmtree(manifest_folder / "more")
    assert run(folder, sums) == 0


def test_it_holds_every_capture_byte_for_byte_and_every_text(kept: Kept, folder: Path) -> None:
    shown = presskeep("show", f"demo:{kept.key}", "--json", *place_options(kept.place)).json
    assert len(list((folder / "captures").iterdir())) == len(shown["captures"]) > 0
    with Archive.open(kept.place.folder, write=False) as archive, archive.read() as connection:
        for number in (folder / "captures").iterdir():
            row = connection.execute(
                select(capture, warc_file.c.path)
                .join(warc_file, warc_file.c.id == capture.c.warc_file)
                .where(capture.c.id == int(number.name))
            ).one()
            whole = (archive.warc_folder / row.path).read_bytes()
            span = whole[row.span_offset : row.span_offset + row.span_length]
            assert (number / "records.warc.gz").read_bytes() == span
            facts = json.loads((number / "facts.json").read_text())
            assert facts["ip_address"] == "127.0.0.1"
            assert (number / "certificate-1.der").exists() == (facts["tls_version"] is not None)
        assert any((number / "shared.warc.gz").exists() for number in (folder / "captures").iterdir())
    assert len(list((folder / "revisions").glob("*.txt"))) == len(shown["revisions"])
    text = (folder / "revisions" / f"1-{shown['revisions'][0]['digest'][:12]}.txt").read_text()
    assert shown["article"]["headline"] in text


def test_the_page_opens_by_itself_and_runs_nothing(kept: Kept, folder: Path) -> None:
    page = (folder / "index.html").read_text()

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: set[str] = set()
            self.loaded: list[str] = []

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.tags.add(tag)
            self.loaded += [name for name, _ in attributes if name in ("src", "href", "onclick", "onload", "action")]

    reader = Reader()
    reader.feed(page)
    assert {"h1", "table", "article"} <= reader.tags
    assert reader.tags & {"script", "img", "iframe", "link", "object", "form", "a"} == set()
    assert reader.loaded == []
    assert "default-src 'none'" in page
    assert (
        presskeep("show", f"demo:{kept.key}", "--json", *place_options(kept.place)).json["article"]["headline"] in page
    )


@pytest.mark.long
def test_the_same_archive_gives_the_same_bytes_and_no_file_is_replaced_unasked(kept: Kept, tmp_path: Path) -> None:
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    export(kept, first)
    export(kept, second)
    content = first.read_bytes()
    assert content == second.read_bytes()
    second.write_bytes(b"mine")
    assert "is there already" in export(kept, second, code=2)
    assert second.read_bytes() == b"mine"
    export(kept, second, "--force")
    assert second.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.zip", "second.zip"]


def test_hostile_text_is_shown_as_text(kept: Kept, tmp_path: Path) -> None:
    hostile = Kept(Place(tmp_path / "copy", None), kept.root, kept.key)
    shutil.copytree(kept.place.folder, hostile.place.folder)
    with Archive.open(hostile.place.folder) as archive, archive.begin() as connection:
        connection.execute(update(revision).values(headline='<script>alert(1)</script>"&amp;'))
    # The text is not what the manifests name any more: that is told, and all else is given.
    said = export(hostile, tmp_path / "evidence.zip", code=5)
    assert "is not the row" in said
    folder = unzipped(tmp_path / "evidence.zip", tmp_path / "unzipped")
    page = (folder / "index.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;amp;" in page
    assert run(folder, commands(folder)[1]) != 0


def test_what_is_damaged_is_told_and_the_rest_is_given(kept: Kept, tmp_path: Path) -> None:
    damaged = Kept(Place(tmp_path / "copy", None), kept.root, kept.key)
    shutil.copytree(kept.place.folder, damaged.place.folder)
    shown = presskeep("show", f"demo:{kept.key}", "--json", *place_options(damaged.place)).json
    hit = shown["captures"][0]
    file = damaged.place.folder / "warc" / hit["warc"]
    content = bytearray(file.read_bytes())
    content[hit["offset"] + hit["length"] // 2] ^= 1
    file.write_bytes(bytes(content))
    said = export(damaged, tmp_path / "evidence.zip", code=5)
    assert hit["warc"] in said
    folder = unzipped(tmp_path / "evidence.zip", tmp_path / "unzipped")
    given = [path.parent.name for path in folder.glob("captures/*/record*")]
    assert len(given) == len(shown["captures"]) - 1
    text = (folder / "README.txt").read_text()
    assert hit["warc"] in text
    assert f"answers of 1 of {len(shown['captures'])} captures could not be given" in text.partition("WHAT IS WHAT")[0]
    assert str(damaged.place.folder) not in text
    assert run(folder, commands(folder)[0]) == 0


@pytest.mark.long
def test_of_a_capture_with_one_broken_record_all_others_are_given(kept: Kept, tmp_path: Path) -> None:
    damaged = Kept(Place(tmp_path / "copy", None), kept.root, kept.key)
    shutil.copytree(kept.place.folder, damaged.place.folder)
    with Archive.open(damaged.place.folder, write=False) as archive, archive.read() as connection:
        shown = presskeep("show", f"demo:{kept.key}", "--json", *place_options(damaged.place)).json
        hit = shown["captures"][0]
        row = connection.execute(
            select(capture).where(capture.c.offset == hit["offset"], capture.c.at == hit_time(hit["at"]))
        ).one()
    file = damaged.place.folder / "warc" / hit["warc"]
    whole = file.read_bytes()
    ends = row.span_offset + row.span_length
    records = [each for each in read_records(io.BytesIO(whole), row.offset) if each.end <= ends]
    assert [each.kind for each in records] == ["response", "request", "metadata"]
    for broken in records:
        middle = (broken.offset + broken.end) // 2
        file.write_bytes(whole[:middle] + bytes((whole[middle] ^ 1,)) + whole[middle + 1 :])
        out = tmp_path / f"{broken.kind}.zip"
        said = export(damaged, out, code=5)
        assert f"{hit['warc']} at byte {broken.offset}" in said
        assert "decompressing" not in said
        folder = unzipped(out, tmp_path / broken.kind)
        given = folder / "captures" / str(row.id)
        assert not (given / "records.warc.gz").exists()
        answered = broken.kind != "response"
        assert [(given / name).exists() for name in ("record.warc.gz", "payload.gz")] == [answered] * 2
        beside = [each.kind for each in read_records(io.BytesIO((given / "beside.warc.gz").read_bytes()), 0)]
        assert sorted(beside) == sorted({"request", "metadata"} - {broken.kind})
        text = (folder / "README.txt").read_text()
        assert f"{hit['warc']} at byte {broken.offset}" in text
        assert f"captures/{row.id}, damaged in part" in (folder / "index.html").read_text()
        assert [run(folder, command) for command in commands(folder)] == [0] * 6
        done = export_records(damaged, tmp_path / f"{broken.kind}.warc.gz")
        assert (done.code, f"{hit['warc']} at byte {broken.offset}" in done.err) == (5, True), done.err
        exported = list(read_records(io.BytesIO((tmp_path / f"{broken.kind}.warc.gz").read_bytes()), 0))
        assert {each.id for each in records} - {each.id for each in exported} == {broken.id}


def hit_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


MENTIONED = {
    "sources/": "sources/*",
    "unproven/": "unproven/*/*",
    "decision/": "manifests/*/decision/*",
    "stamp.tsr": "manifests/*/stamp.tsr",
    "time-stamp-ca.pem": "time-stamp-ca.pem",
    "records.": "captures/*/records.*",
    "shared.": "captures/*/shared.*",
    "beside.": "captures/*/beside.*",
    "segment-": "captures/*/segment-*",
    "about.": "captures/*/about.*",
    "dictionary": "captures/*/dictionary.*",
    "payload.": "captures/*/payload.*",
    "payload.gz": "captures/*/payload.gz",
    "payload.br": "captures/*/payload.br",
    "certificate-": "captures/*/certificate-*",
    "uncovered-": "captures/*/uncovered-*",
}


def demand_only_what_is_there(folder: Path) -> None:
    """The README, but for the commands of its checks, names each kind of file that is there, and no other."""
    text = re.sub(r"^    \S.*\n(?:    .*\n)*", "", (folder / "README.txt").read_text(), flags=re.MULTILINE)
    assert {word for word in MENTIONED if word in text} == {
        word for word, pattern in MENTIONED.items() if list(folder.glob(pattern))
    }


def test_the_readme_names_the_files_that_are_there_and_no_others(folder: Path) -> None:
    demand_only_what_is_there(folder)
    shutil.rmtree(folder / "manifests")
    with pytest.raises(AssertionError):
        demand_only_what_is_there(folder)


def test_without_the_authoritys_certificates_the_readme_says_where_to_get_them(kept: Kept, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    done = presskeep("export", "evidence", f"demo:{kept.key}", "--out", str(out), *place_options(kept.place))
    assert done.code == 0
    folder = unzipped(out, tmp_path / "unzipped")
    assert "Get the authority's root certificate" in (folder / "README.txt").read_text()
    assert [run(folder, command) != 0 for command in commands(folder)] == [False] * 5 + [True]
    shutil.copy(kept.root, folder / "time-stamp-ca.pem")
    assert [run(folder, command) for command in commands(folder)] == [0] * 6
