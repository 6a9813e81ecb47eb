"""Let a closed terminal stop a run as Ctrl-C does: all that was taken is kept."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType


def stop_when_terminal_closes() -> None:
    """From now on SIGHUP means what SIGINT means; where it is ignored (nohup) it stays so."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) == signal.SIG_DFL:
        signal.signal(hangup, _interrupt)


def stop_cleanly() -> None:
    """From now on SIGTERM and SIGHUP mean what SIGINT means: what is half made is removed."""
    stop_when_terminal_closes()
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Send this process SIGINT, and heed it: what a shell starts in the background of a script ignores it."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.kill(os.getpid(), signal.SIGINT)


@contextlib.contextmanager
def output_may_be_gone() -> Iterator[None]:
    """Print within it what is only a report: a closed pipe or terminal must not change the exit code."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        silence_output()


def silence_output() -> None:
    """The reader of the output is gone; keep Python from saying so when it flushes at its end."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return  # there is no standard output to silence
