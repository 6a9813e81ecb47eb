"""`verify`: an untouched archive is clean, every damage to it is named, and what can be proven is mended."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text, update

from storage import models
from storage.archive import Archive
from storage.fixity.checking import check
from storage.fixity.findings import Finding
from storage.manifest import manifest_digest
from storage.owners import process_lives
from tests.crawling import ROOT, Ran, presskeep
from tests.damaging import damage, unnamed
from tests.foreign import each_packed
from tests.keeping import HOUR, T0, working
from tests.living import heed_hangups, ignore_interrupts, wait_until
from tests.sharing import two_crawls
from tests.test_importing import shown
from tests.tiers import in_soak

COPIES = int(os.environ.get("PRESSKEEP_DAMAGED_COPIES", "3"))
"""Damaged copies; 6 in `.ci/run`, 20 in `make soak`."""
FLIPS = 50


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_crawls(tmp_path_factory)


@pytest.fixture
def copy(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path / "copy")
    return tmp_path / "copy"


def found_in(folder: Path, **options: object) -> list[Finding]:
    with Archive.open(folder, write=False) as archive:
        return list(check(archive, **options))  # type: ignore[arg-type]


def test_what_nobody_touched_is_clean(kept: Path) -> None:
    assert found_in(kept) == []
    assert found_in(kept, jobs=2) == []
    told = presskeep("verify", "--archive", str(kept))
    assert (told.code, told.out.splitlines()[0]) == (0, "Everything is as it was kept.")


@pytest.mark.parametrize("seed", range(COPIES))
def test_every_flip_is_named(copy: Path, seed: int) -> None:
    damages = damage(copy, seed, FLIPS)
    assert unnamed(damages, found_in(copy, jobs=2)) == []
    assert len(damages) == FLIPS
    assert len(unnamed(damages, [])) == FLIPS


def change(folder: Path, statement: str, *values: object) -> None:
    """Alter the database behind the archive's back."""
    with sqlite3.connect(folder / "archive.db") as database:
        assert database.execute(statement, values).rowcount == 1, statement
    database.close()


def verify(folder: Path, *options: str) -> Ran:
    return presskeep("verify", "--archive", str(folder), *options)


def kinds(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(each.kind, each.place.partition(" at byte")[0]) for each in findings}


def a_file(folder: Path) -> Path:
    return sorted((folder / "warc").glob("*.warc.gz"))[0]


def broken_json(column: str) -> str:
    return f"UPDATE revision SET {column} = substr({column}, 1, length({column}) - 1) || 'x' WHERE id = 5"


def broken_text(table: str, column: str, row: str) -> str:
    """Half a character where the second one was."""
    halved = f"CAST(CAST(substr({column}, 1, 1) AS BLOB) || x'c3' || CAST(substr({column}, 3) AS BLOB) AS TEXT)"
    return f"UPDATE {table} SET {column} = {halved} WHERE {row}"


UNREADABLE = {
    **{("revision/5", name): broken_json(name) for name in ("blocks", "authors", "section", "tags", "found")},
    ("revision/5", "headline"): broken_text("revision", "headline", "id = 5"),
    ("revision/6", "blocks"): broken_text("revision", "blocks", "id = 6"),
    ("location/9", "url"): broken_text("location", "url", "id = 9"),
    ("location/9", "first_at"): "UPDATE location SET first_at = 'never' WHERE id = 9",
    ("capture/20", "at"): "UPDATE capture SET at = -at * 100 WHERE id = 20",
    ("capture/20", "mime"): broken_text("capture", "mime", "id = 20"),
    ("crawl/1", "counts"): "UPDATE crawl SET counts = '{' WHERE id = 1",
    ("crawl/2", "manifest"): broken_text("manifest_part", "text", "crawl = 2 AND n = 0"),
}
"""What cannot be read at all: by the row that a check names, and a column of it."""
_AT_ONCE = {("revision/5", "blocks"), ("location/9", "first_at"), ("crawl/2", "manifest")}


