"""The errors of storage.

StorageError
├── ArchiveUnusable          the folder or database cannot be opened as an archive (exit code 2)
│   ├── ArchiveNewer         written by a newer version of Presskeep
│   ├── ArchiveMissing       nothing there, and nothing was to be created
│   └── NetworkFilesystem    SQLite would be unsafe there
├── OutletLocked             another run holds the outlet (exit code 4)
├── ArchiveDamaged           what the database points to is not there, or not what it was (exit code 5)
├── StorageFull              the disk is full or its floor is reached (exit code 7)
├── DatabaseLost             the database stopped answering in the middle of a run (exit code 7)
├── CheckStopped             a process that checked files was killed (exit code 7)
├── FileExists               the file to make is there already (exit code 2)
├── FileUnfinished           a stop came before the file to make was whole: there is none (exit code 7)
├── KeyFileUnusable          a file that holds no key to sign with (exit code 2)
└── QueryError               a search query or KEY that cannot be read (exit code 2)
    ├── QueryUnreadable      a search query whose form is wrong at a place
    ├── KeyAmbiguous         a KEY that names several articles
    └── KeyUnknown           a KEY that names none
"""

from __future__ import annotations

from storage.pointing import point_at


class StorageError(Exception):
    """Something in storage failed.

    `what` happened, to which file, database or KEY (`which`), and what to do `next`; each is one line.
    """

    exit_code = 1

    def __init__(self, what: str, which: str = "", next: str = "") -> None:
        self.what, self.which, self.next = what, which, next
        super().__init__(": ".join(part for part in (which, what) if part) + (f". {next}" if next else ""))


class ArchiveUnusable(StorageError):
    """The folder or database cannot be opened as an archive. Nothing was changed."""

    exit_code = 2


class ArchiveNewer(ArchiveUnusable):
    """The archive was written by a newer version of Presskeep. Upgrade Presskeep; never downgrade the archive."""


class ArchiveMissing(ArchiveUnusable):
    """There is no archive at the place named, and the command would not create one."""


class NetworkFilesystem(ArchiveUnusable):
    """SQLite's locks cannot be trusted on a network file system. Use a local folder, or PostgreSQL."""


class OutletLocked(StorageError):
    """Another run holds the outlet. Wait for it, or see who it is in the message."""

    exit_code = 4


class ArchiveDamaged(StorageError):
    """The archive points to something that is missing or was altered. Do not write to it; run a check."""

    exit_code = 5


class StorageFull(StorageError):
    """No space is left. All that was committed is kept; free space and run the same command again."""

    exit_code = 7


class DatabaseLost(StorageError):
    """The database failed in the middle of a run: a server that stopped, a lock that never came free.

    All that was committed is kept; once the database answers, the same command goes on.
    """

    exit_code = 7


class CheckStopped(StorageError):
    """A process that checked files was killed, for want of memory perhaps. Run the same command again."""

    exit_code = 7


class FileExists(StorageError):
    """The file to make is there already, and was left as it is. Name another, or replace it on purpose."""

    exit_code = 2


class FolderMissing(StorageError):
    """There is no folder to make the file in. Make it, or name another."""

    exit_code = 2


class FileUnfinished(StorageError):
    """A stop came before the file to make was whole. Nothing was written: run the same command again."""

    exit_code = 7


class KeyFileUnusable(StorageError):
    """The file holds no key that can sign here; the message has the line that makes one."""

    exit_code = 2


class QueryError(StorageError):
    """A search query or KEY that cannot be read; the message shows the place."""

    exit_code = 2


class QueryUnreadable(QueryError):
    """A search query whose form is wrong: `line` is the query, `place` the character where, counted from 0."""

    def __init__(self, what: str, line: str, place: int, next: str = "") -> None:
        self.line, self.place = line, place
        super().__init__(what, "query", next)

    def __str__(self) -> str:
        """The message, and on two more lines the query with a caret under the place."""
        said = f"{self.which}: {self.what}" + (f". {self.next}" if self.next else "")
        return "\n  ".join((said, *point_at(self.line, self.place)))


class KeyAmbiguous(QueryError):
    """A KEY that names several articles; `candidates` lists them as `outlet:key`."""

    def __init__(self, which: str, candidates: tuple[str, ...]) -> None:
        self.candidates = candidates
        super().__init__("names several articles: " + ", ".join(candidates), which, "Give one of these.")


class KeyUnknown(QueryError):
    """A KEY that names no article of this archive."""
