"""Replayed out of an archive with --media, the demo's articles look as they do live, in a real browser."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scraper.demo.process import running_replica
from tests.browsing import HEIGHT, WIDTH, Seen, look_at
from tests.crawling import crawl
from tests.databases import Place
from tests.similarity import similarity
from tests.test_replay import addresses, replaying, views

LEAST, MOST_WITHOUT = 0.98, 0.9


def alike(one: Seen, other: Seen) -> float:
    assert len(one.grey) == len(other.grey) == WIDTH * HEIGHT
    return similarity(one.grey, other.grey, WIDTH)


@pytest.mark.long
def test_replayed_articles_look_as_they_do_live_and_without_their_styles_they_do_not(tmp_path: Path) -> None:
    place = Place(tmp_path / "archive", None)
    with running_replica(articles=20) as replica:
        ran = crawl(place, replica, "--media", now="leap:2026-06-01T12:00:00Z")
        assert ran.code == 0, ran.err
        chosen = views(place, 4)
        with replaying(place.folder) as (base, _):
            replayed = list(addresses(place, base, chosen))
            live = [address.partition("mp_/")[2] for address in replayed]
            shown = look_at(replayed, screenshots=True)
            bare = look_at(replayed[:2], screenshots=True, styles=False)
        now = look_at(live, screenshots=True, proxy=f"http://127.0.0.1:{replica.port}")
    assert (len(shown), len(now), len(bare)) == (4, 4, 2)
    scores = [alike(*pair) for pair in zip(shown, now, strict=True)]
    assert min(scores) >= LEAST, scores
    without = [alike(*pair) for pair in zip(bare, now[:2], strict=True)]
    assert max(without) < MOST_WITHOUT, without
    assert all(page.outside == () for page in shown)


def test_similarity_tells_the_same_from_another() -> None:
    chance = random.Random(1)
    width = 64
    picture = bytes(chance.randrange(256) for _ in range(width * 64))
    shifted = picture[8:] + picture[:8]
    assert similarity(picture, picture, width) == 1
    assert similarity(picture, bytes(max(0, each - 3) for each in picture), width) > 0.98
    assert abs(similarity(picture, shifted, width)) < 0.2
    flat, grey = bytes([200]) * len(picture), bytes([100]) * len(picture)
    assert 0.79 < similarity(flat, grey, width) < 0.81, "2 * 200 * 100 / (200² + 100²) but for a constant"
