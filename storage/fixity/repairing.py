"""Mend what a check found, where what is still here proves what stood there; say what cannot be mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from storage.archive import Archive
from storage.cdxj_following import FOLDER
from storage.crawls import demand_idle
from storage.fixity.exchanges import Records
from storage.fixity.file_repair import mend_files
from storage.fixity.findings import Finding
from storage.fixity.index_files import mend_index
from storage.fixity.rows import restore_crawl, restore_manifest, restore_rows
from storage.fixity.state import index_anew, mend_state
from storage.fixity.text_repair import ReadAgain
from storage.fixity.texts import mend_drawn
from storage.unreadable import any_text

_BACKUP = "put the file of a backup in its place"
_UNPROVEN = "nothing here proves what it held: look it up in a backup"
_WHY_NOT = {
    "file-strange": "`presskeep import` takes it in, if it is yours",
    "record-altered": _BACKUP,
    "record-missing": _BACKUP,
    "record-strange": "`presskeep import` takes such records in, if they are yours",
    "database-damaged": "restore a backup, or dump the database and read it into a new one",
}
"""Why findings of these kinds are beyond repair, or what a person can do."""
_ROUNDS = 3
"""What comes to light when something is mended is mended next, so many times at most."""
_ROWS = ("row-altered", "row-missing")
_RECORDS = ("record-altered", "record-missing")
_CAPTURE = re.compile(r"\((capture/\d+)\)$")


def repair(
    archive: Archive,
    findings: Sequence[Finding],
    check_again: Callable[[], Iterable[Finding]],
    read_again: ReadAgain | None = None,
) -> list[Finding]:
    """Mend what can be mended: the database in one transaction, then files; gives the findings, each with what became
    of it.

    Nothing is written that a manifest, a digest or another row does not prove, and nothing is thrown away.
    `check_again` tells what is still found after that: what is not is mended, and what comes to light by it is mended
    in turn. `read_again` reads captures whose texts were altered. Raises OutletLocked while a run holds an outlet.
    """
    mended = _mend(archive, findings, read_again)
    done, rounds = mended, 1
    while any(each.repaired for each in mended):
        left = list(check_again())
        still, known = ({_key(each) for each in found} for found in (left, done))
        done = [_settle(each, found=_key(each) in still) for each in done]
        new = [each for each in left if _key(each) not in known]
        if not new or rounds == _ROUNDS:
            return done + [each.beyond_repair("it came to light by the repair: repair again") for each in new]
        mended = _mend(archive, left, read_again)
        done, rounds = _joined(done, mended), rounds + 1
    return done


def _joined(done: Sequence[Finding], more: Sequence[Finding]) -> list[Finding]:
    """Findings with what a further round made of those that were left, and with what came to light."""
    fresh = {_key(each): each for each in more}
    known = {_key(each) for each in done}
    again = [(each, fresh.get(_key(each), each)) for each in done]
    return [
        *(replace(each, repaired=now.repaired, repair=now.repair) for each, now in again),
        *(each for each in more if _key(each) not in known),
    ]


def _key(finding: Finding) -> tuple[str, str]:
    return finding.kind, finding.place


def _mend(archive: Archive, findings: Sequence[Finding], read_again: ReadAgain | None) -> list[Finding]:
    with archive.begin() as connection, any_text(connection):
        demand_idle(connection)
        names = dict.fromkeys(_row_of(each) for each in findings if each.kind in (*_ROWS, *_RECORDS))
        restored, why_not = restore_rows(Records(archive, connection, findings), list(names), read_again)
        done = [_mend_one(connection, restored, why_not, each) for each in findings]
        mend_drawn(connection, _numbers(findings, "revision_author"), _numbers(findings, "revision_search"))
        if any(each.place.startswith("database") and "revision_fts" in each.what for each in findings):
            index_anew(connection)
        mend_state(connection)
    return mend_index(archive, mend_files(archive, done))


def _settle(done: Finding, *, found: bool) -> Finding:
    """What a second check says of a finding."""
    if not found:
        return done if done.repaired else done.mended("gone with the rest")
    return replace(done, repaired=False, repair=_UNPROVEN) if done.repaired else done


def _mend_one(
    connection: Connection, restored: Mapping[str, str], why_not: Mapping[str, str], finding: Finding
) -> Finding:
    name, _, key = finding.place.partition("/")
    if finding.kind == "state-wrong" or (finding.kind == "index-wrong" and name != FOLDER):
        return finding.mended("drawn anew")
    how = ""
    if finding.kind == "manifest-altered":
        how = restore_manifest(connection, int(key))
    elif finding.kind == "row-altered" and name == "crawl":
        how = restore_crawl(connection, int(key))
    elif finding.kind in (*_ROWS, *_RECORDS):
        how = restored.get(_row_of(finding), "")
    why = why_not.get(_row_of(finding)) or _WHY_NOT.get(finding.kind, _UNPROVEN)
    return finding.mended(how) if how else finding.beyond_repair(why)


def _row_of(finding: Finding) -> str:
    """The row that a finding names; of records, the capture whose they are: it may point to a wrong place."""
    capture = _CAPTURE.search(finding.place)
    return capture[1] if capture is not None else finding.place


def _numbers(findings: Sequence[Finding], table: str) -> list[int]:
    places = (each.place.partition("/") for each in findings)
    return [int(key) for name, _, key in places if name == table and key.isdecimal()]
