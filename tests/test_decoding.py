"""Content codings are undone within a limit, and every breach is named."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.errors import FetchError
from scraper.fetching.decoding import decode, decode_start

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
PAGE = b"<html>" + b"".join(b"line %d of the page\n" % number for number in range(20_000))


def reason(payload: bytes, coding: str, limit: int = 10_000_000) -> str:
    with pytest.raises(FetchError) as failed:
        decode(payload, coding, limit=limit)
    return failed.value.reason


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300_000), st.lists(st.sampled_from(sorted(CODINGS)), max_size=4))
def test_any_chain_of_codings_is_undone(data: bytes, chain: list[str]) -> None:
    payload = data
    for name in chain:
        payload = CODINGS[name](payload)
    assert decode(payload, ", ".join(chain), limit=300_000) == data


@pytest.mark.parametrize("name", [None, "", "identity", " Identity , ", "none"])
def test_no_coding_leaves_the_payload_as_it_is(name: str | None) -> None:
    assert decode(PAGE, name, limit=len(PAGE)) == PAGE


def test_other_spellings_and_forms_that_servers_send_are_read() -> None:
    assert decode(gzip.compress(PAGE), "X-GZip", limit=len(PAGE)) == PAGE
    assert decode(raw_deflate(PAGE), "deflate", limit=len(PAGE)) == PAGE
    assert decode(gzip.compress(PAGE[:9]) + gzip.compress(PAGE[9:]), "gzip", limit=len(PAGE)) == PAGE
    assert decode(zstd.compress(PAGE[:9]) + zstd.compress(PAGE[9:]), "zstd", limit=len(PAGE)) == PAGE
    assert decode(gzip.compress(PAGE) + b"\0\0rest", "gzip", limit=len(PAGE)) == PAGE
    assert decode(b"", "gzip", limit=1) == b""


@pytest.mark.parametrize("name", CODINGS)
def test_a_stream_that_ends_early_is_truncated_wherever_it_is_cut(name: str) -> None:
    whole = CODINGS[name](PAGE)
    for kept in (1, len(whole) // 2, len(whole) - 1):
        assert reason(whole[:kept], name) == "truncated"
    assert decode(whole, name, limit=len(PAGE)) == PAGE


@pytest.mark.parametrize("name", CODINGS)
def test_garbage_is_named_and_never_another_error(name: str) -> None:
    assert reason(b"\xffnothing of the kind" * 100, name) == "bad-encoding"


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=5000), st.sampled_from(sorted(CODINGS)), st.integers(0, 500))
def test_a_damaged_stream_gives_content_or_a_named_error(noise: bytes, name: str, place: int) -> None:
    whole = CODINGS[name](PAGE[:2000])
    damaged = whole[:place] + noise + whole[place + len(noise) :]
    word = ""
    try:
        assert len(decode(damaged, name, limit=100_000)) <= 100_000
    except FetchError as error:
        word = error.reason
    assert word in ("", "bad-encoding", "truncated", "too-large")


@pytest.mark.parametrize("name", CODINGS)
def test_what_is_larger_than_the_limit_is_refused_and_what_just_fits_is_not(name: str) -> None:
    packed = CODINGS[name](PAGE)
    assert reason(packed, name, limit=len(PAGE) - 1) == "too-large"
    assert decode(packed, name, limit=len(PAGE)) == PAGE
    assert decode_start(packed, name, limit=100) == PAGE[:100]
    assert decode_start(packed[: len(packed) // 2], name, limit=100) == PAGE[:100]


def test_an_unknown_coding_and_a_tower_of_codings_are_refused() -> None:
    assert reason(PAGE, "compress") == "unknown-encoding"
    assert reason(PAGE, "gzip, aes128gcm") == "unknown-encoding"
    assert reason(PAGE, ", ".join(["gzip"] * 5)) == "bad-encoding"


def test_a_zstd_window_larger_than_the_web_allows_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    packer = zstd.ZstdCompressor(options=options)
    assert reason(packer.compress(PAGE) + packer.flush(), "zstd") == "bad-encoding"
