"""Exports: the records as they stand, whole files or none, and WACZ that others take."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from scraper.demo.process import running_replica
from storage.archive import Archive
from storage.errors import FileExists, FileUnfinished, FolderMissing, StorageError
from storage.exchange import TlsFacts
from storage.exporting import (
    Exported,
    Selection,
    export_wacz,
    export_warc,
    load_signer,
    new_file,
    page_lines,
    select_captures,
    with_merged,
)
from storage.exporting.foreign_records import foreign_records
from storage.exporting.selection import Placed
from storage.foreign import FoundRecord, Scan
from storage.warc_records import Record, frame, new_record_id, read_records
from tests.crawling import ROOT, Ran, crawl, presskeep
from tests.databases import Place
from tests.keeping import MIRROR, PRIMARY, T0, Work, working
from tests.tools import cdxj_indexer, offline, tool

ABOUT = {"software": "test"}
CHAIN = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256", (b"\x30\x03\x02\x01\x01",))
DATA = Path(__file__).parents[2] / "shared" / "data" / "warc"


def nothing(done: Exported) -> None:
    return None


def fill(work: Work) -> dict[str, int]:
    """Three articles by TLS, the first with two texts and a mirror's copy."""
    resources = work.find("1", "2", "3")
    for key, text, host in (
        ("1", "One text.", PRIMARY),
        ("2", "Two.", PRIMARY),
        ("1", "Another text.", PRIMARY),
        ("1", "One text.", MIRROR),
        ("3", "Three\n<b>.", PRIMARY),
    ):
        kept = work.keep(resources[key], f"https://{host}/detail/{key}", body=text.encode(), tls=CHAIN)
        work.read(kept.capture, resources[key], key, text)
    work.keep(resources["2"], f"https://{PRIMARY}/detail/2", status=304, body=b"", outcome="refused:unchanged")
    return resources


@pytest.fixture
def work(archive: Archive) -> Iterator[Work]:
    with working(archive) as begun:
        fill(begun)
        yield begun


def records_in(data: bytes) -> list[Record]:
    return list(read_records(io.BytesIO(data), 0))


def members_in(data: bytes) -> list[bytes]:
    return [data[record.offset : record.end] for record in records_in(data)]


def originals(work: Work) -> list[bytes]:
    """All members that the archive holds, but for warcinfo records."""
    found = []
    for path in sorted(work.archive.warc_folder.glob("*.warc.gz*")):
        data = path.read_bytes()
        found += [data[each.offset : each.end] for each in records_in(data) if each.kind != "warcinfo"]
    return found


def exported(work: Work, selection: Selection) -> tuple[bytes, Exported]:
    file = io.BytesIO()
    with work.archive.read() as connection:
        captures = select_captures(connection, selection)
        done = export_warc(file, "x.warc.gz", work.archive.warc_folder, captures, ABOUT, nothing)
    return file.getvalue(), done


def article_id(work: Work, key: str) -> int:
    (number,) = [row.article for row in work.rows("article_key") if row.key == key]
    return int(number)


def test_an_outlets_records_are_copied_byte_for_byte_and_ours_stands_at_the_front(work: Work) -> None:
    data, done = exported(work, Selection(outlets=(work.outlet,)))
    members = members_in(data)
    assert members[1:] == originals(work)
    assert b"".join(members) == data
    first, *rest = records_in(data)
    assert (first.kind, first.fields["warc-filename"]) == ("warcinfo", "x.warc.gz")
    assert [each.kind for each in rest].count("request") == 6
    assert (done.captures, done.records, done.damaged) == (6, len(rest), [])


def test_one_article_takes_the_certificates_that_stand_with_another_along(work: Work) -> None:
    number = article_id(work, "2")
    data, done = exported(work, Selection(articles=(number,)))
    _, *rest = records_in(data)
    assert rest[0].fields["content-type"] == "application/pem-certificate-chain"
    pages = [each for each in rest if each.kind in ("response", "revisit", "request")]
    assert [each.kind == "request" for each in pages] == [False, True] * 2
    assert {each.fields["warc-target-uri"] for each in pages} == {f"https://{PRIMARY}/detail/2"}
    assert set(members_in(data)[1:]) < set(originals(work))
    assert done.captures == 2


