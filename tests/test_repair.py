"""`verify --repair`: what digests prove is put right, what they do not is left as it is, and nothing is thrown away."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scraper.profiles import SHIPPED
from storage import models
from storage.archive import Archive
from storage.crawls import end_crawl, free_outlet
from storage.fixity.checking import check
from storage.fixity.repairing import repair
from tests.crawling import Ran, presskeep
from tests.foreign import each_packed
from tests.keeping import HOUR, PRIMARY, T0, working
from tests.sharing import two_crawls
from tests.test_importing import ONE, revisit, shown
from tests.tiers import in_soak


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_crawls(tmp_path_factory)


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path / "copy")
    return tmp_path / "copy"


def change(folder: Path, *statements: str) -> None:
    """Alter the database behind the archive's back."""
    with closing(sqlite3.connect(folder / "archive.db")) as database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement
        database.commit()


def ask(folder: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(folder / "archive.db")) as database:
        return database.execute(statement).fetchall()


def verify(folder: Path, *options: str) -> Ran:
    return presskeep("verify", "--archive", str(folder), "--jobs", "1", "--json", *options)


def warcs(folder: Path) -> list[Path]:
    return sorted((folder / "warc").glob("*.warc.gz"))


def contents(folder: Path) -> dict[str, bytes]:
    """Every WARC file and torn piece, by its path."""
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("warc/**/*") if each.is_file()}


def append(place: Path, data: bytes) -> None:
    with place.open("ab") as file:
        file.write(data)


def flip(place: Path, at: int) -> None:
    data = bytearray(place.read_bytes())
    data[at] ^= 1
    place.write_bytes(data)


@pytest.mark.long
@pytest.mark.parametrize("what", [in_soak(b"garbage"), "a whole record"])
def test_bytes_behind_a_closed_file_are_put_aside(copy: Path, what: bytes | str) -> None:
    first, second = warcs(copy)
    before = contents(copy)
    more = what if isinstance(what, bytes) else second.read_bytes()[:5000]
    append(first, more)
    mended = verify(copy, "--repair")
    assert (mended.code, mended.json["repaired"]) == (0, 1)
    aside = f"warc/torn/{first.name}.at-{len(before[f'warc/{first.name}'])}"
    assert aside in mended.json["findings"][0]["repair"]
    assert contents(copy) == before | {aside: more}
    again = verify(copy, "--repair")
    assert (again.code, again.json["findings"]) == (0, []), "a second repair finds nothing to do"
    append(first, b"others")
    assert verify(copy, "--repair").code == 0
    assert contents(copy) == before | {aside: more, f"{aside}.2": b"others"}, "a piece is never replaced"


DOUBTS = {
    "a byte of it was altered": "not proven",
    "a symbolic link": "nothing is written elsewhere",
    "another process holds it": "another process",
}
"""Why a file is left alone, and what is said of it."""


@pytest.mark.long
@pytest.mark.parametrize("doubt", DOUBTS)
def test_bytes_behind_a_file_stay_where_nothing_proves_the_file(copy: Path, tmp_path: Path, doubt: str) -> None:
    first = warcs(copy)[0]
    append(first, b"garbage")
    with first.open("rb") as held:
        if doubt == "a byte of it was altered":
            flip(first, 5000)
        elif doubt == "a symbolic link":
            first.rename(tmp_path / "elsewhere.warc.gz")
            first.symlink_to(tmp_path / "elsewhere.warc.gz")
        else:
            fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        before = contents(copy)
        left = verify(copy, "--repair")
    assert left.code == 5
    (finding,) = [each for each in left.json["findings"] if each["kind"] == "file-altered"]
    assert not finding["repaired"]
    assert DOUBTS[doubt] in finding["repair"]
    assert contents(copy) == before


