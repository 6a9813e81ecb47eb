"""Search finds the same on both databases, and what it should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from storage import models
from storage.archive import Archive
from storage.content import ArticleContent, Block, Figure, PrintedDate
from storage.errors import QueryError
from storage.folding import tokens
from storage.query import All, AnyOf, AtDomain, InOutlet, Node, Not, Since, Until, Words, parse
from storage.records import Reading
from storage.search import Hits, search
from storage.snippets import snippet
from tests.keeping import EXTRACTOR, HOUR, MIRROR, PRIMARY, T0, Work, working
from tests.postgres import Server

FILLER = "the " * 300 + " ".join(f"w{number}" for number in range(17_000))


@dataclass(frozen=True)
class Sample:
    """An article of the little corpus, with the day in its outlet's zone."""

    key: str
    headline: str
    text: str
    authors: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    day: date | None = date(2026, 3, 1)
    host: str = PRIMARY
    lead: str | None = None
    caption: str | None = None

    @property
    def content(self) -> ArticleContent:
        at = None if self.day is None else T0.replace(year=self.day.year, month=self.day.month, day=self.day.day)
        return ArticleContent(
            headline=self.headline,
            blocks=tuple(Block("paragraph", text) for text in self.text.split("\n")),
            lead=self.lead,
            authors=self.authors,
            section=self.section,
            figures=(Figure(None, self.caption),) if self.caption else (),
            published=at and PrintedDate(at, str(self.day), "day", "UTC"),
        )


CORPUS = (
    Sample(
        "1", "Iran’s nuclear talks resume", "Delegates met in Vienna.\nTalks on oil follow.",
        ("Ada Writer",), ("News", "Politics"),
    ),
    Sample(
        "2", "Oil prices fall", "Nuclear power, and talks about Iran.",
        ("Ben Editor", "Ada Lee"), ("Economy",), date(2026, 2, 1),
    ),
    Sample(
        "3", "محادثات إيران النووية", "قال علي إن المُحادثات مستمرة في ٢٠٢٦",
        ("علي كاظم",), ("أخبار",), date(2026, 1, 1),
    ),
    Sample("4", "مذاکرات هسته‌ای ایران", "می‌خواهم علی را ببینم؛ کتاب‌های تازه", (), ("اخبار",), date(2025, 12, 31)),
    Sample(
        "5", "L’été à l’Élysée : où en est-on ?", "Les négociations reprennent, dit-il.",
        ("Zoé Müller",), ("Monde",), None,
    ),
    Sample(
        "6", "ETE or summer", "Negotiations in Straße; naïve façade.",
        lead="A lead on vienna", caption="A caption of oil",
    ),
    Sample("7", "A long one", FILLER + " the very last words", day=date(2024, 2, 29), host=MIRROR),
    Sample("8", "德黑兰会谈", "伊朗核谈判在维也纳举行。", day=date(2026, 3, 1)),
    Sample("9", "हिन्दी समाचार", "ईरान की बातचीत", day=date(2026, 3, 2)),
)  # fmt: skip


def fill(work: Work, samples: Sequence[Sample] = CORPUS) -> dict[str, int]:
    """Write the corpus through T1 and T2; gives the articles' ids by key."""
    articles = {}
    resources = {}
    for host in {each.host for each in samples}:
        resources.update(work.find(*(each.key for each in samples if each.host == host), host=host))
    for sample in samples:
        kept = work.keep(resources[sample.key], f"https://{sample.host}/detail/{sample.key}")
        reading = Reading(
            kept.capture, resources[sample.key], EXTRACTOR, "article", T0, key=sample.key, content=sample.content,
            published_day=sample.day,
        )  # fmt: skip
        known = work.writer.know(reading).result(20)
        assert known.article is not None
        articles[sample.key] = known.article
    return articles


def find(archive: Archive, query: str, **options: int | bool) -> Hits:
    with archive.read() as connection:
        return search(connection, query, **options)  # type: ignore[arg-type]


def keys(archive: Archive, query: str, **options: int | bool) -> list[str]:
    return [hit.key.removeprefix("demo:") for hit in find(archive, query, **options).hits]


@cache
def words_of(sample: Sample) -> dict[str, list[str]]:
    """The words of each field."""
    content = sample.content
    body = [sample.lead or "", *(block.text for block in content.blocks), sample.caption or ""]
    texts = {"headline": [content.headline], "authors": content.authors, "section": content.section, "body": body}
    return {field: tokens(" ".join(each)) for field, each in texts.items()}


