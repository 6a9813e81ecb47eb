"""What answers a request: the site, its misbehaviour, its log, and the control that changes them while it runs."""

from __future__ import annotations

import gzip
import json
import resource
import secrets
import signal
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache
from pathlib import Path

from scraper.demo.errors import ReplicaError
from scraper.demo.requestlog import Bell, RequestLog
from scraper.demo.rules import Rule, RuleBook, parse_rules
from scraper.demo.site import Answer, Site
from scraper.demo.timeline import MAX_DAYS
from scraper.demo.wire import Reply, Request

_METHODS = ("GET", "HEAD")


class Service:
    """Answers requests for a site. `clock` says which day it is until a day is set through the control."""

    def __init__(
        self, site: Site, log: RequestLog, rules: RuleBook, bells: list[Bell], clock: Callable[[], int]
    ) -> None:
        self._site, self._log, self._rules, self._bells = site, log, rules, bells
        self._clock = clock
        self._requests = 0

    def answer(self, request: Request) -> Reply:
        """Answer one request of a crawler."""
        self._requests += 1
        for bell in [bell for bell in self._bells if bell.at <= self._requests]:
            self._bells.remove(bell)
            bell.ring()
        day = self._clock()
        rule = self._rules.find(request.host, request.target, day)
        reply = self._misbehave(request, rule, day) if rule else self._behave(request, day)
        self._log.write(self._requests, request, day, 0 if reply.drop else reply.status, len(reply.body))
        return reply

    def control(self, request: Request) -> Reply:
        """Answer one request on the control port."""
        try:
            return _json_reply(200, self._obey(request))
        except ReplicaError as error:
            return _json_reply(400, {"error": str(error)})

    def _behave(self, request: Request, day: int, *, nonce: bool = False) -> Reply:
        if request.method not in _METHODS:
            return Reply(405, (("Allow", ", ".join(_METHODS)),))
        answer = self._site.answer(request.host, request.target, day, request.scheme)
        if nonce:
            answer = _with_nonce(answer)
        headers = _headers(answer)
        if answer.status == 200 and _unchanged(request, answer):
            return Reply(304, headers)
        body = answer.body
        if len(body) > 400 and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers = (*headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
        return Reply(answer.status, headers, body)

    def _misbehave(self, request: Request, rule: Rule, day: int) -> Reply:
        if rule.drop:
            return Reply(200, drop=True)
        reply = self._behave(request, day, nonce=rule.nonce)
        status, headers, body = rule.status or reply.status, reply.headers, reply.body
        if rule.redirect is not None:
            own = f"{request.scheme}://{request.headers.get('host', '')}{request.target}"
            status = rule.status or 302
            headers, body = (("Location", own if rule.redirect == "self" else rule.redirect),), b""
        elif rule.bomb:
            headers, body = (
                (("Content-Type", "text/html; charset=utf-8"), ("Content-Encoding", "gzip")),
                _bomb(rule.bomb),
            )
        elif rule.body is not None or (rule.status or 200) >= 400:
            headers = (("Content-Type", "text/html; charset=utf-8"),)
            body = (rule.body if rule.body is not None else f"<html><body><h1>{status}</h1></body></html>").encode()
        elif rule.endless:
            headers = (("Content-Type", "text/html; charset=utf-8"),)
        return Reply(
            status,
            headers + rule.headers,
            body,
            rule.delay,
            rule.truncate,
            rule.length,
            rule.drip,
            endless=rule.endless,
        )

    def _obey(self, request: Request) -> dict[str, object]:
        if request.method == "GET" and request.target == "/__replica__/stats":
            return self._stats()
        try:
            order = json.loads(request.body)
        except ValueError as error:
            raise ReplicaError("the body is not JSON", request.target) from error
        match request.method, request.target:
            case "POST", "/__replica__/day":
                self._set_day(order)
            case "POST", "/__replica__/rules":
                self._rules = RuleBook(parse_rules(order, "rules"))
            case "POST", "/__replica__/bell":
                self._bells.append(parse_bell(order))
            case _:
                raise ReplicaError(
                    "no such control", f"{request.method} {request.target}", "Known are day, rules, bell, stats"
                )
        return self._stats()

    def _set_day(self, order: object) -> None:
        day = order.get("day") if isinstance(order, dict) else order
        if not isinstance(day, int) or isinstance(day, bool) or not 0 <= day <= MAX_DAYS:
            raise ReplicaError(f"a day is a number from 0 to {MAX_DAYS}", "day")
        self._clock = lambda: day

    def _stats(self) -> dict[str, object]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "day": self._clock(),
            "requests": self._requests,
            "cpu_seconds": round(time.process_time(), 3),
            "peak_kilobytes": usage.ru_maxrss,
        }


