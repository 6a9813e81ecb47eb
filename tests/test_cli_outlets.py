"""What `outlets check --live` says of a profile's selectors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.demo.process import Replica, running_replica
from scraper.profiles import SHIPPED
from tests.crawling import presskeep, replica_options


@pytest.fixture(scope="module")
def replica() -> Iterator[Replica]:
    with running_replica(articles=20, seed=7, truth=False) as running:
        yield running


def states(replica: Replica, **environment: str) -> tuple[int, dict[tuple[str, str], str]]:
    """The exit code, and by rule and selector the states of the template that the page has."""
    ran = presskeep("outlets", "check", "demo", "--live", "--json", *replica_options(replica), environment=environment)
    seen = ran.json["selectors"]
    (template,) = {each["template"] for each in seen if each["rule"] == "detect" and each["found"]}
    return ran.code, {(each["rule"], each["selector"]): each["state"] for each in seen if each["template"] == template}


@pytest.mark.long
def test_an_alternative_that_was_not_needed_is_not_missing(replica: Replica) -> None:
    code, found = states(replica)
    assert code == 0
    assert "missing" not in found.values()
    crumbs = {state for (rule, _), state in found.items() if rule == "breadcrumb"}
    assert crumbs == {"found", "alternative"}


def test_stored_pages_are_read_field_by_field(tmp_path: Path) -> None:
    folder = tmp_path / "presskeep" / "outlets"
    (folder / "demo").mkdir(parents=True)
    (folder / "demo.toml").write_text((SHIPPED / "demo.toml").read_text("utf-8"), encoding="utf-8")
    page = folder / "demo" / "harbour.html"
    stated = {"url": "http://www.replica.example/Detail/2026/02/11/1", "captured": "2026-02-12T08:00:00+00:00"}
    page.with_suffix(".json").write_text(json.dumps(stated))
    html = (
        '<html lang="en"><h1 class="news-title-container">The harbour opens</h1><div class="news-detail">Wednesday, 11 '
        'February 2026 9:00 AM</div><div class="news-body-container"><p>The harbour opened on Wednesday.</p></div>'
    )
    for text, code, state in ((html, 0, "found"), (html.replace("news-body-container", "gone"), 1, "missing")):
        page.write_text(text)
        ran = presskeep("outlets", "check", "demo", "--json", environment={"XDG_CONFIG_HOME": str(tmp_path)})
        (read,) = ran.json["pages"]
        fields = {each["field"]: each for each in read["fields"]}
        assert (ran.code, fields["body"]["state"]) == (code, state)
        assert (fields["headline"]["by"], fields["tags"]["state"]) == ("h1.news-title-container", "absent")


@pytest.mark.long
def test_a_rule_none_of_whose_selectors_holds_is_missing(replica: Replica, tmp_path: Path) -> None:
    folder = tmp_path / "presskeep" / "outlets"
    folder.mkdir(parents=True)
    profile = (SHIPPED / "demo.toml").read_text(encoding="utf-8")
    broken = profile.replace("div.breadcrumb a", "div.gone a").replace("ol.crumbs li", "ol.gone li")
    assert broken != profile
    (folder / "demo.toml").write_text(broken, encoding="utf-8")
    _, found = states(replica, XDG_CONFIG_HOME=str(tmp_path))
    assert {state for (rule, _), state in found.items() if rule == "breadcrumb"} == {"missing"}
