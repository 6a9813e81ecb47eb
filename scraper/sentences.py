"""Say in a sentence why a page is no article, or why there is no page: what people read where programs read a code.

The codes are those of `scraper.fetching.reasons`, of extraction's verdicts, of the ways of discovery and of the
workers. A sentence begins in lower case and ends without a full stop, so that it can stand in a table or after a colon.
"""

from __future__ import annotations

import re
from http import HTTPStatus

SENTENCES = {
    # No answer came, or none that may be read.
    "dns": "the host's name is not known (DNS)",
    "private-address": "the host is at a private address, which only --allow-private lets be asked",
    "refused": "the server refused the connection",
    "unreachable": "the server could not be reached",
    "reset": "the server broke the connection off",
    "timeout": "it took longer than 10 s to connect, or than request_timeout or page_seconds",
    "tls": "the server's certificate cannot be trusted (TLS)",
    "proxy": "the proxy did not open the way",
    "bad-response": "what the server sent is not HTTP",
    "head-too-large": "the answer's headers are larger than the limit (setting max_head_bytes)",
    "too-large": "the page is larger than the limits (settings max_page_bytes, max_wire_bytes)",
    "truncated": "the answer broke off before its end",
    "bad-encoding": "the answer's compression is broken",
    "unknown-encoding": "the answer is compressed in a way that is not known",
    "redirect-loop": "the server redirects in a circle",
    "redirect-limit": "the server redirects too many times",
    "robots": "robots.txt forbids it; --ignore-robots asks all the same",
    "robots-unreachable": "robots.txt could not be had, which forbids asking",
    "retry-after": "the server asked to be left alone for a while",
    "bad-url": "this is no URL of a page (http or https, a host, no user name)",
    "no-url": "the row names no URL",
    "no-domain": "no domain of the outlet could be asked",
    "domain-left": "its host failed again and again, and was left alone",
    "no-contact": "a public host is asked with --contact alone",
    "cancelled": "the run ended first",
    "unexpected": "an error that is not known; the log has it",
    # Nothing was asked, or nothing was read yet.
    "untried": "it was not asked for yet",
    "pending": "it was kept, and not read yet",
    # An answer came, and it is no page to read.
    "not-modified": "the server says that nothing has changed",
    "redirect": "the server redirects to another address",
    "robots-txt": "this is a robots.txt",
    "not-html": "this is no HTML page",
    "not-media": "a page stands in its place",
    # A page came, and it is no article.
    "notice": "a notice stands in its place: blocked, seized or parked",
    "empty": "the page holds no text",
    "listing": "the page lists articles and is none itself",
    "no-article": "the page is at no address of an article",
    "other-kind": "the page as a whole is more like a shop or a forum than an article",
    "no-headline": "no headline was found",
    "too-short": "the page's text is too short for an article",
    "several": "the page holds several articles, and says of none that it is its own",
    "paywall": "the page shows no more than the beginning of an article, before a paywall",
    "redirected": "the address leads to a page that is no article",
    # A listing came, and it lists nothing.
    "no-reader": "nothing here can read such a listing",
    "no-window": "the date archive lists nothing for these days",
    "not-a-feed": "this is no feed",
    "not-a-sitemap": "this is no sitemap",
    "no-urls": "the list holds no URL",
    "bad-gzip": "the compressed file is broken",
    # The page could not be read.
    "charset": "the page's character set is not known",
    "too-deep": "the page is nested too deeply to be read",
    "profile": "a selector of the outlet's profile cannot be used on the page",
    "memory": "reading the page took more memory than the limit (setting page_memory)",
    "worker-died": "the reading process died",
    "record-damaged": "the page's record in the archive is damaged",
    "reader-broke": "reading the page failed; the log has the error",
    "not-written": "the page could not be written to the archive",
}
"""A sentence for each reason's code, but for `status-NNN`, whose number says it."""

_VERDICT = re.compile(r"^(?:overruled:)?(?:refused:|failed:)?")
_STATUS = re.compile(r"status-(\d{3})")


def code_of(outcome: str) -> str:
    """The reason's bare code: 'empty' for 'refused:empty'."""
    return _VERDICT.sub("", outcome, count=1)


def is_reason(word: str) -> bool:
    """Whether there is a reason whose code, with its verdict or without, begins so."""
    code = code_of(word)
    stems = ("refused:", "failed:", "status-", *SENTENCES)
    return any(each.startswith(text) for text in (word, code) for each in stems) or code.startswith("status-")


def sentence_of(outcome: str) -> str:
    """The sentence for an outcome ('refused:empty') or a reason's code ('empty'); a code that is not known, itself."""
    code = code_of(outcome)
    if match := _STATUS.fullmatch(code):
        return f"the server answered {_status(int(match[1]))}"
    return SENTENCES.get(code, code)


def _status(number: int) -> str:
    try:
        return f"{number} {HTTPStatus(number).phrase}"
    except ValueError:
        return str(number)