@pytest.mark.parametrize(
    "named",
    [each if each in _AT_ONCE else pytest.param(each, marks=pytest.mark.soak) for each in UNREADABLE],
    ids=[" ".join(each) for each in UNREADABLE],
)
def test_a_value_that_cannot_be_read_is_named_by_its_row(copy: Path, named: tuple[str, str]) -> None:
    change(copy, UNREADABLE[named])
    found = found_in(copy)
    assert named[0] in {each.place for each in found}
    assert not {each.kind for each in found} & {"database-damaged"}
    repaired = verify(copy, "--repair")
    assert repaired.code in (0, 5)
    assert "fault of Presskeep" not in repaired.err
    assert repaired.code == verify(copy).code


@pytest.mark.long
def test_values_that_cannot_be_read_are_all_named_at_once(copy: Path) -> None:
    for statement in UNREADABLE.values():
        change(copy, statement)
    found = found_in(copy)
    assert {place for place, _ in UNREADABLE} <= {each.place for each in found}
    assert verify(copy, "--repair").code == verify(copy).code == 5


def test_a_capture_that_refers_to_another_payload_is_named_and_given_its_own(copy: Path) -> None:
    with sqlite3.connect(copy / "archive.db") as database:
        referring = dict(database.execute("SELECT id, refers_to FROM capture WHERE refers_to IS NOT NULL").fetchall())
        database.execute("UPDATE capture SET refers_to = refers_to + 1 WHERE refers_to IS NOT NULL")
        database.commit()
    assert len(referring) > 10
    database.close()
    named = {each.place for each in found_in(copy) if each.kind == "state-wrong"}
    assert named == {f"capture/{number}" for number in referring}
    assert verify(copy, "--repair").code == 0
    with sqlite3.connect(copy / "archive.db") as database:
        again = dict(database.execute("SELECT id, refers_to FROM capture WHERE refers_to IS NOT NULL").fetchall())
    database.close()
    assert again == referring


def test_who_reads_a_value_that_cannot_be_read_is_told(copy: Path) -> None:
    with sqlite3.connect(copy / "archive.db") as database:
        key, shown = database.execute(
            "SELECT key, current_revision FROM article_key JOIN article ON article.id = article_key.article "
            "WHERE current_revision IS NOT NULL"
        ).fetchone()
    database.close()
    change(copy, "UPDATE revision SET blocks = '{' WHERE id = ?", shown)
    for command in (("show",), ("export", "evidence", "--out", str(copy / "x.zip"))):
        told = presskeep(*command, f"demo:{key}", "--archive", str(copy))
        (line,) = told.err.splitlines()
        assert (told.code, told.out) == (5, "")
        assert line.startswith("presskeep: the archive's database: holds a value that cannot be read."), line


@pytest.mark.long
def test_who_reads_a_text_that_is_no_utf_8_is_told(copy: Path) -> None:
    with sqlite3.connect(copy / "archive.db") as database:
        revisions = [number for (number,) in database.execute("SELECT id FROM revision").fetchall()]
    database.close()
    for number in revisions:
        change(copy, broken_text("revision", "headline", f"id = {number}"))
    change(copy, broken_text("article_key", "key", "article = 1"))
    with sqlite3.connect(copy / "archive.db") as database:
        (key,) = database.execute("SELECT key FROM article_key WHERE article = 3").fetchone()
        named = database.execute(
            "SELECT url FROM location WHERE resource = (SELECT id FROM resource WHERE article = 1)"
        )
        (url,) = named.fetchone()
    database.close()
    evidence = ("export", "evidence", "--out", str(copy / "x.zip"))
    for words in (("show", f"demo:{key}"), ("search", "the OR a"), (*evidence, f"demo:{key}"), ("show", url)):
        told = presskeep(*words, "--archive", str(copy))
        (line,) = told.err.splitlines()
        assert (told.code, told.out) == (5, ""), words
        assert line.endswith("holds a text that cannot be read. `presskeep verify` says in which row."), line


