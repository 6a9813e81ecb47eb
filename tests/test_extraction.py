"""Any page becomes one typed outcome: an article quoted from the page, a notice, or a reason why not."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.extraction import extract
from scraper.extraction.page import Context, Limits, Outcome, Page
from storage.content import Block

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
SENTENCES = tuple(
    f"Sentence number {number} of a report tells what the council of a town decided, and what its members said then."
    for number in range(1, 9)
)
PARAGRAPHS = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)


def read(html: str | bytes, *, url: str = "https://news.example/2026/council", kind: str | None = None) -> Outcome:
    content = html.encode() if isinstance(html, str) else html
    return extract(Page(content, kind, url, AT), Context())


def page(body: str, head: str = "") -> str:
    return (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Council decides | The Gazette</title>"
        f"{head}</head>"
        f"<body><nav><a href=/>Home</a> <a href=/sport>Sport</a></nav><main><article><h1>Council decides</h1>{body}"
        "</article></main><footer>All rights reserved</footer></body></html>"
    )


def texts(outcome: Outcome) -> list[str]:
    assert outcome.article is not None, outcome.verdict
    return [block.text for block in outcome.article.blocks]


def test_an_article_is_read_with_its_paragraphs_in_order() -> None:
    outcome = read(page(PARAGRAPHS))
    assert outcome.verdict == "article"
    assert texts(outcome) == list(SENTENCES)
    assert outcome.article is not None
    assert outcome.article.headline == "Council decides"
    assert outcome.article.language == "en"


def test_nothing_is_lost_or_welded_at_inline_markup() -> None:
    marked = (
        "<p>The mayor, <strong>Ada</strong><em>lina</em> Berg, spoke on <time>3 March</time> to "
        "<label>reporters</label> and <a href=/x>said</a><sup>2</sup> that<br>"
        "water<wbr>works cost <span class=sr-only>hidden words</span>a lot.</p>"
    )
    lines = texts(read(page(marked + PARAGRAPHS)))
    assert lines[:2] == [
        "The mayor, Adalina Berg, spoke on 3 March to reporters and said2 that",
        "waterworks cost a lot.",
    ]


def test_what_stands_behind_the_end_of_the_page_is_read() -> None:
    """Pages put together of whole ones end in the midst of their text; browsers read on."""
    cut = PARAGRAPHS.replace(f"<p>{SENTENCES[3]}", f"</body></html><html><body><p>{SENTENCES[3]}").replace(
        f"<p>{SENTENCES[5]}", f"</html><script>let x</script> <p>{SENTENCES[5]}"
    )
    assert texts(read(page(cut))) == list(SENTENCES)
    node = json.dumps({"@type": "NewsArticle", "datePublished": "2026-05-03", "author": {"name": "Ada Berg"}})
    outcome = read(page(PARAGRAPHS) + f"<script type='application/ld+json'>{node}</script>")
    assert outcome.article is not None
    assert outcome.article.authors == ("Ada Berg",)


def test_blocks_are_typed() -> None:
    outcome = read(
        page(
            f"{PARAGRAPHS}<h2>What follows from it</h2><p>{SENTENCES[0][:-1]} again.</p>"
            f"<ul><li>First, the roads.</li><li>Second, <b>the</b> bridges.</li></ul>"
            "<blockquote><p>We do not comment on any of that.</p></blockquote>"
            f"<p>{SENTENCES[1][:-1]} again.</p>"
        )
    )
    assert outcome.article is not None
    blocks = outcome.article.blocks
    assert Block("heading", "What follows from it", 2) in blocks
    assert Block("list", items=("First, the roads.", "Second, the bridges.")) in blocks
    assert Block("quote", "We do not comment on any of that.") in blocks
    assert [block.kind for block in blocks[:8]] == ["paragraph"] * 8


def test_read_more_blocks_leave_the_body_and_their_look_alikes_stay() -> None:
    links = "".join(f"<li><a href=/{n}>Another headline of the day, number {n}</a></li>" for n in range(3))
    books = "<p>Read more books, the mayor said: it helps.</p>"
    inside = f"{PARAGRAPHS}<p><strong>Read more:</strong></p><ul>{links}</ul>{books}"
    body = "\n".join(texts(read(page(inside + PARAGRAPHS.replace("Sentence", "Line")))))
    assert "Another headline" not in body
    assert "Read more:" not in body
    assert "Read more books, the mayor said: it helps." in body


def test_metadata_that_the_page_states_are_believed_before_guesses() -> None:
    node = {
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebPage", "name": "Council"},
            {
                "@type": ["NewsArticle"],
                "headline": "Council decides",
                "datePublished": "2026-05-03T08:30:00+02:00",
                "dateModified": "2026-05-04T09:00:00+02:00",
                "author": [
                    {"@type": "Person", "name": "Ada Berg and Bo Ek"},
                    {"@type": "Organization", "name": "The Gazette"},
                ],
                "articleSection": "Town",
                "keywords": ["roads", "bridges, water"],
            },
        ],
    }
    script = f"<script type='application/ld+json'>/* our data */ {json.dumps(node)[:-1]},}}</script>"
    outcome = read(page(PARAGRAPHS, head=script.replace("Council decides", "Council\tdecides")))
    article = outcome.article
    assert article is not None
    assert article.published is not None
    assert article.updated is not None
    assert article.published.at == datetime(2026, 5, 3, 6, 30, tzinfo=UTC)
    assert (article.published.zone, article.published.precision) == ("+02:00", "second")
    assert article.updated.at == datetime(2026, 5, 4, 7, tzinfo=UTC)
    assert article.authors == ("Ada Berg", "Bo Ek")
    assert article.section == ("Town",)
    assert article.tags == ("roads", "bridges", "water")
    assert article.found["published"] == "json-ld"


@pytest.mark.parametrize("item", ['"https://news.example/"', '{"@id": "https://news.example"}'])
def test_the_home_page_is_no_section_of_a_stated_breadcrumb(item: str) -> None:
    def section(*entries: str) -> tuple[str, ...]:
        items = ", ".join(f'{{"@type": "ListItem", {entry}}}' for entry in (*entries, '"name": "Council decides"'))
        stated = f'{{"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": [{items}]}}'
        article = read(page(PARAGRAPHS, head=f"<script type='application/ld+json'>{stated}</script>")).article
        assert article is not None
        return article.section

    home, town = f'"name": "Accueil", "item": {item}', '"name": "Town", "item": "https://news.example/town/"'
    assert section(home, town) == ("Town",)
    assert section('"name": "Accueil"', town) == ("Accueil", "Town"), "what leads nowhere may be any section"
    assert section(home) == ()


def test_a_date_after_the_capture_is_not_believed() -> None:
    def published(day: str) -> datetime | None:
        head = f"<meta property='article:published_time' content='{day}T10:00:00Z'>"
        article = read(page(PARAGRAPHS, head=head)).article
        assert article is not None
        return article.published.at if article.published else None

    assert published("2031-01-01") is None
    assert published("2026-01-01") == datetime(2026, 1, 1, 10, tzinfo=UTC)


NOTICES = {
    "seizure": "<title>Seized</title><p>This domain has been seized by the Harbour Police under a warrant.</p>",
    "image": "<title>news</title><img src=x.png alt='This website has been seized by the Harbour Police'>",
    "court": "<h2>Access to this website has been blocked by an order of the court of Sundby.</h2>",
    "challenge": "<title>Just a moment...</title><h2>Checking your browser before you go on to news.example.</h2>",
    "parking": "<title>news.example is for sale</title><p>Buy this domain. Related searches: news, weather</p>",
    "login": "<title>Gazette</title><form><h1>Welcome back</h1><input type=password></form>",
    "soft 404": "<title>Gazette</title><nav><a href=/>Home</a></nav><h1>The page you requested was not found</h1>",
    "default": "<title>Welcome to nginx!</title><h1>Welcome to nginx!</h1><p>Further configuration is required.</p>",
    "suspended": "<h1>This account has been suspended.</h1>",
    "russian": "<h1>Доступ к сайту ограничен</h1><p>по решению суда</p>",
    "arabic": "<h1>عذراً</h1><p>هذا الموقع محجوب بأمر الجهات المختصة</p>",
    "persian": "<h1>خطا</h1><p>صفحه مورد نظر یافت نشد</p>",
    "french": "<h1>Oups</h1><p>La page que vous cherchez n’existe plus.</p>",
}


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_is_never_an_article(name: str) -> None:
    outcome = read(f"<html><head><meta charset=utf-8></head><body>{NOTICES[name]}</body></html>")
    assert outcome.verdict == "notice"
    assert outcome.article is None


@pytest.mark.parametrize("name", NOTICES)
def test_an_article_that_quotes_a_notice_stays_one(name: str) -> None:
    assert read(page(f"{PARAGRAPHS}<blockquote>{NOTICES[name]}</blockquote>{PARAGRAPHS}")).verdict == "article"


def test_a_short_piece_that_says_it_is_an_article_is_kept() -> None:
    text = "<p>The site of the old mill was blocked by police on Monday after a fire, the town said in a statement.</p>"
    node = {"@context": "https://schema.org", "@type": "NewsArticle", "datePublished": "2026-05-03", "headline": "Mill"}
    head = f"<script type='application/ld+json'>{json.dumps(node)}</script>"
    assert read(page(text, head=head)).verdict == "article"
    assert read(f"<html><body>{text}</body></html>").verdict != "article"


ENCODED = {
    "windows-1256": (
        "ar",
        "هذا خبر عن مجلس المدينة الذي قرر أمس أن يبني جسرا جديدا فوق النهر، كما قال أحد أعضائه للصحفيين.",
    ),
    "windows-1251": (
        "ru",
        "Городской совет решил вчера построить новый мост через реку, сообщил журналистам один из его членов.",
    ),
    "windows-1252": (
        "fr",
        "Le conseil a décidé hier d’élever un nouveau pont au-dessus de la rivière, a déclaré l’un de ses élus.",
    ),
    "utf-16": ("en", SENTENCES[0]),
    "gb18030": ("zh", "市议会昨天决定在河上修建一座新桥，一位议员对记者说，这座桥将在两年内建成，费用由市政府承担。"),
    "shift_jis": (
        "ja",
        "市議会は昨日、川に新しい橋を架けることを決めたと、議員の一人が記者団に語った。橋は二年で完成する予定だ。",
    ),
}


@pytest.mark.parametrize("charset", ENCODED)
@pytest.mark.parametrize("declared", ["header", "meta", "wrong", "none"])
def test_text_of_any_charset_is_read(charset: str, declared: str) -> None:
    language, sentence = ENCODED[charset]
    meta = {"meta": f"<meta charset={charset}>", "wrong": "<meta charset=utf-8>"}.get(declared, "")
    body = "".join(f"<p>{sentence}</p><p>{number}. {sentence}</p>" for number in range(6))
    head = f"<head>{meta}<title>{sentence[:20]}</title></head>"
    html = f"<html lang={language}>{head}<body><article>{body}</article></body></html>"
    header = f"text/html; charset={charset}" if declared == "header" else "text/html"
    outcome = read(html.encode(charset), kind=header)
    assert outcome.article is not None, outcome.verdict
    assert sentence in outcome.article.body


@pytest.mark.parametrize(("charset", "declared"), [("windows-1256", "iso-8859-1"), ("windows-1251", "windows-1252")])
def test_a_page_that_calls_another_script_latin_is_read_all_the_same(charset: str, declared: str) -> None:
    language, sentence = ENCODED[charset]
    body = "".join(f"<p>{number}. {sentence}</p>" for number in range(6))
    html = f"<html lang={language}><head><meta charset={declared}></head><body><article>{body}</article></body></html>"
    outcome = read(html.encode(charset))
    assert outcome.article is not None, outcome.verdict
    assert sentence in outcome.article.body


def test_a_charset_of_two_bytes_a_letter_is_not_believed_of_a_page_of_one() -> None:
    language, sentence = ENCODED["windows-1252"]
    body = "".join(f"<p>{number}. {sentence}</p>" for number in range(6))
    html = f"<html lang={language}><head><meta charset=utf-8></head><body><article>{body}</article></body></html>"
    for header in ("utf-16", "utf-16le", "utf-32"):
        outcome = read(html.encode(), kind=f"text/html; charset={header}")
        assert outcome.article is not None, outcome.verdict
        assert sentence in outcome.article.body
        true = read(html.encode(header), kind=f"text/html; charset={header}")
        assert true.article is not None, "the control: it is believed of a page that is in it"


def test_bytes_that_no_charset_reads_are_told() -> None:
    assert read(bytes(range(256)) * 100 + b"<p>").verdict == "failed:charset"


HOSTILE = {
    "empty": (b"", "refused:empty"),
    "zeros": (b"\0" * 5_000, "refused:empty"),
    "no body": (b"<html><head><title>x</title></head></html>", "refused:empty"),
    "no markup": (b"only text, " * 200, "refused:not-html"),
    "pdf": (b"%PDF-1.7 and so on", "refused:not-html"),
    "feed": (b"<?xml version='1.0'?><rss version='2.0'><channel><title>x</title></channel></rss>", "refused:not-html"),
    "too many bytes": (b"<p>" + b"word " * 10_000_000, "failed:too-large"),
    "too much text": (b"<body><p>" + b"word " * 1_200_000, "failed:too-large"),
    "too many elements": (b"<body>" + b"<br>" * 600_000, "failed:too-large"),
    "too deep": (b"<body>" + b"<div>" * 100_000 + b"needle", "failed:too-deep"),
    "deep lists": (b"<body>" + b"<ul><li>x" * 300, "failed:too-deep"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_page_has_a_typed_outcome(name: str) -> None:
    content, verdict = HOSTILE[name]
    assert read(content).verdict == verdict


@pytest.mark.parametrize(
    "data",
    ["{" + "\n" * 1_000_000 + "x", "{" + "/*a" * 300_000, '["' + "<" * 500_000 + '"]', "x-->" + " " * 1_000_000 + "x"],
    ids=["blank lines", "comments without end", "signs of markup", "a wrapping without end"],
)
def test_hostile_metadata_cost_little_and_leave_the_article(data: str) -> None:
    head = "<script type='application/ld+json'>{}</script>"
    assert texts(read(page(PARAGRAPHS, head=head.format(data)))) == list(SENTENCES)
    control = read(page(PARAGRAPHS, head=head.format('//\n{"@type": "Article", /* ! */ "author": "Ada Berg"}')))
    assert control.article is not None
    assert control.article.authors == ("Ada Berg",)


@pytest.mark.long
def test_lines_parted_by_breaks_cost_little() -> None:
    outcome = read(page("a line<br>" * 20_000 + PARAGRAPHS))
    assert outcome.article is not None, outcome.verdict
    assert set(SENTENCES) <= set(texts(outcome))


@pytest.mark.long
def test_a_text_of_many_lines_costs_little() -> None:
    lines = "\n".join(f"line {number}" for number in range(20_000))
    outcome = read(page(f"<pre>{lines}</pre>{PARAGRAPHS}"))
    assert outcome.article is not None, outcome.verdict
    assert set(SENTENCES) <= set(texts(outcome))


def test_what_deep_wrappers_hold_is_not_dropped_unseen() -> None:
    wrapped = page("<div>" * 600 + PARAGRAPHS + "</div>" * 600)
    assert texts(read(wrapped)) == list(SENTENCES)


def test_zeros_within_text_do_no_harm() -> None:
    assert texts(read(page(PARAGRAPHS).replace("council", "coun\0cil"))) == list(SENTENCES)


def test_a_page_that_is_not_html_by_its_header_is_refused() -> None:
    assert read(page(PARAGRAPHS), kind="image/png").verdict == "refused:not-html"
    assert read(page(PARAGRAPHS), kind="text/html; charset=utf-8").verdict == "article"


def test_the_front_page_is_a_listing_that_can_be_overruled() -> None:
    links = "".join(
        f"<h2><a href=/{n}>Headline number {n} of the day, which is long enough</a></h2>" for n in range(40)
    )
    outcome = read(f"<html><body>{links}<p>{SENTENCES[0]}</p></body></html>", url="https://news.example/")
    assert outcome.verdict == "refused:listing"
    assert outcome.candidate is not None
    assert read(page(PARAGRAPHS), url="https://news.example/").verdict == "article"


def test_a_page_of_several_articles_is_none_unless_it_says_which_is_its_own() -> None:
    def held(body: str, title: str = "The Gazette") -> Outcome:
        return read(f"<html><head><title>{title}</title></head><body>{body}</body></html>")

    texts = "".join(f"<article><h2>Council {verb} again</h2>{PARAGRAPHS}</article>" for verb in ("votes", "meets"))
    outcome = held(f"<h1>News</h1>{texts}")
    assert outcome.verdict == "refused:several"
    assert outcome.candidate is not None
    plain = "".join(f"<div><h1>Council {verb} again</h1>{PARAGRAPHS}</div>" for verb in ("votes", "meets"))
    assert held(plain).verdict == "refused:several"

    assert held(texts, "Council meets again | The Gazette").verdict == "article"
    parts = "".join(f"<h1>Part {number}</h1>{PARAGRAPHS}" for number in (1, 2))
    assert held(f"<h1>Council meets again</h1>{parts}", "Council meets again").verdict == "article"
    twice = "".join(f"<article class={size}><h1>Council votes</h1>{PARAGRAPHS}</article>" for size in ("phone", "desk"))
    assert held(twice).verdict == "article"
    alone = read(page(PARAGRAPHS + f"<article><h2>Council votes again</h2>{PARAGRAPHS}</article>"))
    assert alone.verdict == "article"


@pytest.mark.parametrize("body", ["", "<h1>Council decides</h1>", "<h1>Council decides</h1><img src=a.jpg>"])
def test_a_page_that_only_says_that_it_is_an_article_is_none(body: str) -> None:
    node = {"@type": "NewsArticle", "datePublished": "2026-05-03", "headline": "Council decides"}
    head = f"<title>Council decides</title><script type='application/ld+json'>{json.dumps(node)}</script>"
    frame = "<nav><a href=/>Home</a></nav>{}<footer>Rights reserved</footer>"
    outcome = read(f"<html><head>{head}</head><body>{frame.format(f'<article>{body}</article>')}</body></html>")
    assert outcome.verdict in ("refused:empty", "refused:too-short")
    text = f"<article>{body}<p>{SENTENCES[0]}</p></article>"
    assert read(f"<html><head>{head}</head><body>{frame.format(text)}</body></html>").verdict == "article"


def test_limits_are_the_contexts() -> None:
    small = Context(limits=Limits(page_bytes=100))
    content = page(PARAGRAPHS).encode()
    assert extract(Page(content, None, "https://news.example/a", AT), small).verdict == "failed:too-large"
    assert extract(Page(content, None, "https://news.example/a", AT), Context()).verdict == "article"


_TAGS = st.sampled_from(
    ["div", "p", "ul", "li", "table", "td", "a", "b", "article", "h1", "blockquote", "script", "figure"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_TAGS, st.booleans(), st.text(max_size=40)), max_size=40), st.binary(max_size=60))
def test_no_page_breaks_the_reader(parts: list[tuple[str, bool, str]], noise: bytes) -> None:
    html = "".join(f"<{'' if opening else '/'}{tag}>{text}" for tag, opening, text in parts)
    outcome = read(b"<html><body>" + html.encode("utf-8", "replace") + noise + PARAGRAPHS.encode())
    assert outcome.verdict.partition(":")[0] in ("article", "notice", "refused", "failed")
    assert (outcome.article is not None) is (outcome.verdict == "article")


def test_the_same_page_reads_the_same_twice() -> None:
    assert read(page(PARAGRAPHS)) == read(page(PARAGRAPHS))


def test_importing_the_package_loads_no_reader() -> None:
    code = (
        "import sys, scraper.extraction; print([n for n in ('trafilatura', 'lxml', 'resiliparse') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    loud = subprocess.run(
        [sys.executable, "-c", code.replace("scraper.extraction;", "scraper.extraction.extracting;")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "trafilatura" in loud.stdout
