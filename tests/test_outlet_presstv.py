"""Press TV's profile reads pages of both eras, made by another hand than the replica's, whole and exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scraper.checking import check_page, missing_fields
from scraper.extraction import extract
from scraper.extraction.page import Context, Outcome, Page
from scraper.outlet import Outlet
from scraper.profiles import SHIPPED, load_outlet
from spiders.ways import read_listing
from storage.content import ArticleContent, Figure
from tests.presstv_site import ALTERNATES, Era, Piece, page_of, printed_date, swap_rules

PRESSTV = load_outlet(SHIPPED / "presstv.toml")
SEED_TEXT = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "seed" / "presstv-2020-11-15.txt"
NOISE = ("read more", "lire aussi", "alternate address", "presstv.co.uk", "share this", "roku", "embed", "never miss")
ERAS: tuple[Era, ...] = ("old", "later")

HEADLINES = ("Iran’s envoy: ‘It’s time’ to talk & listen", "US must leave, says chief", "Yemen's ports")
CREDITS = (
    "(Photo by Tasnim news agency)",
    "(Photo by AFP)",
    "(By Reuters)",
    "(AFP photo)",
    "©Reuters",
    "(Archives)",
    None,
)
SECTIONS = {
    "en": (("News", "Politics"), ("News", "#PressTV", "Reports"), ("News", "Aperture")),
    "fr": (("Infos", "A La Une"), ("Infos", "L’INFO EN CONTINU"), ("TV",)),
}
PARAGRAPHS = (
    "The first sentence of a report says what has happened, where, and who says so; this one says it’s the first.",
    "“A second paragraph quotes somebody who’s sure of it,” a spokesman said, adding that there would be a third.",
    "A third paragraph goes back to what was said before, so that the reader who came late can follow & understand.",
    "The fourth one counts: 1,200 tons, 3.5 percent, and some [square brackets] that editors put in.",
)


def read(page: str, piece: Piece, outlet: Outlet = PRESSTV, host: str = "www.presstv.ir") -> Outcome:
    at = datetime(2026, 9, 26, 12, tzinfo=UTC)
    return extract(
        Page(page.encode(), "text/html; charset=utf-8", f"https://{host}{piece.path}", at), Context(outlet=outlet)
    )


def differences(piece: Piece, era: Era, outcome: Outcome) -> dict[str, Any]:
    """Every field that is not what the piece says; empty for a page read right."""
    content = outcome.article
    if content is None:
        return {"verdict": outcome.verdict}
    expected = fields_of_piece(piece, era)
    found = fields_of_content(content)
    return {name: (found[name], value) for name, value in expected.items() if found[name] != value}


def fields_of_piece(piece: Piece, era: Era) -> dict[str, Any]:
    body: list[tuple[str, Any]] = []
    for entry in piece.body:
        if isinstance(entry, str):
            body.append(("paragraph", entry))
        elif entry[0] != "more":
            kind = {"h": "heading", "q": "quote", "l": "list"}[entry[0]]
            body.append((kind, tuple(entry[1]) if kind == "list" else entry[1]))  # type: ignore[arg-type]
    first = [] if piece.video else [(piece.printed_caption, piece.credit)]
    return {
        "headline": piece.headline,
        "section": piece.section,
        "published": (printed_date(piece.at, era), local(piece.at)),
        "updated": (printed_date(piece.updated, era), local(piece.updated)) if piece.updated else None,
        "authors": (piece.reporter,) if piece.reporter else (),
        "body": body,
        "captions": [pair for pair in [*first, *((caption, None) for caption in piece.photos)] if pair[0]],
        "language": piece.edition,
    }


def fields_of_content(content: ArticleContent) -> dict[str, Any]:
    return {
        "headline": content.headline,
        "section": content.section,
        "published": (content.published.printed, content.published.at) if content.published else None,
        "updated": (content.updated.printed, content.updated.at) if content.updated else None,
        "authors": content.authors,
        "body": [
            (block.kind, block.items if block.kind == "list" else block.text)
            for block in content.blocks
            if block.kind not in ("caption", "byline", "embed")
        ],
        "captions": [(figure.caption, figure.credit) for figure in content.figures if figure.caption],
        "language": content.language,
    }


def local(at: datetime) -> datetime:
    return at.replace(tzinfo=PRESSTV.timezone).astimezone(UTC)


def draw_piece(seed: int) -> Piece:
    """A piece of any kind that the description knows, drawn by a seed."""
    random = Random(seed)
    french = random.random() < 0.25
    body: list[Any] = [f"{text} (No. {seed}.)" for text in PARAGRAPHS * random.randint(1, 3)]
    body = [f"{at}. {text}" for at, text in enumerate(body)]
    related = tuple(f"A headline of related news, number {n}, on something else" for n in range(random.randrange(4)))
    for special in (
        ("h", "What a sub-heading says"),
        ("q", "A quotation that stands by itself, as long as a sentence is."),
        ("l", ("First of the things", "Second of the things, longer")),
        ("more", related),
    ):
        if random.random() < 0.6:
            body.insert(random.randrange(1, len(body)), special)
    report = not french and random.random() < 0.2
    at = datetime(2015 + seed % 11, 1 + seed % 12, 1 + seed % 28, seed % 24, seed % 60)
    return Piece(
        headline=random.choice(HEADLINES),
        section=random.choice(SECTIONS["fr" if french else "en"]),
        at=at,
        body=tuple(body),
        key=400_000 + seed % 100_000,
        caption=random.choice(("A file photo shows a port in Yemen.", None)),
        credit=random.choice(CREDITS),
        updated=at + timedelta(days=2, minutes=7) if random.random() < 0.4 else None,
        reporter="Some Reporter" if report else None,
        place="Tehran" if report else None,
        edition="fr" if french else "en",
        video=random.random() < 0.15,
        addresses=random.choice(("listed", "linked", "none", "absent")),
        curly=random.random() < 0.5,
        share=random.random() < 0.8,
    )


@pytest.fixture(scope="module")
def seed_piece() -> Piece:
    """The article of 15 November 2020 as the text of its stored page gives it."""
    if not SEED_TEXT.is_file():
        pytest.skip(f"the public test data is not there: {SEED_TEXT}")
    lines = [line.strip() for line in SEED_TEXT.read_text(encoding="utf-8").splitlines() if line.strip()]
    end = lines.index(ALTERNATES)
    section, headline, caption, *body = lines[:end]
    credit = "(Photo by Tasnim news agency)"
    return Piece(
        headline=headline,
        section=tuple(name.strip() for name in section.split("/")),
        at=datetime(2020, 11, 15, 17, 2),
        caption=caption.removesuffix(credit).strip(),
        credit=credit,
        body=tuple(("more", ()) if line == "Read more:" else line for line in body),
    )


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("addresses", ["listed", "linked", "none", "absent"])
@pytest.mark.parametrize("curly", [True, False])
def test_the_article_of_the_seed_is_read_exactly(seed_piece: Piece, era: Era, addresses: Any, curly: bool) -> None:
    for hand in range(6):
        piece = Piece(**{**seed_piece.__dict__, "addresses": addresses, "curly": curly, "share": hand != 3})
        outcome = read(page_of(piece, era, hand), piece)
        assert differences(piece, era, outcome) == {}, hand
        assert outcome.article is not None
        assert not [noise for noise in NOISE if noise in outcome.article.body.lower()]
        assert outcome.announced == (("www.presstv.co.uk",) if addresses in ("listed", "linked") else ())


@pytest.mark.parametrize("era", ERAS)
def test_pages_of_any_hand_are_read_exactly(era: Era) -> None:
    wrong = {}
    for seed in range(60):
        piece = draw_piece(seed)
        differs = differences(piece, era, read(page_of(piece, era, seed), piece))
        if differs:
            wrong[seed] = differs
    assert not wrong


@pytest.mark.parametrize(
    ("before", "section"),
    [
        ("<div><a href=/>TV</a></div>", ("TV",)),
        ("<div><a href=/>TV</a></div><div>", ("TV",)),
        ("<ul class=dropdown-menu><li><a href=/Section/9>TV</a></li></ul><p>Jeudi</p>", ()),
    ],
    ids=["beside", "around", "a menu"],
)
def test_a_breadcrumb_of_one_name_stands_just_before_the_headline(before: str, section: tuple[str, ...]) -> None:
    page = (
        f"<html lang=fr><body>{before}<h1 class=news-title-container>Le débat</h1><div class=news-detail>"
        "Monday, 16 November 2020 9:15 AM</div><div class=news-body-container><p>Deux invités en parlent.</p></div>"
    )
    piece = Piece("Le débat", section, datetime(2020, 11, 16, 9, 15), ("Deux invités en parlent.",), edition="fr")
    content = read(page, piece, host="french.presstv.ir").article
    assert content is not None
    assert content.section == section


@pytest.mark.parametrize("holder", ["image", "news-image", "photo", "item-image", "img-box"])
def test_a_caption_behind_the_element_of_its_picture_is_found_whatever_that_is_called(holder: str) -> None:
    page = (
        "<html lang=en><head><meta property=og:image content=https://cdn.presstv.ir/Photo/2020/11/16/a.jpg></head><body>"
        "<div>News / Politics</div><h1 class=news-title-container>Ports open</h1><div class=news-detail>"
        f"Monday, 16 November 2020 9:15 AM</div><div class={holder}><img src=https://cdn.presstv.ir/Photo/2020/11/16/a.jpg>"
        "</div><div class=caption>The port. ©Reuters</div><div class=news-body-container><p>Ships come again.</p></div>"
    )
    piece = Piece("Ports open", ("News", "Politics"), datetime(2020, 11, 16, 9, 15), ("Ships come again.",))
    content = read(page, piece).article
    assert content is not None
    photo = Figure("https://cdn.presstv.ir/Photo/2020/11/16/a.jpg", "The port. ©Reuters", "©Reuters")
    assert content.figures == (photo,)


@pytest.mark.parametrize(("one", "other"), [("headline", "breadcrumb"), ("body", "headline"), ("published", "updated")])
@pytest.mark.parametrize("era", ERAS)
def test_the_same_check_fails_when_two_selectors_are_swapped(era: Era, one: str, other: str) -> None:
    broken = swap_rules(PRESSTV, one, other)
    piece = draw_piece(2)
    page = page_of(piece, era, 2)
    assert differences(piece, era, read(page, piece)) == {}
    assert differences(piece, era, read(page, piece, broken)) != {}


@pytest.mark.parametrize("era", ERAS)
def test_a_page_is_the_same_article_on_every_domain_and_says_which_rules_held(era: Era) -> None:
    piece = draw_piece(4)
    page = page_of(piece, era, 4)
    name = {"old": "2014", "later": "2021"}[era]
    for host in ("www.presstv.ir", "www.presstv.co.uk", "599046384.r.worldcdn.net", "www.presstv.com"):
        outcome = read(page, piece, host=host)
        assert differences(piece, era, outcome) == {}
        assert outcome.matched == f"{name}/detail-2014"


def test_the_seizure_notice_is_a_notice_and_a_report_of_it_is_none() -> None:
    words = (
        "The domain presstv.com has been seized by the United States Government in accordance with a seizure warrant "
        "issued pursuant to 18 USC §§981, 982 and 50 USC 1701-1705 as part of a law enforcement action"
    )
    at = datetime(2021, 6, 23, 9, 0)
    body = (f"“{words},” it read.", *PARAGRAPHS)
    piece = Piece("US seizes Press TV’s domain", ("News", "Politics"), at, body, 660_736)
    for notice in (f"<p>{words}</p>", f"<img src=x.png alt='{words}'>"):
        page = f"<html><head><title>seized</title></head><body>{notice}</body></html>"
        assert read(page, piece, host="www.presstv.com").verdict == "notice"
    for era in ERAS:
        assert differences(piece, era, read(page_of(piece, era, 1), piece)) == {}


def test_a_check_tells_which_selectors_find_something_and_which_nothing() -> None:
    piece = draw_piece(6)
    for era in ERAS:
        url = f"https://www.presstv.ir{piece.path}"
        page = Page(page_of(piece, era, 6).encode(), "text/html", url, datetime.now(UTC))
        checks = check_page(PRESSTV, page)
        assert {check.template for check in checks} == {"2014" if era == "old" else "2021"}
        headline = next(check for check in checks if check.field == "headline" and check.found)
        assert " ".join(headline.sample.split()) == piece.headline
        missing = {field.rpartition(" ")[2] for field in missing_fields(checks)}
        assert not missing & {"headline", "body", "breadcrumb"}
        broken = PRESSTV.model_copy(
            update={"templates": tuple(each.model_copy(update={"body": ("div.gone",)}) for each in PRESSTV.templates)}
        )
        assert [field for field in missing_fields(check_page(broken, page)) if field.endswith(": body")]
    nothing = Page(b"", None, "https://www.presstv.ir/", datetime.now(UTC))
    assert check_page(PRESSTV, nothing) == []


@pytest.mark.parametrize("host", ["www.presstv.ir", "french.presstv.ir"])
def test_of_the_menus_the_sections_alone_are_asked_for(host: str) -> None:
    menus = """<ul class="menu"><li>Iran<div><a href="/Section/10101">Politics</a></div></li>
        <li><a href="/Live">Live</a></li><li><a href="/Default/Schedule">Schedule</a></li></ul>
        <ul class="dropdown-menu"><li><a href=/section/110>More</a></li>
        <li><a href=/doc/section/601>Documentaries</a></li><li><a href=/Doc/Section/602>Films</a></li></ul>"""
    page = Page(
        content=menus.encode(),
        content_type="text/html",
        url=f"https://{host}/",
        captured_at=datetime(2026, 6, 1, tzinfo=UTC),
    )
    found = read_listing("sections", page, PRESSTV)
    assert [link.url for link in found.parts] == [f"https://{host}/Section/10101", f"https://{host}/section/110"]
