"""Running Scrapy so that a signal ends it within seconds, whatever it waits for."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scrapy.crawler import CrawlerProcess

GRACE_SECONDS = 4.0
"""How long a signal waits for the downloads under way and for what is being read."""

LOOK_AGAIN_SECONDS = 0.05
"""How often it is looked whether an engine that is to be stopped has started."""

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopper:
    """Runs a crawler process until it is done or told to stop.

    Scrapy's own handlers wait for every download under way, which may take minutes on a slow host. Here the first
    signal lets Scrapy end in order; after `GRACE_SECONDS`, or with a second signal, the reactor stops under it.
    `asked` says whether there was a signal; `on_stop` is called when there is one.
    """

    def __init__(self, process: CrawlerProcess, on_stop: Callable[[], None] = lambda: None) -> None:
        self._process, self._on_stop = process, on_stop
        self._has_reactor = False
        self._asked_early = False
        self.asked = False

    def run(self, begin: Callable[[], None], *, until_ended: bool = False) -> None:
        """Call `begin`, which gives the process its first crawl, and run the reactor until no crawl is left, or
        `until_ended`, until `end` is called. Blocks."""
        with self._listening():
            begin()
            self._has_reactor = True
            if self._asked_early:
                _reactor().callFromThread(self._stop)
            self._process.start(stop_after_crawl=not until_ended, install_signal_handlers=False)

    def end(self) -> None:
        """Stop the reactor."""
        self._stop_reactor()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._take) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                # What a signal ended ends in order, however many more come: what is left takes seconds.
                signal.signal(number, signal.SIG_IGN if self.asked else handler)

    def _take(self, number: int, frame: Any) -> None:
        # Not here: a signal may come in the middle of anything, and before Scrapy has chosen the reactor.
        if self._has_reactor:
            _reactor().callFromThread(self._stop)
        else:
            self._asked_early = True

    def _stop(self) -> None:
        if self.asked:
            self._stop_reactor()
            return
        self.asked = True
        self._on_stop()
        _reactor().callLater(GRACE_SECONDS, self._stop_reactor)
        self._stop_engines()

    def _stop_engines(self) -> None:
        """End each crawl in order. Scrapy forgets a stop that comes before an engine runs, so that is waited for."""
        engines = [getattr(crawler, "engine", None) for crawler in self._process.crawlers]
        if all(engine is not None and engine.running for engine in engines):
            self._process.stop()
        else:
            _reactor().callLater(LOOK_AGAIN_SECONDS, self._stop_engines)

    def _stop_reactor(self) -> None:
        from twisted.internet.error import ReactorNotRunning

        with suppress(ReactorNotRunning):
            _reactor().stop()


def _reactor() -> Any:
    """The reactor, which importing installs: only once Scrapy has chosen it."""
    from twisted.internet import reactor

    return reactor