def test_what_an_early_version_kept_without_spans_is_exported_too(work: Work) -> None:
    from sqlalchemy import update

    from storage.models import capture

    with work.archive.begin() as connection:
        connection.execute(update(capture).values(span_offset=None, span_length=None))
    data, _ = exported(work, Selection(outlets=(work.outlet,)))
    assert sorted(members_in(data)[1:]) == sorted(originals(work))


def test_articles_that_were_merged_go_with_the_one_they_were_merged_into(work: Work) -> None:
    from sqlalchemy import update

    from storage.models import article

    one, two, three = (article_id(work, key) for key in "123")
    with work.archive.begin() as connection:
        connection.execute(update(article).where(article.c.id == two).values(merged_into=one))
        connection.execute(update(article).where(article.c.id == three).values(merged_into=two))
        assert with_merged(connection, [one]) == (one, two, three)


def test_a_revisit_brings_what_it_refers_to(work: Work) -> None:
    from sqlalchemy import update

    from storage.models import capture

    first = work.rows("capture")[0].id
    with work.archive.begin() as connection:
        connection.execute(update(capture).where(capture.c.status == 304).values(refers_to=first))
    data, done = exported(work, Selection(articles=(article_id(work, "2"),)))
    uris = {each.fields.get("warc-target-uri") for each in records_in(data) if each.kind in ("response", "revisit")}
    assert uris == {f"https://{PRIMARY}/detail/1", f"https://{PRIMARY}/detail/2"}
    assert done.captures == 3


def flip(path: Path, place: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :])


def stands_at(path: Path, member: bytes) -> int:
    place = path.read_bytes().find(member)
    assert place >= 0
    return place


