"""Read what strace logged of a crawl, and say where a commit could outlive the WARC records that it points at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal

CALLS = "write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,rename,renameat,renameat2"
COMMAND = ("strace", "-f", "-qq", "-y", "-s", "0", "--seccomp-bpf", "-e", f"trace={CALLS}", "-o")
"""What to put before a command; the log's name follows. With -y each descriptor is shown with its path."""
_LINE = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(.*)")
_DESCRIPTOR = re.compile(r"\(\d+<([^>]*)>")
_NAMES = re.compile(r'"([^"]*)"')
_ANSWER = re.compile(r"= (-?\d+)[^=]*$")


@dataclass(frozen=True)
class Step:
    """A call that began or ended. `path` is the file's, of a rename the new one; `size` is known at the end."""

    what: Literal["write", "sync", "rename"]
    ends: bool
    path: str
    size: int = 0


def steps(log: str) -> Iterator[Step]:
    """The beginnings and ends of all calls in the order of a log; one that was interrupted by another thread's has two
    lines."""
    begun: dict[str, Step] = {}
    for line in log.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        thread, name, rest = match.groups()
        if " resumed>" in rest:
            step = begun.pop(thread, None)
        elif (step := _begun(name, rest)) is not None:
            yield step
            if "<unfinished ...>" in rest:
                begun[thread] = step
                continue
        answer = _ANSWER.search(rest)
        if step is not None and answer is not None and int(answer[1]) >= 0:
            yield Step(step.what, True, step.path, int(answer[1]))


def _begun(name: str, rest: str) -> Step | None:
    if name.startswith("rename"):
        names = _NAMES.findall(rest)
        return Step("rename", False, names[1]) if len(names) == 2 else None
    descriptor = _DESCRIPTOR.match(rest)
    if descriptor is None:
        return None
    return Step("sync" if name in ("fsync", "fdatasync") else "write", False, descriptor[1])


@dataclass
class Order:
    """What is not on the disk yet as a log goes on, and the faults that were found."""

    faults: list[str] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)
    """Bytes by WARC file."""
    commits: int = 0
    """Syncs of the database's log that followed a sync of a WARC file, which are commits that may point at it."""
    _unsynced: dict[str, int] = field(default_factory=dict)
    """The files with bytes that may be lost, by how often they were written to."""
    _syncing: dict[str, int] = field(default_factory=dict)
    _unnamed: dict[str, str] = field(default_factory=dict)
    """WARC files whose names may be lost, and the folders that hold these."""
    _fresh: bool = False

    def follow(self, step: Step) -> None:
        """Take a step into account."""
        if step.what == "sync":
            self._sync(step)
        elif step.what == "rename":
            if step.ends and _is_warc(step.path):
                self._unnamed[step.path] = str(PurePosixPath(step.path).parent)
        elif step.ends:
            if _is_warc(step.path):
                self.written[step.path] = self.written.get(step.path, 0) + step.size
        else:
            self._write(step.path)

    def _write(self, path: str) -> None:
        if _is_warc(path):
            if path not in self.written:
                self._unnamed[path] = str(PurePosixPath(path).parent)
            if any(_is_log(each) for each in self._unsynced):
                self.faults.append(f"{path} is written to before the commit before was synced")
        elif _is_log(path):
            self.faults += [f"{each} is not synced before a commit" for each in self._unsynced if _is_warc(each)]
            self.faults += [f"the name of {each} is not synced before a commit" for each in self._unnamed]
        self._unsynced[path] = self._unsynced.get(path, 0) + 1

    def _sync(self, step: Step) -> None:
        if not step.ends:
            self._syncing[step.path] = self._unsynced.get(step.path, 0)
            return
        if self._unsynced.get(step.path) == self._syncing.pop(step.path, None):  # nothing was written meanwhile
            self._unsynced.pop(step.path, None)
        self._unnamed = {name: folder for name, folder in self._unnamed.items() if folder != step.path}
        if _is_log(step.path):
            self.commits += self._fresh
        self._fresh = _is_warc(step.path) or (self._fresh and not _is_log(step.path))


def judge(trace: Sequence[Step]) -> Order:
    """Follow a whole trace."""
    order = Order()
    for step in trace:
        order.follow(step)
    return order


def _is_warc(path: str) -> bool:
    return path.removesuffix(".open").endswith(".warc.gz")


def _is_log(path: str) -> bool:
    return path.endswith("archive.db-wal")
