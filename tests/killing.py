"""Run the command line and die by SIGKILL at the n-th write, fsync, commit or renaming of this process.

`python -m tests.killing POINT N ARGUMENT...`, where POINT is one of before-write, after-write, before-fsync,
after-fsync, before-commit, after-commit, before-rename and after-rename.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

POINTS = ("before-write", "after-write", "before-fsync", "after-fsync", "before-commit", "after-commit")
RENAMES = ("before-rename", "after-rename")
"""The moments at which a WARC file is closed: once or never in most runs."""


class Killer:
    """Counts the calls of one kind and ends this process at the n-th."""

    def __init__(self, point: str, n: int) -> None:
        self._when, self._kind = point.split("-")
        self._left = n
        self._pid = os.getpid()

    def wrap(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, deadly where `kind` is the one that is counted."""
        if kind != self._kind:
            return function

        def deadly(*args: Any, **kwargs: Any) -> Any:
            if os.getpid() != self._pid:
                return function(*args, **kwargs)
            self._left -= 1
            if self._left == 0 and self._when == "before":
                os.kill(self._pid, signal.SIGKILL)
            result = function(*args, **kwargs)
            if self._left == 0:
                os.kill(self._pid, signal.SIGKILL)
            return result

        return deadly


def main(arguments: list[str]) -> int:
    """Arm the killer and run the command."""
    killer = Killer(arguments[0], int(arguments[1]))
    from sqlalchemy.engine.default import DefaultDialect

    from scraper.cli.running import run
    from storage.warc_writing import WarcWriter

    os.fsync = killer.wrap("fsync", os.fsync)
    os.rename = killer.wrap("rename", os.rename)
    DefaultDialect.do_commit = killer.wrap("commit", DefaultDialect.do_commit)  # type: ignore[method-assign]
    WarcWriter.append = killer.wrap("write", WarcWriter.append)  # type: ignore[method-assign]
    return run(arguments[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
