"""What a location shows again becomes a revisit record, which reads back with the payload it refers to."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from storage import models
from storage.archive import Archive
from storage.captures import capture_at, read_capture
from storage.finding import add_found, resources_by_key
from storage.fixity.checking import check
from storage.priorities import MEDIA
from storage.records import Fetch, Found, Kept
from storage.recovery import recover
from storage.warc_reading import open_warc
from storage.warc_records import Record, read_record
from tests.keeping import HOUR, MIRROR, PRIMARY, T0, Work, exchange, working

URL = f"https://{PRIMARY}/detail/1"
PAGE = b"<p>One paragraph.</p>" * 200


def record_of(archive: Archive, kept: Kept) -> Record:
    with open_warc(archive.warc_folder, kept.warc_path) as file:
        return read_record(file, kept.offset)


def payload_of(archive: Archive, capture: int) -> bytes:
    with archive.read() as connection:
        place = capture_at(connection, capture)
    return read_capture(archive.folder, place).payload


def test_the_same_payload_at_a_location_is_kept_once(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        first = work.keep(resource, URL, body=PAGE)
        again = work.keep(resource, URL, T0 + HOUR, body=PAGE, headers=((b"Date", b"later"),), chunked=True)
        changed = work.keep(resource, URL, T0 + 2 * HOUR, body=PAGE + b"!")
        back = work.keep(resource, URL, T0 + 3 * HOUR, body=PAGE)
        elsewhere = work.keep(resource, f"https://{MIRROR}/detail/1", T0 + 4 * HOUR, body=PAGE)
        rows = {row.id: row for row in work.rows("capture")}
    assert [rows[each.capture].refers_to for each in (first, again, changed, back, elsewhere)] == [
        None, first.capture, None, None, None,
    ]  # fmt: skip
    original, revisit = record_of(archive, first), record_of(archive, again)
    assert (original.kind, revisit.kind) == ("response", "revisit")
    assert revisit.fields["warc-profile"].endswith("/revisit/identical-payload-digest")
    assert revisit.fields["warc-refers-to"] == original.id
    assert revisit.fields["warc-refers-to-date"] == original.fields["warc-date"]
    assert revisit.fields["warc-refers-to-target-uri"] == original.fields["warc-target-uri"]
    assert revisit.fields["warc-payload-digest"] == original.fields["warc-payload-digest"]
    assert revisit.fields["warc-truncated"] == "length"
    assert revisit.block == b"HTTP/1.1 200 Reason\r\nDate: later\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert rows[again.capture].payload_sha256 == rows[first.capture].payload_sha256
    for each in (first, again, back, elsewhere):
        assert payload_of(archive, each.capture) == PAGE
    assert payload_of(archive, changed.capture) == PAGE + b"!"
    assert [each for each in check(archive) if each.kind.startswith(("record", "file"))] == []


def test_not_modified_refers_to_what_was_kept_last(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        first = work.keep(resource, URL, body=PAGE)
        unchanged = work.keep(resource, URL, T0 + HOUR, body=b"", status=304, outcome="refused:not-modified")
        stranger = work.keep(resource, f"{URL}?other", T0 + HOUR, body=b"", status=304, outcome="refused:not-modified")
    record = record_of(archive, unchanged)
    assert record.kind == "revisit"
    assert record.fields["warc-profile"].endswith("/revisit/server-not-modified")
    assert record.fields["warc-refers-to"] == record_of(archive, first).id
    assert record.block.startswith(b"HTTP/1.1 304 ")
    assert record_of(archive, stranger).kind == "response", "there is nothing to refer to"


@pytest.mark.parametrize(
    "facts",
    [{"body": b"short"}, {"body": PAGE, "status": 404}, {"body": PAGE, "truncated": "disconnect"}],
    ids=["short", "status", "truncated"],
)
def test_what_is_small_refused_or_cut_is_kept_as_it_came(sqlite_archive: Archive, facts: dict[str, object]) -> None:
    with working(sqlite_archive) as work:
        resource = work.find("1")["1"]
        kept = [work.keep(resource, URL, T0 + n * HOUR, **facts) for n in range(2)]
        whole = [work.keep(resource, URL, T0 + n * HOUR, body=PAGE) for n in range(3, 5)]
    assert [record_of(sqlite_archive, each).kind for each in (*kept, *whole)] == [*["response"] * 3, "revisit"]


def test_what_cannot_be_read_back_is_not_referred_to(sqlite_archive: Archive) -> None:
    with working(sqlite_archive) as work:
        resource = work.find("1")["1"]
        first = work.keep(resource, URL, body=PAGE)
        place = next(sqlite_archive.warc_folder.glob("*.open"))
        data = bytearray(place.read_bytes())
        data[first.offset + 20] ^= 0xFF
        place.write_bytes(data)
        again = work.keep(resource, URL, T0 + HOUR, body=PAGE)
    assert record_of(sqlite_archive, again).kind == "response"
    assert payload_of(sqlite_archive, again.capture) == PAGE


def test_a_revisit_whose_transaction_never_came_is_adopted(archive: Archive) -> None:
    """The rows go back to what they were before the revisit, as a kill between fsync and commit leaves them."""
    with working(archive) as work:
        resource = work.find("1")["1"]
        first = work.keep(resource, URL, body=PAGE)
        again = work.keep(resource, URL, T0 + HOUR, body=PAGE)
    _forget(archive, work, again, first)
    recovered = recover(archive, work.owner, T0 + timedelta(days=1))
    assert (recovered.adopted, recovered.torn) == (1, 0)
    (row,) = [row for row in work.rows("capture") if row.id != first.capture]
    assert (row.refers_to, row.offset, row.source) == (first.capture, again.offset, "recover")
    assert payload_of(archive, row.id) == PAGE
    assert [each for each in check(archive) if each.kind.startswith(("record", "file"))] == []


def _forget(archive: Archive, work: Work, kept: Kept, before: Kept) -> None:
    first = next(row for row in work.rows("capture") if row.id == before.capture)
    with archive.begin() as connection:
        connection.execute(models.capture.delete().where(models.capture.c.id == kept.capture))
        end = first.span_offset + first.span_length
        connection.execute(update(models.warc_file).values(state="open", committed_len=end, sha256=None))
    place = archive.warc_folder / kept.warc_path
    place.rename(Path(f"{place}.open"))


def test_media_with_the_same_payload_are_kept_once_whatever_their_addresses(archive: Archive) -> None:
    small = b"pixel"
    with working(archive) as work:
        work.find("1")
        found = Found("media:1", "media", f"https://{MIRROR}/1.png", MEDIA, None, "page:1")
        resource = work.writer.run(lambda each: _added(each, work.outlet, found)).result()

        def fetch(name: str, body: bytes, outcome: str = "media", *, once: bool = True) -> Future[Kept]:
            url = f"https://{MIRROR}/{name}"
            return work.writer.keep(Fetch(exchange(url, body), resource, url, outcome, T0, False, None, once=once))

        page = fetch("page", PAGE, "article", once=False).result()
        at_once = [fetch(f"batch-{n}.png", PAGE) for n in range(5)]
        batch = [each.result() for each in at_once]
        later = fetch("later.png", PAGE).result()
        style, twin = fetch("unread.css", b"a{}", "pending").result(), fetch("twin.css", b"a{}", "pending").result()
        pixels = [fetch(f"pixel-{n}.png", small).result() for n in range(2)]
        plain = fetch("plain", PAGE, "article", once=False).result()
        rows = {row.id: row for row in work.rows("capture")}
    first = batch[0].capture
    assert rows[page.capture].refers_to is None
    assert rows[first].refers_to is None, "a page is no media: what reads one page again must not lean on the other"
    assert {rows[each.capture].refers_to for each in [*batch[1:], later]} == {first}
    assert rows[twin.capture].refers_to == style.capture, "though nobody has read it yet"
    assert rows[pixels[1].capture].refers_to == pixels[0].capture
    assert rows[plain.capture].refers_to is None, "of other fetches the address counts"
    assert payload_of(archive, later.capture) == PAGE
    assert [each for each in check(archive) if each.kind.startswith(("record", "file"))] == []


def _added(connection: Connection, outlet: int, found: Found) -> int:
    add_found(connection, outlet, [found], now=T0)
    return resources_by_key(connection, outlet, [found.key])[found.key]