def test_each_damaged_record_is_left_out_and_named_and_all_others_are_given(work: Work) -> None:
    work.writer.close()
    (path,) = work.archive.warc_folder.glob("*.warc.gz")
    selection = Selection(outlets=(work.outlet,))
    sound = originals(work)
    whole = path.read_bytes()
    kinds = set()
    for number, member in enumerate(sound):
        place = stands_at(path, member)
        (record,) = records_in(member)
        kinds.add(record.kind)
        flip(path, place + len(member) // 2)
        data, done = exported(work, selection)
        left = [each for each in sound if each != member]
        assert sorted(members_in(data)[1:]) == sorted(left), f"record {number} ({record.kind})"
        (said,) = done.damaged
        assert said.startswith(f"{path.name} at byte {place}: "), said
        assert "decompressing" not in said
        assert "Error" not in said
        assert done.captures == 5 + (record.kind not in ("response", "revisit"))
        path.write_bytes(whole)
    assert kinds == {"metadata", "request", "response", "revisit"}
    assert exported(work, selection)[1].damaged == []


def test_what_an_early_version_kept_is_given_beside_a_broken_request(work: Work) -> None:
    from sqlalchemy import update

    from storage.models import capture

    work.writer.close()
    (path,) = work.archive.warc_folder.glob("*.warc.gz")
    with work.archive.begin() as connection:
        connection.execute(update(capture).values(span_offset=None, span_length=None, span_sha256=None))
    sound = originals(work)
    broken = [member for member in sound if records_in(member)[0].kind == "request"][2]
    flip(path, stands_at(path, broken) + len(broken) // 2)
    data, done = exported(work, Selection(outlets=(work.outlet,)))
    assert sorted(members_in(data)[1:]) == sorted(each for each in sound if each != broken)
    place = stands_at(path, broken[:60])
    assert [said.partition(":")[0] for said in done.damaged] == [f"{path.name} at byte {place}"]


def test_a_record_that_was_put_in_anothers_place_is_not_given(work: Work) -> None:
    """It reads, and its digest holds: what was kept beside the response is known by the digest of the whole."""
    work.writer.close()
    (path,) = work.archive.warc_folder.glob("*.warc.gz")
    whole = path.read_bytes()
    row = work.rows("capture")[1]
    request = next(read_records(io.BytesIO(whole), row.offset + row.length))
    forged = frame("request", request.id, T0, {"WARC-Concurrent-To": request.fields["warc-concurrent-to"]}, b"GET /x")
    padding = bytes(request.end - request.offset - len(forged) - 2)  # an extra field (RFC 1952, 2.3.1.1)
    fitted = forged[:3] + b"\x04" + forged[4:10] + len(padding).to_bytes(2, "little") + padding + forged[10:]
    path.write_bytes(whole[: request.offset] + fitted + whole[request.end :])
    assert [each.block for each in records_in(path.read_bytes()) if each.id == request.id] == [b"GET /x"]
    data, done = exported(work, Selection(outlets=(work.outlet,)))
    assert [each.kind for each in records_in(data)].count("request") == 5
    assert done.damaged == [
        f"{path.name} at byte {row.span_offset}: what stands beside the response is not what was kept"
    ]
    assert done.captures == 6


def test_what_looks_like_a_record_within_a_broken_response_is_not_given(tmp_path: Path) -> None:
    """A server chose these bytes; where they cannot be packed any smaller, they may stand in the file as they are."""
    bait = frame("request", new_record_id(), T0, {"WARC-Target-URI": f"https://{PRIMARY}/bait"}, b"GET /bait\r\n\r\n")
    name = new_record_id()
    answer = frame("response", name, T0, {}, b"HTTP/1.1 200 OK\r\n\r\n" + bait)
    response = gzip.compress(gzip.decompress(answer), 0, mtime=0)
    beside = [
        frame(kind, new_record_id(), T0, {"WARC-Concurrent-To": name}, b"x: y") for kind in ("request", "metadata")
    ]
    span = b"".join((response, *beside))
    path = tmp_path / "x.warc.gz"
    path.write_bytes(span)
    digests = [hashlib.sha256(each).hexdigest() for each in (response, span)]
    placed = Placed(1, path.name, 0, len(response), digests[0], 0, len(span), digests[1])

    def given() -> tuple[list[bytes], list[str]]:
        file = io.BytesIO()
        done = export_warc(file, "out", tmp_path, [placed], ABOUT, nothing)
        return members_in(file.getvalue())[1:], done.damaged

    assert given() == ([response, *beside], [])
    at = stands_at(path, bait)
    assert records_in(span[at : at + len(bait)])[0].kind == "request", "who looks for members finds it"
    flip(path, at - 5)
    members, damaged = given()
    assert members == beside
    assert [said.partition(": ")[0] for said in damaged] == ["x.warc.gz at byte 0"]


def wacz_of(work: Work, path: Path, selection: Selection, **options: Any) -> Exported:
    with work.archive.read() as connection, new_file(path) as file:
        return export_wacz(
            file, work.archive.warc_folder, select_captures(connection, selection), page_lines(connection, selection),
            ABOUT, nothing, title="A title", scratch=path.parent, **options,
        )  # fmt: skip


def validated(path: Path) -> tuple[int, str]:
    done = subprocess.run(
        [tool("wacz"), "validate", "-f", str(path)], capture_output=True, text=True, timeout=120, env=offline()
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.long
def test_a_wacz_passes_validation_and_an_altered_one_does_not(work: Work, tmp_path: Path) -> None:
    path = tmp_path / "a.wacz"
    done = wacz_of(work, path, Selection(outlets=(work.outlet,)))
    code, said = validated(path)
    assert (code, "Validation succeeded" in said) == (0, True), said
    broken = tmp_path / "broken.wacz"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(broken, "w") as altered:
        for name in whole.namelist():
            data = whole.read(name)
            altered.writestr(name, data.replace(b"Headline", b"headline") if name.startswith("pages") else data)
    code, said = validated(broken)
    assert code == 1, said
    assert done.pages == 4


def test_a_wacz_holds_the_records_their_index_and_the_texts(work: Work, tmp_path: Path) -> None:
    path = tmp_path / "a.wacz"
    wacz_of(work, path, Selection(outlets=(work.outlet,)))
    with zipfile.ZipFile(path) as package:
        contents = {info.filename: package.read(info) for info in package.infolist()}
        stored = {info.filename for info in package.infolist() if info.compress_type == zipfile.ZIP_STORED}
    assert stored == {"archive/data.warc.gz", "indexes/index.cdx.gz"}
    warc = contents["archive/data.warc.gz"]
    assert members_in(warc)[1:] == originals(work)
    (tmp_path / "data.warc.gz").write_bytes(warc)
    lines = gzip.decompress(contents["indexes/index.cdx.gz"])
    theirs = cdxj_indexer("-s", "--records", "response,revisit,resource", str(tmp_path / "data.warc.gz"))
    assert lines == theirs
    assert lines.count(b"\n") == 6
    meta, entry = contents["indexes/index.idx"].splitlines()
    assert meta.startswith(b'!meta 0 {"format": "cdxj-gzip-1.0"')
    assert entry.startswith(lines.partition(b" {")[0])
    header, *pages = map(json.loads, contents["pages/pages.jsonl"].splitlines())
    assert header["format"] == "json-pages-1.0"
    assert {(page["url"], page["title"], page["text"].partition("\n\n")[2]) for page in pages} >= {
        (f"https://{PRIMARY}/detail/1", "Headline", "Part\n\nOne text.\n\na\nb"),
    }
    assert len(pages) == 4
    resources = json.loads(contents["datapackage.json"])["resources"]
    for each in resources:
        data = contents[each["path"]]
        assert (each["bytes"], each["hash"]) == (len(data), "sha256:" + hashlib.sha256(data).hexdigest())
    assert {each["path"] for each in resources} == contents.keys() - {"datapackage.json", "datapackage-digest.json"}


def key_file(path: Path, key: Any, password: bytes | None = None) -> Path:
    encryption: Any = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )  # fmt: skip
    return path


@pytest.mark.long
def test_a_signature_holds_over_the_packages_digest_and_over_no_other(work: Work, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    signer = load_signer(key_file(tmp_path / "key.pem", key), "test")
    path = tmp_path / "a.wacz"
    wacz_of(work, path, Selection(outlets=(work.outlet,)), signer=signer)
    assert validated(path)[0] == 0
    with zipfile.ZipFile(path) as package:
        seal = json.loads(package.read("datapackage-digest.json"))
        created = json.loads(package.read("datapackage.json"))["created"]
        digest = "sha256:" + hashlib.sha256(package.read("datapackage.json")).hexdigest()
    signed = seal["signedData"]
    assert set(signed) == {"hash", "created", "software", "version", "signature", "publicKey"}
    assert (seal["hash"], signed["hash"], signed["created"]) == (digest, digest, created)
    public = serialization.load_der_public_key(base64.b64decode(signed["publicKey"]))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    raw = base64.b64decode(signed["signature"])
    assert len(raw) == 96
    signature = encode_dss_signature(int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big"))
    public.verify(signature, digest.encode(), ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(signature, b"sha256:" + b"0" * 64, ec.ECDSA(hashes.SHA256()))


def test_a_key_that_cannot_sign_is_refused_with_the_line_that_makes_one(tmp_path: Path) -> None:
    good = ec.generate_private_key(ec.SECP384R1())
    (tmp_path / "none.pem").write_text("no key")
    for path, told in (
        (key_file(tmp_path / "ed.pem", ed25519.Ed25519PrivateKey.generate()), "P-384"),
        (key_file(tmp_path / "p256.pem", ec.generate_private_key(ec.SECP256R1())), "P-384"),
        (key_file(tmp_path / "locked.pem", good, b"secret"), "encrypted"),
        (tmp_path / "none.pem", "no private key"),
        (tmp_path / "missing.pem", "cannot be read"),
    ):
        with pytest.raises(StorageError, match=told) as refused:
            load_signer(path, "test")
        assert refused.value.exit_code == 2


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(FileUnfinished), new_file(path) as file:
        stop_halfway(file)
    assert list(tmp_path.iterdir()) == []
    with new_file(path) as file:
        file.write(b"whole")
        assert not path.exists()
    with pytest.raises(FileExists), new_file(path) as file:
        raise AssertionError("nothing is begun")
    with new_file(path, force=True) as file:
        file.write(b"new")
        assert path.read_bytes() == b"whole"
    assert path.read_bytes() == b"new"
    other = tmp_path / "other"
    with pytest.raises(FileExists), new_file(other) as file:
        other.write_bytes(b"made meanwhile")
    assert other.read_bytes() == b"made meanwhile"
    with pytest.raises(FolderMissing), new_file(tmp_path / "no folder" / "out") as file:
        raise AssertionError("nothing is begun")
    assert {each.name for each in tmp_path.iterdir()} == {"out", "other"}


def stop_halfway(file: BinaryIO) -> None:
    file.write(b"half")
    raise KeyboardInterrupt


def test_exporting_keeps_memory_flat(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as begun:
        fill(begun)
        with sqlite_archive.read() as connection:
            some = list(select_captures(connection, Selection(outlets=(begun.outlet,))))

        def peak(times: int) -> int:
            tracemalloc.start()
            try:
                captures = (each for _ in range(times) for each in some)
                done = export_warc(NoFile(), "x", sqlite_archive.warc_folder, captures, ABOUT, nothing)  # type: ignore[arg-type]
                assert done.captures == len(some) * times
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        assert peak(100) < peak(10) * 1.5


class NoFile:
    def write(self, data: bytes) -> int:
        return len(data)


def plain(kind: str, block: bytes, **fields: str) -> bytes:
    member = frame(kind, new_record_id(), T0, {name.replace("_", "-"): value for name, value in fields.items()}, block)
    return gzip.decompress(member)


HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>body</p>\r\n"


def foreign_files(folder: Path) -> dict[str, Path]:
    """The same exchange as others would write it."""
    response = plain("response", HTTP, WARC_Target_URI="https://news.example/1",
                     Content_Type="application/http;msgtype=response")  # fmt: skip
    warc_id = next(line for line in response.split(b"\r\n") if line.startswith(b"WARC-Record-ID")).partition(b": ")[2]
    request = plain("request", b"GET /1 HTTP/1.1\r\n\r\n", WARC_Target_URI="https://news.example/1",
                    WARC_Concurrent_To=warc_id.decode(), Content_Type="application/http;msgtype=request")  # fmt: skip
    arc = b"https://news.example/1 127.0.0.1 20260301120000 text/html %d\n%b\n" % (len(HTTP), HTTP)
    info = b"filedesc://x.arc 0.0.0.0 20260301120000 text/plain 17\n1 0 Presskeep 1.0\n\n"
    contents = {
        "each.warc.gz": gzip.compress(response) + gzip.compress(request),
        "plain.warc": response + request,
        "one.warc.gz": gzip.compress(response + request),
        "some.arc": info + arc,
        "some.arc.gz": gzip.compress(info) + gzip.compress(arc),
    }
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in contents}


def placed_in(path: Path) -> Iterator[Placed]:
    with path.open("rb") as file:
        for found in Scan(file, lambda head: head.kind == "response"):
            assert isinstance(found, FoundRecord)
            place = found.place
            yield Placed(1, path.name + place.part, place.offset, place.length, place.sha256, None, None)


def test_records_that_others_wrote_are_copied_or_framed_anew_without_a_change(tmp_path: Path) -> None:
    from storage.foreign import open_part

    for name, path in foreign_files(tmp_path).items():
        (placed,) = placed_in(path)
        with open_part(tmp_path, placed.path) as file:
            members = list(foreign_records(file, placed))
        data = b"".join(member for member, _ in members)
        records = records_in(data)
        assert records[0].block == HTTP
        assert records[0].fields["warc-target-uri"] == "https://news.example/1"
        assert records[-1].end == len(data)
        wanted = ["response"] if "arc" in name and "warc" not in name else ["response", "request"]
        assert [each.kind for each in records] == wanted, name
        if name == "each.warc.gz":
            assert data == path.read_bytes()
        else:
            assert gzip.decompress(data).count(b"WARC/1.1\r\n") == len(records)


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared WARC files are not here")
def test_whatever_others_wrote_comes_out_as_warc_that_reads_back(tmp_path: Path) -> None:
    total = 0
    for path in sorted(DATA.iterdir()):
        if path.suffix == ".wacz":
            continue
        with path.open("rb") as file:
            found = [each for each in Scan(file, lambda head: head.kind != "warcinfo") if isinstance(each, FoundRecord)]
        for each in found:
            place = each.place
            placed = Placed(1, path.name, place.offset, place.length, place.sha256, None, None)
            if place.part:
                continue
            with path.open("rb") as file:
                member, _ = next(foreign_records(file, placed))
            (record,) = Scan(io.BytesIO(member), lambda head: True)
            assert isinstance(record, FoundRecord)
            assert (record.block, record.head.uri, record.place.part) == (each.block, each.head.uri, "")
            total += 1
    assert total > 15


@pytest.mark.long
def test_the_command_exports_an_outlet_a_query_or_an_article(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with running_replica(articles=20) as replica:
        assert crawl(place, replica, now="leap:2026-06-01T12:00:00Z").code == 0

    def run(*arguments: str) -> Ran:
        return presskeep("export", *arguments, "--archive", str(place.folder))

    out = tmp_path / "all.warc.gz"
    done = run("warc", "demo", "--out", str(out), "--json")
    assert done.code == 0, done.err
    assert done.json["captures"] > 60
    again = run("warc", "demo", "--out", str(out))
    assert (again.code, "is there already" in again.err) == (2, True)
    assert run("warc", "demo", "--out", str(out), "--force").code == 0
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        from storage.search import search

        hits = search(connection, "outlet:demo", limit=50).hits
    one = run("wacz", hits[0].key, "--out", str(tmp_path / "one.wacz"), "--json")
    assert (one.code, one.json["pages"]) == (0, 1), one.err
    assert validated(tmp_path / "one.wacz")[0] == 0
    several = run("wacz", "--query", "outlet:demo", "--out", str(tmp_path / "query.wacz"), "--json")
    assert several.json["pages"] >= len(hits) == 20
    assert one.json["captures"] < several.json["captures"] < done.json["captures"]
    for arguments, told in (
        (("warc", "--out", str(tmp_path / "none")), "names nothing"),
        (("warc", "--query", "outlet:demo from:2099", "--out", str(tmp_path / "none")), "no capture"),
        (("warc", "nokey", "--out", str(tmp_path / "none")), "nokey"),
    ):
        failed = run(*arguments)
        assert (failed.code, told in failed.err) == (2, True), failed.err
    assert {each.name for each in tmp_path.iterdir()} == {"archive", "all.warc.gz", "one.wacz", "query.wacz"}


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_export_ends_with_7_and_leaves_nothing(
    sqlite_archive: Archive, tmp_path: Path, stop: signal.Signals
) -> None:
    """The archive's file is a FIFO that nobody writes to: the export stands still in its midst."""
    with working(sqlite_archive) as begun:
        fill(begun)
    (path,) = sqlite_archive.warc_folder.glob("*.warc.gz")
    path.unlink()
    os.mkfifo(path)
    out = tmp_path / "out.warc.gz"
    command = [sys.executable, "-m", "scraper.cli", "export", "warc", "demo", "--out", str(out)]
    process = subprocess.Popen(
        [*command, "--archive", str(sqlite_archive.folder)], stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.warc.gz.*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(stop)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in said, "Nothing was written" in said) == (7, False, True), said
    assert not list(tmp_path.glob("*out*")) + list(tmp_path.glob(".out*"))
