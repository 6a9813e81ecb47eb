"""The download handler for http and https, which leaves the exchange as it went over the wire with each request.

After a download `request.meta["exchange"]` holds a `storage.exchange.Exchange`; after a failed one it does when the
response broke off after its head (then `truncated` says how), and else there is none. Take it out with
`take_exchange`: Scrapy's errors hold their request until the garbage collector runs. A download takes at most
`download_timeout` seconds, resolving and connecting included.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urldefrag

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _RequestBodyProducer,
    _ScrapyAgent,
    _TunnelingAgent,
)
from scrapy.exceptions import DownloadTimeoutError
from scrapy.http import Headers, Request, Response
from scrapy.utils._download_handlers import make_response, wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers as TxHeaders
from twisted.web.iweb import UNKNOWN_LENGTH

from scraper.errors import FetchError
from scraper.fetching.reasons import DEFINITE, reason_of
from scraper.fetching.resolver import GuardedResolver
from scraper.fetching.slots import HostTurns, slots_of
from scraper.fetching.tap import Limits, Tap, factory_with, header_fields, too_large
from scraper.fetching.tls import TrustPolicy
from storage.exchange import Exchange, Truncation

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

CONNECT_SECONDS = 10.0
SENT_AT = "presskeep_sent_at"
"""The key of a request's meta that tells when it was last sent, by the monotonic clock."""
MAX_BYTES = "presskeep_max_bytes"
"""The key of a request's meta that bounds its response below the limit that holds for all."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


def take_exchange(request: Request) -> Exchange | None:
    """The exchange of a request's download, taken from the request so that its bytes go when their user is done."""
    return cast("Exchange | None", request.meta.pop("exchange", None))


class TapHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP/1.1 handler with our tap under it, our resolver before it and bounds on all.

    Scrapy's signals `headers_received` and `bytes_received` are not sent, and so StopDownload is not known here.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        from twisted.internet import reactor

        settings = crawler.settings
        self._slots = slots_of(crawler)
        self._turns: HostTurns | None = getattr(crawler, "host_turns", None)
        self._timeout = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._limits = Limits(settings.getint("DOWNLOAD_MAXSIZE"), settings.getint("PRESSKEEP_MAX_HEAD_BYTES", 65_536))
        self._pool._factory = factory_with(self._limits)
        self._contextFactory = cast("Any", TrustPolicy(settings.get("PRESSKEEP_CA_FILE") or None))
        self._agents = _ScrapyAgent(
            contextFactory=self._contextFactory, bindAddress=self._bind_address, pool=self._pool, crawler=crawler
        )
        resolver = cast("Any", reactor).nameResolver
        if not isinstance(resolver, GuardedResolver):
            # Some ways to run Scrapy (CrawlerRunner) never install TWISTED_DNS_RESOLVER: no door, no download.
            resolver = GuardedResolver.from_crawler(crawler, reactor)
            resolver.install_on_reactor()
        self._resolver = resolver

    async def download_request(self, request: Request) -> Response:
        """Download, or raise: FetchError (Declined, too) for what we refuse, else Scrapy's and Twisted's errors (see
        `reason_of`)."""
        request.meta.pop("exchange", None)
        host, port, host_field = _place_of(request)
        async with AsyncExitStack() as turn:
            if self._turns is not None:
                await turn.enter_async_context(self._turns.turn(host, self._slots.pace(host)))
            if self._slots.is_paced(host):
                await turn.enter_async_context(self._slots.turn(host))
            self._slots.check_rest(host)  # it may have asked for rest while this request waited in its slot
            return await self._download(request, host, port, host_field)

    async def _download(self, request: Request, host: str, port: int, host_field: bytes) -> Response:
        request.meta[SENT_AT] = monotonic()
        proxy = request.meta.get("proxy")
        if proxy:
            self._resolver.check_unresolved(host, port)
        timeout = request.meta.get("download_timeout") or self._timeout
        agent = self._agents._get_agent(request, min(timeout, CONNECT_SECONDS))
        answers = self._resolver.answers if not proxy else _no_answers
        limits = self._limits
        if (most := request.meta.get(MAX_BYTES)) is not None:
            limits = replace(limits, wire=min(limits.wire, most))
        download = _Download(request, timeout, limits, answers)
        try:
            with wrap_twisted_exceptions():
                return await maybe_deferred_to_future(download.start(agent, host_field))
        except FetchError:
            raise
        except Exception as error:
            word = reason_of(error)
            if proxy and word in ("dns", "refused", "unreachable"):
                raise FetchError("proxy", "the proxy cannot be reached", str(proxy)) from error
            if word == "dns":
                raise self._resolver.explain(host, port) from error
            if word in DEFINITE:
                # Named here, so that Scrapy's retries do not meet it again.
                raise FetchError(word, str(error), request.url) from error
            raise


def _no_answers(host: str, port: int) -> tuple[str, ...]:
    """What is known of a name that a proxy resolves."""
    return ()


def _place_of(request: Request) -> tuple[str, int, bytes]:
    """Host and port of a request's URL, and its Host field. Raises FetchError for what is never asked for."""
    parts = urlparse_cached(request)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or "@" in parts.netloc:
        raise FetchError("bad-url", "a URL needs a host, and no user name", request.url)
    default = _DEFAULT_PORTS[parts.scheme]
    field = parts.netloc
    if port in (None, default):
        field = field.removesuffix(f":{default}").removesuffix(":")
    return host, port or default, field.encode("ascii")


