"""What is wrong in a profile's tables, told by file, key and an example of what is right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from scraper.errors import ProfileError
from scraper.outlet import Outlet

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

EXAMPLES = {
    "name": 'name = "presstv"',
    "title": 'title = "Press TV"',
    "language": 'language = "en"',
    "languages": 'languages = { fr = "fr" }',
    "zone": 'zone = "Asia/Tehran"',
    "country": 'country = "IR"',
    "owner": 'owner = "Islamic Republic of Iran Broadcasting"',
    "hidden": "hidden = true",
    "key_scope": 'key_scope = "outlet"  # or "edition"',
    "never": "never = ['/about/', '/live/']",
    "edition_select": 'edition_select = ["html"]',
    "boilerplate": "boilerplate = ['^SHARE THIS ARTICLE$']",
    "announced": "announced = ['alternate addresses:\\s*(?P<hosts>.*)']",
    "notices": "notices = ['this domain has been seized']",
    "domains": '[[domains]]\nhost = "www.example.org"\nrole = "primary"',
    "domains.host": 'host = "www.example.org"',
    "domains.path": 'path = "/news"',
    "domains.role": 'role = "mirror"',
    "domains.edition": 'edition = "fr"',
    "domains.since": "since = 2021-06-22",
    "domains.until": "until = 2021-06-22",
    "domains.scheme": 'scheme = "http"',
    "domains.paths": 'paths = "own"',
    "domains.crawl": "crawl = false",
    "host_patterns": "[[host_patterns]]\npattern = '\\d+\\.cdn\\.example\\.net'",
    "host_patterns.pattern": "pattern = '\\d+\\.cdn\\.example\\.net'",
    "host_patterns.role": 'role = "cdn"',
    "articles": '[[articles]]\nname = "today"\npattern = \'/news/(?P<key>\\d+)\'\nexample = "/news/12345"',
    "articles.name": 'name = "today"',
    "articles.pattern": "pattern = '/news/(?P<year>\\d{4})/(?P<month>\\d\\d)/(?P<day>\\d\\d)/(?P<key>\\d+)'",
    "articles.example": 'example = "/news/2020/11/15/12345"',
    "articles.kind": 'kind = "video"',
    "articles.hosts": 'hosts = ["video.example.org"]',
    "articles.since": "since = 2014-01-01",
    "articles.until": "until = 2014-12-31",
    "discovery": '[[discovery]]\nway = "feed"\nstart = ["/rss.xml"]',
    "discovery.way": 'way = "sections"',
    "discovery.start": 'start = ["/section/1"]',
    "discovery.start.datearchive": 'start = ["/search?from={from}&to={to}&page={page}"]',
    "discovery.start.urls": 'start = ["/news/{number}"]',
    "discovery.domains": 'domains = ["www.example.org"]',
    "discovery.edition": 'edition = "fr"',
    "discovery.links": 'links = ["h2 a"]',
    "discovery.next": 'next = ["a[rel=next]"]',
    "discovery.menu": 'menu = ["ul.menu a"]',
    "discovery.pages": "pages = 50",
    "discovery.since": "since = 2012-01-01",
    "discovery.step": "step = 1",
    "discovery.first": "first = 1",
    "discovery.last": "last = 5000",
    "discovery.own_host": "own_host = true",
    "templates": '[[templates]]\nname = "today"\ndetect = ["h1.title"]\nheadline = ["h1.title"]\nbody = ["div.body"]',
    "templates.name": 'name = "2021"',
    "templates.detect": 'detect = ["h1.title"]',
    "templates.headline": 'headline = ["h1.title"]',
    "templates.body": 'body = ["div.body"]',
    "templates.since": "since = 2021-06-22",
    "templates.until": "until = 2021-06-22",
    "templates.author_pattern": "author_pattern = '^By (?P<author>.+)$'",
    "templates.published": '[[templates.published]]\nselect = ["div.date"]\nformats = ["%d %B %Y %H:%M"]',
    "templates.published.select": 'select = ["div.date"]',
    "templates.published.attribute": 'attribute = "datetime"',
    "templates.published.pattern": "pattern = '(?P<date>\\d+ \\w+ \\d{4})'",
    "templates.published.formats": 'formats = ["%d %B %Y %H:%M"]',
    "templates.published.zone": 'zone = "Europe/London"',
    "templates.figures": '[[templates.figures]]\nselect = ["figure"]\ncaption = ["figcaption"]',
    "templates.figures.select": 'select = ["figure.photo"]',
    "templates.kinds.select": 'select = ["video"]',
    "templates.figures.credit_pattern": "credit_pattern = '\\((?P<credit>Photo by [^()]+)\\)$'",
    "templates.kinds": '[[templates.kinds]]\nkind = "video"\nselect = ["video"]',
    "templates.kinds.kind": 'kind = "video"',
    "templates.kinds.path": "path = '^/video/'",
    "templates.boilerplate": "boilerplate = ['^SHARE THIS ARTICLE$']",
    "manners": "[manners]\ndelay = 1.0\nconcurrency = 2",
    "manners.delay": "delay = 1.0",
    "manners.concurrency": "concurrency = 2",
    "manners.user_agent": 'user_agent = "Presskeep"',
}
"""What is right, by key without indexes. A list's entry takes its list's example."""


def problem(path: Path, key: str, what: str, example: str | None = None) -> ProfileError:
    """An error of a profile: `key` as 'articles[2].pattern', and an example of what is right."""
    shown = (example or example_of(key)).replace("\n", "; ")
    return ProfileError(what, f"{path}, {key}", f"For example: {shown}")


def example_of(key: str) -> str:
    """An example of what is right at a key: its own, or that of the table that holds it."""
    plain = ".".join(part.partition("[")[0] for part in key.split("."))
    plain = plain.replace("templates.updated", "templates.published")
    while plain and plain not in EXAMPLES:
        shorter = plain.rpartition(".")[0]
        if _is_selector(plain):
            name = plain.rpartition(".")[2]
            return f'{name} = ["div.{name}", "xpath://meta[@name=\'{name}\']/@content"]'
        plain = shorter
    return EXAMPLES.get(plain, EXAMPLES["title"])


def explain(path: Path, error: ValidationError) -> ProfileError:
    """The first of pydantic's findings, unknown keys before others: a missing key is often a misspelt one."""
    findings = sorted(_own(error.errors()), key=lambda each: each["type"] != "extra_forbidden")
    first = findings[0]
    key = key_of(first["loc"])
    if first["type"] == "extra_forbidden":
        return _unknown_key(path, first, key)
    what = _MESSAGES.get(first["type"], first["msg"][:1].lower() + first["msg"][1:])
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return problem(path, key, what + more)