def answers(sample: Sample, node: Node) -> bool:
    """Whether an article answers a query, told without any database."""
    match node:
        case Words():
            last = node.words[-1]
            for words in (words_of(sample)[field] for field in node.fields):
                for place in range(len(words) - len(node.words) + 1):
                    part = tuple(words[place : place + len(node.words)])
                    ending = part[-1].startswith(last) if node.prefix else part[-1] == last
                    if part[:-1] == node.words[:-1] and ending:
                        return True
            return False
        case Not(inner):
            return not answers(sample, inner)
        case All(nodes):
            return all(answers(sample, each) for each in nodes)
        case AnyOf(nodes):
            return any(answers(sample, each) for each in nodes)
        case InOutlet(name):
            return name == "demo"
        case AtDomain(host):
            return sample.host == host or sample.host.endswith("." + host)
        case Since(day):
            return sample.day is not None and sample.day >= day
        case Until(day):
            return sample.day is not None and sample.day <= day


_WORDS = sorted({word for each in CORPUS[:-1] for word in f"{each.headline} {each.text[:60]}".split() if tokens(word)})
_SAFE = [word.strip('"()*؛:;,.؟?') for word in _WORDS]
_PLAIN = st.sampled_from([word for word in _SAFE if tokens(word) and not word.startswith("-")])
_TERMS = st.one_of(
    _PLAIN,
    st.builds('"{} {}"'.format, _PLAIN, _PLAIN),
    st.sampled_from(
        ['"the very last words"', '"w16999 the very"', '"nuclear talks"', '"resume delegates"', '"a lead"']
    ),
    st.builds(lambda word, size: word[: size + 1] + "*", _PLAIN, st.integers(1, 4)).filter(
        lambda term: tokens(term) != []
    ),
    st.builds(
        "{}:{}".format, st.sampled_from(["title", "author", "section"]), _PLAIN | st.sampled_from(["ada", "news"])
    ),
    st.sampled_from(["outlet:demo", "outlet:other", f"domain:{MIRROR}", "domain:example", "domain:ews.example"]),
    st.builds("{}:{}".format, st.sampled_from(["from", "to"]), st.dates(date(2024, 1, 1), date(2026, 4, 1))),
)
_SIGNED = st.builds("{}{}".format, st.sampled_from(["", "", "", "-"]), _TERMS)
_QUERIES = st.recursive(
    st.lists(_SIGNED, min_size=1, max_size=3).map(" ".join),
    lambda inner: st.builds("{}({} OR {})".format, st.sampled_from(["", "-", "iran "]), inner, inner),
    max_leaves=4,
)


@pytest.mark.long
def test_both_databases_find_what_a_reader_would(sqlite_archive: Archive, postgres_archive: Archive) -> None:
    for archive in (sqlite_archive, postgres_archive):
        with working(archive) as work:
            fill(work)
    found_some = 0
    with sqlite_archive.read() as one, postgres_archive.read() as other:

        @settings(max_examples=100, deadline=None, database=None)
        @given(_QUERIES)
        def agree(query: str) -> None:
            nonlocal found_some
            here, there = search(one, query), search(other, query)
            assert here == there
            node = parse(query)
            expected = {f"demo:{sample.key}" for sample in CORPUS if answers(sample, node)}
            assert {hit.key for hit in here.hits} == expected
            assert here.total == len(here.hits)
            found_some += bool(expected and len(expected) < len(CORPUS))

        agree()
    assert found_some > 25, "the control: the queries do tell articles apart"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("iran", ["1", "2"]),
        ("iran's", ["1"]),
        ('"nuclear talks"', ["1"]),
        ("nuclear talks -oil", []),
        ("nuclear -fall", ["1"]),
        ("title:oil", ["2"]),
        ("author:ada", ["1", "2"]),
        ("section:politics OR section:monde", ["1", "5"]),
        ("politics", []),
        ("négociat*", ["5"]),
        ("negotiat* OR negociat*", ["6", "5"]),
        ("ete", ["6", "5"]),
        ("strasse", ["6"]),
        ("علی", ["3", "4"]),
        ("المحادثات 2026", ["3"]),
        ("ميخواهم", ["4"]),
        ("هسته‌ای", ["4"]),
        ("核谈判", ["8"]),
        (f"domain:{MIRROR}", ["7"]),
        ("from:2026-03-01 to:2026-03-01", ["8", "6", "1"]),
        ("caption", ["6"]),
        ('"the very last words"', ["7"]),
        ('"the very first words"', []),
        ("-iran from:2026-03", ["9", "8", "6"]),
    ],
)
def test_what_is_found_and_in_which_order(filled: Archive, query: str, found: list[str]) -> None:
    assert keys(filled, query) == found


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """The corpus on each database, once for the module, for reading."""
    with ExitStack() as stack:
        database = None
        if request.param == "postgresql":
            server: Server = request.getfixturevalue("postgres_server")
            url = server.create()
            stack.callback(server.drop, url)
            database = url.render_as_string(hide_password=False)
        archive = stack.enter_context(Archive.open(tmp_path_factory.mktemp("filled"), database, create=True))
        with working(archive) as work:
            fill(work)
        yield archive


