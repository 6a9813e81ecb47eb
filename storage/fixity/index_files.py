"""Check the files of the CDXJ index, and make it anew where they are not what was written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from storage.archive import Archive
from storage.cdxj_following import FOLDER, follow_warcs
from storage.cdxj_index import CdxjIndex
from storage.errors import StorageError
from storage.fixity.findings import Finding


def check_index(archive: Archive) -> Iterator[Finding]:
    """Name every file of the index that is not what was written."""
    for name, what in CdxjIndex(archive.folder / FOLDER).faults():
        yield Finding("index-wrong", f"{FOLDER}/{name}", what)


def mend_index(archive: Archive, findings: Sequence[Finding]) -> list[Finding]:
    """Make the index anew where a check found it wrong; gives the findings, each with what became of it."""
    if not any(_is_of_index(each) for each in findings):
        return list(findings)
    why = ""
    try:
        follow_warcs(archive, anew=True)
    except OSError as error:
        why = f"it cannot be written ({error.strerror})"
    except StorageError as error:
        why = str(error)
    return [_told(each, why) if _is_of_index(each) else each for each in findings]


def _told(finding: Finding, why: str) -> Finding:
    return finding.beyond_repair(why) if why else finding.mended("the index is made anew from the WARC files")


def _is_of_index(finding: Finding) -> bool:
    return finding.kind == "index-wrong" and finding.place.startswith(f"{FOLDER}/")