PROVEN = {
    "capture/20": ("UPDATE capture SET payload_sha256 = 'x', status = 999 WHERE id = 20",),
    "capture/21": ("UPDATE capture SET at = at + 1, span_sha256 = 'x' WHERE id = 21",),
    "location/9": ("UPDATE location SET url_hash = zeroblob(32) WHERE id = 9",),
    "revision/5": ("UPDATE revision SET digest = 'x', body = 'x' WHERE id = 5",),
    "warc_file/1": ("UPDATE warc_file SET sha256 = 'x' WHERE id = 1",),
    "crawl/1": ("UPDATE manifest_part SET text = 'x' || text WHERE crawl = 1",),
    "crawl/2": ("DELETE FROM manifest_part WHERE crawl = 2",),
    "article/3": (
        "UPDATE article SET current_revision = (SELECT max(id) FROM revision WHERE article = 4) WHERE id = 3",
    ),
    "resource/7": ("UPDATE resource SET attempts = -4, priority = 77, due_at = 99999999999999999 WHERE id = 7",),
    "revision/4": ("UPDATE revision SET headline = 'Another' WHERE id = 4",),
    "figure/5.0": ("UPDATE figure SET url = 'https://elsewhere.example/' WHERE revision = 5 AND position = 0",),
    "counter/1.articles": ("UPDATE counter SET n = n + 1 WHERE name = 'articles'",),
    "revision_search/6": ("DELETE FROM revision_fts_docsize WHERE id = 6",),
}


@pytest.mark.long
@pytest.mark.parametrize("place", PROVEN)
def test_what_the_rest_proves_is_mended(copy: Path, place: str) -> None:
    for statement in PROVEN[place]:
        change(copy, statement)
    found = found_in(copy)
    assert place in {each.place for each in found}
    mended = verify(copy, "--repair", "--json")
    assert (mended.code, mended.json["damaged"]) == (0, 0)
    assert mended.json["repaired"] == len(mended.json["findings"]) > 0
    assert found_in(copy) == []


LOST = {
    "revision/5": "UPDATE revision SET supersedes = 1 WHERE id = 5",
    "extraction/{}.1": "UPDATE extraction SET at = at + 1 WHERE capture = {}",
}


@pytest.mark.long
@pytest.mark.parametrize("place", LOST)
def test_what_nothing_proves_stays_named(copy: Path, place: str) -> None:
    with closing(sqlite3.connect(copy / "archive.db")) as database:
        (read,) = database.execute("SELECT max(capture) FROM extraction WHERE extractor = 1").fetchone()
    change(copy, LOST[place].format(read))
    place = place.format(read)
    ran = verify(copy, "--repair", "--json")
    assert ran.code == 5
    (finding,) = [each for each in ran.json["findings"] if each["place"] == place and "manifest" in each["what"]]
    assert not finding["repaired"]
    assert "backup" in finding["repair"]
    assert place in {each.place for each in found_in(copy)}


def test_files_that_are_gone_cut_or_strange_are_named(copy: Path) -> None:
    first, second = sorted((copy / "warc").glob("*.warc.gz"))
    stranger = copy / "warc" / "stranger.warc.gz"
    shutil.copy(first, stranger)
    shutil.copy(first, copy / "warc" / "begun.warc.gz.open")
    first.unlink()
    os.truncate(second, second.stat().st_size - 100)
    found = found_in(copy)
    assert ("file-missing", f"warc/{first.name}") in kinds(found)
    assert ("file-strange", "warc/stranger.warc.gz") in kinds(found)
    assert not any("begun" in each.place for each in found), "a file that is being written has no row at first"
    assert ("file-altered", f"warc/{second.name}") in kinds(found)
    assert ("record-missing", f"warc/{second.name}") in kinds(found)
    told = verify(copy)
    assert told.code == 5
    assert f"file-missing  warc/{first.name}" in told.out
    assert "--repair" in told.out


