"""Learning what repeats on an outlet's pages, from articles that were kept: read behind the crawls, and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.crawling.kept import KeptTask, whole_task
from scraper.extraction.learnt import LEAST_ARTICLES, Counted, Learnt, learn
from scraper.extraction.repeats import count_blocks
from storage.repeats import (
    BlockCount,
    Window,
    add_counts,
    articles_counted,
    blocks_counted,
    counted_until,
    freeze,
    fresh_articles,
    places_of,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from scraper.crawling.reading import ReadResult
    from scraper.crawling.state import CrawlState
    from scraper.crawling.workers import Workers
    from storage.archive import Archive

MOST_ARTICLES = 256
"""Articles of a domain that are counted in a month: what repeats shows on fewer."""
PORTION = 1024
"""Articles that are looked at between two commits."""
PORTIONS = 16
"""Portions that a crawl looks at before it begins: a large archive that never was counted is counted over several."""
_AT_LEAST = 16
_CHUNK = 8
_LOOK_UP = 0.25
"""Seconds after which it is looked whether to stop."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Articles to be looked at: the captures they span, and of each window the tasks of reading some of them."""

    span: tuple[int, int]
    tasks: Mapping[Window, Sequence[KeptTask]]

    @property
    def chunks(self) -> list[Sequence[KeptTask]]:
        """All tasks, as one worker takes them at once."""
        tasks = iter([task for each in self.tasks.values() for task in each])
        return list(iter(lambda: list(islice(tasks, _CHUNK)), []))


@dataclass(frozen=True, slots=True)
class Repeats:
    """What repeats on the pages of an outlet (its id; `profile` names its profile, if it has one)."""

    archive: Path
    outlet: int
    profile: str | None

    def next_portion(self, connection: Connection) -> Portion | None:
        """The next articles to be looked at; None while there are too few to tell what repeats on them.

        Of a window so many are read that later ones find room: those of a long crawl are not all of one time.
        """
        begin = counted_until(connection, self.outlet)
        fresh = fresh_articles(connection, self.outlet, begin, PORTION)
        if len(fresh) < LEAST_ARTICLES:
            return None
        counted = articles_counted(connection, self.outlet)
        by_window: dict[Window, list[int]] = {}
        for each in fresh:
            by_window.setdefault(each.window, []).append(each.capture)
        chosen = {
            window: _spread(captures, MOST_ARTICLES - counted.get(window, 0)) for window, captures in by_window.items()
        }
        places = places_of(connection, [number for numbers in chosen.values() for number in numbers])
        tasks = {
            window: [
                replace(whole_task(self.archive, places[number], self.profile), showing=True)
                for number in numbers
                if number in places
            ]
            for window, numbers in chosen.items()
        }
        return Portion((begin, fresh[-1].capture), {window: each for window, each in tasks.items() if each})

    def count(self, connection: Connection, portion: Portion, results: Iterable[ReadResult]) -> bool:
        """Count the blocks of a portion, given what came of its tasks in their order; once, whoever else counts."""
        read = iter(results)
        counts: dict[Window, tuple[int, Sequence[BlockCount]]] = {}
        for window, tasks in portion.tasks.items():
            pages = [result.shown for result in islice(read, len(tasks)) if result.shown]
            if pages:
                articles = articles_counted(connection, self.outlet).get(window, 0)
                before = {each.block: each.n for each in blocks_counted(connection, window)}
                seen = count_blocks(pages, before, articles)
                counts[window] = (
                    len(pages),
                    [BlockCount(block, each.n, each.among, each.after, each.sample) for block, each in seen.items()],
                )
        return add_counts(connection, self.outlet, portion.span, counts)

    def learnt(self, connection: Connection, now: datetime) -> Learnt | None:
        """What is known to repeat now, frozen; None where nothing is. `now` is UTC."""
        learnt = learn(self._counted(connection))
        if learnt is None:
            return None
        kept = freeze(connection, self.outlet, learnt.digest, learnt.as_json(), now)
        return Learnt.from_json(learnt.digest, kept)

    def _counted(self, connection: Connection) -> Iterator[Counted]:
        for window, articles in articles_counted(connection, self.outlet).items():
            for each in blocks_counted(connection, window, LEAST_ARTICLES):
                yield Counted(each.block, each.n, each.among, each.after, articles, each.sample)


async def learn_before_crawl(state: CrawlState, workers: Workers) -> Learnt | None:
    """Count what earlier crawls kept, and give what this one goes by from its begin to its end."""
    if state.outlet.states_boilerplate:
        return None
    repeats = Repeats(state.opened.archive.folder, state.opened.outlet, state.outlet.name)
    for _ in range(PORTIONS):
        portion = await state.run(repeats.next_portion)
        if portion is None:
            break
        reading = [asyncio.wrap_future(workers.read_all(chunk)) for chunk in portion.chunks]
        results = [result for each in await asyncio.gather(*reading) for result in each]
        await state.run(partial(repeats.count, portion=portion, results=results))
    return await state.run(partial(repeats.learnt, now=state.clock.now()))


def learn_again(
    archive: Archive, repeats: Repeats, workers: Workers, now: datetime, is_stopped: Callable[[], bool]
) -> Learnt | None:
    """Count all that is kept of an outlet and was not counted, and give what repeats. Blocks, until it is stopped."""
    while not is_stopped():
        with archive.read() as connection:
            portion = repeats.next_portion(connection)
        if portion is None:
            break
        results = _wait_for([workers.read_all(chunk) for chunk in portion.chunks], is_stopped)
        if results is None:
            break
        with archive.begin() as connection:
            repeats.count(connection, portion, results)
    with archive.begin() as connection:
        return repeats.learnt(connection, now)


def _wait_for(reading: Sequence[Future[list[ReadResult]]], is_stopped: Callable[[], bool]) -> list[ReadResult] | None:
    """What comes of all reading; None where it is to stop before."""
    left = set(reading)
    while left and not is_stopped():
        _, left = wait(left, timeout=_LOOK_UP)
    if left:
        return None
    try:
        return [result for each in reading for result in each.result()]
    except CancelledError:
        return None


def _spread(captures: Sequence[int], room: int) -> list[int]:
    """Some of a window's captures, in even steps: half of the room that is left, or a few more."""
    n = min(len(captures), max(room // 2, min(room, _AT_LEAST)))
    return [captures[at * len(captures) // n] for at in range(n)] if n > 0 else []
