"""Back an archive up while it is being written to, again and again into one folder, and restore it from there.

A backup's folder holds `backup.json`, which says what belongs to the newest backup with the length and SHA-256 of each
file; the database's copy in a folder of its own; and `warc/`, whose files are copied once and grow as theirs do. Only
the exchange of backup.json makes a new backup the one that counts, so that a kill at any moment leaves the one before.
"""

from __future__ import annotations

from storage.backup.listing import ListedFile, Listing, read_listing
from storage.backup.restoring import Restored, restore
from storage.backup.taking import Taken, back_up

__all__ = ["ListedFile", "Listing", "Restored", "Taken", "back_up", "read_listing", "restore"]
