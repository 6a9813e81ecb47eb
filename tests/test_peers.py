"""The benchmark's peers read pages in processes of their own, and what becomes of them stops no measurement."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.peers import ENVIRONMENTS, PEERS, CannotInstall, CannotStart, Conversation, open_peer, python_of
from benchmarks.reading import trafilatura_page

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "peers" / "program.py"
STAND_IN = """
import os, socket, sys, time
sys.path.insert(0, sys.argv[1])
from program import serve

def read(html, url):
    if html == b"hang":
        time.sleep(600)
    if html == b"crash":
        os._exit(3)
    if html == b"fail":
        raise ValueError("not for me: at all")
    if html == b"call":
        socket.create_connection(("127.0.0.1", 9))
    if html == b"number":
        return {"body": 7}
    print("a library's chatter")
    return {"title": url, "authors": ["Ann Lee"], "published": "2026-03-02", "body": html.decode()}

def load():
    if sys.argv[2] == "broken":
        raise ImportError("no such thing here")
    return read

serve(load)
"""
LONG = "The council of the harbour town voted on Monday to rebuild the old pier, which a storm took away. " * 3


def stand_in(folder: Path, kind: str = "whole") -> Conversation:
    script = folder / "stand_in.py"
    script.write_text(STAND_IN, encoding="utf-8")
    return Conversation([sys.executable, "-I", str(script), str(PROGRAM.parent), kind], {})


def test_a_peer_that_hangs_crashes_or_fails_on_a_page_reads_the_next(tmp_path: Path) -> None:
    large = "word " * 200_000
    right = {"title": "u", "authors": ["Ann Lee"], "published": "2026-03-02"}
    with stand_in(tmp_path) as peer:
        for bad in (b"crash", b"fail", b"number", b"call"):
            assert peer.read(bad, None) is None
            assert peer.read(b"page", "u") == {**right, "body": "page"}
        assert peer.read(b"hang", None, limit=0.2) is None
        assert peer.read(large.encode(), "u") == {**right, "body": large}
        assert peer.failures == {"ended": 1, "ValueError": 1, "answer": 1, "OSError": 1, "slow": 1}
        assert peer.asked == 10
        assert peer.spent > 0


def test_a_peer_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="ImportError: no such thing here"), stand_in(tmp_path, "broken"):
        pass
    with pytest.raises(CannotStart, match="ended"), Conversation([sys.executable, "-c", "raise SystemExit"], {}):
        pass


def test_a_peers_program_says_what_its_library_says_in_our_own_process() -> None:
    with Conversation([sys.executable, "-I", str(PROGRAM), "trafilatura"], {}) as peer:
        found = peer.read(article(), "https://news.example/pier")
    assert found is not None
    assert found == trafilatura_page(article(), "https://news.example/pier")


@pytest.mark.parametrize("name", [name for name in PEERS if "-" not in name or name in ENVIRONMENTS])
def test_a_peer_that_is_installed_reads_an_article(name: str) -> None:
    try:
        python_of(PEERS[name], make=False)
    except CannotInstall as error:
        pytest.skip(f"{error}: python -m benchmarks.extraction --peers {name}")
    with open_peer(name) as peer:
        found = peer.read(article(), "https://news.example/pier")
    assert not peer.failures
    assert found is not None
    assert LONG.strip() in " ".join(found["body"].split())
    if name != "justext":
        assert found["title"].startswith("Town rebuilds its pier")


def article() -> bytes:
    body = "".join(f"<p>{LONG}</p><p>{at} years. {LONG}</p>" for at in range(4))
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Town rebuilds its pier</title>
    <meta name="author" content="Ann Lee"><meta property="article:published_time" content="2026-03-02T10:00:00Z">
    </head><body><article><h1>Town rebuilds its pier</h1>{body}</article></body></html>""".encode()
