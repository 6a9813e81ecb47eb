"""What a profile must hold beyond the types of its tables: patterns, selectors, dates and names that fit together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from scraper.outlet import DateRule, Discovery, Outlet, Template
from scraper.patterns import PatternError, compile_pattern
from scraper.profile_errors import problem

_FROM_PATH = re.compile(r"(?:\(\?[aimsx]+\))?\^?[/(\[.\\]")
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9-]+|\[[0-9a-f:.]+\]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_COUNTRY = re.compile(r"[A-Z]{2}")


class _Era(Protocol):
    @property
    def since(self) -> date | None: ...
    @property
    def until(self) -> date | None: ...


def check_outlet(path: Path, outlet: Outlet) -> None:
    """Raise ProfileError for the first thing in a profile that cannot hold; `path` is its file, for the message."""
    _check_facts(path, outlet)
    _check_domains(path, outlet)
    for key, pattern, path_wanted in _patterns(outlet):
        _check_pattern(path, key, pattern, of_path=path_wanted)
    for key, selector in _selectors(outlet):
        _check_selector(path, key, selector)
    for key, era in _eras(outlet):
        if era.since and era.until and era.since > era.until:
            raise problem(path, f"{key}.until", f"{era.until} is before since = {era.since}", f"until = {era.since}")
    _check_names(path, "articles", [article.name for article in outlet.articles])
    _check_names(path, "templates", [template.name for template in outlet.templates])
    _check_articles(path, outlet)
    for index, rule in enumerate(outlet.discovery):
        _check_discovery(path, f"discovery[{index}]", rule, outlet)
    for index, template in enumerate(outlet.templates):
        _check_template(path, f"templates[{index}]", template)


def _check_facts(path: Path, outlet: Outlet) -> None:
    _check_zone(path, "zone", outlet.zone)
    if not _LANGUAGE.fullmatch(outlet.language):
        raise problem(path, "language", f"{outlet.language!r} is no language tag (BCP 47)")
    for edition, language in outlet.languages.items():
        if not _LANGUAGE.fullmatch(language):
            raise problem(path, f"languages.{edition}", f"{language!r} is no language tag (BCP 47)")
    if not _COUNTRY.fullmatch(outlet.country):
        raise problem(path, "country", f"{outlet.country!r} is no country code of two capitals (ISO 3166)")


def _check_zone(path: Path, key: str, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise problem(path, key, f"{zone!r} is no time zone of the IANA database") from None


def _check_domains(path: Path, outlet: Outlet) -> None:
    seen: dict[tuple[str, str], int] = {}
    for index, domain in enumerate(outlet.domains):
        key = f"domains[{index}]"
        if not _HOST.fullmatch(domain.host):
            raise problem(path, f"{key}.host", f"{domain.host!r} is no host name in lower case without scheme or path")
        if domain.path and not domain.path.startswith("/"):
            raise problem(path, f"{key}.path", f"{domain.path!r} does not begin with a slash")
        place = (domain.host, domain.path.rstrip("/"))
        if place in seen:
            raise problem(path, f"{key}.host", f"{domain.host} stands at domains[{seen[place]}] already")
        seen[place] = index
    if not any(domain.role == "primary" for domain in outlet.domains):
        raise problem(path, "domains", "none has the role primary", 'role = "primary"')


def _patterns(outlet: Outlet) -> Iterator[tuple[str, str, bool]]:
    """Every pattern with its key; the last tells those that are matched from a path's first slash."""
    for index, host in enumerate(outlet.host_patterns):
        yield f"host_patterns[{index}].pattern", host.pattern, False
    for index, article in enumerate(outlet.articles):
        yield f"articles[{index}].pattern", article.pattern, True
    for index, pattern in enumerate(outlet.never):
        yield f"never[{index}]", pattern, True
    for name, patterns in (
        ("boilerplate", outlet.boilerplate),
        ("announced", outlet.announced),
        ("notices", outlet.notices),
    ):
        for index, pattern in enumerate(patterns):
            yield f"{name}[{index}]", pattern, False
    for index, template in enumerate(outlet.templates):
        for name, pattern in _template_patterns(template):
            yield f"templates[{index}].{name}", pattern, False


def _template_patterns(template: Template) -> Iterator[tuple[str, str]]:
    for index, pattern in enumerate(template.boilerplate):
        yield f"boilerplate[{index}]", pattern
    if template.author_pattern is not None:
        yield "author_pattern", template.author_pattern
    for name, rules in (("published", template.published), ("updated", template.updated)):
        for index, rule in enumerate(rules):
            if rule.pattern is not None:
                yield f"{name}[{index}].pattern", rule.pattern
    for index, figure in enumerate(template.figures):
        if figure.credit_pattern is not None:
            yield f"figures[{index}].credit_pattern", figure.credit_pattern
    for index, kind in enumerate(template.kinds):
        if kind.path is not None:
            yield f"kinds[{index}].path", kind.path


def _check_pattern(path: Path, key: str, pattern: str, *, of_path: bool) -> None:
    try:
        compiled = compile_pattern(pattern)
    except PatternError as error:
        raise problem(path, key, str(error)) from error
    if of_path and not _FROM_PATH.match(pattern):
        raise problem(path, key, f"{pattern!r} can match no path: it is matched from the path's first slash")
    if key.startswith("articles") and "key" not in compiled.groupindex:
        raise problem(path, key, "has no group named key, which is what identifies an article")
    if key.endswith("credit_pattern") and "credit" not in compiled.groupindex:
        raise problem(path, key, "has no group named credit")