def test_a_row_that_says_too_little_cuts_nothing_off(copy: Path) -> None:
    """The row is restored first, by its manifest; without one that confirms it, the file stays as it is."""
    before = contents(copy)
    change(copy, "UPDATE warc_file SET committed_len = committed_len - 100 WHERE id = 1")
    assert verify(copy, "--repair").code == 0
    assert contents(copy) == before
    data = warcs(copy)[0].read_bytes()
    shorter = f"committed_len = {len(data) - 100}, sha256 = '{hashlib.sha256(data[:-100]).hexdigest()}'"
    change(
        copy,
        f"UPDATE warc_file SET {shorter} WHERE id = 1",
        f"DELETE FROM capture WHERE warc_file = 1 AND span_offset + span_length > {len(data) - 100}",
        "UPDATE manifest_part SET text = replace(text, '  warc_file/1', '  warc_file/9') WHERE crawl = 1",
    )
    left = verify(copy, "--repair")
    assert left.code == 5
    assert "its row is not as its manifest says" in json.dumps(left.json)
    assert contents(copy) == before


@pytest.mark.long
def test_files_get_their_names_back(copy: Path) -> None:
    first, second = warcs(copy)
    before = contents(copy)
    first.rename(aside := first.with_name("aside.warc.gz"))
    second.rename(first)
    aside.rename(second)
    found = verify(copy).json["findings"]
    assert [each["kind"] for each in found] == ["file-altered", "file-altered"], "not one for each record"
    assert f"kept as warc/{second.name}" in found[0]["what"]
    assert verify(copy, "--repair").code == 0
    assert contents(copy) == before
    first.rename(first.with_name("renamed.warc.gz"))
    assert verify(copy, "--repair").code == 0
    assert contents(copy) == before
    first.rename(first.with_name("renamed.warc.gz"))
    first.write_bytes(b"another file")
    assert verify(copy, "--repair").code == 5, "what stands in the way is not replaced"
    assert first.read_bytes() == b"another file"
    assert first.with_name("renamed.warc.gz").exists()


def exchanged(*columns: str) -> tuple[str, ...]:
    """Statements that give two captures each other's columns."""
    names = ", ".join(f'"{each}"' for each in columns)
    values = ", ".join(f'"{each}" = {"-" if each == "offset" else ""}other."{each}"' for each in columns)
    return (
        'UPDATE capture SET "offset" = -"offset" WHERE id IN (8, 9)',
        f"UPDATE capture SET {values} FROM (SELECT id, {names} FROM capture WHERE id IN (8, 9)) AS other "
        "WHERE capture.id IN (8, 9) AND other.id = 17 - capture.id",
    )


SPAN = ("span_offset", "span_length", "span_sha256")
MISSING = {
    "captures": ("DELETE FROM capture WHERE id IN (8, 9, 20)",),
    "the last capture": ("DELETE FROM capture WHERE id = (SELECT max(id) FROM capture WHERE warc_file = 1)",),
    "a location": ("DELETE FROM location WHERE id = 9",),
    "a file's row": ("DELETE FROM warc_file WHERE id = 1",),
    "a pointer": ('UPDATE capture SET "offset" = "offset" + 1, length = 7 WHERE id = 9',),
    "another's pointer": ("UPDATE capture SET warc_file = 2 WHERE id = 9",),
    "two pointers, exchanged": exchanged("offset", "length"),
    "two captures' places, exchanged": exchanged("offset", "length", *SPAN, "member_sha256", "payload_sha256"),
    "the URLs of two locations, exchanged": (
        "UPDATE location SET url_hash = CAST('x' || url_hash AS BLOB) WHERE id IN (8, 9)",
        "UPDATE location SET url = other.url, url_hash = substr(other.url_hash, 2) "
        "FROM (SELECT id, url, url_hash FROM location WHERE id IN (8, 9)) AS other "
        "WHERE location.id IN (8, 9) AND other.id = 17 - location.id",
    ),
    "the crawl of a row": ("UPDATE capture SET crawl = 2 WHERE id = 9",),
    "a file's path": ("UPDATE warc_file SET path = 'elsewhere.warc.gz' WHERE id = 2",),
    "the crawls' order": (
        "UPDATE crawl SET previous_digest = CASE id WHEN 1 THEN manifest_digest ELSE NULL END, operator = 'x'",
    ),
    "the index": ("DELETE FROM manifest_part WHERE crawl = 2", "UPDATE location SET first_at = 7 WHERE id = 9"),
}


