"""What became of an exchange, by its head and length alone: a page to be read, an answer that is none, or a failure."""

from __future__ import annotations

from storage.exchange import Exchange

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_UNTOLD = frozenset({"", "application/octet-stream", "text/plain"})
_TRUNCATED = {"length": "failed:too-large", "time": "failed:timeout"}
_PASSING = frozenset({408, 425, 429})


def outcome_of(exchange: Exchange, *, listing: bool = False) -> str:
    """What became of an exchange: `pending`, `refused:WORD` or `failed:WORD`. Looks at the head and length alone.

    For a listing (feed, sitemap, home page) any type of content may be read; for an article only HTML.
    5xx, 408, 425 and 429 are `failed:status-N`, worth another try; other statuses are answers: `refused:status-N`.
    """
    status = exchange.status
    if status == 304:
        return "refused:not-modified"
    if 300 <= status < 400 and exchange.header("location") is not None:
        return "refused:redirect"
    if status >= 500 or status in _PASSING:
        return f"failed:status-{status}"
    if not 200 <= status < 300:
        return f"refused:status-{status}"
    if exchange.truncated is not None:
        return _TRUNCATED.get(exchange.truncated, "failed:truncated")
    if not exchange.payload:
        return "refused:empty"
    if listing or _may_be_html(exchange):
        return "pending"
    return "refused:not-html"


def _may_be_html(exchange: Exchange) -> bool:
    mime = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    if mime in HTML_TYPES:
        return True
    if mime not in _UNTOLD:
        return False
    if exchange.header("content-encoding"):
        return True
    # Undeclared or vaguely declared: markup begins with markup (WHATWG MIME Sniffing, 7.1).
    return exchange.payload[:1024].lstrip(b"\xef\xbb\xbf \t\r\n\x0c").startswith(b"<")
