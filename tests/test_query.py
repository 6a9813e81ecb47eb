"""The query language: what is read, and what an error shows."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import QueryError
from storage.query import MAX_LENGTH, All, AnyOf, AtDomain, InOutlet, Node, Not, Since, Until, Words, parse


def word(*words: str, prefix: bool = False) -> Words:
    return Words(words, prefix=prefix)


@pytest.mark.parametrize(
    ("query", "node"),
    [
        ("Iran", word("iran")),
        ("Iran talks", All((word("iran"), word("talks")))),
        ('"Nuclear  Talks"', word("nuclear", "talks")),
        ("“Nuclear talks”", word("nuclear", "talks")),
        ("«été chaud»", word("ete", "chaud")),
        ("iran -oil", All((word("iran"), Not(word("oil"))))),
        ('-"oil price"', Not(word("oil", "price"))),
        ("a OR b c", AnyOf((word("a"), All((word("b"), word("c")))))),
        ("(a OR b) c", All((AnyOf((word("a"), word("b"))), word("c")))),
        ("-(a b)", Not(All((word("a"), word("b"))))),
        ("negotiat*", word("negotiat", prefix=True)),
        ("Iran's", word("iran", "s")),
        ("well-known - fact", All((word("well", "known"), word("fact")))),
        ("می‌خواهم", word("ميخواهم")),
        ("TITLE:Iran", Words(("iran",), ("headline",))),
        ('author:"Ada Writer"', Words(("ada", "writer"), ("authors",))),
        ("section:poli*", Words(("poli",), ("section",), prefix=True)),
        ("outlet:PressTV", InOutlet("presstv")),
        ("domain:News.Example.", AtDomain("news.example")),
        ("from:2020-11-05", Since(date(2020, 11, 5))),
        ("to:2020-02", Until(date(2020, 2, 29))),
        ("from:2020 to:2020", All((Since(date(2020, 1, 1)), Until(date(2020, 12, 31))))),
        ("or ORAN", All((word("or"), word("oran")))),
        ("12:30", word("12", "30")),
        ("Iran: talks", All((word("iran"), word("talks")))),
        ("https://news.example/a", word("https", "news", "example", "a")),
    ],
)
def test_what_a_query_means(query: str, node: Node) -> None:
    assert parse(query) == node


@pytest.mark.parametrize(
    ("query", "what", "caret"),
    [
        ('iran "talks', "not closed", 5),
        ("(iran", "not closed", 5),
        ("iran)", "not opened", 4),
        ("iran OR", "missing", 7),
        ("OR iran", "both sides", 0),
        ("iran OR OR b", "both sides", 8),
        ("iran autor:x", "no field autor:", 5),
        ("title:", "missing", 6),
        ("from:2020-13-01", "no day", 5),
        ("from:yesterday", "2020-11-15", 5),
        ("ne*w", "only at the end", 2),
        ("iran ???", "no letter", 5),
        ("()", "holds nothing", 1),
        ("(" * 40, "32 deep", 32),
        (" ".join(["x"] * 65), "64 terms", 128),
    ],
)
def test_an_error_says_what_and_shows_where(query: str, what: str, caret: int) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query)
    message, shown, pointer = str(caught.value).split("\n")
    assert what in message
    assert shown == f"  {query}"
    assert pointer == f"  {' ' * caret}^"


def test_the_caret_stands_below_wide_and_combining_characters() -> None:
    with pytest.raises(QueryError) as caught:
        parse("国際 e\u0301 autor:x")
    assert str(caught.value).endswith("\n  " + " " * 7 + "^")


@pytest.mark.parametrize("query", ["", "  ", "x" * (MAX_LENGTH + 1)])
def test_an_empty_or_endless_query_is_refused(query: str) -> None:
    with pytest.raises(QueryError, match=r"empty|longer"):
        parse(query)


@given(st.text(st.sampled_from('ab -"()*:OR\n\x00é٣،') | st.characters(codec="utf-8"), max_size=30))
def test_any_text_is_read_or_refused_in_words(query: str) -> None:
    message = ""
    try:
        parse(query)
    except QueryError as error:
        message = str(error)
    assert message.count("\n") in (0, 2)


@given(st.lists(st.text(st.sampled_from("abOR'é٣،ی\u200cか.,") | st.characters(codec="utf-8"), max_size=6), max_size=5))
def test_plain_words_mean_what_the_grammar_makes_of_them(words: list[str]) -> None:
    query = " ".join(words)
    try:
        meant = parse(query)
    except QueryError:
        return
    assert parse(f"({query})") == meant
