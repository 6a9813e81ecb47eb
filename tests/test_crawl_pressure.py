"""While nothing can be read, nothing more is fetched: what waits is bounded, and so is memory."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from benchmarks.crawl import family, proportional_bytes
from scraper.demo.process import running_replica
from tests.databases import Place
from tests.living import asked_for, end_of, living_crawl, wait_until

ARTICLES = 1200
STILL_SECONDS = 4.0


def workers_of(root: int) -> list[int]:
    """The extraction workers below a crawl: children of its fork server."""
    below = set(family(root)) - {root}
    found = []
    for pid in below:
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            if parent in below and b"forkserver" in Path(f"/proc/{parent}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue  # it ended between two looks
    return found


@pytest.mark.long
def test_with_reading_stalled_fetching_stops_within_bounds_and_goes_on_after(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with (
        running_replica(articles=ARTICLES, seed=8, truth=False) as replica,
        living_crawl(
            place, replica, environment={"PRESSKEEP_PAGE_SECONDS": "600", "PRESSKEEP_WORKERS": "2"}
        ) as process,
    ):
        wait_until(asked_for(replica, 40), "the first requests")
        wait_until(lambda: len(workers_of(process.pid)) == 2, "the workers, who may start later than requests do")
        stalled = workers_of(process.pid)
        for worker in stalled:
            os.kill(worker, signal.SIGSTOP)

        counts = [-1, len(replica.requests())]
        until = time.monotonic() + 60
        while counts[-1] != counts[-2]:
            assert time.monotonic() < until, "fetching never came to rest"
            time.sleep(STILL_SECONDS)
            counts.append(len(replica.requests()))
        at_rest, before = counts[-1], proportional_bytes(process.pid)
        assert at_rest < ARTICLES, "it fetched all that there is"
        time.sleep(STILL_SECONDS)
        assert len(replica.requests()) == at_rest
        assert proportional_bytes(process.pid) - before < 10_000_000

        for worker in stalled:
            os.kill(worker, signal.SIGCONT)
        wait_until(lambda: len(replica.requests()) > at_rest + 40, "requests after the stall")
        process.send_signal(signal.SIGINT)
        assert end_of(process).code == 7
