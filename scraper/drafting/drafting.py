"""Drafting a profile from a survey: every table of it, and field by field how sure it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scraper.drafting.addresses import Form, find_forms, take_apart
from scraper.drafting.bodies import Body, find_body
from scraper.drafting.facts import find_language, find_place, find_title, other_languages, untagged_languages
from scraper.drafting.fields import Found, agrees, find_date, find_figures, find_texts, wanted
from scraper.drafting.listings import menu_paths, next_links, paths_in, sections_among
from scraper.drafting.survey import Sample, Survey, any_outlet
from scraper.drafting.zones import UNKNOWN
from scraper.extraction import extract
from scraper.extraction.conventions import is_wordpress
from scraper.extraction.page import Context
from scraper.extraction.template import FieldName
from scraper.outlet import Outlet
from scraper.selecting import select

Table = dict[str, Any]
"""A profile, or one of its tables, as TOML has it."""

_NAME = re.compile(r"[^a-z0-9]+")
_RESERVED = (
    r"/(?:category|tag|type|author|page|feed|comments|search|wp-[a-z-]+)(?:/|\?|$)",
    r"/[^?#]*/(?:feed|embed|trackback|page/\d+|comment-page-\d+)/?(?:\?|$)",
)
"""WordPress' own addresses (its rewrite rules, WP_Rewrite), with the bases that it begins with."""
_BY_DATE = r"/(?:19|20)\d\d(?:/\d{1,2}){0,2}/?(?:\?|$)"
"""WordPress' archives by date, with whose addresses it lets no slug agree (wp_unique_post_slug())."""
_LISTING_NAMES = r"/(?:tags?|categor(?:y|ies)|authors?|series|page|archives?|search|about|contact|privacy)(?:/|\?|$)"
_MOST_NEVER = 60
_MOST_FLAT = 300
_FIELDS: tuple[FieldName, ...] = (
    "headline", "body", "lead", "authors", "section", "published", "updated", "tags", "figures",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is known of one thing in a draft: on how many of so many pages it was seen, and what a reader should check;
    `note` is '' where it is sure."""

    field: str
    count: int
    of: int
    note: str = ""

    @property
    def sure(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.note


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile as drafted, the outlet that it describes, and what is known of each field."""

    table: Table
    outlet: Outlet
    doubts: tuple[Doubt, ...]


def draft_profile(survey: Survey, name: str) -> Draft | None:
    """Draft the profile of a site; None where no article was found, without which there is none."""
    forms, samples = _forms_of(survey)
    if not forms or not samples:
        return None
    survey = replace(survey, samples=tuple(samples))
    doubts: list[Doubt] = []
    table = _facts(survey, name, doubts)
    table["domains"] = _domains(survey, doubts)
    table["never"] = _never(survey, forms)
    table["articles"] = _articles(forms, survey, doubts)
    table["discovery"] = _discovery(survey, forms, doubts)
    template, found = _template(survey)
    if template is not None:
        table["templates"] = [template]
    table = {key: value for key, value in table.items() if value not in ([], ())}
    outlet = Outlet.model_validate(table)
    doubts += _field_doubts(survey, outlet, template, found)
    return Draft(table, outlet, tuple(doubts))


def name_for(host: str) -> str:
    """A name for a site's profile: its registrable domain's own label, e.g. 'courier' for www.courier.example."""
    from tldextract import TLDExtract

    found = TLDExtract(suffix_list_urls=(), cache_dir=None)(host)
    label = found.domain or host
    return _NAME.sub("-", label.lower()).strip("-") or "site"


def _forms_of(survey: Survey) -> tuple[list[Form], list[Sample]]:
    """The forms of the articles' URLs that samples bear out, and the samples that have one of them.

    Where some samples have a date, a form none of whose samples has one is a page's: 'About us'.
    """
    by_path = {path: each for each in survey.samples if (path := survey.place.path_in(each.page.url))}
    wordpress = any(is_wordpress(each.tree) for each in survey.samples) or is_wordpress(survey.home)
    dated = [path for path, each in by_path.items() if each.content.published is not None]
    grounds = set(dated or by_path)
    groups = {parts.group for path in grounds if (parts := take_apart(path)) is not None}
    refused = {path for url in survey.refused if (path := survey.place.path_in(url))}
    known = {
        path: by_path[path].content.published if path in by_path else None
        for path in (*by_path, *survey.articles_listed())
        if path not in refused and path not in survey.pages
    }
    days = {
        path: published.day if published else None
        for path, published in known.items()
        if (parts := take_apart(path)) is not None and parts.group in groups
    }
    forms = find_forms(days, wordpress=wordpress)
    forms = [form for form in forms if set(form.paths) & grounds]
    forms = [form for form in forms if not _is_stray(form, forms[0], grounds)]
    held = {path for form in forms for path in form.paths}
    return forms, [each for path, each in by_path.items() if path in held]


def _is_stray(form: Form, first: Form, grounds: set[str]) -> bool:
    """Whether a form is a lone page's beside the articles': without a date, a number or a directory in it."""
    plain = form.key == "slug" and not form.directories and "{4}" not in form.pattern
    seen, most = len(set(form.paths) & grounds), len(set(first.paths) & grounds)
    return form is not first and plain and seen <= 2 and most >= 3 * seen


def _facts(survey: Survey, name: str, doubts: list[Doubt]) -> Table:
    title, language = find_title(survey), find_language(survey)
    where = find_place(survey, language.value)
    total = len(survey.samples)
    doubts.append(Doubt("title", title.count, total, "" if title.sure else f"taken from {title.said_by}"))
    others = other_languages(survey, language.value)
    note = "" if language.sure else f"taken from {language.said_by}"
    if others:
        note = f"some articles are in {', '.join(others)}: editions have domains or paths of their own"
    elif untagged := untagged_languages(survey, language.value):
        note = f"some articles are in {', '.join(untagged)}, and kept as {language.value} as their pages have it"
    doubts.append(Doubt("language", language.count, total, note))
    note = "" if where.zone_sure else f"taken from {where.zone_from}"
    doubts.append(Doubt("zone", 0 if note else total, total, note))
    if where.country == UNKNOWN:
        note = f"nowhere stated; {UNKNOWN} stands for it"
    else:
        note = "" if where.country_sure else f"taken from {where.country_from}"
    doubts.append(Doubt("country", 0 if note else total, total, note))
    return {
        "name": name,
        "title": title.value,
        "language": language.value,
        "zone": where.zone,
        "country": where.country,
    }


def _domains(survey: Survey, doubts: list[Doubt]) -> list[Table]:
    place = survey.place
    extra: Table = {"path": place.path} if place.path else {}
    if place.scheme == "http":
        extra["scheme"] = "http"
    domains: list[Table] = [{"host": place.host, "role": "primary", **extra}]
    if survey.twin:
        domains.append({"host": survey.twin, "role": "mirror", **extra, "crawl": False})
    note = "" if survey.twin else "no second host (with or without www) leads here"
    doubts.append(Doubt("domains", len(domains), len(domains), note if survey.stopped else ""))
    return domains


def _articles(forms: Sequence[Form], survey: Survey, doubts: list[Doubt]) -> list[Table]:
    by_path = {survey.place.path_in(each.page.url) for each in survey.samples}
    for form in forms:
        seen = len(by_path & set(form.paths))
        note = "" if seen > 1 else "one article alone has this form"
        if len(form.directories) > 1:
            note = f"it names the {len(form.directories)} directories that were seen; others would be missed"
        doubts.append(Doubt(f"articles.{form.name}", seen, len(survey.samples), note))
    return [{"name": form.name, "pattern": form.pattern, "example": form.example} for form in forms]


def _never(survey: Survey, forms: Sequence[Form]) -> list[str]:
    """What the articles' patterns would take and is none: the system's own addresses, pages, what was refused."""
    articles = {path for form in forms for path in form.paths}
    patterns = list(_RESERVED) if is_wordpress(survey.home) else [_LISTING_NAMES]
    if is_wordpress(survey.home) and all(form.key == "slug" for form in forms):
        patterns.append(_BY_DATE)
    patterns = [each for each in patterns if not any(re.match(each, path) for path in articles)]
    compiled = [re.compile(form.pattern) for form in forms]
    others = [
        *survey.pages,
        *(path for url in survey.refused if (path := survey.place.path_in(url))),
        *_unlisted(survey, articles),
    ]
    for path in dict.fromkeys(others):
        bare = path.partition("?")[0].rstrip("/")
        taken = any(form.match(path) for form in compiled) and path not in articles
        if bare and taken and not any(re.match(each, path) for each in patterns):
            patterns.append(rf"{re.escape(bare)}/?(?:\?|$)".replace(r"\-", "-"))
        if len(patterns) == _MOST_NEVER:
            break
    return patterns


def _unlisted(survey: Survey, articles: set[str]) -> list[str]:
    """What the site's menus lead to and no feed or sitemap of articles lists."""
    menus = menu_paths(survey.home, survey.place.url_of("/"), survey.place)
    return [path for path in menus if path not in articles]


def _discovery(survey: Survey, forms: Sequence[Form], doubts: list[Doubt]) -> list[Table]:
    articles = {path for form in forms for path in form.paths}
    rules: list[Table] = []
    for way in ("feed", "sitemap"):
        roots = [each for each in survey.listings if each.way == way and each.root]
        held = {survey.place.path_in(link.url) for each in survey.listings if each.way == way for link in each.links}
        if roots:
            rules.append({"way": way, "start": [each.path for each in roots]})
        doubts.append(
            Doubt(f"discovery.{way}", len(held & articles), len(held), "" if held & articles else "none was found")
        )
    menus = menu_paths(survey.home, survey.place.url_of("/"), survey.place)
    directories = {directory for form in forms for directory in form.directories}
    sections = sections_among([path for path in menus if path not in articles], directories)
    linked = {path for path, _ in paths_in(survey.home, survey.place.url_of("/"), survey.place)}
    rule: Table = {"way": "sections", "start": ["/", *sections]}
    following = next_links(survey.home)
    if following:
        rule["next"] = following
    rules.insert(0, rule)
    note = "" if linked & articles else "the home page links to none of the articles seen"
    doubts.append(Doubt("discovery.sections", len(linked & articles), len(articles), note))
    return rules


def _template(survey: Survey) -> tuple[Table | None, dict[str, Found | Body]]:
    """The page template; None where no selector finds the headline and the text of most articles: then pages are read
    as without a profile."""
    samples, outlet = survey.samples, any_outlet(survey.place)
    headline, body = find_texts("headline", samples, outlet), find_body(samples, outlet)
    found: dict[str, Found | Body] = {"headline": headline, "body": body}
    if not headline.selectors or not body.selectors:
        return None, found
    rules: Table = {
        "name": "today",
        "detect": _detect(survey, body, headline),
        "headline": list(headline.selectors),
        "body": list(body.selectors),
        "fallback": True,
    }
    for name, key in (("lead", "lead"), ("authors", "authors"), ("section", "breadcrumb"), ("tags", "tags")):
        found[name] = texts = find_texts(name, samples, outlet)  # type: ignore[arg-type]
        if texts.selectors:
            rules[key] = list(texts.selectors)
    if body.drop:
        rules["drop"] = list(body.drop)
    for name in ("published", "updated"):
        found[name] = date = find_date(name, samples, outlet)  # type: ignore[arg-type]
        if date.selectors:
            stated = {"attribute": date.attribute} if date.attribute else {}
            rules[name] = [{"select": list(date.selectors), **stated}]
    found["figures"] = figures = find_figures(samples, outlet, (body.holder,))
    if figures.selectors:
        rules["figures"] = [{"select": list(figures.selectors), "caption": ["figcaption", ".wp-caption-text"]}]
    return rules, found


def _detect(survey: Survey, body: Body, headline: Found) -> list[str]:
    """What tells an article's page from a listing: of what all samples have, the first that the home page lacks."""
    candidates = ["body.single", body.holder, *headline.selectors]
    holding = [each for each in candidates if all(select(sample.tree, each) for sample in survey.samples)]
    telling = [each for each in holding if not select(survey.home, each)]
    return (telling or holding)[:1] or [*body.selectors, *headline.selectors]


def _field_doubts(
    survey: Survey, outlet: Outlet, template: Table | None, found: dict[str, Found | Body]
) -> list[Doubt]:
    """Each field as the drafted profile reads it, beside what is read without one."""
    readings = [extract(sample.page, Context(outlet=outlet)).article for sample in survey.samples]
    total = len(readings)
    doubts: list[Doubt] = []
    for name in _FIELDS:
        values = [getattr(each, "blocks" if name == "body" else name) if each else None for each in readings]
        given = sum(bool(value) for value in values)
        targets = [wanted(name, sample.content) for sample in survey.samples]
        if name == "body":
            same = sum(bool(value) for value in values) if template is None else _agreed(found.get(name))
        elif name == "lead":
            same = given
        else:
            same = sum(agrees(name, value, target) for value, target in zip(values, targets, strict=True))
        doubts.append(Doubt(name, given, total, _say(name, given, same, total, template, found.get(name))))
    return doubts


def _agreed(found: Found | Body | None) -> int:
    return found.agreed if found is not None else 0


def _say(name: str, given: int, same: int, total: int, template: Table | None, found: Found | Body | None) -> str:
    notes: list[str] = []
    optional = name in ("updated", "figures", "lead", "tags")
    if given < total and not optional:
        notes.append("not every article gave it")
    if given and same < total:
        notes.append(f"on {total - same} the selectors and the reading without them differ")
    if template is None:
        notes.append("no selector held on enough pages: it is read as without a profile")
    elif given and not (found and found.selectors) and name != "lead":
        notes.append("no selector agreed on enough pages: it is read as without a profile")
    return "; ".join(notes)


def unsure(doubts: Iterable[Doubt]) -> list[Doubt]:
    """Those of the doubts that are some."""
    return [doubt for doubt in doubts if not doubt.sure]
