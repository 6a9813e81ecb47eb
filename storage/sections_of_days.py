"""Count what is known of some days by section."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, case, func, literal_column, select

from storage.inserting import in_portions
from storage.models import article, resource, revision

MOST = 20_000
"""A day of more articles is not told by section: it is one on which an archive was filled, not one of publication."""
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class SectionCount:
    """A section: the name that kept texts give, or the address of the section page that listed what is not kept; empty
    where neither is known. `reasons` are those of what is not kept."""

    section: str
    known: int
    kept: int
    reasons: Mapping[str, int]


@dataclass(slots=True)
class _Section:
    kept: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


def count_sections(
    connection: Connection, outlet: int, known: Mapping[date | None, int]
) -> dict[date | None, tuple[SectionCount, ...]]:
    """The sections of days, those with most missing first; `known` says how many articles are known of each."""
    rows = _rows(connection, outlet, [day for day, n in known.items() if n <= MOST])
    names = _names(rows)
    days: dict[date | None, dict[str, _Section]] = {}
    for day, page, printed, outcome, n in rows:
        section = days.setdefault(day, {}).setdefault(_name(printed) or names.get(page or "", page or ""), _Section())
        if outcome == _KEPT:
            section.kept += n
        else:
            section.reasons[outcome] += n
    return {day: _sorted(sections) for day, sections in days.items()}


_KEPT = ""


def _rows(connection: Connection, outlet: int, days: list[date | None]) -> list[Any]:
    outcome = case((resource.c.article.is_not(None), _KEPT), else_=func.coalesce(resource.c.outcome, "untried"))
    statement = (
        select(resource.c.day, resource.c.section, revision.c.section, outcome, func.count())
        .select_from(
            resource.outerjoin(article, article.c.id == resource.c.article).outerjoin(
                revision, revision.c.id == article.c.current_revision
            )
        )
        .where(resource.c.outlet == outlet, resource.c.kind == literal_column("'article'"))
        .group_by(resource.c.day, resource.c.section, revision.c.section, outcome)
    )
    rows: list[Any] = []
    for portion in in_portions([day for day in days if day is not None]):
        rows += connection.execute(statement.where(resource.c.day.in_(portion))).all()
    if None in days:
        rows += connection.execute(statement.where(resource.c.day.is_(None))).all()
    return rows


def _names(rows: list[Any]) -> dict[str, str]:
    """What most kept texts that a section page listed call their section, by the page's address."""
    printed: dict[str, Counter[str]] = {}
    for _, page, names, _, n in rows:
        if page and (name := _name(names)):
            printed.setdefault(page, Counter())[name] += n
    return {page: min(names, key=lambda name: (-names[name], name)) for page, names in printed.items()}


def _name(printed: list[str] | None) -> str:
    return " / ".join(printed)[:_LONGEST] if printed else ""


def _sorted(sections: Mapping[str, _Section]) -> tuple[SectionCount, ...]:
    counts = [
        SectionCount(name, each.kept + each.reasons.total(), each.kept, dict(each.reasons))
        for name, each in sections.items()
    ]
    return tuple(sorted(counts, key=lambda each: (each.kept - each.known, each.section)))
