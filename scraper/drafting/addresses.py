"""The forms of a site's article URLs, found from examples: what stands fixed in them, what is a date, what the key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qsl, unquote, urlsplit

Paths = Mapping[str, date | None]
"""Paths of articles from the site's root, with the day of publication where one is known."""

_TAXONOMIES = frozenset(("tag", "tags", "category", "categories", "author", "authors", "page", "search", "archive"))
_YEAR = re.compile(r"(?:19|20)\d\d")
_MONTH = re.compile(r"0?[1-9]|1[0-2]")
_DAY = re.compile(r"0?[1-9]|[12]\d|3[01]")
_WHOLE_DAY = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
_COMPACT_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_NUMBER = re.compile(r"\d+")
_KEY_NUMBER = re.compile(r"\d{3,18}")
_WIDTHS = {"": 0, "Y": 1, "YM": 2, "YMD": 3, "DATE": 1, "COMPACT": 1}
"""How many directories a date takes in each of its forms."""
_ENDING = re.compile(r"\.(?:s?html?|php|aspx?|jsp)$", re.I)
_TRAILING = re.compile(r"(?:.*[-_.,~+])?[a-z]{0,3}(\d{4,})", re.I)
_LEADING = re.compile(r"(\d{4,})[-_.,~+].*")
_KEY_PARAMETERS = ("p", "id", "article", "articleid", "story", "newsid", "nid")
_MOST_DIRECTORIES = 40
_MOST_FORMS = 3
_FEW = 3
_LIKE_A_YEAR = re.compile(r"(?:19|20)\d\d")
_YEAR_GROUP, _MONTH_GROUP, _DAY_GROUP = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"
_DATES = {
    "": "",
    "Y": r"\d{4}/",
    "YM": r"\d{4}/\d{1,2}/",
    "YMD": f"{_YEAR_GROUP}/{_MONTH_GROUP}/{_DAY_GROUP}/",
    "DATE": f"{_YEAR_GROUP}-{_MONTH_GROUP}-{_DAY_GROUP}/",
    "COMPACT": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})/",
}
_NAMELESS = re.compile(r"\?P<(?:year|month|day)>")


@dataclass(frozen=True, slots=True)
class Form:
    """A form of article URLs: its pattern for a profile, an example, how many of the paths have it, what the key is
    ('number', 'slug', 'parameter'), and which directories it names (none where any will do)."""

    name: str
    pattern: str
    example: str
    paths: tuple[str, ...]
    key: str
    directories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Parts:
    """A path taken apart: directories before a date and behind it, the date's form and day, the last segment; `slug`
    tells whether a slug stands behind a number that is the key."""

    path: str
    before: tuple[str, ...]
    dated: str
    day: date | None
    behind: tuple[str, ...]
    last: str
    ending: str
    parameter: str = ""
    slug: bool = False

    @property
    def group(self) -> tuple[object, ...]:
        """What paths of one form have in common."""
        number = bool(_NUMBER.fullmatch(self.last))
        return (bool(self.before), self.dated, bool(self.behind), number, self.ending, self.parameter)


