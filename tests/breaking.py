"""Run the command line with one rule of the crawl taken out, so that a test can see that its check would notice.

`python -m tests.breaking RULE ARGUMENT...`, where RULE is a name in RULES.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def follow_no_redirects() -> None:
    """Redirects are answers like others."""
    from scraper.fetching.redirects import NamedRedirects

    def pass_on(self: Any, request: Any, response: Any, spider: Any = None) -> Any:
        return response

    NamedRedirects.process_response = pass_on  # type: ignore[method-assign]


def redirect_within_the_slot() -> None:
    """Where a redirect leads counts to the host that it came from."""
    from scraper.fetching.redirects import NamedRedirects

    redirect: Callable[..., Any] = NamedRedirects._redirect

    def redirect_and_stay(self: Any, redirected: Any, request: Any, reason: Any) -> Any:
        followed = redirect(self, redirected, request, reason)
        followed.meta["download_slot"] = request.meta["download_slot"]
        return followed

    NamedRedirects._redirect = redirect_and_stay  # type: ignore[method-assign]


def bound_no_host() -> None:
    """A request counts to its host when its task runs."""
    from scrapy.core.downloader import Downloader

    from scraper.fetching.downloader import BoundedDownloader

    BoundedDownloader._wait_for_download = Downloader._wait_for_download  # type: ignore[method-assign]


def miss_gained_places() -> None:
    """What a listing gains while it is fetched is not looked at."""
    from scraper.crawling import dispatch

    vars(dispatch)["make_due_elsewhere"] = lambda connection, known, now: 0


def go_on_blindly() -> None:
    """A crawl that goes on with another does not look for what that one missed."""
    from scraper.crawling import session

    vars(session)["make_due_unread"] = lambda connection, outlet, now: 0


def ask_without_conditions() -> None:
    """Known pages are asked for as new ones are."""
    from scraper.crawling import dispatch

    vars(dispatch)["conditions"] = lambda etag, last_modified: {}


def read_nothing_again() -> None:
    """Two readings are compared though they are of two extractors."""
    from storage import deciding

    judge: Callable[..., str] = vars(deciding)["judge"]

    def judge_at_once(*arguments: Any) -> str:
        verdict = judge(*arguments)
        return "edit" if verdict == "unread" else verdict

    vars(deciding)["judge"] = judge_at_once


def restore_nothing() -> None:
    """An article that was gone stays gone, though it is shown again."""
    from scraper.crawling import intake

    vars(intake)["restore"] = lambda connection, resource_id: None


def wait_for_downloads() -> None:
    """A signal waits for every download under way, as Scrapy's own handlers do."""
    from scraper.crawling import stopping

    stopping.GRACE_SECONDS = 3600.0


def take_every_answer_for_shown() -> None:
    """A domain that was ever asked for an article counts as one that showed it."""
    from scraper.crawling import intake

    vars(intake)["has_shown"] = lambda connection, resource_id, domain_id: True


def live_to_read() -> None:
    """The process dies when it is about to read the first article that it has kept."""
    from scraper.crawling.learning import Learner

    read: Callable[..., Any] = Learner._read

    async def die_or_read(self: Any, capture: int, resource: int, task: Any, **more: Any) -> Any:
        if task.kind == "article":
            os.kill(os.getpid(), signal.SIGKILL)
        return await read(self, capture, resource, task, **more)

    Learner._read = die_or_read  # type: ignore[method-assign]


def leave_pending_unread() -> None:
    """What an earlier run kept and did not come to read stays so."""
    from scraper.crawling.learning import Learner

    async def read_nothing(self: Any) -> None:
        return None

    Learner.read_pending = read_nothing  # type: ignore[method-assign]


def forget_redirects() -> None:
    """A one-off fetch knows only where redirects led it."""
    from scraper.crawling.hops import RememberRedirects

    RememberRedirects.process_response = lambda self, request, response: response  # type: ignore[method-assign]


def follow_without_end() -> None:
    """Whatever comes of them, links from article to article are followed."""
    from scraper.crawling.traps import TrapWatch

    TrapWatch.note = lambda self, found_by, digest: None  # type: ignore[method-assign]


def poll_hourly() -> None:
    """No listing is polled sooner than an hour after it was."""
    from datetime import timedelta

    from scraper.crawling import polling

    polling.SHORTEST = timedelta(hours=1)


def visit_weekly() -> None:
    """Articles are visited weekly, however young they are."""
    from datetime import timedelta

    from scraper.crawling import visits

    visits.BY_AGE = ((timedelta(days=60), timedelta(days=7)),)


def wait_briefly_for_locks() -> None:
    """A lock that another program has on the database is waited for a second long, and not half a minute."""
    from storage import engines

    vars(engines)["_WAIT_SECONDS"] = 1


def wait_for_no_lock() -> None:
    """A lock that another program has on the database is an error at once."""
    from storage import engines

    vars(engines)["_WAIT_SECONDS"] = 0


def trust_the_clock() -> None:
    """Whether the clock was set back is not looked at."""
    from datetime import timedelta

    from scraper.crawling import opening, routing
    from storage import due

    vars(opening)["turned_back"] = lambda connection, outlet, now: None
    vars(due)["TOLERANCE"] = vars(routing)["TOLERANCE"] = timedelta(days=36500)


RULES: dict[str, Callable[[], None]] = {
    rule.__name__: rule
    for rule in (
        follow_no_redirects, redirect_within_the_slot, bound_no_host, miss_gained_places, read_nothing_again,
        restore_nothing, take_every_answer_for_shown, live_to_read, leave_pending_unread, wait_for_downloads,
        ask_without_conditions, go_on_blindly, forget_redirects, poll_hourly, visit_weekly,
        follow_without_end, wait_briefly_for_locks, trust_the_clock, wait_for_no_lock,
    )
}  # fmt: skip


def broken(rule: Callable[[], None]) -> tuple[str, ...]:
    """The program of the command line without a rule, as Python's options."""
    return "-m", "tests.breaking", rule.__name__


def main(arguments: list[str]) -> int:
    """Take the rule out and run the command."""
    from scraper.cli.running import run

    RULES[arguments[0]]()
    return run(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
