"""The errors of fetching and reading pages.

ScraperError
├── UsageError               a wrong option or argument (exit code 2)
│   ├── ProfileError         a profile that cannot be used: file, key, what is wrong, an example of what is right
│   ├── OutletUnknown        no profile of that name; the nearest are suggested
│   ├── ContactMissing       a crawl of public hosts without a contact
│   └── ReplicaError         a request to the replica that is wrong (scraper.demo)
├── FetchError               no exchange came about, or it was broken off; `reason` is a stable word
│   └── Declined             not sent, or not followed, by our own rule (scraper.fetching.reasons)
├── NothingReached           no host of the outlet could be reached (exit code 3)
├── BudgetSpent              a crawl's budget is used up, or its disk nearly full (exit code 7; scraper.crawling.budget)
├── NotifyFailed             the command that should be told of findings failed (scraper.watching)
├── DraftingFailed           a site's pages could not be read within bounds (scraper.crawling.apart)
└── ReplayFailed             pywb did not start (scraper.cli.replay)
"""

from __future__ import annotations


class ScraperError(Exception):
    """Something failed while fetching or reading.

    `what` happened, to which URL, file or option (`which`), and what to do `next`; each is one line.
    """

    exit_code = 1

    def __init__(self, what: str, which: str = "", next: str = "") -> None:
        self.what, self.which, self.next = what, which, next
        super().__init__(": ".join(part for part in (which, what) if part) + (f". {next}" if next else ""))


class UsageError(ScraperError):
    """A wrong option or argument. Nothing was done."""

    exit_code = 2


class ProfileError(UsageError):
    """An outlet profile that cannot be used. `which` names file and key; `next` shows what is right."""


class OutletUnknown(UsageError):
    """No profile has that name. `next` suggests the nearest ones."""


class ContactMissing(UsageError):
    """A crawl of public hosts needs a contact. `next` is the line to add."""


class FetchError(ScraperError):
    """No whole exchange came about. `reason` is one stable word of `scraper.fetching`'s vocabulary.

    Whether to try again is the frontier's business: this says only what happened.
    """

    def __init__(self, reason: str, what: str, which: str = "", next: str = "") -> None:
        self.reason = reason
        super().__init__(what, which, next)


class NothingReached(ScraperError):
    """No host of the outlet could be reached. Check the network, or try `--domain`."""

    exit_code = 3
