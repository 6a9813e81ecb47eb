"""The CDXJ index of an archive: sorted files beside the WARC files, read on from where they were left.

The folder holds a few sorted runs, `00000001.cdxj` and so on, and `index.json`, which names them with their digests and
says up to which byte each WARC file was read. That file is replaced last and at once, so a kill leaves the index as it
was before or as it is after; it stands beside the runs, not in the database, so that both are always of one state and
the whole folder can be deleted and made again. A new run is merged with those before it that are no more than twice its
size: so there are few, and each line is written a few times however often the index grows.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from storage.cdxj import cdxj_line
from storage.errors import ArchiveDamaged
from storage.sorting import CHUNK, merged_lines, sorted_lines
from storage.warc_records import Record, read_records
from storage.warc_writing import sync_folder

STATE = "index.json"
_FORM = 2
"""The form of `index.json`; an index of another one is made again."""
_EARLIER = b'{\n"form": 1,'
"""What `index.json` began with before it had digests; the next who follows makes such an index again."""
_LOCK = "lock"
_TAIL = 4096
"""Bytes before the place read up to whose digest tells that a file is still the one that was read."""
_RUN = re.compile(r"\d{8}\.cdxj")
_PEM = "application/pem-certificate-chain"

Read = Callable[[BinaryIO, int], Iterator[Record]]
"""Gives the whole records of a file from an offset on, and stops before what is not whole."""


@dataclass(frozen=True, slots=True)
class Source:
    """A WARC file to index: its name in the index, how it is opened, and up to which byte it may be read.

    `limit` is None for a closed file. `open` raises ArchiveDamaged when it is missing; `read` gives its records.
    `gaps` says that what stands between its records, and behind them, may be passed over: another program wrote it.
    """

    name: str
    open: Callable[[], BinaryIO]
    limit: int | None = None
    read: Read = read_records
    gaps: bool = False


@dataclass(slots=True)
class Followed:
    """What following did: records and bytes read, lines written, and what stood in its way, as `FILE at byte N`."""

    files: int = 0
    records: int = 0
    lines: int = 0
    damaged: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Up to which byte a file was read, and the digest of the bytes before that place."""

    to: int
    tail: str


@dataclass(slots=True)
class _State:
    """The runs with their SHA-256 (hex), in order, and how far each WARC file was read."""

    runs: dict[str, str]
    marks: dict[str, _Mark]


