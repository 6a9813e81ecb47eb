"""The log of requests, and bells that ring at the n-th of them."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from scraper.demo.wire import Request
from scraper.fetching.clock import Clock

_KEPT = ("user-agent", "accept-encoding", "if-none-match", "if-modified-since", "range", "referer", "from", "cookie")


class RequestLog:
    """Writes one JSON line a request, in one write each, so that a reader sees whole lines at once.

    `time` is real; a `clock` that leaps gives `at` besides.
    """

    def __init__(self, path: Path | None, clock: Clock | None = None) -> None:
        self._clock = clock if clock is not None and clock.leaps else None
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644) if path else -1

    def write(self, number: int, request: Request, day: int, status: int, size: int) -> None:
        """Log a request; a status of 0 means that the connection was dropped unanswered."""
        if self._file < 0:
            return
        line = {
            "n": number,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **({"at": self._clock.now().isoformat(timespec="milliseconds")} if self._clock else {}),
            "connection": request.connection,
            "scheme": request.scheme,
            "host": request.host,
            "method": request.method,
            "path": request.target,
            "day": day,
            "status": status,
            "bytes": size,
            "headers": {name: request.headers[name] for name in _KEPT if name in request.headers},
        }
        os.write(self._file, json.dumps(line, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> RequestLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Bell:
    """Rings before the `at`-th request is answered: sends `signal` to `pid`, and writes a line to `file` (or FIFO)."""

    at: int
    pid: int | None = None
    signal: signal.Signals = signal.SIGTERM
    file: Path | None = None

    def ring(self) -> None:
        """Ring; a process that is gone already, or a FIFO that nobody reads, is not waited for."""
        if self.pid is not None:
            try:
                os.kill(self.pid, self.signal)
            except ProcessLookupError:
                return
        if self.file is not None:
            self._write_line(self.file)

    def _write_line(self, file: Path) -> None:
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK, 0o644)
        except OSError:
            # ENXIO: a FIFO without a reader. The test that would have listened has gone.
            return
        try:
            os.write(handle, f"{self.at}\n".encode())
        finally:
            os.close(handle)
