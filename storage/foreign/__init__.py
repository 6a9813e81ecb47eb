"""WARC, ARC and WACZ files that others wrote: scanned in bounded memory, and read back.

`scan` walks through one file, `open_part` opens what a pointer's path names, `parts_of` tells what a file holds, and
`read_foreign` gives the exchange that a record holds.
"""

from __future__ import annotations

from storage.foreign.heads import RecordHead
from storage.foreign.reading import exchange_of, read_foreign, record_in
from storage.foreign.scanning import BadRecord, FoundRecord, Place, Scan
from storage.foreign.views import is_foreign, open_part, parts_of

__all__ = [
    "BadRecord",
    "FoundRecord",
    "Place",
    "RecordHead",
    "Scan",
    "exchange_of",
    "is_foreign",
    "open_part",
    "parts_of",
    "read_foreign",
    "record_in",
]