class _Download:
    """One request on its way."""

    def __init__(
        self, request: Request, timeout: float, limits: Limits, answers: Callable[[str, int], tuple[str, ...]]
    ) -> None:
        self._answers = answers
        self._request = request
        self._timeout = timeout
        self._limits = limits
        self._url = urldefrag(request.url)[0]
        self._tap: Tap | None = None
        self._response: Any = None
        self._late = False
        self._started_at = datetime.now(UTC)
        self._began = monotonic()

    def start(self, agent: Any, host_field: bytes) -> Deferred[Response]:
        from twisted.internet import reactor

        request = self._request
        # Host comes first (RFC 9110, 7.2).
        headers = TxHeaders({b"Host": [host_field]} | dict(cast("Any", request.headers.items())))
        if isinstance(agent, _TunnelingAgent):
            headers.removeHeader(b"Proxy-Authorization")
        producer = _RequestBodyProducer(request.body) if request.body else None
        answer = agent.request(request.method.encode("ascii"), self._url.encode("ascii"), headers, producer)
        timer = cast("Any", reactor).callLater(self._timeout, self._stop, answer)
        answer.addCallback(self._take_head)
        answer.addCallbacks(self._take_body, self._take_failure)

        def stop_timer(result: Any) -> Any:
            if timer.active():
                timer.cancel()
            return result

        return cast("Deferred[Response]", answer.addBoth(stop_timer))

    def _stop(self, answer: Deferred[Any]) -> None:
        self._late = True
        answer.cancel()

    def _take_head(self, response: Any) -> _Ending | Deferred[_Ending | None] | None:
        """Read the body; the result says how it ended, None for one that has no body."""
        self._request.meta["download_latency"] = monotonic() - self._began
        tap = self._tap = response.presskeep_tap
        tap.limits = self._limits
        self._response = response
        if response.length == 0:
            return None
        if response.length is not UNKNOWN_LENGTH and tap.head_end - tap.start + response.length > self._limits.wire:
            tap.fault = too_large(self._limits.wire)
            response._transport._producer.abortConnection()
            raise tap.fault.error()
        ended: Deferred[_Ending | None] = Deferred(lambda _: response._transport._producer.abortConnection())
        response.deliverBody(_BodyReader(ended, tap))
        return ended

    def _take_body(self, end: _Ending | None) -> Response:
        tap = self._tap
        assert tap is not None
        if tap.fault is not None:
            self._keep("length")
            raise tap.fault.error()
        truncated = _truncation(end, clean=tap.clean)
        exchange = self._keep(truncated)
        response = self._response
        name, major, minor = response.version
        return make_response(
            url=self._url,
            status=exchange.status,
            headers=Headers(exchange.headers),
            body=exchange.payload,
            flags=["dataloss"] if truncated else None,
            ip_address=ip_address(exchange.peer_address.partition("%")[0]),
            protocol=f"{name.decode('latin-1')}/{major}.{minor}",
        )

    def _take_failure(self, failure: Failure) -> Failure:
        """Keep what came after the head, and name a time-out: cancelling looks different at each stage."""
        tap = self._tap
        if tap is not None and tap.head_end and "exchange" not in self._request.meta:
            self._keep("time" if self._late else "length" if tap.fault is not None else "unspecified")
        if self._late:
            raise DownloadTimeoutError(f"{self._url} took longer than {self._timeout:g} seconds")
        return failure

    def _keep(self, truncated: Truncation | None) -> Exchange:
        tap = self._tap
        assert tap is not None
        message, head_length, payload = tap.messages()
        peer = tap.peer
        assert peer is not None
        exchange = Exchange(
            url=self._url,
            request=tap.request(),
            response=message,
            head_length=head_length,
            payload=payload,
            status=self._response.code,
            reason=self._response.phrase.decode("latin-1"),
            headers=header_fields(message[:head_length]),
            started_at=self._started_at,
            elapsed=monotonic() - self._began,
            peer_address=peer.address,
            peer_port=peer.port,
            tls=peer.tls,
            truncated=truncated,
            addresses=self._answers(*_place_of(self._request)[:2]),
        )
        self._request.meta["exchange"] = exchange
        return exchange


class _BodyReader(Protocol):
    """Takes a body and tells how it ended."""

    def __init__(self, ended: Deferred[_Ending | None], tap: Tap) -> None:
        self._ended = ended
        self.dataReceived = tap.receive_payload  # type: ignore[method-assign]

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802, Twisted's name
        if not self._ended.called:
            # Not as an error: a body that broke off is still one that is kept.
            self._ended.callback(_Ending(cast("BaseException", reason.value)))


@dataclass(frozen=True, slots=True)
class _Ending:
    """How a body ended, carried as a value (a deferred would take a Failure for its error)."""

    reason: BaseException


def _truncation(end: _Ending | None, *, clean: bool) -> Truncation | None:
    if end is None or isinstance(end.reason, ResponseDone):
        return None
    if isinstance(end.reason, PotentialDataLoss):
        # Ends with the connection: whole when that was closed in order (RFC 9112, 8).
        return None if clean else "disconnect"
    return "unspecified" if reason_of(end.reason) == "bad-response" else "disconnect"
