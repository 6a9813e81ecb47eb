"""Has pages read by a program in a process of its own, and outlives whatever becomes of it.

To the program, on its standard input: for each page a line `{"url": ..., "bytes": N}`, then N bytes. From it, on its
standard output, one line of JSON each: first `{"ready": true}`, then for each page `{"article": {...} or null}`; in
either's place `{"error": ...}`; each with `cpu`, the seconds that its process has used so far.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

LIMIT_S = 600.0
"""Most seconds for a start (its imports) or a page, by the clock on the wall: long, since a machine may be busy; of
CPU the program allows itself less."""
_LONGEST_ANSWER = 64 * 2**20
_CHUNK = 1 << 16


class CannotStart(Exception):
    """The program did not get ready to read; says what it said of that."""


class _Lost(Exception):
    """There is no answer, and there will be none: the argument is the reason, a key of Conversation.failures."""


class Conversation:
    """A program that reads pages. A page that it hangs on, ends at or fails with is read as None, and counted in
    `failures` by reason: slow, ended, answer (no readable one), or the name of the error; the next page goes on in
    a new process. `asked` counts the pages; `spent` is the CPU in seconds for them, starts left out; `given` are the
    fields that the program ever gave.

    Use as a context manager; entering raises CannotStart.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.failures: Counter[str] = Counter()
        self.asked = 0
        self.spent = 0.0
        self.given = {"body"}
        self._command, self._environment = command, dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._used = 0.0  # what the process of now has told of its CPU

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def read(self, html: bytes, url: str | None, limit: float = LIMIT_S) -> dict[str, Any] | None:
        """What the program makes of a page: title, authors, published, body; None for nothing."""
        self.asked += 1
        try:
            if self._process is None:
                self._start()
            head = json.dumps({"url": url, "bytes": len(html)}).encode() + b"\n"
            answer = self._exchange(head + html, limit)
            self.spent += self._since(answer)
            if "error" in answer:
                self.failures[str(answer["error"])[:80].partition(":")[0]] += 1
                return None
            article = _article(answer)
            self.given.update(key for key, value in (article or {}).items() if value)
            return article
        except CannotStart:
            self.failures["no start"] += 1
        except _Lost as lost:
            self.failures[str(lost)] += 1
            self.spent += max(0.0, self._end() - self._used)
        return None

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=self._environment, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._used = 0.0
        try:
            answer = self._exchange(b"", LIMIT_S)
            self._since(answer)
        except _Lost as lost:
            answer = {"error": str(lost)}
        if answer.get("ready") is not True:
            self._end()
            raise CannotStart(str(answer.get("error", "it spoke out of turn"))[:500])

    def _exchange(self, question: bytes, limit: float) -> dict[str, Any]:
        """Send a question and take the line that answers it. Raises _Lost."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        to, back = self._process.stdin.fileno(), self._process.stdout.fileno()
        unsent, line = memoryview(question), bytearray()
        deadline = time.monotonic() + limit
        while not line.endswith(b"\n"):
            readable, writable, _ = select.select(
                [back], [to] if unsent else [], [], max(0.0, deadline - time.monotonic())
            )
            if not readable and not writable:
                raise _Lost("slow")
            if writable:
                unsent = unsent[_write(to, unsent[:_CHUNK]) :]
            if readable:
                part = os.read(back, _CHUNK)
                line += part
                if not part:
                    raise _Lost("ended")
                if len(line) > _LONGEST_ANSWER:
                    raise _Lost("answer")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise _Lost("answer") from None
        if not isinstance(answer, dict) or unsent:
            raise _Lost("answer")
        return answer

    def _since(self, answer: dict[str, Any]) -> float:
        """The CPU between the last answer and this."""
        used = answer.get("cpu")
        if not isinstance(used, float) or not self._used <= used < float("inf"):
            raise _Lost("answer")
        since, self._used = used - self._used, used
        return since

    def _end(self) -> float:
        """Kill the process and what it started; the CPU in seconds of its whole life."""
        process, self._process = self._process, None
        if process is None:
            return 0.0
        before = _children_cpu()
        with suppress(ProcessLookupError):  # it and all of its session may have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        return _children_cpu() - before


def _write(to: int, part: memoryview) -> int:
    try:
        return os.write(to, part)
    except BrokenPipeError:
        raise _Lost("ended") from None


def _article(answer: dict[str, Any]) -> dict[str, Any] | None:
    """The article of an answer, with what the scorer takes. Raises _Lost for what is none."""
    article = answer.get("article")
    if article is None:
        return None
    if not isinstance(article, dict):
        raise _Lost("answer")
    authors = article.get("authors") or []
    texts = [article.get(key) for key in ("title", "published", "body")]
    if not isinstance(authors, list) or not all(isinstance(name, str) for name in authors):
        raise _Lost("answer")
    if not all(text is None or isinstance(text, str) for text in texts):
        raise _Lost("answer")
    return {"title": texts[0], "authors": authors, "published": texts[1], "body": texts[2]}


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