def parse_bell(order: object) -> Bell:
    """Check a bell as it comes from the control port or the command line: request, pid, signal, file."""
    if not isinstance(order, dict) or not isinstance(order.get("request"), int) or order["request"] < 1:
        raise ReplicaError(
            "a bell needs the number of a request", "bell", 'For example {"request": 30, "pid": 4711, "signal": "KILL"}'
        )
    pid, file, name = order.get("pid"), order.get("file"), str(order.get("signal", "TERM")).upper().removeprefix("SIG")
    if pid is not None and (not isinstance(pid, int) or pid < 2):
        raise ReplicaError("a process id is a number above 1", "bell")
    if pid is None and not file:
        raise ReplicaError("a bell needs a pid or a file", "bell")
    try:
        number = signal.Signals[f"SIG{name}"]
    except KeyError as error:
        raise ReplicaError(f"no signal is named {name}", "bell") from error
    return Bell(order["request"], pid, number, Path(str(file)) if file else None)


def _headers(answer: Answer) -> tuple[tuple[str, str], ...]:
    headers = [("Content-Type", answer.content_type)]
    if answer.location:
        headers.append(("Location", answer.location))
    if answer.etag:
        headers.append(("ETag", answer.etag))
    if answer.changed:
        headers.append(("Last-Modified", format_datetime(answer.changed, usegmt=True)))
    return tuple(headers)


def _with_nonce(answer: Answer) -> Answer:
    """A page of a site whose policy for scripts wants a number used once (Content Security Policy Level 3, 2.3)."""
    if not answer.content_type.startswith("text/html"):
        return answer
    script = f'<script nonce="{secrets.token_urlsafe(16)}">window.page = {{}};</script></head>'.encode()
    return replace(answer, body=answer.body.replace(b"</head>", script, 1), etag=None, changed=None)


def _unchanged(request: Request, answer: Answer) -> bool:
    """RFC 9110 section 13.2.2: If-None-Match decides where it is given, else If-Modified-Since."""
    etags = request.headers.get("if-none-match")
    if etags is not None:
        # Weak comparison, section 8.8.3.2.
        known = {etag.strip().removeprefix("W/") for etag in etags.split(",")}
        return "*" in known or (answer.etag is not None and answer.etag.removeprefix("W/") in known)
    since = _parse_date(request.headers.get("if-modified-since"))
    return since is not None and answer.changed is not None and answer.changed.replace(microsecond=0) <= since


def _parse_date(text: str | None) -> datetime | None:
    """A header's date; section 13.1.3 has an invalid one ignored."""
    try:
        parsed = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return parsed if parsed is not None and parsed.tzinfo is not None else None


@lru_cache(maxsize=4)
def _bomb(size: int) -> bytes:
    """A gzip stream of that many zeros."""
    packer = zlib.compressobj(9, wbits=31)
    piece = bytes(1_000_000)
    packed = [packer.compress(piece[: min(len(piece), size - at)]) for at in range(0, size, len(piece))]
    return b"".join([*packed, packer.flush()])


def _json_reply(status: int, value: dict[str, object]) -> Reply:
    return Reply(status, (("Content-Type", "application/json"),), json.dumps(value).encode() + b"\n")
