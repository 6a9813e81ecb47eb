"""Run the command line as a user who may write nothing: `python -m tests.as_stranger WARM ARGUMENT...`.

Root would write anywhere, so it becomes nobody; but nobody may not get at the Python that root uses. So the command
runs once before, on WARM, another archive alike, after which all modules are loaded.
"""

from __future__ import annotations

import contextlib
import io
import os
import pwd
import sys


def become_stranger() -> None:
    """From now on this process is nobody's, where it was root's; any other user stays who it is."""
    if os.geteuid() != 0:
        return
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)


def main(arguments: list[str]) -> int:
    """Run the command on the other archive, become nobody, and run it for good."""
    from scraper.cli.running import run

    warm, *command = arguments
    before = [*command]
    for option, value in (("--archive", warm), ("--out", f"{warm}/out-{os.getpid()}")):
        if option in before:
            before[before.index(option) + 1] = value
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        run(before)
    become_stranger()
    return run(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