def key_of(location: Iterable[int | str]) -> str:
    """A key path as people write it: ('articles', 2, 'pattern') is 'articles[2].pattern'; indexes count from 0."""
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key or "the profile"


def _own(findings: list[ErrorDetails]) -> list[ErrorDetails]:
    """Findings without those that only follow from one within them: a table that is wrong is counted as missing."""
    places = [finding["loc"] for finding in findings]

    def has_inner(outer: tuple[int | str, ...]) -> bool:
        return any(len(place) > len(outer) and place[: len(outer)] == outer for place in places)

    return [finding for finding in findings if not has_inner(finding["loc"])]


_MESSAGES = {
    "missing": "is missing",
    "too_short": "needs at least one entry",
    "tuple_type": "should be a list",
    "string_type": "should be a text in quotation marks",
    "bool_parsing": "should be true or false",
    "date_from_datetime_parsing": "should be a date",
    "date_type": "should be a date",
    "date_parsing": "should be a date",
}


def _unknown_key(path: Path, finding: ErrorDetails, key: str) -> ProfileError:
    table = _table_at(finding["loc"][:-1])
    known = sorted(table.model_fields) if table is not None else []
    nearest = get_close_matches(str(finding["loc"][-1]), known, n=1, cutoff=0.6)
    place = key_of(finding["loc"][:-1])
    if nearest:
        right = nearest[0] if place == "the profile" else f"{place}.{nearest[0]}"
        return problem(path, key, f"is an unknown key; {nearest[0]!r} may be meant", example_of(right))
    return problem(path, key, f"is an unknown key; {place} knows {', '.join(known)}", example_of(place))


def _table_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model of the table at a location."""
    model: type[BaseModel] = Outlet
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = _model_in(field.annotation) if field is not None else None
        if inner is None:
            return None
        model = inner
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def _is_selector(plain: str) -> bool:
    return plain.startswith("templates.") and plain.rpartition(".")[2] in {
        "lead", "breadcrumb", "authors", "tags", "drop", "select", "image", "caption", "credit",
    }  # fmt: skip