def find_forms(paths: Paths, *, wordpress: bool) -> list[Form]:
    """The forms of these paths, the most frequent first; none for a path that only one page in ten is like.

    `wordpress`: slugs identify by themselves, since WordPress gives none twice (wp_unique_post_slug()).
    """
    groups: dict[tuple[object, ...], list[_Parts]] = {}
    for path in paths:
        parts = take_apart(path)
        if parts is not None:
            groups.setdefault(parts.group, []).append(parts)
    ranked = sorted(groups.values(), key=len, reverse=True)[:_MOST_FORMS]
    least = max(1, sum(map(len, ranked)) // 10)
    return _named(_write(group, paths, wordpress=wordpress) for group in ranked if len(group) >= least)


def take_apart(path: str) -> _Parts | None:
    """A path as a form sees it; None for the root, a file that is no page, and what lists articles by its form."""
    parts = urlsplit(path)
    segments = [segment for segment in parts.path.split("/") if segment]
    if parts.query and (not segments or segments == ["index.php"]):
        given = dict(parse_qsl(parts.query))
        name = next((each for each in _KEY_PARAMETERS if _NUMBER.fullmatch(given.get(each, ""))), None)
        return _Parts(path, tuple(segments), "", None, (), given[name], "", name) if name else None
    if not segments or any(segment.lower() in _TAXONOMIES for segment in segments[:-1]):
        return None
    *directories, last = segments
    ending = match[0] if (match := _ENDING.search(last)) else ""
    if not ending and re.search(r"\.\w{2,4}$", last):
        return None
    at, dated, day = _find_date(directories)
    slug = bool(directories) and bool(_KEY_NUMBER.fullmatch(directories[-1])) and not _NUMBER.fullmatch(last)
    if slug and not (dated and at + _WIDTHS[dated] == len(directories)):
        *directories, last = directories
        ending = ""
    else:
        slug = False
    width = _WIDTHS[dated]
    if _YEAR.fullmatch(last) and not dated:
        return None
    if dated in ("Y", "YM") and re.fullmatch(r"\d{1,2}", last):
        return None  # an archive of a month or day
    return _Parts(
        path,
        tuple(directories[:at]) if dated else tuple(directories),
        dated,
        day,
        tuple(directories[at + width :]) if dated else (),
        last.removesuffix(ending),
        ending,
        slug=slug,
    )


def _find_date(directories: Sequence[str]) -> tuple[int, str, date | None]:
    """Where a date stands among directories, in which form, and the day where it states one."""
    for at, each in enumerate(directories):
        if _WHOLE_DAY.fullmatch(each):
            return at, "DATE", _day(*each.split("-"))
        if _COMPACT_DAY.fullmatch(each):
            return at, "COMPACT", _day(each[:4], each[4:6], each[6:])
        if _YEAR.fullmatch(each):
            month = directories[at + 1] if len(directories) > at + 1 else ""
            day = directories[at + 2] if len(directories) > at + 2 else ""
            if _MONTH.fullmatch(month) and _DAY.fullmatch(day):
                return at, "YMD", _day(each, month, day)
            return at, "YM" if _MONTH.fullmatch(month) else "Y", None
    return 0, "", None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _write(group: Sequence[_Parts], days: Paths, *, wordpress: bool) -> Form:
    first = group[0]
    example = max((parts.path for parts in group[:50]), key=lambda path: (path.endswith("/"), -len(path)))
    paths = tuple(parts.path for parts in group)
    if first.parameter:
        script = r"/(?:index\.php)?" if not first.before else "/" + "/".join(map(re.escape, first.before))
        pattern = rf"{script}\?(?:[^#]*&)?{first.parameter}=(?P<key>\d+)(?:&|$)"
        return Form("numbered", pattern, example, paths, "parameter")
    kind, last = _write_last(group)
    by_number = kind == "number"
    before, named = _write_directories([parts.before for parts in group], free=by_number or wordpress)
    behind, _ = _write_directories([parts.behind for parts in group], free=by_number or wordpress)
    dated = _DATES[first.dated] if _days_agree(group, days) else _NAMELESS.sub("", _DATES[first.dated])
    end = rf"{re.escape(first.ending)}/?(?:\?|$)"
    several = len({parts.before for parts in group}) > 1 or "|" in before or "[^" in before
    if by_number or wordpress or not (first.dated or several or behind):
        pattern = f"/{before}{dated}{behind}{last}{end}"
    else:
        # The same slug may stand in another directory or under another day.
        pattern = f"/(?P<key>{before}{dated}{behind}{last.replace('?P<key>', '?:')}){end}"
    return Form("dated" if first.dated else "article", pattern, example, paths, kind, named)


def _write_last(group: Sequence[_Parts]) -> tuple[str, str]:
    """What the key is, and the pattern of the last segment."""
    lasts = [unquote(parts.last) for parts in group]
    if _NUMBER.fullmatch(lasts[0]):
        return "number", r"(?P<key>\d+)(?:/[^/?#]*)?" if any(parts.slug for parts in group) else r"(?P<key>\d+)"
    for form, pattern in (
        (_TRAILING, r"(?:[^/?#]*[-_.,~+])?[A-Za-z]{0,3}(?P<key>\d{4,})"),
        (_LEADING, r"(?P<key>\d{4,})[-_.,~+][^/?#]*"),
    ):
        numbers = [match[1] if (match := form.fullmatch(last)) else "" for last in lasts]
        whole = all(numbers) and len(set(numbers)) == len(numbers) >= _FEW
        if whole and not all(_LIKE_A_YEAR.fullmatch(number) for number in numbers):
            return "number", pattern
    dots = "" if group[0].ending or any("." in last for last in lasts) else "."
    # An archive of a day, in whose place a slug may stand, is no article's.
    guard = r"(?!\d{1,2}/?(?:\?|$))" if group[0].dated in ("Y", "YM") else ""
    if group[0].ending:
        return "slug", rf"{guard}(?P<key>[^/?#]+?)"
    return "slug", rf"{guard}(?P<key>[^/?#{dots}]+)"


def _write_directories(runs: Sequence[tuple[str, ...]], *, free: bool) -> tuple[str, tuple[str, ...]]:
    """The pattern of directories, and which it names. `free`: where they vary, any will do."""
    names = sorted({"/".join(run) for run in runs})
    if names == [""]:
        return "", ()
    if len(names) == 1:
        return f"{re.escape(names[0])}/".replace(r"\-", "-"), tuple(names)
    if (free and len(names) > _FEW) or len(names) > _MOST_DIRECTORIES:
        depths = {len(run) for run in runs}
        return rf"(?:[^/?#]+/){{{min(depths)},{max(depths)}}}".replace("{1,1}", ""), ()
    alternatives = "|".join(re.escape(name).replace(r"\-", "-") for name in names)
    return f"(?:{alternatives})/", tuple(names)


def _days_agree(group: Sequence[_Parts], days: Paths) -> bool:
    """Whether the day in URLs is that of publication, as far as it is known; a day may be off by the zone."""
    known = [(parts.day, day) for parts in group if parts.day and (day := days.get(parts.path))]
    return sum(abs((one - other).days) <= 1 for one, other in known) >= 0.8 * len(known)


def _named(forms: Iterable[Form]) -> list[Form]:
    named: list[Form] = []
    for form in forms:
        taken = sum(each.name.partition("-")[0] == form.name for each in named)
        name = f"{form.name}-{taken + 1}" if taken else form.name
        named.append(Form(name, form.pattern, form.example, form.paths, form.key, form.directories))
    return named