def test_a_record_that_no_row_names_is_strange(copy: Path) -> None:
    """A row that was taken away leaves its records; a row that was added has none."""
    with sqlite3.connect(copy / "archive.db") as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("DELETE FROM capture WHERE id = 30")
    database.close()
    found = kinds(found_in(copy))
    assert ("record-strange", f"warc/{a_file(copy).name}") in found
    assert ("row-missing", "capture/30") in found
    change(copy, "INSERT INTO location (id, resource, url, url_hash, how, first_at, last_at, crawl)"
           " SELECT 9999, resource, 'x', 'x', how, first_at, last_at, crawl FROM location WHERE id = 1")  # fmt: skip
    assert ("row-strange", "location/9999") in kinds(found_in(copy))


def test_a_chain_that_was_cut_or_forked_is_named(copy: Path) -> None:
    anchor = "UPDATE crawl SET previous_digest = NULL WHERE id = 2"
    change(copy, anchor)
    found = [each for each in found_in(copy) if each.kind == "chain-broken"]
    assert [each.place for each in found] == ["crawl/2"]
    change(copy, "UPDATE crawl SET previous_digest = 'x' WHERE id = 2")
    assert "chain-broken" in {each.kind for each in found_in(copy)}


@pytest.mark.long
def test_a_history_that_was_wholly_recomputed_is_caught_by_a_digest_kept_elsewhere(copy: Path) -> None:
    with Archive.open(copy) as archive, archive.begin() as connection:
        digests = dict(connection.execute(text("SELECT id, manifest_digest FROM crawl")).all())
        assert found_in(copy, anchors=tuple(digests.values())) == []
        connection.execute(update(models.crawl).where(models.crawl.c.id == 2).values(operator="someone else"))
        _recompute(connection, 2)
    assert found_in(copy) == []
    assert [each.kind for each in found_in(copy, anchors=(digests[2],))] == ["chain-broken"]
    assert verify(copy, "--anchor", digests[1]).code == 0
    assert verify(copy, "--anchor", digests[2]).code == 5
    assert verify(copy, "--anchor", "abc").code == 2


def _recompute(connection: object, crawl: int) -> None:
    from storage.manifest import draw_manifest

    digest = draw_manifest(connection, crawl)  # type: ignore[arg-type]
    connection.execute(update(models.crawl).where(models.crawl.c.id == crawl).values(manifest_digest=digest))  # type: ignore[attr-defined]


