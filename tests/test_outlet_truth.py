"""Generated articles of both eras and both languages are read without a single wrong field.

The seed is chosen when the test runs and printed when it fails; PRESSKEEP_TEST_SEED chooses it again.
"""

from __future__ import annotations

import http.client
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any
from urllib.parse import urlsplit

import pytest

from scraper.demo.process import Replica, running_replica
from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from scraper.outlet import Outlet
from scraper.profiles import SHIPPED, load_outlet
from storage.content import ArticleContent, Block
from tests.presstv_site import swap_rules

SEED = int(os.environ.get("PRESSKEEP_TEST_SEED") or SystemRandom().randrange(10**6))
ARTICLES = {"demo": 1_000, "presstv": 1_000}
CAPTURED = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module", params=sorted(ARTICLES))
def replica(request: pytest.FixtureRequest) -> Iterator[tuple[str, Replica]]:
    name = request.param
    with running_replica(articles=ARTICLES[name], seed=SEED, host_set=name, days=0) as running:
        yield name, running


def test_every_field_of_every_generated_article_is_right(replica: tuple[str, Replica]) -> None:
    name, running = replica
    truths = running.articles()
    assert len(truths) == ARTICLES[name]
    assert {(truth["template"], truth["language"]) for truth in truths} == {
        (template, language) for template in ("old", "later") for language in ("en", "fr")
    }
    wrong = read_all(running.port, name, truths)
    assert not wrong, f"seed {SEED}: {len(wrong)} of {len(truths)} wrong, e.g. {list(wrong.items())[:3]}"


SWAPS = [("headline", "breadcrumb"), ("body", "headline"), ("published", "updated"), ("authors", "headline")]


@pytest.mark.parametrize(("one", "other"), SWAPS)
def test_the_same_check_fails_when_two_selectors_are_swapped(
    replica: tuple[str, Replica], one: str, other: str
) -> None:
    name, running = replica
    truths = running.articles()[::50]
    assert read_part(running.port, name, None, truths) == {}
    assert read_part(running.port, name, (one, other), truths)


def read_all(port: int, name: str, truths: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The fields read wrong, by URL; the pages are fetched and read in two processes."""
    parts = [truths[at::2] for at in range(2)]
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        found = pool.map(read_part, [port] * 2, [name] * 2, [None] * 2, parts)
        return {url: differs for part in found for url, differs in part.items()}


def read_part(
    port: int, name: str, swapped: tuple[str, str] | None, truths: Sequence[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    outlet = load_outlet(SHIPPED / f"{name}.toml")
    outlet = swap_rules(outlet, *swapped) if swapped else outlet
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    wrong: dict[str, dict[str, Any]] = {}
    for truth in truths:
        url = next(iter(truth["locations"].values()))
        differs = compare(truth, fetch(connection, url), url, outlet)
        if differs:
            wrong[url] = differs
    connection.close()
    return wrong


def fetch(connection: http.client.HTTPConnection, url: str) -> bytes:
    parts = urlsplit(url)
    connection.request("GET", parts.path, headers={"Host": parts.hostname or "", "Accept-Encoding": "identity"})
    response = connection.getresponse()
    body = response.read()
    assert response.status == 200, url
    return body


def compare(truth: dict[str, Any], body: bytes, url: str, outlet: Outlet) -> dict[str, Any]:
    """Each field that is not as the truth has it: what was found, what is right."""
    outcome = extract(Page(body, "text/html; charset=utf-8", url, CAPTURED), Context(outlet=outlet))
    if outcome.article is None:
        return {"verdict": outcome.verdict}
    found, right = fields(outcome.article), expected(truth)
    return {field: (found[field], right[field]) for field in right if found[field] != right[field]}


def fields(content: ArticleContent) -> dict[str, Any]:
    return {
        "headline": content.headline,
        "lead": content.lead,
        "kind": content.kind,
        "language": content.language,
        "section": list(content.section),
        "authors": list(content.authors),
        "tags": list(content.tags),
        "published": (content.published.printed, content.published.at) if content.published else None,
        "updated": (content.updated.printed, content.updated.at) if content.updated else None,
        "blocks": [(block.kind, block.text, block.level, block.items) for block in content.blocks],
        "figures": [(figure.url, figure.caption, figure.credit) for figure in content.figures],
        "body": content.body,
    }


def expected(truth: dict[str, Any]) -> dict[str, Any]:
    blocks = [
        Block(block["kind"], block.get("text", ""), block.get("level"), tuple(block.get("items", ())))
        for block in truth["blocks"]
    ]
    dates = {
        name: (truth[name]["printed"], datetime.fromisoformat(truth[name]["at"])) if truth[name] else None
        for name in ("published", "updated")
    }
    plain = ("headline", "lead", "kind", "language", "section", "authors", "tags", "body")
    return {
        **{name: truth[name] for name in plain},
        **dates,
        "blocks": [(block.kind, block.text, block.level, block.items) for block in blocks],
        "figures": [(figure["url"], figure["caption"], figure["credit"]) for figure in truth["figures"]],
    }
