"""`presskeep status --gaps`: what is known and kept of each day, and what is missing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from scraper.cli.printing import counted, minute, one_line, shorten, table, write, write_bold, write_json, write_note
from scraper.sentences import sentence_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from scraper.config import Config
    from scraper.outlet import Outlet
    from storage.estimating import OldSampled, Sampled
    from storage.gaps import DayCount, Gaps, Source, Stretch

DAYS_SHOWN, SECTIONS_SHOWN = 30, 5
_COLUMNS = ("known", "kept", "refused", "failed", "untried")


@dataclass(frozen=True, slots=True)
class Completeness:
    """The gaps of an outlet, and what its daily samples tell; None where there were none."""

    gaps: Gaps
    sampled: Sampled | None
    old: OldSampled | None


def gaps_of(
    connection: Connection,
    config: Config,
    names: Sequence[str],
    *,
    since: date | None,
    until: date | None,
    limit: int,
) -> list[Completeness]:
    """How complete what is kept of outlets is, by their profiles' zones and archives by date."""
    from scraper.fetching.clock import clock_from
    from storage.estimating import sampled_days, sampled_old
    from storage.gaps import gaps

    now = clock_from(config.now).now()
    return [
        Completeness(
            gaps(
                connection,
                name,
                today=_today(outlet, now),
                since=since,
                until=until,
                begun=_begun(outlet),
                limit=limit,
            ),
            sampled_days(connection, name, now=now, since=since, until=until),
            sampled_old(connection, name, now=now),
        )
        for name, outlet in _profiles(config, names)
    ]


def still_missing(config: Config, names: Sequence[str], since: date | None, until: date | None) -> list[Completeness]:
    """The gaps that crawls of outlets left; none where they made no archive."""
    from storage.archive import Archive
    from storage.errors import ArchiveMissing
    from storage.status import outlet_names

    try:
        with Archive.open(config.archive, config.database, write=False) as archive, archive.read() as connection:
            known = [name for name in names if name in outlet_names(connection)]
            return gaps_of(connection, config, known, since=since, until=until, limit=DAYS_SHOWN)
    except ArchiveMissing:
        return []


def write_gaps(found: Sequence[Completeness], *, json: bool) -> None:
    """Write gaps for programs or for people."""
    if json:
        write_json({"gaps": [gaps_json(each) for each in found]})
        return
    for place, each in enumerate(found):
        if place:
            write()
        _print(each)
    if not found:
        write_note("no outlet has been crawled")


def gaps_json(told: Completeness) -> dict[str, Any]:
    """Gaps and estimates with stable keys (docs/json.md)."""
    found = told.gaps
    total = asdict(replace(found.total, sections=()))
    return {
        "outlet": found.outlet,
        "first": found.first,
        "last": found.last,
        "total": {key: value for key, value in total.items() if key not in ("day", "sections")},
        "sources": [asdict(each) for each in found.sources],
        "denominators": list(found.denominators),
        "days": [asdict(each) for each in found.days],
        "days_with_gaps": found.days_with_gaps,
        "stretches": [asdict(each) for each in found.stretches],
        "all_stretches": found.all_stretches,
        "estimate": _estimate_json(told.sampled),
        "old": asdict(told.old) if told.old is not None else None,
    }


def _profiles(config: Config, names: Sequence[str]) -> Iterator[tuple[str, Outlet | None]]:
    from scraper.profiles import load_outlets, profile_paths

    known = load_outlets(profile_paths(config))
    for name in names:
        yield name, known.get(name)


def _today(outlet: Outlet | None, now: datetime) -> date:
    return now.astimezone(ZoneInfo(outlet.zone) if outlet is not None else UTC).date()


def _begun(outlet: Outlet | None) -> date | None:
    """The first day that an archive by date lists."""
    rules = outlet.discovery if outlet is not None else ()
    return min((rule.since for rule in rules if rule.way == "datearchive" and rule.since is not None), default=None)


def _estimate_json(sampled: Sampled | None) -> dict[str, Any] | None:
    if sampled is None:
        return None
    rest = {"first_at": sampled.first_at, "last_at": sampled.last_at, "unread": sampled.unread}
    return asdict(sampled.kept) | rest


