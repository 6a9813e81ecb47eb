"""Run the command line, and write down after each commit what it promised: `python -m tests.telling LOG ARGUMENT...`.

A line of the log is `kept CAPTURE` or `known CAPTURE REVISION` (0 for none). It stands outside of the disk that is to
lose its power.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any


class Teller:
    """Holds what a thread's transaction is about to promise until its commit is done."""

    def __init__(self, log: str) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._waiting = threading.local()

    def hear(self, function: Callable[..., Any], lines: Callable[[Any], list[str]]) -> Callable[..., Any]:
        """The function, whose answers are noted."""

        def heard(*args: Any, **kwargs: Any) -> Any:
            answer = function(*args, **kwargs)
            self._waiting.lines = [*self._lines(), *lines(answer)]
            return answer

        return heard

    def tell_after(self, commit: Callable[..., Any]) -> Callable[..., Any]:
        """The commit, after which what was noted is told."""

        def told(*args: Any, **kwargs: Any) -> Any:
            answer = commit(*args, **kwargs)
            if lines := self._lines():
                os.write(self._log, "".join(lines).encode())
            self._waiting.lines = []
            return answer

        return told

    def forget_after(self, rollback: Callable[..., Any]) -> Callable[..., Any]:
        """The rollback, after which what was noted is forgotten."""

        def forgotten(*args: Any, **kwargs: Any) -> Any:
            self._waiting.lines = []
            return rollback(*args, **kwargs)

        return forgotten

    def _lines(self) -> list[str]:
        lines: list[str] = getattr(self._waiting, "lines", [])
        return lines


def main(arguments: list[str]) -> int:
    """Listen to both transactions, and run the command."""
    from sqlalchemy.engine.default import DefaultDialect

    from scraper.cli.running import run
    from storage import keeping, recovery, writer
    from storage.knowing import Knower

    teller = Teller(arguments[0])
    keep = teller.hear(keeping.keep_batch, lambda answer: [f"kept {each.capture}\n" for each in answer[1]])
    setattr(writer, "keep_batch", keep)  # noqa: B010 - the name that each imported
    setattr(recovery, "keep_batch", keep)  # noqa: B010
    Knower.know_batch = teller.hear(  # type: ignore[method-assign]
        Knower.know_batch,
        lambda answer: [f"known {each.capture} {each.revision or 0}\n" for each in answer if each.reread is None],
    )
    DefaultDialect.do_commit = teller.tell_after(DefaultDialect.do_commit)  # type: ignore[method-assign]
    DefaultDialect.do_rollback = teller.forget_after(DefaultDialect.do_rollback)  # type: ignore[method-assign]
    return run(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