_LIKE_OTHERS = frozenset(
    ("a location", "a pointer", "two pointers, exchanged", "the last capture", "a file's path", "the crawl of a row")
)


@pytest.mark.long
@pytest.mark.parametrize("what", [in_soak(each) if each in _LIKE_OTHERS else each for each in MISSING])
def test_rows_come_back_from_records_and_manifests(copy: Path, what: str) -> None:
    tables = ("capture", "location", "warc_file", "crawl", "manifest_part")
    # How much a listing led to stands in no record; what a page states of its use is read in it again by reextract.
    change(copy, "UPDATE capture SET gained = NULL, rights = NULL")
    before = [ask(copy, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
    change(copy, *MISSING[what])
    assert verify(copy).code == 5
    mended = verify(copy, "--repair")
    assert (mended.code, mended.json["damaged"]) == (0, 0)
    assert verify(copy).json["findings"] == []
    after = [ask(copy, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]
    if what != "a location":  # validators and the last whole answer of a location stand in no record
        assert after == before


TEXTS = ("revision", "figure", "revision_author")
ALTERED = (
    "UPDATE revision SET headline = 'Another headline' WHERE id = 3",
    "UPDATE revision SET blocks = '[]', body = '' WHERE id = 4",
    "UPDATE revision SET authors = '[\"Nobody\"]', digest = '00' WHERE id = 5",
    "UPDATE figure SET caption = 'Another caption' WHERE revision = (SELECT max(revision) FROM figure)",
    "DELETE FROM figure WHERE revision = (SELECT min(revision) FROM figure)",
)


def test_altered_texts_are_read_again_from_their_captures(copy: Path) -> None:
    before = [ask(copy, f"SELECT * FROM {table} ORDER BY 1, 2") for table in TEXTS]
    change(copy, *ALTERED)
    assert {"revision/3", "revision/4", "revision/5"} <= {each["place"] for each in verify(copy).json["findings"]}
    mended = verify(copy, "--repair")
    assert (mended.code, mended.json["damaged"]) == (0, 0), mended.out
    assert any("by reading capture/" in each["repair"] for each in mended.json["findings"])
    assert verify(copy).json["findings"] == []
    assert [ask(copy, f"SELECT * FROM {table} ORDER BY 1, 2") for table in TEXTS] == before


@pytest.mark.long
def test_a_text_that_cannot_be_read_again_is_left_with_the_reason(copy: Path, tmp_path: Path) -> None:
    change(copy, ALTERED[0])
    (tmp_path / "profiles").mkdir()
    other = (SHIPPED / "demo.toml").read_text().replace("boilerplate = [", 'boilerplate = [\n    "xpath://other",')
    (tmp_path / "profiles" / "demo.toml").write_text(other)

    def tried(**environment: str) -> tuple[int, set[str]]:
        ran = presskeep(
            "verify", "--repair", "--archive", str(copy), "--jobs", "1", "--json", environment=environment
        )  # fmt: skip
        return ran.code, {each["repair"] for each in ran.json["findings"] if each["place"] == "revision/3"}

    code, (why,) = tried(PRESSKEEP_PROFILES=str(tmp_path / "profiles"))
    assert (code, "profile is not the one" in why) == (5, True), why
    known = ask(copy, "SELECT version FROM extractor")
    change(copy, "UPDATE extractor SET version = '0'")
    code, (why,) = tried()
    assert (code, "version 0 of the extractor read it" in why) == (5, True), why
    change(copy, f"UPDATE extractor SET version = '{known[0][0]}'")
    assert ask(copy, "SELECT headline FROM revision WHERE id = 3") == [("Another headline",)]
    code, (how,) = tried()
    assert (code, "by reading capture/" in how) == (0, True), how


@pytest.mark.long
def test_index_files_are_checked_and_made_anew(copy: Path) -> None:
    folder = copy / "cdxj"
    lines = sorted(b"".join(each.read_bytes() for each in folder.glob("*.cdxj")).splitlines())
    for pattern in ("*.cdxj", "index.json"):
        place = max(folder.glob(pattern))  # a repair may make one file of several
        flip(place, place.stat().st_size // 2)
        (found,) = verify(copy).json["findings"]
        assert (found["kind"], found["place"]) == ("index-wrong", f"cdxj/{place.name}")
        assert verify(copy, "--repair").code == 0
        assert verify(copy).json["findings"] == []
    first = sorted(folder.glob("*.cdxj"))[0]
    first.unlink()
    assert [each["place"] for each in verify(copy).json["findings"]] == [f"cdxj/{first.name}"]
    assert verify(copy, "--repair").code == 0
    assert sorted(b"".join(each.read_bytes() for each in folder.glob("*.cdxj")).splitlines()) == lines
    shutil.rmtree(folder)
    assert verify(copy).json["findings"] == [], "an index may be deleted: the next crawl makes it again"


OTHER = replace(ONE, key=595_002)


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive, a file that it imported, and one that it is linked to; a revisit stands in both."""
    folder = tmp_path_factory.mktemp("taken")
    copied, linked = folder / "copied.warc.gz", folder / "linked.warc.gz"
    copied.write_bytes(each_packed([shown("2019-05-06"), revisit("2021-05-06", "2019-05-06")]))
    linked.write_bytes(each_packed([shown("2020-05-06", piece=OTHER), revisit("2022-05-06", "2019-05-06")]))
    for options in ([str(copied)], ["--link", str(linked)]):
        assert presskeep("import", "--archive", str(folder / "archive"), *options).code == 0
    rows = ask(folder / "archive", "SELECT warc_file, refers_to IS NULL FROM capture ORDER BY id")
    assert rows == [(1, 1), (1, 0), (2, 1), (2, 0)]
    return folder


@pytest.fixture
def imported(taken: Path, tmp_path: Path) -> Path:
    shutil.copytree(taken / "archive", tmp_path / "imported")
    return tmp_path / "imported"


def linked_file(folder: Path) -> Path:
    ((store, path),) = ask(folder, "SELECT store, path FROM warc_file WHERE store <> 'warc'")
    return Path(store, path)


def state_of(place: Path) -> tuple[bytes, int, int]:
    """A file's bytes, when it was written, and which file it is."""
    found = place.stat()
    return place.read_bytes(), found.st_mtime_ns, found.st_ino


COLUMNS = (
    "member_sha256 = 'x', payload_sha256 = 'x'",
    "status = 404, mime = 'x', truncated = 'time', tls = '[1]'",
    "at = at + 1",
    "source = 'live', origin = 'x'",
    "span_offset = 1, span_length = 2, span_sha256 = 'x'",
)


@pytest.mark.soak
@pytest.mark.long
@pytest.mark.parametrize("capture", [1, in_soak(2), in_soak(3), in_soak(4)])
def test_captures_of_imported_and_linked_files_are_restored(imported: Path, capture: int) -> None:
    """The response and the revisit of a file that was imported, and those of one that is linked to."""
    rows = "SELECT * FROM capture ORDER BY id"
    before, linked = ask(imported, rows), state_of(linked_file(imported))
    assert verify(imported).json["findings"] == []
    for columns in COLUMNS:
        change(imported, f"UPDATE capture SET {columns} WHERE id = {capture}")
        found = verify(imported).json["findings"]
        assert ("row-altered", f"capture/{capture}") in {(each["kind"], each["place"]) for each in found}
        mended = verify(imported, "--repair")
        assert (mended.code, mended.json["damaged"]) == (0, 0), columns
        assert ask(imported, rows) == before
    change(imported, f"UPDATE capture SET member_sha256 = 'x', outcome = 'x', crawl = crawl + 5 WHERE id = {capture}",
           "UPDATE manifest_part SET text = replace(text, 'capture/', 'capture/9')")  # fmt: skip
    assert verify(imported, "--repair").code == 5, "no manifest confirms it any more"
    assert state_of(linked_file(imported)) == linked


@pytest.mark.long
def test_other_rows_of_imported_and_linked_files_are_restored(imported: Path) -> None:
    tables = ("location", "warc_file")
    before = [ask(imported, f"SELECT * FROM {table} ORDER BY id") for table in tables]
    linked = state_of(linked_file(imported))
    for statement in (
        "UPDATE location SET url = url || 'x', how = 'linked'",
        "UPDATE location SET url_hash = randomblob(32), first_at = first_at - 1",
        "UPDATE warc_file SET sha256 = 'x'",
        "UPDATE warc_file SET path = 'imported/x.warc.gz' WHERE id = 1",
    ):
        change(imported, statement)
        assert verify(imported).code == 5
        assert verify(imported, "--repair").json["damaged"] == 0, statement
        assert [ask(imported, f"SELECT * FROM {table} ORDER BY id") for table in tables] == before
    assert state_of(linked_file(imported)) == linked


@pytest.mark.long
def test_bytes_behind_an_imported_file_are_put_aside_and_a_linked_file_is_never_written(
    imported: Path, tmp_path: Path
) -> None:
    place = imported / "warc" / "imported" / "copied.warc.gz"
    before = place.read_bytes()
    append(place, b"garbage")
    assert verify(imported, "--repair").code == 0
    assert place.read_bytes() == before
    aside = imported / "warc" / "torn" / f"imported-copied.warc.gz.at-{len(before)}"
    assert aside.read_bytes() == b"garbage"
    linked = linked_file(imported)
    shutil.copy2(linked, tmp_path / "linked.warc.gz")
    change(imported, f"UPDATE warc_file SET store = '{tmp_path}' WHERE id = 2")
    append(tmp_path / "linked.warc.gz", b"garbage")
    altered = state_of(tmp_path / "linked.warc.gz")
    left = verify(imported, "--repair")
    assert left.code == 5
    (finding,) = [each for each in left.json["findings"] if each["kind"] == "file-altered"]
    assert finding["place"] == str(tmp_path / "linked.warc.gz")
    assert "nothing is ever written in" in finding["repair"]
    assert state_of(tmp_path / "linked.warc.gz") == altered


def test_both_databases_are_mended_alike(archive: Archive) -> None:
    with working(archive) as work:
        resources = work.find("1", "2", "3")
        for key, resource in resources.items():
            work.keep(resource, f"https://{PRIMARY}/detail/{key}")
        work.show("1", resources["1"], "A text.")
    with archive.begin() as connection:
        end_crawl(connection, work.crawl, "finished", {}, T0 + HOUR)
        free_outlet(connection, work.outlet, work.owner)
    before = {name: work.rows(name) for name in ("capture", "location", "warc_file", "crawl", "revision")}
    assert list(check(archive)) == []
    capture, location, file = models.capture, models.location, models.warc_file
    with archive.begin() as connection:
        last = location.update().where(location.c.id == before["capture"][1].location)
        connection.execute(last.values(whole_capture=None, url_hash=b"x" * 32))
        connection.execute(capture.delete().where(capture.c.id == 2))
        connection.execute(capture.update().where(capture.c.id == 3).values(payload_sha256="x", offset=7))
        connection.execute(file.update().values(path="elsewhere.warc.gz"))
        connection.execute(models.revision.update().values(body="another"))
        connection.execute(models.crawl.update().values(operator="another"))
    append(next(archive.warc_folder.glob("*.warc.gz")), b"garbage")
    found = list(check(archive))
    assert {each.kind for each in found} >= {"row-missing", "row-altered", "file-strange", "file-missing"}
    assert all(each.repaired for each in repair(archive, found, lambda: check(archive)))
    assert list(check(archive)) == []
    with archive.begin() as connection:
        connection.execute(last.values(whole_capture=before["location"][1].whole_capture))
    assert {name: work.rows(name) for name in before} == before
    assert next(archive.warc_folder.glob("torn/*")).read_bytes() == b"garbage"
