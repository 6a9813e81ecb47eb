"""Keep a terminal's signals away where they would do harm: from processes that their parent ends, and from imports."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGHUP)


@contextmanager
def held_back() -> Iterator[None]:
    """Ctrl-C waits until it has ended: raised in the middle of an import, it may be swallowed or taken for a fault."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def deaf() -> Iterator[None]:
    """What is started within it ignores SIGINT and SIGHUP, at its start too. What comes for this process meanwhile
    waits until it has ended. Elsewhere than in the main thread, where Python sets no handlers, it does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # what is blocked waits, though it is ignored
    before = {each: signal.signal(each, signal.SIG_IGN) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
