"""One place has one canonical URL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.urls import canonical_url, host_of, url_hash

_URLS = st.builds(
    "{}://{}{}/{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP"]),
    st.sampled_from(["example.org", "EXAMPLE.org.", "xn--r8jz45g.jp", "例え.jp", "127.1", "[::1]"]),
    st.sampled_from(["", ":80", ":443", ":8080"]),
    st.text(st.sampled_from("ab/.%2eE7é ?&=\\"), max_size=15),
    st.sampled_from(["", "?utm_source=x", "?b=2&a=1", "?a=1&&a=0", "?q=%c3%a9+x", "?=x"]),
    st.sampled_from(["", "#top"]),
)


@given(_URLS)
def test_a_canonical_url_stays_as_it_is(url: str) -> None:
    try:
        canonical = canonical_url(url)
    except ValueError:
        return
    assert canonical_url(canonical) == canonical
    assert url_hash(url) == url_hash(canonical)
    assert host_of(url) in canonical


@given(
    st.from_regex(r"https?://[a-z0-9.-]{1,12}\.[a-z0-9]{1,3}/[A-Za-z0-9._~/-]{0,12}", fullmatch=True)
    | st.builds(
        "http://{}/{}".format,
        st.sampled_from(
            ["a.b.example", "ab--c.example", "xn--a.example", "a.xn--p1ai", "1.0x2", "a.0x2", "1.2.3.4", "a_b.c"]
        ),
        st.sampled_from(["", "a//b", "./a", "a/..", "a/.b", "a/%2e/", "a.b/c~d", "../"]),
    )
)
def test_what_is_canonical_at_sight_is_what_the_parser_gives(url: str) -> None:
    def outcome(read: Callable[[str], str]) -> str | None:
        try:
            return read(url)
        except ValueError:
            return None

    assert outcome(canonical_url) == outcome(lambda text: canonical_url(f"{text}#parsed"))


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTP://Example.ORG:80/a/../b", "http://example.org/b"),
        ("https://example.org", "https://example.org/"),
        ("https://user:secret@example.org/x#part", "https://example.org/x"),
        ("https://example.org/x?utm_source=a&id=5&fbclid=z", "https://example.org/x?id=5"),
        ("https://example.org/x?b=1&a=2&b=0", "https://example.org/x?a=2&b=1&b=0"),
        ("https://example.org/%7Euser/%c3%a9", "https://example.org/~user/%C3%A9"),
        ("https://example.org./x?", "https://example.org/x"),
        ("https://example.org/x?print", "https://example.org/x?print"),
        ("https://例え.jp/ü", "https://xn--r8jz45g.jp/%C3%BC"),
    ],
)
def test_spellings_of_one_place_are_one(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


@pytest.mark.parametrize("query", ["gallery=1", "cid=1234", "globe=2", "id=1", "sources=3", "reference=4", "page=2"])
def test_what_names_content_is_no_tracker(query: str) -> None:
    assert canonical_url(f"https://example.org/x?{query}&utm_medium=feed&ref=home") == f"https://example.org/x?{query}"


@pytest.mark.parametrize(
    "url", ["", "x", "mailto:a@example.org", "file:///etc/passwd", "https://", "//host/x", "https://e/" + "x" * 9000]
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        canonical_url(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example.org:8443/x", "a.example.org"),
        ("http://[::1]:80/x", "::1"),
        ("http://u:p@h.example/", "h.example"),
    ],
)
def test_the_host_is_without_port_and_credentials(url: str, host: str) -> None:
    assert host_of(url) == host