def test_an_archive_of_the_first_schema_is_checked_without_spans(copy: Path) -> None:
    with Archive.open(copy) as archive, archive.begin() as connection:
        connection.execute(update(models.capture).values(span_offset=None, span_length=None, span_sha256=None))
        connection.execute(text("DELETE FROM manifest_part"))
        previous = None
        for number in (1, 2):
            row = update(models.crawl).where(models.crawl.c.id == number)
            connection.execute(row.values(manifest_form=1, previous_digest=previous))
            previous = manifest_digest(connection, number)
            connection.execute(row.values(manifest_digest=previous))
    assert found_in(copy) == []
    damaged = bytearray(a_file(copy).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    a_file(copy).write_bytes(damaged)
    change(copy, "UPDATE capture SET payload_sha256 = 'x' WHERE id = 20")
    found = {each.kind for each in found_in(copy)}
    assert found == {"file-altered", "record-altered", "row-altered"}


def test_both_databases_are_checked_alike(archive: Archive) -> None:
    from storage.crawls import end_crawl

    with working(archive) as work:
        resource = work.find("1")["1"]
        work.show("1", resource, "A")
        work.show("1", resource, "B", at=T0 + HOUR)
    with archive.begin() as connection:
        end_crawl(connection, work.crawl, "finished", {}, datetime(2026, 3, 2, tzinfo=UTC))
    assert list(check(archive)) == []
    with archive.begin() as connection:
        connection.execute(update(models.revision).where(models.revision.c.id == 1).values(body="Another text"))
        connection.execute(update(models.article).values(current_revision=None))
    found = list(check(archive))
    assert {(each.kind, each.place) for each in found} == {("row-altered", "revision/1"), ("state-wrong", "article/1")}


def test_a_running_crawl_is_no_damage(copy: Path) -> None:
    with Archive.open(copy) as archive, working(archive) as work:
        work.show("900", work.find("900")["900"], "A")
        assert found_in(copy) == []
        held = verify(copy, "--repair")
        assert held.code == 0, "nothing to repair, nothing to lock"


@pytest.mark.long
def test_what_was_imported_is_checked_too(kept: Path, tmp_path: Path) -> None:
    """The WARC files of one archive, imported into another, one of them from where it lies."""
    place = tmp_path / "archive"
    first, second = sorted((kept / "warc").glob("*.warc.gz"))
    shutil.copy(second, linked := tmp_path / "linked.warc.gz")
    for options in ([str(first)], ["--link", str(linked)]):
        assert presskeep("import", "--archive", str(place), *options).code == 0
    assert found_in(place) == []
    (copied,) = (place / "warc" / "imported").iterdir()
    for file in (copied, linked):
        data = bytearray(file.read_bytes())
        with sqlite3.connect(place / "archive.db") as database:
            offset, length, number = database.execute(
                "SELECT offset, length, capture.id FROM capture JOIN warc_file ON warc_file.id = warc_file"
                " WHERE path LIKE ? ORDER BY capture.id DESC LIMIT 1", [f"%{file.name}"],
            ).fetchone()  # fmt: skip
        database.close()
        data[offset + length // 2] ^= 1
        file.write_bytes(data)
        found = found_in(place)
        assert any(each.place.endswith(f"(capture/{number})") for each in found)
        assert any(each.kind == "file-altered" and file.name in each.place for each in found)
    linked.unlink()
    assert "file-missing" in {each.kind for each in found_in(place)}


def test_a_database_whose_pages_were_overwritten_is_told_as_damaged(copy: Path) -> None:
    with sqlite3.connect(copy / "archive.db") as database:
        (first,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'crawl'").fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    database.close()
    assert verify(copy).code == 0
    with (copy / "archive.db").open("r+b") as file:
        file.seek((first - 1) * size)
        file.write(b"\xff" * size)
    told = verify(copy)
    assert told.code == 5
    assert "Traceback" not in told.err


@pytest.mark.long
def test_a_file_that_a_living_import_has_copied_is_no_stranger(copy: Path, tmp_path: Path) -> None:
    """It has no row yet; killed for good, the import leaves a stranger, which the same import takes over."""
    place, stranger = tmp_path / "mine.warc.gz", copy / "warc" / "imported" / "stranger.warc.gz"
    place.write_bytes(each_packed([shown("2019-05-06")]))
    stranger.parent.mkdir()
    stranger.write_bytes(b"anything")
    options = ("import", "--archive", str(copy), str(place))

    def strangers() -> set[str]:
        return {each.place for each in found_in(copy) if each.kind == "file-strange"}

    command = [sys.executable, "-m", "tests.holding_import", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as living:
        assert living.stdout is not None
        assert living.stdout.readline() == "copied\n"
        assert (copy / "warc" / "imported" / "mine.warc.gz").exists()
        assert strangers() == {"warc/imported/stranger.warc.gz"}
        living.kill()
    wait_until(lambda: "warc/imported/mine.warc.gz" in strangers(), "the end of what the import had started")
    assert presskeep(*options).code == 0
    assert strangers() == {"warc/imported/stranger.warc.gz"}
    assert [each.name for each in sorted(stranger.parent.iterdir())] == ["mine.warc.gz", "stranger.warc.gz"]


@pytest.mark.long
def test_a_check_whose_process_is_killed_ends_with_one_line(copy: Path, tmp_path: Path) -> None:
    program = ("-m", "tests.dying_checker", "worker", str(tmp_path / "worker"))
    killed = presskeep("verify", "--archive", str(copy), "--jobs", "2", program=program)
    assert (killed.code, killed.out) == (7, "")
    (line,) = killed.err.splitlines()
    assert line.startswith(f"presskeep: warc/{a_file(copy).name}: the process that checked this file was killed")
    assert "--jobs 1" in line
    assert verify(copy, "--jobs", "2").code == 0


BLOCKED_IN_CHILDREN = """
import os
from pathlib import Path
from storage.fixity.pool import Pool

def status(place):
    try:
        return dict(line.split(":\\t", 1) for line in (place / "status").read_text().splitlines() if ":\\t" in line)
    except OSError:
        return {}

if __name__ == "__main__":
    with Pool(2):
        for place in Path("/proc").glob("[0-9]*"):
            if status(place).get("PPid") == str(os.getpid()) and "forkserver" in (place / "cmdline").read_text():
                print(status(place)["SigBlk"])
"""
"""Tells what the process does not hear that starts those which check."""


def test_what_starts_the_processes_of_a_check_never_hears_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "tell.py").write_text(BLOCKED_IN_CHILDREN)
    command = [sys.executable, str(tmp_path / "tell.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    wanted = 1 << signal.SIGINT - 1 | 1 << signal.SIGHUP - 1
    assert [int(each, 16) & wanted for each in told] == [wanted]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for the name of a socket."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.long
@pytest.mark.parametrize("started", [heed_hangups, ignore_interrupts])
@pytest.mark.parametrize("number", [signal.SIGTERM, in_soak(signal.SIGHUP)])
def test_an_import_that_is_told_to_end_does_so_in_order(
    tmp_path: Path, short_folder: Path, number: signal.Signals, started: Callable[[], None]
) -> None:
    place, temporary = tmp_path / "mine.warc.gz", short_folder
    place.write_bytes(each_packed([shown("2019-05-06")]))
    options = ("import", "--archive", str(tmp_path / "archive"), str(place))
    command, pipe = [sys.executable, "-m", "tests.holding_import", *options], subprocess.PIPE
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(
        command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment, preexec_fn=started
    ) as living:
        assert living.stdout is not None
        assert living.stdout.readline() == "copied\n"
        assert [each.name for each in temporary.glob("presskeep-import-*")], "what it works with is there"
        living.send_signal(number)
        _, err = living.communicate(timeout=60)
    assert (living.returncode, err) == (
        7,
        "presskeep: stopped. All that was taken in is kept; the same command goes on.\n",
    )
    assert list(temporary.glob("presskeep-import-*")) == []
    assert presskeep(*options).code == 0


def test_no_process_outlives_a_check_that_was_killed(copy: Path, tmp_path: Path) -> None:
    program = ("-m", "tests.dying_checker", "parent", str(tmp_path / "worker"))
    assert presskeep("verify", "--archive", str(copy), "--jobs", "2", program=program).code == -9
    worker = int((tmp_path / "worker").read_text())
    wait_until(lambda: not process_lives(worker), "the end of the process that checked")


def test_what_cannot_be_read_is_named(copy: Path) -> None:
    first, second = sorted((copy / "warc").glob("*.warc.gz"))
    first.unlink()
    first.mkdir()
    change(copy, "UPDATE warc_file SET path = ? WHERE path = ?", "x" * 300, second.name)
    found = {(each.kind, each.place): each.what for each in found_in(copy)}
    # The other file, which no row names now, may be taken for it: that depends on the names that chance gave them.
    assert found["file-missing", f"warc/{first.name}"].startswith("what stands there is no file")
    assert "File name too long" in found["file-missing", "warc/" + "x" * 300]