def test_a_page_of_results_goes_on_where_the_last_one_ended(filled: Archive) -> None:
    everything = keys(filled, "outlet:demo")
    assert len(everything) == len(CORPUS)
    assert [keys(filled, "outlet:demo", limit=4, offset=at) for at in (0, 4, 8)] == [
        everything[:4], everything[4:8], everything[8:],
    ]  # fmt: skip
    assert find(filled, "outlet:demo", limit=0).total == len(CORPUS)
    with pytest.raises(QueryError):
        find(filled, "iran", limit=100_000)


def test_a_hit_tells_what_a_list_needs(filled: Archive) -> None:
    (hit,) = find(filled, "vienna delegates").hits
    assert (hit.key, hit.outlet, hit.kind, hit.current, hit.withdrawn) == ("demo:1", "demo", "article", True, False)
    assert (hit.published_day, hit.authors, hit.section) == (date(2026, 3, 1), ("Ada Writer",), ("News", "Politics"))
    assert hit.url == f"https://{PRIMARY}/detail/1"
    assert hit.headline.marked() == "Iran’s nuclear talks resume"
    assert hit.snippet.marked() == "[Delegates] met in [Vienna]. Talks on oil follow."


def test_snippets_mark_hits_as_printed(filled: Archive) -> None:
    assert find(filled, "علی").hits[0].snippet.marked() == "قال [علي] إن المُحادثات مستمرة في ٢٠٢٦"
    assert find(filled, "title:ete").hits[1].headline.marked() == "L’[été] à l’Élysée : où en est-on ?"
    (long,) = find(filled, '"very last words"').hits
    assert long.snippet.marked().endswith("the [very last words]")
    assert long.snippet.before
    assert len(long.snippet.marked()) < 300


@given(st.text(max_size=400), st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=3), st.integers(20, 120))
def test_a_snippet_is_a_part_of_the_text(text: str, words: list[str], length: int) -> None:
    sought = [Words(tuple(found)) for word in words if (found := tokens(word))]
    made = snippet(text, sought, length)
    plain = "".join(part.text for part in made.parts)
    assert plain in " ".join(text.split())
    assert len(plain) <= length
    for part in made.parts:
        # One character may fold to several words ('¼' to 1 and 4): then it is marked as a whole.
        assert not part.hit or any(_stands_in(each.words, tuple(tokens(part.text))) for each in sought)


def _stands_in(words: Sequence[str], text: Sequence[str]) -> bool:
    return any(tuple(text[at : at + len(words)]) == tuple(words) for at in range(len(text)))


def test_only_current_text_is_found_unless_all_revisions_are_asked_for(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        work.show("1", resource, "formerly said")
        work.show("1", resource, "now said", at=T0 + HOUR)
    assert keys(archive, "formerly") == []
    assert keys(archive, "now") == ["1"]
    assert keys(archive, "formerly", all_revisions=True) == ["1"]
    hits = find(archive, "said", all_revisions=True).hits
    assert [(hit.current, hit.key) for hit in hits] == [(True, "demo:1"), (False, "demo:1")]


def test_a_merged_article_is_not_shown_twice(archive: Archive) -> None:
    with working(archive) as work:
        resources = work.find("1", "2", "3")
        articles = {
            key: work.show(key, resources[key], text).article for key, text in (("1", "a"), ("2", "a"), ("3", "b"))
        }
    assert keys(archive, "headline") == ["3", "2", "1"]
    with archive.begin() as connection:
        merged = models.article.c.id.in_([articles["2"], articles["3"]])
        connection.execute(update(models.article).where(merged).values(merged_into=articles["1"]))
    assert keys(archive, "headline") == ["1"]
    assert keys(archive, "headline", all_revisions=True) == ["1", "1"]


def test_a_withdrawn_article_is_found_and_says_so(archive: Archive) -> None:
    with working(archive) as work:
        resource = work.find("1")["1"]
        work.show("1", resource, "text")
        with archive.begin() as connection:
            connection.execute(update(models.article).values(withdrawn_at=T0 + timedelta(days=1)))
    assert [hit.withdrawn for hit in find(archive, "text").hits] == [True]
