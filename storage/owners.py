"""Names of the processes that hold leases and locks, and whether they still live."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_GIVEN_UP: set[str] = set()
_FIRST_NAMESPACE = 0xEFFFFFFC
"""The number of the namespace of processes that a Linux system begins with (linux/proc_ns.h, PROC_PID_INIT_INO)."""


def machine() -> str:
    """The name under which processes see each other: the host's, and within it the namespace of processes.

    Containers may share a host's name and know nothing of each other's processes.
    """
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        namespace = _FIRST_NAMESPACE
    return socket.gethostname() + (f"@{namespace}" if namespace != _FIRST_NAMESPACE else "")


def new_owner() -> str:
    """A name for a run in this process: `machine/pid/start/random`, new at each call.

    `start` is the process's start in clock ticks since boot where the system tells it (Linux), so that another
    process that later gets the same number is not taken for this one.
    """
    return "/".join((machine(), str(os.getpid()), _started(os.getpid()), secrets.token_hex(4)))


def give_up(owner: str) -> None:
    """Say that a run of this process has ended without giving back what it held, as one whose database went does."""
    _GIVEN_UP.add(owner)


def is_dead(owner: str) -> bool:
    """Whether the owner's process is known to have ended, or in this process its run. An owner on another machine is
    never known to be dead."""
    if owner in _GIVEN_UP:
        return True
    host, _, rest = owner.partition("/")
    pid, _, rest = rest.partition("/")
    started = rest.partition("/")[0]
    if host != machine() or not pid.isdecimal():
        return False
    if not process_lives(int(pid)):
        return True
    return bool(started) and started != _started(int(pid))


def is_local(owner: str) -> bool:
    """Whether the owner runs, or ran, on this machine."""
    return owner.partition("/")[0] == machine()


def runs_here(owner: str) -> bool:
    """Whether the owner is a run of this very process."""
    return owner.startswith("/".join((machine(), str(os.getpid()), _started(os.getpid()), "")))


def process_lives(pid: int) -> bool:
    """Whether a process of this number runs on this machine. A zombie does not: it holds and writes nothing more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _stat(pid)[:1] != ["Z"]


def _started(pid: int) -> str:
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    """The fields of proc(5)'s stat from the state on; its second field may hold spaces and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
