"""What kept pages say: the workers read them, and it is written down (T2)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.crawling.depth import Depths
from scraper.crawling.media import KEPT as MEDIA_KEPT
from scraper.crawling.media import requisites_of
from scraper.crawling.reading import ReadResult, ReadTask
from scraper.crawling.repeating import learn_before_crawl
from scraper.crawling.sampling import Measurer
from scraper.crawling.visits import next_doubt, next_visit
from scraper.crawling.workers import DAMAGED
from storage.captures import PendingCapture, capture_at
from storage.due import forget_whole, make_due
from storage.errors import ArchiveDamaged, StorageError
from storage.frontier import found_by_of
from storage.polls import note_poll
from storage.records import ExtractorName, Found, Known, Reading
from storage.recovery import pending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scraper.crawling.state import CrawlState
    from scraper.crawling.workers import Workers
    from storage.exchange import Exchange
    from storage.frontier import Leased

log = logging.getLogger(__name__)

PENDING_AT_ONCE = 64


class Learner:
    """Hands captures to the workers, and what they make of them to the writer."""

    def __init__(self, state: CrawlState, workers: Workers, extractor: ExtractorName) -> None:
        self._state, self._workers, self._extractor = state, workers, extractor
        self._learnt: bytes | None = None
        self._depths = Depths(state.outlet)
        self._sample = Measurer(state)

    async def learn_repeats(self) -> None:
        """Learn what repeats on the outlet's pages. This crawl goes by it to its end, and its readings are named for
        it: call it before anything is read."""
        learnt = await learn_before_crawl(self._state, self._workers)
        if learnt is not None:
            self._learnt = learnt.pack()
            self._extractor = replace(self._extractor, learnt_digest=learnt.digest)

    async def read_pending(self, crawls: Sequence[int] | None = None) -> None:
        """Read what an earlier run kept and did not come to read, or these crawls."""
        state, opened = self._state, self._state.opened
        state.working += 1
        try:
            after = 0
            ask = partial(pending, outlet=opened.outlet, limit=PENDING_AT_ONCE, crawls=crawls)
            while waiting := await state.run(partial(ask, after=after)):
                for each in waiting:
                    if crawls is None and each.capture >= opened.first_capture:
                        return
                    former = await self._former(each.capture)
                    if former is None:
                        await self._call_damaged(each)
                        continue
                    task = replace(task_again(state.outlet.name, *former), media=state.media is not None)
                    led = await state.run(partial(found_by_of, resource_id=each.resource))
                    await self._read(each.capture, each.resource, task, asked=each.url, found_by=led)
                    state.tally.earlier += 1
                after = waiting[-1].capture
        except StorageError as error:
            state.break_off(error)
        finally:
            state.working -= 1
            state.on_change()

    async def read_kept(
        self, leased: Leased, capture: int, task: ReadTask, *, asked: str, copy: bool, conditional: bool
    ) -> str:
        """Read what a request brought and write down what it is; gives the outcome. `asked` is the URL that redirects
        began at. Where it was `conditional` and its server says that nothing changed, what it had brought before is
        read."""
        if conditional and not task.payload:
            former = await self._former(capture)
            if former is None or not former[1].payload:
                return await self._miss_original(leased, capture, task)
            task = replace(task_again(self._state.outlet.name, *former), media=task.media)
            self._state.tally.unchanged += 1
        return await self._read(
            capture,
            leased.resource,
            task,
            asked=asked,
            copy=copy,
            found_by=leased.found_by,
            first_at=leased.first_at,
        )

    async def _miss_original(self, leased: Leased, capture: int, task: ReadTask) -> str:
        """What the server says has not changed cannot be read back: the page is asked for soon, without conditions."""
        outcome = "refused:not-modified"
        await self._know(self._reading(capture, leased.resource, task, ReadResult(outcome=outcome), copy=False))
        await self._state.run(partial(forget_whole, capture_id=capture, due_at=task.at))
        self._state.tally.count_outcome(outcome, kind=leased.kind)
        return outcome

    async def _read(
        self,
        capture: int,
        resource: int,
        task: ReadTask,
        *,
        asked: str,
        copy: bool = False,
        found_by: str = "",
        first_at: datetime | None = None,
    ) -> str:
        """Read a capture and write down what it is; gives the outcome. `asked` is the URL that redirects began at.

        `found_by` is what led to its resource, which says of a stylesheet on whose account it is; `first_at` is when
        the resource was first seen.
        """
        result = await self._workers.read(replace(task, learnt=self._learnt))
        reading = self._reading(capture, resource, task, result, copy=copy, first_at=first_at)
        reading = replace(reading, found=reading.found + requisites_of(self._state, reading, task, result, found_by))
        try:
            known = await self._know(reading)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this page's outcome and no other's
            log.error("what %s says cannot be written down: %s: %s", task.url, type(error).__name__, error)
            result = ReadResult(outcome="failed:not-written")
            known = await self._know(self._reading(capture, resource, task, result, copy=copy))
        if result.outcome == "listing":
            await self._sample.measure(task.key, result.found)
        self._count(result, known, copy=copy, kind=task.kind)
        if task.kind == "article" and (known.novelty == "new" or result.outcome != "article") and not copy:
            new = result.named if known.novelty == "new" else None
            self._state.traps.note(found_by, new.digest if new else None)
        if resource in self._state.polling:
            await self._note_poll(resource, urlsplit(asked).netloc, task.at, known.new_resources)
        if result.outcome == "notice":
            await self._leave_seized(asked, task, capture)
        return result.outcome

    async def _note_poll(self, resource: int, host: str, at: datetime, found: int) -> None:
        """Note what a listing brought, and poll it again when that can be expected to be worth it."""
        polling = self._state.polling
        polled = polling.read(resource, at, found)
        due = polling.next_poll(resource, host, at)
        await self._state.run(partial(note_poll, polled=polled, due_at=due))

    async def _know(self, reading: Reading) -> Known:
        writer = self._state.opened.writer
        known: Known = await asyncio.wrap_future(writer.know(reading))
        if known.reread is not None:
            await self._reread(known.reread)
            known = await asyncio.wrap_future(writer.know(reading))
        return known

    async def _reread(self, capture: int) -> None:
        """Read the capture that the line showed last with today's extractor, so that its change is no edit."""
        former = await self._former(capture)
        if former is None:
            place = await self._state.run(partial(capture_at, capture_id=capture))
            await self._call_damaged(place)
            return
        again = former[0]
        task = task_again(self._state.outlet.name, *former)
        result = await self._workers.read(replace(task, learnt=self._learnt))
        reading = self._reading(again.capture, again.resource, task, result, copy=True)
        await asyncio.wrap_future(self._state.opened.writer.know(replace(reading, at=self._state.clock.now())))

    async def _former(self, capture: int) -> tuple[PendingCapture, Exchange] | None:
        """A capture read back, with the payload that it refers to; None where its record is damaged."""
        try:
            return await self._state.run(partial(self._state.opened.read_capture, capture_id=capture))
        except ArchiveDamaged as error:
            log.error("a kept page cannot be read back: %s", error)
            return None

    async def _call_damaged(self, place: PendingCapture) -> None:
        """Note that a kept page cannot be read; the crawl goes on without it, and tells it among its failures."""
        reading = Reading(place.capture, place.resource, self._extractor, DAMAGED, self._state.clock.now())
        await asyncio.wrap_future(self._state.opened.writer.know(reading))
        self._state.tally.count_outcome(DAMAGED, kind=place.kind)

    def _reading(
        self,
        capture: int,
        resource: int,
        task: ReadTask,
        result: ReadResult,
        *,
        copy: bool,
        first_at: datetime | None = None,
    ) -> Reading:
        found = tuple(filter(self._is_wanted, result.found))
        if self._is_far_enough(result):
            result = replace(result, more=(), parts=())
        more = self._depths.within(task.kind, task.key, result.pages + result.more)
        # A section's parts are its menu's sections, each of which begins anew; they lead to no menus.
        parts = result.parts if task.kind == "sections" else self._depths.within(task.kind, task.key, result.parts)
        if self._state.options.full:
            more, parts = (), parts + more
        if task.key in self._state.whole:
            more, parts = (), result.pages
            self._state.whole.update(dict.fromkeys((each.key for each in parts), self._state.whole[task.key]))
        published = result.content.published.at if result.content and result.content.published else None
        due = None
        if result.outcome == "article" and not copy:
            due = next_visit(task.at, published, first_at)
        elif result.outcome.startswith("refused:") and task.kind == "article" and not copy:
            due = next_doubt(task.at, result.published_day, first_at)
        return Reading(
            capture=capture,
            resource=resource,
            extractor=self._extractor,
            outcome=result.outcome,
            at=task.at,
            key=result.key,
            content=result.content,
            named=result.named,
            matched=result.matched,
            rights=result.rights,
            found=found,
            announced=result.announced,
            published_day=result.published_day,
            more=more,
            parts=parts,
            further_apart=self._further_apart(),
            due_at=due,
            coverage=result.coverage,
        )

    def _further_apart(self) -> timedelta:
        """How far apart further listings are asked for: who crawls by hand wants all now."""
        state = self._state
        return state.polling.further_apart(state.opened.begun_at) if state.options.due else timedelta(0)

    def _is_wanted(self, found: Found) -> bool:
        """Whether an article may be of the days that are wanted, by its URL or what a listing states of it. One that
        was changed last before them was published before them; one that was changed behind them may be of any day."""
        since, until = self._state.options.since, self._state.options.until
        if found.day is None or found.day_from == "seen":
            return True
        early = since is not None and found.day < since
        late = until is not None and found.day > until and found.day_from != "lastmod"
        return not (early or late)

    def _is_far_enough(self, result: ReadResult) -> bool:
        """Whether a listing of an archive by date reaches back to the first day that is wanted."""
        since = self._state.options.since
        return since is not None and result.span is not None and result.span[0] <= since

    async def _leave_seized(self, asked: str, task: ReadTask, capture: int) -> None:
        """A notice stands in the outlet's place: its domain is seized, and its articles are asked elsewhere.

        That ends, though notices stand on every domain: none is asked again once it has been left.
        """
        state = self._state
        state.tally.notices += 1
        standing = state.route.leave(asked)
        if standing is not None:
            await state.set_state(standing.row.id, "seized", capture)
        if task.kind == "article" and not state.route.is_alive(asked):
            now = state.clock.now()
            since = now + timedelta(milliseconds=1)  # this fetch was a fetch too
            await state.run(lambda connection: make_due(connection, [asked], now, since=since))

    def _count(self, result: ReadResult, known: Known, *, copy: bool, kind: str) -> None:
        tally = self._state.tally
        if result.outcome == "article":
            tally.articles += 1
            tally.copies += copy
            tally.new += known.novelty == "new"
            tally.edits += known.novelty == "edit"
            tally.duplicates += known.novelty in ("same", "duplicate")
        elif result.outcome == "listing":
            tally.listings += 1
        elif result.outcome == MEDIA_KEPT:
            tally.media += 1
        else:
            tally.count_outcome(result.outcome, kind=kind)


def task_again(outlet: str, capture: PendingCapture, exchange: Exchange) -> ReadTask:
    """The task of reading a capture once more."""
    return ReadTask.of(exchange, outlet=outlet, kind=capture.kind, key=capture.key, at=capture.at)
