"""What a check finds: one value for each thing that is not as it was kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

FindingKind = Literal[
    "database-damaged",
    "file-missing",
    "file-altered",
    "file-strange",
    "record-altered",
    "record-missing",
    "record-strange",
    "row-altered",
    "row-missing",
    "row-strange",
    "manifest-altered",
    "chain-broken",
    "stamp-missing",
    "stamp-wrong",
    "state-wrong",
    "index-wrong",
]
"""What can be wrong. `strange` is what stands there and is known to nobody; docs/verify.md explains each kind."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was kept.

    `place` names it: a WARC file with the byte, a row as its manifest calls it, a crawl. `what` says in one sentence
    how it differs. `repair` says what a repair did or why none can be made; it is empty where none was tried.
    """

    kind: FindingKind
    place: str
    what: str
    repaired: bool = False
    repair: str = ""

    def mended(self, how: str) -> Finding:
        """The finding after it was repaired."""
        return replace(self, repaired=True, repair=how)

    def beyond_repair(self, why: str) -> Finding:
        """The finding with the reason why nothing here can repair it."""
        return replace(self, repair=why)
