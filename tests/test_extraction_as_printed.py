"""What a page prints is read as it stands there, whatever system or language wrote it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scraper.extraction import extract
from scraper.extraction.page import Context, Page
from storage.content import ArticleContent

SENTENCES = tuple(
    f"Sentence number {number} of a report tells what the council of a town decided, and what its members said then."
    for number in range(1, 7)
)
PARAGRAPHS = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)


def read(
    before: str = "",
    behind: str = "",
    *,
    head: str = "",
    lang: str = "en",
    text: str = PARAGRAPHS,
    path: str = "/a/council",
) -> ArticleContent:
    html = (
        f"<!DOCTYPE html><html lang={lang}><head><meta charset=utf-8><title>Council decides</title>{head}</head><body>"
        f"<main><article><h1>Council decides</h1>{before}{text}{behind}</article></main></body></html>"
    )
    page = Page(html.encode(), "text/html", f"https://news.example{path}", datetime(2026, 3, 8, tzinfo=UTC))
    outcome = extract(page, Context())
    assert outcome.article is not None, outcome.verdict
    return outcome.article


def texts(article: ArticleContent) -> list[str]:
    return [block.text for block in article.blocks]


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        # Ruby with rb and rtc, as HTML has had them (W3C's Ruby Markup), divides no sentence.
        ("the <ruby><rb>浚渫</rb><rp>(</rp><rt>しゅんせつ</rt><rp>)</rp></ruby> of it", "the 浚渫(しゅんせつ) of it"),
        ("the <ruby><rb>港</rb><rtc><rt>みなと</rt></rtc></ruby>, that is", "the 港みなと, that is"),
        # An element that HTML does not know welds no words, and puts nothing before a comma.
        ("the <x-link>pier</x-link>, that is", "the pier, that is"),
        ("the (<x-link>old</x-link>) pier", "the (old) pier"),
        ("the pier<x-mark>it</x-mark>self", "the pier it self"),
        ("the pier <x-icon></x-icon> itself", "the pier itself"),
        # A button is a word where a sentence goes on behind it, as for one that is explained; others are controls.
        ("the <button type=button>pier</button> itself", "the pier itself"),
        ("the pier. <button type=button>Share</button> It shone", "the pier. It shone"),
    ],
)
def test_a_line_stands_as_printed(written: str, printed: str) -> None:
    frame = "<p>In the morning they saw {}, and were glad that it had come to this in the end.</p>"
    line = f"In the morning they saw {printed}, and were glad that it had come to this in the end."
    assert line in texts(read(text=PARAGRAPHS + frame.format(written) + PARAGRAPHS.replace("Sentence", "Word")))


NOTE = "<p>It was built in the year of the flood by two brothers of the town{mark} and has stood there ever since.</p>"


@pytest.mark.parametrize(
    ("mark", "note", "kept"),
    [
        ("<a id=mark-1 href=#note-1>1</a>", "<div><a id=note-1 href=#mark-1>1</a><p>{}</p></div>", ""),
        ("<sup id=ref-1><a href=#note-1>[1]</a></sup>", "<ol><li id=note-1><a href=#ref-1>^</a> {}</li></ol>", ""),
        # A number that leads on without a way back is what the page says.
        ("<a id=mark-1 href=#note-1>1</a>", "<div><p id=note-1>{}</p></div>", "1"),
        ("<a id=mark-1 href=#note-1>Ek</a>", "<div><a id=note-1 href=#mark-1>1</a><p>{}</p></div>", "Ek"),
    ],
)
def test_marks_of_notes_that_lead_to_one_another_are_no_text(mark: str, note: str, kept: str) -> None:
    said = "The brothers were called Aage and Bo Ek, and the younger of them lived to see it burn."
    article = read(behind=NOTE.format(mark=mark) + note.format(said))
    line = NOTE.format(mark=kept).removeprefix("<p>").removesuffix("</p>")
    assert line in texts(article)


@pytest.mark.parametrize(
    "line",
    [
        "<p>- Advertisement -</p>",
        "<div><span>Publicidad</span></div>",
    ],
)
def test_labels_between_paragraphs_are_no_text(line: str) -> None:
    article = read(text=f"{PARAGRAPHS}{line}{PARAGRAPHS.replace('Sentence', 'Word')}")
    assert texts(article) == [*SENTENCES, *(each.replace("Sentence", "Word") for each in SENTENCES)]


def test_a_sentence_that_begins_like_a_label_is_text() -> None:
    line = "Advertisement has ruined the old pier, said one of them, and left with a sigh."
    article = read(text=f"{PARAGRAPHS}<p>{line}</p>{PARAGRAPHS.replace('Sentence', 'Word')}")
    assert line in texts(article)


@pytest.mark.parametrize(
    ("line", "is_date"),
    [
        ("<p>5 March 2026, 17:40</p>", True),
        ("<p>Thursday, March 5, 2026 at 5:40 PM CET</p>", True),
        ("<p>Published: 05/03/2026 - Updated: 06/03/2026</p>", True),
        ("<div>5 марта 2026, 17:40</div>", True),
        ("<p>2026年3月5日 17時40分</p>", True),
        ("<p>پنجشنبه ۱۴ اسفند ۱۴۰۴ ساعت ۱۷:۴۰</p>", True),
        # Another day is not the article's, and a sentence is one.
        ("<p>5 March 1926</p>", False),
        ("<p>On 5 March 2026 the pier burnt.</p>", False),
        ("<h2>5 March 2026</h2>", False),
    ],
)
def test_the_line_of_its_date_is_neither_text_nor_lead(line: str, *, is_date: bool) -> None:
    head = "<meta property='article:published_time' content='2026-03-05T16:40:00Z'>"
    article = read(line, head=head)
    printed = line.partition(">")[2].rpartition("<")[0]
    held = {block.kind for block in article.blocks if block.text == printed}
    assert article.lead == SENTENCES[0] or not is_date
    assert held <= ({"byline"} if is_date else {"paragraph", "heading"})
    assert article.body.startswith("Sentence") or not is_date


GERMAN = (
    "<p>Die Besatzungen der Fähren kehren am Donnerstag an Bord zurück – elf Tage nach Beginn des Ausstands.</p>"
    "<p>Der Tarif&shy;vertrag sieht zwei freie Wochen&shy;enden im Monat vor. „Wir haben unsere Sonntage wieder“, sagte"
    " Steuerfrau Ida Olsen.</p><p>Zeitkarten gelten elf Tage länger. H<sub>2</sub>O-Betankung: ab 5 Uhr.</p>"
)


@pytest.mark.parametrize(
    ("lang", "text", "language", "found"),
    [
        # By its words it is nearest to Luxembourgish, and next to German.
        ("de", GERMAN, "de", "html lang"),
        # What is stated is not believed of a text in quite another language.
        ("de", PARAGRAPHS, "en", "text"),
        ("en", PARAGRAPHS, "en", "text"),
        ("x-none", PARAGRAPHS, "en", "text"),
    ],
)
def test_the_stated_language_is_believed_where_the_words_are_near_to_it(
    lang: str, text: str, language: str, found: str
) -> None:
    article = read(lang=lang, text=text)
    assert (article.language, article.found["language"]) == (language, found)


@pytest.mark.parametrize(("path", "section"), [("/@ada/council", ()), ("/town/council", ("The name",))])
def test_the_directory_of_a_person_is_no_section(path: str, section: tuple[str, ...]) -> None:
    directory = path.rpartition("/")[0]
    assert read(f"<a href={directory}>The name</a>", path=path).section == section


@pytest.mark.parametrize(
    ("before", "lead", "found"),
    [
        ("<h2 class=spot>The council will build a pier, and says for what</h2>", True, "marked"),
        ("<div class=article__lead>The council will build a pier, and says for what</div>", True, "marked"),
        ("<div class=standfirst><p>The council will build a pier, and says for what</p></div>", True, "marked"),
        # What stands in a picture's caption, or leads on, is none, and no more is what no one calls so.
        ("<figure class=lead><figcaption class=lead>A pier is what they will build</figcaption></figure>", False, ""),
        ("<div class=intro><a href=/b>The mayor of the town speaks of another pier</a></div>", False, ""),
        ("<div class=place>The council will build a pier, and says for what</div>", False, ""),
    ],
)
def test_the_lead_is_what_stands_below_the_headline_and_is_called_so(before: str, *, lead: bool, found: str) -> None:
    article = read(before)
    assert article.lead == ("The council will build a pier, and says for what" if lead else SENTENCES[0])
    assert article.found["lead"] == (found or "first paragraph")
