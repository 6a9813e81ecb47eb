"""Evidence of an article: a zip whose README's commands hold, and fail on any change of what they cover."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import select, update

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import article_key, capture, location, resource, revision, warc_file
from tests.crawling import crawl, look, place_options, presskeep, replica_options
from tests.databases import Place
from tests.test_stamps import way_to
from tests.time_stamps import Authority, running_authority

PROVEN = re.compile(r"captures/\d+/(payload|records|certificate)[.-].+|revisions/.+\.json")
"""Files whose SHA-256 a row states."""


@dataclass(frozen=True)
class Kept:
    """An archive of two stamped crawls, and an article of it that has captures."""

    place: Place
    authority: Authority
    key: str


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    with running_replica(articles=16, tls=True) as running:
        yield running


@pytest.fixture(scope="module")
def kept(replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("evidence")
    place = Place(folder / "archive", None)
    with running_authority(folder / "authority") as authority:
        for day in (0, 1):
            assert crawl(place, replica, *way_to(authority), day=day).code == 0
        yield Kept(place, authority, fetch_by_tls(place, replica, *way_to(authority)))


def fetch_by_tls(place: Place, replica: Replica, *more: str) -> str:
    """Fetch two articles over TLS in one run; gives the second's key: its certificates stand outside its own span."""
    pages = sorted(url for url, outcomes in look(place).outcomes.items() if "article" in outcomes)[:2]
    urls = [url.replace("http://", "https://") for url in pages]
    fetched = presskeep("fetch", *urls, "--save", *place_options(place), *replica_options(replica), *more)
    assert fetched.code == 0, fetched.err
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
        "export", "evidence", f"demo:{kept.key}", "--out", str(out), "--time-stamp-ca", str(kept.authority.root),
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
    return done.returncode


@pytest.mark.long
def test_the_readmes_commands_hold_where_it_was_unzipped(folder: Path) -> None:
    found = commands(folder)
    assert len(found) == 5
    assert [run(folder, command) for command in found] == [0] * 5


@pytest.mark.long
def test_each_command_fails_on_a_flipped_byte_of_what_it_covers(folder: Path) -> None:
    sums, manifests, covered, unpacked, stamps = commands(folder)
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}

    def failing(command: str, name: str) -> bool:
        content = files[name].read_bytes()
        flipped = bytearray(content)
        # The signature is a stamp's end; certificates before it have fields that no check reads.
        flipped[-20 if name.endswith(".tsr") else len(content) * 2 // 3] ^= 1
        files[name].write_bytes(bytes(flipped))
        code = run(folder, command)
        files[name].write_bytes(content)
        return code != 0

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
    assert [name for name in packed if not failing(unpacked, name)] == []
    assert [name for name in [*texts, *stamped] if not failing(stamps, name)] == []
    assert [run(folder, command) for command in commands(folder)] == [0] * 5


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
    hostile = Kept(Place(tmp_path / "copy", None), kept.authority, kept.key)
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
    damaged = Kept(Place(tmp_path / "copy", None), kept.authority, kept.key)
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
    given = [path.name for path in (folder / "captures").iterdir()] if (folder / "captures").exists() else []
    assert len(given) == len(shown["captures"]) - 1
    text = (folder / "README.txt").read_text()
    assert hit["warc"] in text
    assert f"1 of {len(shown['captures'])} captures could not be given" in text.partition("WHAT IS WHAT")[0]
    assert str(damaged.place.folder) not in text
    assert run(folder, commands(folder)[0]) == 0


def test_without_the_authoritys_certificates_the_readme_says_where_to_get_them(kept: Kept, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    done = presskeep("export", "evidence", f"demo:{kept.key}", "--out", str(out), *place_options(kept.place))
    assert done.code == 0
    folder = unzipped(out, tmp_path / "unzipped")
    assert "Get the authority's root certificate" in (folder / "README.txt").read_text()
    assert [run(folder, command) != 0 for command in commands(folder)] == [False] * 4 + [True]
    shutil.copy(kept.authority.root, folder / "time-stamp-ca.pem")
    assert [run(folder, command) for command in commands(folder)] == [0] * 5