def _print(told: Completeness) -> None:
    found, total = told.gaps, told.gaps.total
    span = f", {found.first} to {found.last}" if found.first and found.last else ""
    write_bold(
        f"{found.outlet}{span}: {counted(total.known, 'article')} known, {total.kept} kept, {total.missing} missing"
    )
    write_note(f"{total.refused} refused, {total.failed} failed, {total.untried} untried", indent=2)
    for reason, number in list(total.reasons.items())[:20]:
        write_note(f"{number}: {sentence_of(reason)}", indent=2)
    _print_estimates(told)
    _print_sources(found.sources, found.denominators)
    _print_days(found)
    _print_stretches(found)


def _print_estimates(told: Completeness) -> None:
    if told.sampled is not None:
        kept = told.sampled.kept
        write_note(
            f"estimate: {kept.share:.1%} of what the archive by date lists is kept (95 % interval {kept.low:.1%} to "
            f"{kept.high:.1%}; {kept.articles} articles of {kept.clusters} listings drawn by chance since "
            f"{minute(told.sampled.first_at)} UTC)",
            indent=2,
        )
    if told.old is not None:
        old = told.old
        write_note(
            f"old articles drawn by chance: {old.fetched} of {old.drawn} fetched again, {old.edited} edited, "
            f"{old.withdrawn} withdrawn (95 % interval of both {old.low:.1%} to {old.high:.1%})",
            indent=2,
        )


def _print_sources(sources: Sequence[Source], denominators: Sequence[str]) -> None:
    write()
    rows = [
        [each.way, str(each.articles), str(each.kept), str(each.listings), str(each.read), _reasons(each.reasons)]
        for each in sources
    ]
    for line in table(
        rows, ["listed by", "articles", "kept", "listings", "read", "not read"], right=frozenset({1, 2, 3, 4})
    ):
        write(line)
    if not denominators:
        write_note(
            "No source can be a denominator: no sitemap or archive by date that lists whole days was read. Sections "
            "and feeds show what is newest alone, so what they never showed is in no count."
        )


def _print_days(found: Gaps) -> None:
    write()
    if not found.days:
        known = "no day has a gap: all that is known is kept, or is no article"
        write_note(known if found.total.known else "no article is known yet, so nothing can be missing")
        return
    ways = list(found.days[0].listed)
    header = ["day", *_COLUMNS, *(f"in {way}" for way in ways)]
    rows = [_row(each, ways) for each in found.days]
    for line in table(rows, header, right=frozenset(range(1, len(header)))):
        write(line)
    if found.days_with_gaps > len(found.days):
        write_note(f"the newest {len(found.days)} of {found.days_with_gaps} days with gaps; --limit shows more")
    write()
    for day in found.days:
        for section in [each for each in day.sections if each.reasons][:SECTIONS_SHOWN]:
            name = shorten(one_line(section.section), 60) or "section not known"
            write_note(
                f"{day.day or 'no day'}, {name}: {section.kept} of {section.known} kept; {_reasons(section.reasons)}"
            )


def _row(day: DayCount, ways: Sequence[str]) -> list[str]:
    counts = [str(getattr(day, name)) for name in _COLUMNS]
    return [str(day.day or "not known"), *counts, *(_number(day.listed.get(way)) for way in ways)]


def _number(listed: int | None) -> str:
    """A count; a dash where no listing that was read is of the day."""
    return "-" if listed is None else str(listed)


def _print_stretches(found: Gaps) -> None:
    if not found.stretches:
        return
    write()
    for each in found.stretches:
        days = str(each.first) if each.days == 1 else f"{each.first} to {each.last}, {each.days} days"
        write_note(f"{days}: {_why(each)}; {each.known} known")
    if found.all_stretches > len(found.stretches):
        write_note(f"the newest {len(found.stretches)} of {found.all_stretches}; --limit shows more")


def _why(stretch: Stretch) -> str:
    if stretch.why == "unread":
        return "no listing of these days was read"
    return f"what {stretch.way} lists was read, and gave nothing"


def _reasons(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in list(reasons.items())[:4])
