"""Lists of URLs are read as people keep them, and results stand beside them, whatever stops the run."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.cli.printing import cell, one_line, printable, uncell
from scraper.cli.sheets import ResultSheet, read_list
from scraper.errors import UsageError

FIELDS = ("outcome", "text", "at")
URLS = [f"https://news.example/{number}" for number in range(6)]


def save(folder: Path, text: str, name: str = "links.csv") -> Path:
    file = folder / name
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize(
    ("text", "urls", "columns"),
    [
        ("https://a.example/1\n# no\n\nhttps://a.example/2\n", ["https://a.example/1", "https://a.example/2"], 1),
        ("\ufeffurl\r\nhttps://a.example/1\r\n", ["https://a.example/1"], 1),
        (
            "id,URL,note\n1,https://a.example/1,x\n2,https://a.example/2\n",
            ["https://a.example/1", "https://a.example/2"],
            3,
        ),
        ("id;link\n1;https://a.example/1?a=b,c\n", ["https://a.example/1?a=b,c"], 2),
        ("id\tpage\n1\thttps://a.example/1\n", ["https://a.example/1"], 2),
        ('note,seite\n"two\nlines",https://a.example/1\n', ["https://a.example/1"], 2),
        ("a.example/1\n", ["a.example/1"], 1),
    ],
)
def test_lists_are_read_as_people_keep_them(tmp_path: Path, text: str, urls: list[str], columns: int) -> None:
    listed = read_list(save(tmp_path, text))
    assert listed.urls == urls
    assert len(listed.columns) == columns


@pytest.mark.parametrize(
    ("text", "said"), [("", "holds no URL"), (",,\n,\n", "holds no URL"), ("a,b\n1,2\n", "no column of URLs")]
)
def test_a_list_without_urls_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_list(save(tmp_path, text))


def test_a_list_in_another_charset_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_bytes(b"url,n\nhttps://a.example/1,caf\xe9\n")
    with pytest.raises(UsageError, match="CSV UTF-8"):
        read_list(file)


def complete(folder: Path, out: Path) -> list[list[str]]:
    """A whole run over a list of six URLs, one of them twice, answered out of order; gives the result's rows."""
    text = "name,url,outcome\n" + "".join(f"n{number},{url},mine\n" for number, url in enumerate([*URLS, URLS[2]]))
    listed = read_list(save(folder, text))
    sheet = ResultSheet(out, listed, FIELDS)
    for url in reversed(listed.urls):
        if url not in sheet.answered:
            sheet.add(url, ("article", f"=text of {url}\nwith two lines", "now"))
    sheet.finish()
    with out.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_the_result_has_the_list_s_rows_in_its_order_with_its_columns(tmp_path: Path) -> None:
    header, *rows = complete(tmp_path, tmp_path / "out.csv")
    assert header == ["name", "url", "outcome", "presskeep_outcome", "text", "at"]
    assert [row[0] for row in rows] == [f"n{number}" for number in range(7)]
    assert [row[1] for row in rows] == [*URLS, URLS[2]]
    assert all(row[2:4] == ["mine", "article"] and row[4].startswith("'=text") for row in rows)


def test_a_run_stopped_at_any_byte_goes_on_to_the_same_result(tmp_path: Path) -> None:
    whole = complete(tmp_path, tmp_path / "out.csv")
    content = (tmp_path / "out.csv").read_bytes()
    torn = tmp_path / "torn.csv"
    for cut in range(content.index(b"\n") + 1, len(content), 3):
        torn.write_bytes(content[:cut])
        assert complete(tmp_path, torn) == whole, cut


def test_failed_pages_are_asked_again(tmp_path: Path) -> None:
    listed = read_list(save(tmp_path, "url\n" + "\n".join(URLS)))
    sheet = ResultSheet(tmp_path / "out.csv", listed, FIELDS)
    sheet.add(URLS[0], ("failed:timeout", "", "now"))
    sheet.add(URLS[1], ("refused:tag", "", "now"))
    sheet.finish()
    assert ResultSheet(tmp_path / "out.csv", listed, FIELDS).answered == {URLS[1]: "refused:tag"}


def test_a_file_that_is_something_else_is_not_written_over(tmp_path: Path) -> None:
    listed = read_list(save(tmp_path, "url\n" + URLS[0]))
    other = save(tmp_path, "mine,and,only\nmine\n", "out.csv")
    with pytest.raises(UsageError, match="no result of this list"):
        ResultSheet(other, listed, FIELDS)
    assert other.read_text() == "mine,and,only\nmine\n"


@given(st.text())
def test_a_cell_never_begins_like_a_formula_and_can_be_read_back(text: str) -> None:
    guarded = cell(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert uncell(guarded) == text


@given(st.text())
def test_nothing_from_outside_steers_a_terminal(text: str) -> None:
    shown = printable(text + "\x1b]0;title\x07\u202e\udc80")
    assert all(char in "\n\t" or char.isprintable() or char.isspace() or char > "\xa0" for char in shown)
    assert not set(shown) & set("\x1b\x07\u202e\u2066\x9b\udc80")
    assert "\n" not in one_line(shown)
    shown.encode()


def test_a_row_without_a_url_keeps_its_place_and_says_so(tmp_path: Path) -> None:
    listed = read_list(save(tmp_path, f"name,url\na,{URLS[0]}\nb,\nc,{URLS[1]}\n"))
    sheet = ResultSheet(tmp_path / "out.csv", listed, FIELDS)
    for url in reversed(listed.urls):
        sheet.add(url, ("article", "text", "now"))
    sheet.finish()
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as stream:
        _, *rows = list(csv.reader(stream))
    assert [row[0] for row in rows] == ["a", "b", "c"]
    assert [row[2] for row in rows] == ["article", "failed:no-url", "article"]
