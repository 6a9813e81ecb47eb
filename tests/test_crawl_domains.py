"""A crawl over domains that refuse, are seized or lead astray."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from scraper.demo.process import Replica, running_replica
from storage.archive import Archive
from storage.models import resource
from tests.crawling import Ran, crawl, dangling, look, missing_from
from tests.databases import Place

PRIMARY, FORMER = "www.replica.example", "www.replica-daily.example"
NOTICE = (
    "<html><head><title>Notice</title></head><body><h1>This domain has been seized by the Office of Replica Enforcement"
    "</h1></body></html>"
)


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    with running_replica(articles=40, seed=3, folder=tmp_path_factory.mktemp("replica")) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, replica: Replica) -> Place:
    replica.set_rules([])
    replica.new_requests()
    return Place(tmp_path / "archive", None)


def crawl_with(place: Place, replica: Replica, *rules: dict[str, Any], options: tuple[str, ...] = ()) -> Ran:
    replica.set_rules(rules)
    return crawl(place, replica, *options)


def never_due(place: Place) -> list[str]:
    """Articles that no later crawl would visit."""
    with Archive.open(place.folder, write=False) as archive, archive.read() as connection:
        statement = select(resource.c.key).where(resource.c.kind == "article", resource.c.due_at.is_(None))
        return list(connection.execute(statement).scalars())


@pytest.mark.long
@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"status": 403}, "refusing"),
        pytest.param({"redirect": f"http://{FORMER}/"}, None, marks=pytest.mark.soak),
        pytest.param({"redirect": "http://10.0.0.1/blocked"}, None, marks=pytest.mark.soak),
        ({"status": 200, "body": NOTICE, "headers": {"Content-Type": "text/html"}}, "seized"),
    ],
    ids=["403", "sent-to-a-notice", "sent-to-a-private-address", "seized"],
)
def test_what_the_first_domain_stops_serving_comes_from_the_next(
    place: Place, replica: Replica, answer: dict[str, Any], state: str | None
) -> None:
    ran = crawl_with(place, replica, {"host": PRIMARY, "path": "^/(Detail|Video|Section)/", "first": 20, **answer})
    assert ran.code in (0, 1), ran.err
    held = look(place)
    assert missing_from(held, replica.articles()) == []
    assert held.revisions == len(replica.articles())
    assert state in (None, held.domains[PRIMARY][0])
    assert dangling(place) == []
    assert never_due(place) == []
    asked = Counter(each["path"] for each in replica.new_requests() if each["host"] == PRIMARY)
    assert max(asked.values()) == 1, "nobody is asked for the same thing twice"


@pytest.mark.long
def test_what_no_domain_could_be_asked_for_is_asked_for_by_the_next_crawl(place: Place, replica: Replica) -> None:
    ran = crawl_with(place, replica, {"first": 30, "drop": True})
    missing = ran.json["outlets"][0]["counts"]["failures"]["no-domain"]
    assert missing > 5, "the control: so many were not asked for"
    before = look(place)
    due = crawl_with(place, replica, options=("--due",))
    assert due.code in (0, 1), due.err
    assert len(look(place).headlines) == len(before.headlines), "a crawl by schedule waits as long as for any failure"
    again = crawl_with(place, replica)
    assert again.code in (0, 1), again.err
    assert missing_from(look(place), replica.articles()) == []
