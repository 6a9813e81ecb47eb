"""Print what a check of an archive found, for people."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from scraper.cli.printing import counted, minute, write, write_note

if TYPE_CHECKING:
    from storage.fixity.checking import Held
    from storage.fixity.findings import Finding

SHOWN = 1000
"""Paragraphs that are printed; --json holds all findings."""
_PLACES = 5
"""Places that a paragraph names one by one, where the same was found of more."""
_CAPTURE = re.compile(r"\bcapture/(\d{1,18})\b")

Pages = dict[int, tuple[str, datetime]]
"""The URL and the instant of captures, by id."""


def print_findings(findings: Sequence[Finding], pages: Pages, *, repair: bool) -> None:
    """Print what was found, what became of it where a repair was asked for, and what to do next."""
    if not findings:
        write("Everything is as it was kept.")
        return
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for each in findings:
        of_file = each.place if each.kind.startswith("file-") else ""
        alike.setdefault((each.kind, of_file, each.what, each.repaired, each.repair), []).append(each)
    for group in list(alike.values())[:SHOWN]:
        _print_group(group, pages)
    if len(alike) > SHOWN:
        write(f"... and {len(alike) - SHOWN} more; --json lists all findings.")
    kinds = Counter(each.kind for each in findings)
    write()
    write(f"{counted(len(findings), 'finding')}: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common()))
    if not repair:
        write_note("`presskeep verify --repair` mends what can be mended; docs/verify.md explains each kind.")
        return
    mended = sum(each.repaired for each in findings)
    if mended == len(findings):
        write("All of it is mended.")
    else:
        write_note(f"{mended} mended, {len(findings) - mended} left; docs/verify.md explains each kind.")


def print_extent(held: Held) -> None:
    """Print how much was checked."""
    files = f"{counted(held.files, 'WARC file')} ({held.bytes / 1e6:,.1f} MB)"
    rows = f"{counted(held.captures, 'capture')}, {counted(held.revisions, 'text')}"
    write(f"Checked {files}, {rows}, {counted(held.crawls, 'manifest')}.")


def capture_of(finding: Finding) -> int | None:
    """The capture that a finding names."""
    match = _CAPTURE.search(finding.place)
    return int(match[1]) if match else None


def _print_group(group: Sequence[Finding], pages: Pages) -> None:
    """One paragraph for findings that say the same."""
    first = group[0]
    places = ", ".join(each.place for each in group[:_PLACES])
    more = f" and {len(group) - _PLACES} more" if len(group) > _PLACES else ""
    write(f"{first.kind}  {places}{more}")
    number = capture_of(first)
    if len(group) == 1 and number in pages:
        url, at = pages[number]
        write_note(f"{url}, {minute(at)} UTC", indent=2)
    write_note(first.what, indent=2)
    if first.repair:
        write_note(f"{'mended' if first.repaired else 'not mended'}: {first.repair}", indent=2)