def _selectors(outlet: Outlet) -> Iterator[tuple[str, str]]:
    yield from _numbered("edition_select", outlet.edition_select)
    for index, rule in enumerate(outlet.discovery):
        yield from _numbered(f"discovery[{index}].links", rule.links)
        yield from _numbered(f"discovery[{index}].next", rule.next)
        yield from _numbered(f"discovery[{index}].menu", rule.menu)
    for index, template in enumerate(outlet.templates):
        yield from template_selectors(template, f"templates[{index}].")


def template_selectors(template: Template, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every selector of a template with its key, in the order of its fields."""
    for name in ("detect", "headline", "lead", "body"):
        yield from _numbered(f"{prefix}{name}", getattr(template, name))
    for name, rules in (("published", template.published), ("updated", template.updated)):
        for index, rule in enumerate(rules):
            yield from _numbered(f"{prefix}{name}[{index}].select", rule.select)
    for name in ("breadcrumb", "authors", "tags"):
        yield from _numbered(f"{prefix}{name}", getattr(template, name))
    for index, figure in enumerate(template.figures):
        for name in ("select", "image", "caption", "credit"):
            yield from _numbered(f"{prefix}figures[{index}].{name}", getattr(figure, name))
    for index, kind in enumerate(template.kinds):
        yield from _numbered(f"{prefix}kinds[{index}].select", kind.select)
    yield from _numbered(f"{prefix}drop", template.drop)


def _numbered(key: str, selectors: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, selector in enumerate(selectors):
        yield f"{key}[{index}]", selector


def _check_selector(path: Path, key: str, selector: str) -> None:
    # lxml is imported here alone: naming profiles and recognising URLs do without it.
    from scraper.selecting import SelectorError, compile_selector

    try:
        compile_selector(selector)
    except SelectorError as error:
        raise problem(path, key, f"{selector!r} {error}") from error


def _eras(outlet: Outlet) -> Iterator[tuple[str, _Era]]:
    for index, domain in enumerate(outlet.domains):
        yield f"domains[{index}]", domain
    for index, article in enumerate(outlet.articles):
        yield f"articles[{index}]", article
    for index, template in enumerate(outlet.templates):
        yield f"templates[{index}]", template


def _check_names(path: Path, table: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise problem(path, f"{table}[{index}].name", f"{name!r} stands at {table}[{names.index(name)}] already")


def _check_articles(path: Path, outlet: Outlet) -> None:
    """Each pattern's own example must come out as that pattern's article: else an earlier pattern shadows it, the
    list of what is never an article holds it, or its hosts are not the outlet's."""
    for index, article in enumerate(outlet.articles):
        key = f"articles[{index}].example"
        example = article.example
        for host in article.hosts:
            if outlet.domain_of(host) is None:
                raise problem(path, f"articles[{index}].hosts", f"{host} is none of the outlet's domains")
        if not example.startswith("/") and not outlet.owns(example):
            raise problem(path, key, f"{example!r} is on none of the outlet's domains", 'example = "/news/12345"')
        found = outlet.identify(example)
        if found is None:
            raise problem(path, key, f"{example!r} is not matched by its own pattern, or stands under never")
        if found.pattern != article.name:
            raise problem(path, key, f"{example!r} is matched by {found.pattern!r} before its own pattern")


def _check_discovery(path: Path, key: str, rule: Discovery, outlet: Outlet) -> None:
    if not rule.start:
        raise problem(path, f"{key}.start", "is missing")
    for index, start in enumerate(rule.start):
        if not start.startswith("/") and urlsplit(start).scheme not in ("http", "https"):
            raise problem(path, f"{key}.start[{index}]", f"{start!r} is neither a path from its slash nor a URL")
        if rule.way == "datearchive" and "{from}" not in start and "{to}" not in start:
            raise problem(path, f"{key}.start[{index}]", "names no window: {from} or {to}", _example(rule))
        if rule.way == "urls" and "{number}" in start and (rule.first is None or rule.last is None):
            raise problem(path, f"{key}.last", "a {number} needs first and last", "first = 1\nlast = 5000")
    if rule.first is not None and rule.last is not None and rule.first > rule.last:
        raise problem(path, f"{key}.last", f"{rule.last} is less than first = {rule.first}")
    if rule.way == "datearchive" and rule.since is None:
        raise problem(path, f"{key}.since", "is missing: a date archive needs its first day")
    for host in rule.domains:
        if not any(domain.host == host for domain in outlet.domains):
            raise problem(path, f"{key}.domains", f"{host} is none of the outlet's domains")
    editions = {domain.edition for domain in outlet.domains}
    if rule.edition not in editions:
        raise problem(path, f"{key}.edition", f"no domain has the edition {rule.edition!r}")


def _example(rule: Discovery) -> str:
    from scraper.profile_errors import EXAMPLES

    return EXAMPLES[f"discovery.start.{rule.way}"]


def _check_template(path: Path, key: str, template: Template) -> None:
    for name in ("detect", "headline", "body"):
        if not getattr(template, name):
            raise problem(path, f"{key}.{name}", "needs at least one selector")
    rules: list[tuple[str, DateRule]] = [
        *((f"{key}.published[{index}]", rule) for index, rule in enumerate(template.published)),
        *((f"{key}.updated[{index}]", rule) for index, rule in enumerate(template.updated)),
    ]
    for place, rule in rules:
        if rule.zone is not None:
            _check_zone(path, f"{place}.zone", rule.zone)
        for index, written in enumerate(rule.formats):
            _check_format(path, f"{place}.formats[{index}]", written)


def _check_format(path: Path, key: str, written: str) -> None:
    """strptime tells a wrong format from a date that does not fit by its words alone."""
    try:
        datetime.strptime("", written)
    except ValueError as error:
        if "directive" in str(error) or "stray" in str(error):
            raise problem(path, key, f"{written!r} is no strptime format: {error}") from None
    except (re.error, IndexError) as error:
        raise problem(path, key, f"{written!r} is no strptime format: {error}") from None
