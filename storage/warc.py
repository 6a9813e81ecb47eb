"""WARC 1.1 files: the names that other rooms use.

storage.warc_records frames records, storage.warc_writing appends them to files, storage.warc_reading reads them back.
"""

from __future__ import annotations

from storage.warc_reading import open_warc, read_exchange, to_exchange, walk
from storage.warc_writing import Appended, WarcWriter

__all__ = ["Appended", "WarcWriter", "open_warc", "read_exchange", "to_exchange", "walk"]
