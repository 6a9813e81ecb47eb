"""SURT keys: the same as the library's that other indexers use, over odd URLs."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence

import pytest

from storage.surt import surt_key
from tests.tools import NO_NAMES, offline, tool

_LIBRARY = (
    NO_NAMES
    + """
import json, sys, surt
for line in sys.stdin:
    url = json.loads(line)
    try:
        print(json.dumps(surt.surt(url)))
    except Exception:
        print(json.dumps(url))
"""
)
"""What cdxj-indexer does: a URL that the library refuses is its own key."""

SEED = 20261126
SESSION = "0123456789abcdef0123456789abcdef"
HOSTS = (
    "news.example", "www.News.example", "www2.news.example", "wwwx.news.example", "www.com", "localhost", "a_b.example",
    "-a.example", "a..b.example", "a...b", ".news.example.", "bücher.example", "xn--bcher-kva.example", "faß.example",
    "例え.テスト", "a。b", "☃.example", "ＮＥＷＳ.example", "n%65ws.example", "b%C3%BCcher.example", "ne ws.example",
    "1.2.3.4", "010.1.2.3", "08.1.1.1", "127.1", "16909060", "0x01020304", "1.2.3.4.5", "256.1.1.1", "[::1]",
    "[2001:DB8::1]", "[::ffff:1.2.3.4]", "x" * 64 + ".example", "é" + "x" * 64 + ".example", "user:pass@news.example",
    "a@b@news.example", "فارسی.example",
)  # fmt: skip
PORTS = ("", "", "", "", ":", ":80", ":443", ":8080", ":080", ":0", ":65535", ":65536", ":abc")
PIECES = (
    "a", "B", "detail", "2026", "é", "خبر", ".", "..", "", "%20", " ", "%2F", "%2f", "%3F", "%23", "%25", "%2541",
    "%252541", "%41", "%zz", "%", "%c3%a9", "%E9", "%00", "%0A", "%2e%2e", "%2E", "a+b", "a;b=c", "~", "'x'", "{a}",
    "a\\b", "(s)", "(S(abcdefghijklmnopqrstuvwx))", "(abcdefghijklmnopqrstuvwx)", "x.aspx", ";jsessionid=" + SESSION,
    "😀", "İ", "a:b", "@", "a=b&c",
)  # fmt: skip
PARTS = (
    "a=1", "a=2", "a", "a=", "b=%20", "B=2", "=", "", "aa=1", "a-b=1", "x=%26y", "x=%3D", "x=%zz", "x=é", "x=%D8%AE",
    "x=a+b", "x=a b", "?", "/", "x=/../y/", "utm_source=z", f"jsessionid={SESSION}", f"PHPSESSID={SESSION}",
    f"sid={SESSION}", f"xsid={SESSION}", f"sid={SESSION}0", "cfid=1&cftoken=2", "cfid=1",
    "ASPSESSIONIDABCDEFGH=ABCDEFGHIJKLMNOPQRSTUVWX", "x={\"a\":1}", "amp;x=1",
)  # fmt: skip
OTHERS = (
    "dns:news.example", "whois:news.example", "urn:uuid:AB-12", "urn:pageinfo:http://news.example/", "about:blank",
    "text:http://news.example/?b=1&a=2", "mailto:a@news.example", "data:text/plain,Hi%20x", "ftp://www.news.example:21/A/",
    "ws://news.example/A", "  http://news.example/a ", "http://news.example/a\tb", "http:/news.example/a",
    "http:news.example", "http:///news.example/a", "HTTPS://NEWS.example:443",
)  # fmt: skip


def urls(number: int) -> list[str]:
    """Odd URLs, always the same."""
    chance = random.Random(SEED)
    made = list(OTHERS)
    for _ in range(number):
        path = "".join("/" + chance.choice(PIECES) for _ in range(chance.randrange(5)))
        parts = [chance.choice(PARTS) for _ in range(chance.randrange(4))]
        query = "?" * chance.randrange(2) if not parts else "?" + "&".join(parts)
        fragment = chance.choice(("", "", "", "#", "#top?x"))
        scheme = chance.choice(("http", "https"))
        made.append(f"{scheme}://{chance.choice(HOSTS)}{chance.choice(PORTS)}{path}{query}{fragment}")
    return made


def library_keys(asked: Sequence[str]) -> list[str]:
    lines = "".join(json.dumps(url) + "\n" for url in asked)
    python = tool("cdxj-indexer", "python")
    command = [python, "-c", _LIBRARY]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=100, env=offline())
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_keys_equal_the_librarys_over_thousands_of_odd_urls() -> None:
    asked = urls(20_000)
    wanted = library_keys(asked)
    assert len(wanted) == len(asked)
    assert {url: surt_key(url) for url in asked} == dict(zip(asked, wanted, strict=True))
    plain = sum(url.lower() == key for url, key in zip(asked, wanted, strict=True))
    assert plain < len(asked) / 5, "the URLs are not odd enough to tell anything"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.news.example:443/Detail/1/?b=2&a=1#top", "example,news)/detail/1?a=1&b=2"),
        ("http://news.example:8080", "example,news:8080)/"),
        ("http://news.example/%25252541", "example,news)/a"),
        ("http://bücher.example/é", "example,xn--bcher-kva)/%c3%a9"),
        ("http://news.example:bad/", "http://news.example:bad/"),
    ],
)
def test_keys_are_as_told(url: str, key: str) -> None:
    assert surt_key(url) == key


def test_a_hostile_url_costs_no_more_than_others() -> None:
    deep = "%" + "25" * 300_000 + "41"
    assert surt_key("http://news.example/" + deep) == "example,news)/a"
    assert surt_key("http://news.example/?" + "cfid=" * 2000).startswith("example,news)/?cfid=cfid=")