class CdxjIndex:
    """The index in a folder. `base` is another index that this one goes on from without touching it: for an archive
    that cannot be written."""

    def __init__(self, folder: Path, *, base: Path | None = None, chunk: int = CHUNK) -> None:
        self.folder = folder
        self._base = base
        self._chunk = chunk

    @property
    def paths(self) -> list[Path]:
        """The sorted files, those of the base among them."""
        folders = [self._base, self.folder] if self._base else [self.folder]
        return [folder / name for folder in folders for name in _load(folder).runs]

    def lines(self) -> Iterator[bytes]:
        """All lines in order, each with its line feed."""
        with ExitStack() as stack:
            yield from merged_lines([stack.enter_context(path.open("rb")) for path in self.paths])

    def faults(self) -> Iterator[tuple[str, str]]:
        """The files that are not what was written, each with what is wrong; another process may be following."""
        while True:
            before = self._state_file()
            found = list(self._faults())
            if self._state_file() == before:
                yield from found
                return

    def follow(
        self,
        sources: Sequence[Source],
        told: Callable[[Followed], None] = lambda done: None,
        *,
        anew: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> Followed:
        """Read on in every source, and take out what came from files that are no more, or no more the same.

        `anew` makes the index from nothing. What is damaged is told in the result and tried again the next time. A
        second call that finds nothing new writes nothing. `told` hears how it goes, and `stop` is asked, after each
        record; once it says yes, no more is read, and the next call goes on. OSError when the folder cannot be
        written; another process that follows is waited for.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / _LOCK):
            old = _State({}, {}) if anew else _load(self.folder)
            known = old.marks if self._base is None else {**_load(self._base).marks, **old.marks}
            kept, lost = _compare(sources, known)
            if lost and (self._base is not None or not all(map(self._is_whole, old.runs.items()))):
                self._base, old, kept, lost = None, _State({}, {}), {}, set()
            done = Followed()
            state = _State(dict(old.runs), dict(kept))
            if lost:
                state.runs = self._write(self._without(old.runs, lost), old.runs)
            before = len(state.runs)
            state.runs |= self._write(
                sorted_lines(self._read(sources, state, done, told, stop), self.folder, chunk=self._chunk), state.runs
            )
            if len(state.runs) > before or state.runs != old.runs or state.marks != known:
                state.runs = self._merge(state.runs)
                self._save(state)
            self._clean(state)
            return done

    def _state_file(self) -> bytes | None:
        try:
            return (self.folder / STATE).read_bytes()
        except OSError:
            return None

    def _faults(self) -> Iterator[tuple[str, str]]:
        content = self._state_file()
        if content is None:
            if any(_RUN.fullmatch(path.name) for path in self.folder.glob("*.cdxj")):
                yield STATE, "the file that names the others cannot be read"
            return
        state = _read_state(self.folder)
        if state is None:
            if not content.startswith(_EARLIER):
                yield STATE, "it is not what was written"
            return
        for name, sha256 in state.runs.items():
            if not (self.folder / name).is_file():
                yield name, "the file is not there"
            elif not self._is_whole((name, sha256)):
                yield name, "it is not what was written"

    def _read(
        self,
        sources: Sequence[Source],
        state: _State,
        done: Followed,
        told: Callable[[Followed], None],
        stop: Callable[[], bool],
    ) -> Iterator[bytes]:
        stopped = False
        for source in sources:
            if stopped:
                return
            mark = state.marks.get(source.name)
            start = mark.to if mark else 0
            if source.limit is not None and start >= source.limit:
                continue
            try:
                file = source.open()
            except ArchiveDamaged as error:
                done.damaged.append(str(error))
                continue
            with file:
                size = os.fstat(file.fileno()).st_size
                limit = size if source.limit is None else source.limit
                end = start
                if start < limit:
                    done.files += 1
                    for record in source.read(file, start):
                        if record.end > limit:
                            break
                        end = record.end
                        done.records += 1
                        line = _line(record, source.name)
                        if line is not None:
                            done.lines += 1
                            yield line
                        told(done)
                        stopped = stop()
                        if stopped:
                            break
                if source.gaps and not stopped:
                    end = limit
                if end > start:
                    state.marks[source.name] = _Mark(end, _tail(file, end))
                if end < limit and not stopped:
                    done.damaged.append(f"{source.name} at byte {end}")

    def _without(self, runs: Iterable[str], lost: set[str]) -> Iterator[bytes]:
        """The lines of the runs, but for those of some files."""
        with ExitStack() as stack:
            files = [stack.enter_context((self.folder / name).open("rb")) for name in runs]
            for line in merged_lines(files):
                if json.loads(line[line.index(b"{") :])["filename"] not in lost:
                    yield line

    def _merge(self, runs: Mapping[str, str]) -> dict[str, str]:
        """Merge the newest runs as long as the one before them is at most twice as large. One that is not what was
        written stays as it is, so that a check still names it."""
        names = list(runs)
        sizes = [(self.folder / name).stat().st_size for name in names]
        first = len(names) - 1
        total = sizes[-1] if sizes else 0
        while first > 0 and sizes[first - 1] <= 2 * total:
            first -= 1
            total += sizes[first]
        merged = names[first:]
        if len(merged) < 2 or not all(self._is_whole((name, runs[name])) for name in merged):
            return dict(runs)
        with ExitStack() as stack:
            files = [stack.enter_context((self.folder / name).open("rb")) for name in merged]
            return {name: runs[name] for name in names[:first]} | self._write(merged_lines(files), names)

    def _write(self, lines: Iterable[bytes], runs: Iterable[str]) -> dict[str, str]:
        """Write a run; gives its name and digest, or nothing where there are no lines."""
        lines = iter(lines)
        first = next(lines, None)
        if first is None:
            return {}
        taken = [int(path.name[:8]) for path in self.folder.glob("*.cdxj") if _RUN.fullmatch(path.name)]
        name = f"{max([0, *taken, *(int(run[:8]) for run in runs)]) + 1:08}.cdxj"
        digest = hashlib.sha256()
        with _replacing(self.folder / name) as file:
            for line in chain((first,), lines):
                digest.update(line)
                file.write(line)
        return {name: digest.hexdigest()}

    def _is_whole(self, run: tuple[str, str]) -> bool:
        return _sha256(self.folder / run[0]) == run[1]

    def _save(self, state: _State) -> None:
        with _replacing(self.folder / STATE) as file:
            file.write(_to_json(state))

    def _clean(self, state: _State) -> None:
        """Remove runs that are merged, or that a killed process left."""
        for path in self.folder.iterdir():
            if path.name.endswith(".part") or (_RUN.fullmatch(path.name) and path.name not in state.runs):
                path.unlink(missing_ok=True)


def _line(record: Record, name: str) -> bytes | None:
    """The record's line, but none for certificates under a page's address: replay would show them for the page."""
    if record.kind == "metadata" and record.fields.get("content-type") == _PEM:
        return None
    return cdxj_line(record, name)


def _load(folder: Path) -> _State:
    """The state of an index; an empty one where there is none, or none that can be read: it is made again then."""
    state = _read_state(folder)
    return state if state and all((folder / name).is_file() for name in state.runs) else _State({}, {})


def _read_state(folder: Path) -> _State | None:
    """What `index.json` says; None where there is none, or it is not what was written."""
    try:
        content = (folder / STATE).read_bytes()
        value: Any = json.loads(content)
        if value["form"] != _FORM:
            return None
        runs = {name: str(digest) for name, digest in value["runs"].items() if _RUN.fullmatch(name)}
        marks = {name: _Mark(int(mark["to"]), str(mark["tail_sha256"])) for name, mark in value["read"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    state = _State(runs, marks)
    return state if _to_json(state) == content else None


def _to_json(state: _State) -> bytes:
    """The content of `index.json`: its last member is the digest of it all without that member."""
    value: dict[str, Any] = {
        "form": _FORM,
        "runs": state.runs,
        "read": {name: {"to": mark.to, "tail_sha256": mark.tail} for name, mark in sorted(state.marks.items())},
    }
    value["sha256"] = hashlib.sha256(json.dumps(value).encode()).hexdigest()
    return json.dumps(value, indent=0).encode() + b"\n"


def _sha256(path: Path) -> str:
    """The SHA-256 (hex) of a file; '' where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _compare(sources: Sequence[Source], known: Mapping[str, _Mark]) -> tuple[dict[str, _Mark], set[str]]:
    """The marks of files that are still what was read, and the names of those that are not, or not there."""
    kept = {}
    for source in sources:
        mark = known.get(source.name)
        if mark is None:
            continue
        try:
            with source.open() as file:
                same = os.fstat(file.fileno()).st_size >= mark.to and _tail(file, mark.to) == mark.tail
        except ArchiveDamaged:
            same = True  # it may come back, and what is lost shall be told, not forgotten
        if same:
            kept[source.name] = mark
    return kept, set(known) - set(kept)


def _tail(file: BinaryIO, end: int) -> str:
    start = max(end - _TAIL, 0)
    file.seek(start)
    return hashlib.sha256(file.read(end - start)).hexdigest()


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name, and the place of the one that has it, only when all is on the disk."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
