"""Run the command line with checks that end a process by SIGKILL: `python -m tests.dying_checker WHOM FILE COMMAND...`.

WHOM is `worker` (the process that checks dies) or `parent` (the process of the command dies while it waits); FILE gets
the number of the process that checked.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from storage.fixity.members import Checked, Portion

_PARENT, _FILE = "DYING_CHECKER_PARENT", "DYING_CHECKER_FILE"


def check_and_die(portion: Portion) -> Checked:
    """Takes the place of a check."""
    Path(os.environ[_FILE]).write_text(str(os.getpid()))
    os.kill(int(os.environ.get(_PARENT) or os.getpid()), signal.SIGKILL)
    return Checked((), 0)


def main(arguments: list[str]) -> int:
    """Put the deadly check in its place and run the command."""
    from scraper.cli.running import run
    from storage.fixity import files

    os.environ[_PARENT] = str(os.getpid()) if arguments[0] == "parent" else ""
    os.environ[_FILE] = arguments[1]
    files.check_portion = check_and_die
    return run(arguments[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
