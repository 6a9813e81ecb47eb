"""Getting time stamps for the manifests of runs that have ended, and making up for those that were missed."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from storage.archive import Archive
from storage.errors import StorageError
from storage.stamps import (
    MAX_STAMP,
    StampRequest,
    StampWrong,
    Unstamped,
    certificates_of,
    check_stamp,
    keep_stamp,
    stamp_request,
    unstamped,
)

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from scrapy.http import Response
    from twisted.python.failure import Failure

    from scraper.config import Config

log = logging.getLogger(__name__)

AT_ONCE = 50
"""Stamps asked for after one run; what an authority owes beyond that, later runs make up for."""
STAMP_SECONDS = 20.0
"""An authority's answer is waited for so long."""
START_SECONDS, LOOK_SECONDS = 60.0, 0.2
"""How long the process that asks may take beyond the answers."""


@dataclass(frozen=True, slots=True)
class StampReport:
    """How many stamps were kept; and of the runs that still lack theirs, how many, and a reason for each authority."""

    kept: int = 0
    missing: int = 0
    reasons: tuple[tuple[str, str], ...] = ()


def stamp_runs(config: Config, *, stopped: Callable[[], bool] = lambda: False) -> StampReport:
    """Ask for the time stamps that ended runs of the archive lack, check them and keep them. Blocks, until `stopped`
    says that it is not to; call it after a run, with the archive closed.

    Never raises for an authority's or the network's sake, nor for a full disk: what is missing is logged as a warning,
    and asked for again after the next run.
    """
    if config.time_stamp_authority is None or stopped():
        return StampReport()
    try:
        report = _stamp_runs(config, stopped)
    except StorageError as error:
        log.warning("time stamps could not be kept: %s", error)
        return StampReport()
    for authority, reason in report.reasons:
        log.warning("no time stamp from %s: %s. The next run asks again", authority, reason)
    return report


@dataclass(frozen=True, slots=True)
class Question:
    """What an authority is asked: a TimeStampReq in DER."""

    authority: str
    der: bytes


def ask_authorities(
    config: Config, questions: Sequence[Question], stopped: Callable[[], bool] = lambda: False
) -> list[bytes | str]:
    """The authorities' answers in the order of the questions: bytes, or why there is none. Waits until `stopped`.

    They are asked through the doors that all requests go through (guarded addresses, mapping, proxy, certificates,
    limits of time and size), in a process of its own: a reactor that ran a crawl cannot run again.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_answer_all, args=(sender, config, list(questions)), daemon=True)
    process.start()
    sender.close()
    try:
        until = monotonic() + START_SECONDS + STAMP_SECONDS * len(questions)
        while not receiver.poll(LOOK_SECONDS):
            if stopped() or monotonic() > until:
                return ["no answer in time"] * len(questions)
        answers: list[bytes | str] = receiver.recv()
        return answers
    except EOFError:
        return ["the process that asks ended without an answer"] * len(questions)
    finally:
        process.kill()
        process.join()
        receiver.close()


def _stamp_runs(config: Config, stopped: Callable[[], bool]) -> StampReport:
    trusted = config.time_stamp_ca
    if trusted is not None:
        certificates_of(trusted)  # told before anybody is asked
    with Archive.open(config.archive, config.database) as archive:
        with archive.read() as connection:
            waiting = unstamped(connection, AT_ONCE)
        asked = [(each, stamp_request(each.digest)) for each in waiting]
        if not asked:
            return StampReport()
        questions = [Question(each.authority, request.der) for each, request in asked]
        answers = ask_authorities(config, questions, stopped)
        kept = 0
        reasons: dict[str, str] = {}
        for (each, request), answer in zip(asked, answers, strict=True):
            try:
                kept += _keep(archive, config, each, request, answer)
            except StampWrong as error:
                reasons.setdefault(each.authority, error.what)
        return StampReport(kept, len(waiting) - kept, tuple(reasons.items()))


def _keep(archive: Archive, config: Config, run: Unstamped, request: StampRequest, answer: bytes | str) -> bool:
    if isinstance(answer, str):
        raise StampWrong(answer, run.authority)
    check_stamp(answer, run.digest, nonce=request.nonce, trusted=config.time_stamp_ca)
    with archive.begin() as connection:
        return keep_stamp(connection, run.crawl, run.digest, answer)


def _answer_all(sender: Connection, config: Config, questions: Sequence[Question]) -> None:
    """Ask all questions, one after the other at each host, and send the answers. The body of the asking process."""
    from scrapy.crawler import CrawlerProcess

    from scraper.crawling.settings import oneoff_settings

    # An authority is no site that is crawled: its robots.txt says nothing of it.
    asking = replace(
        config,
        ignore_robots=True,
        request_timeout=min(STAMP_SECONDS, config.request_timeout),
        max_wire_bytes=MAX_STAMP,
    )
    answers: dict[int, bytes | str] = {}
    process = CrawlerProcess({**oneoff_settings(asking), "RETRY_TIMES": 0, "LOG_ENABLED": False})
    process.crawl(_spider_class(), questions=questions, answers=answers)
    process.start()
    sender.send([answers.get(number, "it was not asked") for number in range(len(questions))])


def _spider_class() -> type[Any]:
    """The spider that asks; made here, since Scrapy is imported only where something is asked."""
    from scrapy import Request, Spider

    from scraper.fetching.reasons import reason_of

    class StampSpider(Spider):
        """Puts each question to its authority (RFC 3161, 3.4)."""

        name = "time-stamps"

        def __init__(self, questions: Sequence[Question], answers: dict[int, bytes | str], **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._questions, self._answers = questions, answers

        async def start(self) -> AsyncIterator[Any]:
            for number, question in enumerate(self._questions):
                try:
                    yield Request(
                        question.authority,
                        method="POST",
                        body=question.der,
                        headers={
                            "Content-Type": "application/timestamp-query",
                            "Accept": "application/timestamp-reply",
                            "Accept-Encoding": "identity",
                        },
                        callback=self.answered,
                        errback=self.failed,
                        dont_filter=True,
                        meta={"number": number, "dont_redirect": True, "dont_retry": True},
                    )
                except ValueError:
                    self._answers[number] = "it is no URL"

        async def answered(self, response: Response) -> None:
            request = response.request
            assert request is not None
            exchange = request.meta.pop("exchange")
            whole = response.status == 200 and exchange.truncated is None
            why_not = f"it answered with status {response.status}" if response.status != 200 else "the answer broke off"
            self._answers[request.meta["number"]] = exchange.payload if whole else why_not

        async def failed(self, failure: Failure) -> None:
            assert failure.value is not None
            number = failure.request.meta["number"]  # type: ignore[attr-defined]
            self._answers[number] = f"it could not be asked ({reason_of(failure.value)})"

    return StampSpider
