"""The private names of Scrapy and Twisted that fetching leans on: this fails loudly when they move."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import pytest
from OpenSSL import SSL
from scrapy.core.downloader import Downloader, Slot
from scrapy.core.downloader.handlers import http11
from scrapy.downloadermiddlewares.redirect import RedirectMiddleware
from scrapy.utils import _download_handlers
from twisted.internet import _sslverify, base, endpoints
from twisted.internet.ssl import CertificateOptions
from twisted.web import _newclient, client, http

REQUIRED = {
    # owner: names it must have
    http11: ["_LenientHTTPClientParser", "_RequestBodyProducer", "_ScrapyAgent", "_TunnelingAgent", "TunnelError"],
    http11._ScrapyAgent: ["_get_agent"],
    http11._LenientHTTPClientParser: ["lineReceived", "lineLengthExceeded", "MAX_LENGTH", "_finished"],
    _download_handlers: ["make_response", "wrap_twisted_exceptions"],
    _newclient.HTTPClientParser: ["allHeadersReceived", "_finished", "lineLengthExceeded"],
    _newclient.HTTP11ClientProtocol: ["request", "dataReceived", "connectionLost", "_giveUp", "_disconnectParser"],
    _newclient.TransportProxyProducer: ["stopProxying"],
    _newclient: ["ParseError", "ResponseFailed", "RequestTransmissionFailed", "ConnectionAborted", "BadHeaders"],
    client: ["_HTTP11ClientFactory", "ResponseDone", "ResponseFailed"],
    http: ["_DataLoss", "PotentialDataLoss", "_MalformedChunkedDataError"],
    _sslverify: ["ClientTLSOptions", "IOpenSSLTrustRoot"],
    CertificateOptions: ["_makeTLSConnection", "getContext"],
    SSL.Connection: ["get_peer_cert_chain", "get_protocol_version_name", "get_cipher_name"],
    base.ReactorBase: ["installNameResolver", "nameResolver"],
    RedirectMiddleware: ["_redirect", "_engine_started", "handle_referer"],
    Downloader: ["_process_queue", "_wait_for_download", "get_slot_key"],
}


@pytest.mark.parametrize("owner", REQUIRED, ids=lambda owner: owner.__name__)
def test_a_private_name_that_fetching_leans_on_is_there(owner: object) -> None:
    missing = [name for name in REQUIRED[owner] if not hasattr(owner, name)]
    assert missing == []
    # The check sees a name that is not there.
    assert not hasattr(owner, "name_that_no_release_ever_had")


def source(place: object) -> str:
    return inspect.getsource(place)  # type: ignore[arg-type]


LEANS = {
    "the protocol writes its request at once, by the request's own method": (
        _newclient.HTTP11ClientProtocol.request,
        ["request.writeTo(self.transport)", "self._parser = HTTPClientParser(request, self._finishResponse)"],
    ),
    "the parser's class may be replaced": (
        http11._LenientHTTP11ClientProtocol.request,
        ["self._parser.__class__ = _LenientHTTPClientParser"],
    ),
    "the protocol closes and disconnects its parser when it gives up": (
        _newclient.HTTP11ClientProtocol._giveUp,
        ["self.transport.loseConnection()", "self._disconnectParser(reason)"],
    ),
    "an error of the parser makes the protocol give up": (
        _newclient.HTTP11ClientProtocol.dataReceived,
        ["self._parser.dataReceived(bytes)", "except BaseException", "self._giveUp"],
    ),
    "interim responses reset the parser": (
        _newclient.HTTPClientParser.allHeadersReceived,
        ["100 <= self.response.code < 200", "self.connectionMade()", "self._finished(self.clearLineBuffer())"],
    ),
    "unread lines stand in the parser's buffer": (
        _newclient.HTTPClientParser.__mro__[2].dataReceived,  # type: ignore[attr-defined]
        ["line, self._buffer = self._buffer.split(self.delimiter, 1)"],
    ),
    "each header is a part of its own in what a request writes": (
        _newclient.Request._writeHeaders,
        [
            'requestLines.extend([name + b": " + v + b"\\r\\n" for v in values])',
            "transport.writeSequence(requestLines)",
        ],
    ),
    "the pool makes connections by its factory": (
        client.HTTPConnectionPool._newConnection,
        ["self._factory(quiescentCallback, repr(endpoint))"],
    ),
    "the handler has a pool": (http11.HTTP11DownloadHandler.__init__, ["self._pool", "self._pool._factory ="]),
    "a given Host stays": (client._AgentBase._requestWithEndpoint, ['headers.hasHeader(b"Host")']),
    "every host is asked of the reactor's resolver, and the answer's port is dialled": (
        endpoints.HostnameEndpoint.connect,
        ["nameResolver.resolveHostName", "eachAddress.host", "eachAddress.port"],
    ),
    "a slot counts its delay from lastseen, and only where there is one": (
        Downloader._process_queue,
        ["if slot.latercall:", "penalty = delay - now + slot.lastseen"],
    ),
    "a slot that is held is not let go": (Downloader._slot_gc, ["slot.lastseen + slot.delay <= mintime"]),
    "slots take their settings from a table": (
        Downloader._get_slot,
        ["self.per_slot_settings.get(key, {})", 'slot_settings.get("delay", self._delay)'],
    ),
    "a response is announced before the next request of its slot is sent": (
        Downloader._download,
        ["response_downloaded", "finally:", "self._process_queue(slot)"],
    ),
    "what leaves a slot's queue is counted only when its task runs, so that we count it before": (
        Downloader._process_queue,
        ["slot.free_transfer_slots() > 0", "_schedule_coro(self._wait_for_download(slot, request, queue_dfd))"],
    ),
    "a request that was counted is counted no more when it ends": (
        Downloader._download,
        ["slot.transferring.add(request)", "slot.transferring.remove(request)"],
    ),
    "anchors of trust are added by one method": (
        CertificateOptions._makeContext,
        ["trustRoot._addCACertsToContext(ctx)"],
    ),
}


@pytest.mark.parametrize("reliance", LEANS)
def test_what_fetching_relies_on_is_still_so(reliance: str) -> None:
    place, phrases = LEANS[reliance]
    text = source(place)
    assert [phrase for phrase in phrases if phrase not in text] == []
    assert "a phrase that no release ever had" not in text


def test_slots_have_what_holding_them_takes() -> None:
    slot = Slot(concurrency=1, delay=0.0)
    assert (slot.delay, slot.lastseen, slot.jitter) == (0.0, 0, 0.0)


def test_the_versions_are_those_that_were_read() -> None:
    assert version("scrapy").startswith("2.19."), "read scrapy's http11.py and downloader again, then lift this"
