"""The stable words for how a fetch ended.

A fetch failure's reason (no exchange came about, or none that may be read):

| word | meaning | worth another try |
|---|---|---|
| dns | the name does not resolve | yes |
| private-address | the address is not a public one, and nothing named it | no |
| refused | the connection was refused | yes |
| unreachable | no way to the address, or the connection could not be made | yes |
| reset | the connection ended before the response's head did | yes |
| timeout | the response (with resolving, connecting, TLS) took longer than its limit | yes |
| tls | no TLS connection that can be trusted | no |
| proxy | the proxy did not open the way | yes |
| bad-response | what came is not HTTP/1 | no |
| head-too-large | the response's head exceeds its limit | no |
| too-large | the response exceeds its limit | no |
| truncated | the body ended before its end | yes |
| bad-encoding | the content coding is broken | no |
| unknown-encoding | a content coding that is not known | no |
| redirect-loop | a redirect to a URL already asked for on this way, or to itself | no |
| redirect-limit | more redirects than allowed | no |
| robots | robots.txt disallows the URL | no |
| robots-unreachable | robots.txt could not be had, which means disallow (RFC 9309, 2.3.1.4) | yes |
| retry-after | the host asked to be left alone for a while | yes |
| bad-url | a URL that is never asked for: no host, another scheme, user name in it | no |
| cancelled | the run ended first | yes |
| unexpected | an error that this table does not know; the log has it | yes |

What became of an exchange that came about is said by scraper.fetching.outcomes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from OpenSSL import SSL
from scrapy import exceptions as scrapy_errors
from scrapy.core.downloader.handlers.http11 import TunnelError
from service_identity import VerificationError
from service_identity.exceptions import CertificateError
from twisted.internet import error as net
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web import _newclient, client
from twisted.web import error as web
from twisted.web.http import PotentialDataLoss, _DataLoss, _MalformedChunkedDataError

from scraper.errors import FetchError

TRANSIENT = frozenset(
    {
        "dns",
        "refused",
        "unreachable",
        "reset",
        "timeout",
        "proxy",
        "truncated",
        "robots-unreachable",
        "retry-after",
        "cancelled",
        "unexpected",
    }
)
"""Reasons that may pass by themselves."""

DEFINITE = frozenset(
    {
        "private-address",
        "tls",
        "bad-response",
        "head-too-large",
        "too-large",
        "bad-encoding",
        "unknown-encoding",
        "redirect-loop",
        "redirect-limit",
        "robots",
        "bad-url",
    }
)
"""Reasons that another try at once would meet again."""

REASONS = TRANSIENT | DEFINITE
"""The whole vocabulary."""

_WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    # The order tells the special from the general: the first class that fits gives the word.
    (TunnelError, "proxy"),
    ((scrapy_errors.CannotResolveHostError, net.DNSLookupError), "dns"),
    ((scrapy_errors.DownloadConnectionRefusedError, net.ConnectionRefusedError, ConnectionRefusedError), "refused"),
    ((scrapy_errors.DownloadTimeoutError, net.TimeoutError, net.TCPTimedOutError, TimeoutError), "timeout"),
    ((SSL.Error, VerificationError, CertificateError, net.SSLError, net.VerifyError), "tls"),
    ((_newclient.ParseError, _MalformedChunkedDataError), "bad-response"),
    ((scrapy_errors.ResponseDataLossError, _DataLoss, PotentialDataLoss), "truncated"),
    ((net.NoRouteError, net.ConnectBindError, net.UnknownHostError, net.ConnectError), "unreachable"),
    ((net.ConnectionLost, net.ConnectionDone, net.ConnectionAborted, net.ConnectionClosed), "reset"),
    ((ConnectionResetError, ConnectionAbortedError, BrokenPipeError), "reset"),
    (_newclient.ConnectionAborted, "reset"),
    ((_newclient.RequestTransmissionFailed, _newclient.RequestNotSent), "reset"),
    ((scrapy_errors.UnsupportedURLSchemeError, web.SchemeNotSupported, scrapy_errors.NotSupported), "bad-url"),
    ((_newclient.RequestGenerationFailed, _newclient.BadHeaders, web.InfiniteRedirection), "unexpected"),
    ((CancelledError, scrapy_errors.DownloadCancelledError), "cancelled"),
    (scrapy_errors.IgnoreRequest, "cancelled"),
    (OSError, "unreachable"),
    ((UnicodeError, ValueError), "bad-url"),
)


_RESPONSE_FAILED = (client.ResponseFailed, scrapy_errors.DownloadFailedError)


class Declined(FetchError, scrapy_errors.IgnoreRequest):
    """A request that is not sent, or not followed, by our own rule; Scrapy passes it to the errback without noise.

    `until` is the instant (of the run's clock) before which it should not be tried again, where one is known.
    """

    def __init__(
        self, reason: str, what: str, which: str = "", next: str = "", *, until: datetime | None = None
    ) -> None:
        super().__init__(reason, what, which, next)
        self.until = until


def reason_of(error: BaseException) -> str:
    """The one word for an error of a download. Never raises: an error unknown here is `unexpected`."""
    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, FetchError):
            return cause.reason if cause.reason in REASONS else "unexpected"
    failed = any(isinstance(cause, _RESPONSE_FAILED) for cause in causes)
    leaves = [cause for cause in causes if not isinstance(cause, _RESPONSE_FAILED)]
    ranked = [rank for rank in map(_rank, leaves) if rank is not None]
    word = _WORDS[min(ranked)][1] if ranked else ""
    if failed and (word == "bad-url" or len(ranked) < len(leaves)):
        # The parser died of what came, whichever error it met: an unknown coding, two lengths that differ.
        return "bad-response"
    return word or ("reset" if failed else "unexpected")


def _rank(cause: BaseException) -> int | None:
    return next((rank for rank, (kinds, _) in enumerate(_WORDS) if isinstance(cause, kinds)), None)


def _causes(error: BaseException | Failure, depth: int = 0) -> Iterator[BaseException]:
    """The error with all that Twisted and Scrapy wrapped into it."""
    value = error.value if isinstance(error, Failure) else error
    if value is None or depth > 8:
        return
    yield value
    for inner in getattr(value, "reasons", None) or ():
        if isinstance(inner, (Failure, BaseException)):
            yield from _causes(inner, depth + 1)
    if value.__cause__ is not None:
        yield from _causes(value.__cause__, depth + 1)
