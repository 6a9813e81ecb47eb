"""Profiles are found by path, loaded, and refused with file, key, what is wrong and an example of what is right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scraper.config import Config
from scraper.errors import OutletUnknown, ProfileError
from scraper.profile_errors import EXAMPLES
from scraper.profiles import SHIPPED, find_outlet, load_outlet, load_outlets, profile_files, profile_paths

GOOD = """
name = "daily"
title = "The Daily"
language = "en"
zone = "Europe/London"
country = "GB"

[[domains]]
host = "www.daily.example"
role = "primary"

[[articles]]
name = "today"
pattern = '/news/(?P<year>\\d{4})/(?P<month>\\d\\d)/(?P<day>\\d\\d)/(?P<key>\\d+)'
example = "/news/2020/11/15/12345"

[[discovery]]
way = "feed"
start = ["/rss.xml"]

[[templates]]
name = "now"
detect = ["h1"]
headline = ["h1.title"]
body = ["xpath://div[@id='body']"]

[[templates.published]]
select = ["time"]
formats = ["%d %B %Y"]
"""


def write(folder: Path, text: str, name: str = "daily") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_profile_loads(tmp_path: Path) -> None:
    outlet = load_outlet(write(tmp_path, GOOD))
    assert outlet.title == "The Daily"
    assert [domain.host for domain in outlet.crawled_domains()] == ["www.daily.example"]


WRONG = [
    ('zone = "Europe/London"', 'zone = "Europe/Lundon"', "zone", "no time zone", 'zone = "Asia/Tehran"'),
    ('title = "The Daily"', 'titel = "The Daily"', "titel", "'title' may be meant", "title ="),
    ('language = "en"', 'language = "English"', "language", "no language tag", 'language = "en"'),
    ('country = "GB"', 'country = "Britain"', "country", "two capitals", 'country = "IR"'),
    ('role = "primary"', 'role = "main"', "domains[0].role", "'primary', 'mirror'", 'role = "mirror"'),
    ('role = "primary"', 'role = "mirror"', "domains", "none has the role primary", 'role = "primary"'),
    ('host = "www.daily.example"', 'host = "https://www.daily.example/"', "domains[0].host", "no host name", "host ="),
    ('role = "primary"', 'role = "primary"\npath = "news"', "domains[0].path", "begin with a slash", "path ="),
    (
        'role = "primary"', 'role = "primary"\nsince = 2021-01-02\nuntil = 2021-01-01',
        "domains[0].until", "before since", "until =",
    ),
    ('role = "primary"', 'role = "primary"\nsince = "tomorrow"', "domains[0].since", "should be a date", "since ="),
    (
        'role = "primary"',
        'role = "primary"\n[[domains]]\nhost = "www.daily.example"\nrole = "mirror"',
        "domains[1].host", "stands at domains[0] already", "host =",
    ),
    ("(?P<key>\\d+)", "\\d+", "articles[0].pattern", "no group named key", "(?P<key>"),
    ("(?P<key>\\d+)", "(?P<key>\\d+", "articles[0].pattern", "no regular expression", "(?P<key>"),
    ("(?P<key>\\d+)", "(?P<key>(?:\\d+)+)", "articles[0].pattern", "take for ever", "(?P<key>"),
    ("(?P<key>\\d+)", "(?P<key>" + "1?" * 600 + ")", "articles[0].pattern", "longer than", "(?P<key>"),
    ("'/news/(", "'news/(", "articles[0].pattern", "can match no path", "(?P<key>"),
    ('example = "/news/2020', 'example = "/olds/2020', "articles[0].example", "not matched by its own", "example ="),
    (
        'example = "/news/2020', 'example = "https://other.example/news/2020',
        "articles[0].example", "none of the outlet's", "example =",
    ),
    ('example = "/news/2020/11/15', 'example = "/news/2020/13/15', "articles[0].example", "not matched", "example ="),
    ('way = "feed"', 'way = "rss"', "discovery[0].way", "'sections', 'feed'", 'way = "sections"'),
    ('start = ["/rss.xml"]', 'start = ["rss.xml"]', "discovery[0].start[0]", "neither a path", "start ="),
    ('start = ["/rss.xml"]', "", "discovery[0].start", "is missing", "start ="),
    (
        'start = ["/rss.xml"]', 'start = ["/rss.xml"]\nedition = "fr"',
        "discovery[0].edition", "no domain has", "edition =",
    ),
    (
        'start = ["/rss.xml"]', 'start = ["/rss.xml"]\ndomains = ["x.example"]',
        "discovery[0].domains", "none of the", "domains =",
    ),
    ('way = "feed"', 'way = "datearchive"', "discovery[0].start[0]", "names no window", "{from}"),
    (
        'way = "feed"\nstart = ["/rss.xml"]', 'way = "urls"\nstart = ["/news/{number}"]',
        "discovery[0].last", "first and last", "last =",
    ),
    ('"h1.title"', '"h1 >"', "templates[0].headline[0]", "no CSS selector", "headline ="),
    ('"xpath://div[@id=\'body\']"', '"xpath://div["', "templates[0].body[0]", "no XPath", "body ="),
    ('headline = ["h1.title"]', 'headline = "h1.title"', "templates[0].headline", "should be a list", "headline = ["),
    ('headline = ["h1.title"]', "headline = []", "templates[0].headline", "at least one selector", "headline ="),
    ('detect = ["h1"]', 'base = "then"', "templates[0].base", "no template that states everything", "base ="),
    ('"%d %B %Y"', '"%d %Q"', "templates[0].published[0].formats[0]", "no strptime format", "formats ="),
    (
        'select = ["time"]', 'select = ["time"]\nzone = "London"',
        "templates[0].published[0].zone", "no time zone", "zone =",
    ),
    ('select = ["time"]', 'selekt = ["time"]', "templates[0].published[0].selekt", "'select' may be meant", "select ="),
    ('name = "daily"', 'name = "Daily News"', "name", "pattern", 'name = "presstv"'),
    ('name = "daily"', 'name = "weekly"', "name", "is called 'weekly'", "weekly.toml"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("right", "wrong", "key", "what", "example"), WRONG, ids=[f"{wrong[2]}-{wrong[3][:20]}" for wrong in WRONG]
)
def test_a_wrong_profile_is_refused_by_file_key_cause_and_example(
    tmp_path: Path, right: str, wrong: str, key: str, what: str, example: str
) -> None:
    assert right in GOOD
    path = write(tmp_path, GOOD.replace(right, wrong, 1))
    with pytest.raises(ProfileError) as caught:
        load_outlet(path)
    assert caught.value.which == f"{path}, {key}"
    assert what in caught.value.what
    assert example in caught.value.next
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b'name = "daily\n', "line 1"),
        (b'name = "daily"\ntitle = \xff\n', "UTF-8"),
        (b"# " + b"x" * 1_000_001, "larger than"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_place(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "daily.toml"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=what) as caught:
        load_outlet(path)
    assert str(path) in caught.value.which


def test_a_profile_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        load_outlet(tmp_path / "none.toml")


def test_a_pipe_is_no_profile_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(ProfileError, match="is no file"):
        load_outlets([tmp_path])


def test_a_template_takes_from_its_base_what_it_does_not_state(tmp_path: Path) -> None:
    outlet = load_outlet(write(tmp_path, GOOD + '\n[[templates]]\nname = "then"\nbase = "now"\nheadline = ["h2"]\n'))
    now, then = outlet.templates
    assert then.headline == ("h2",)
    assert (then.body, then.published, then.name) == (now.body, now.published, "then")


def test_every_example_of_what_is_right_is_toml() -> None:
    import tomllib

    for key, example in EXAMPLES.items():
        assert tomllib.loads(example), key


def test_an_unknown_outlet_is_answered_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    assert find_outlet("daily", [tmp_path]).name == "daily"
    with pytest.raises(OutletUnknown, match="Did you mean daily") as caught:
        find_outlet("dialy", [tmp_path])
    assert caught.value.exit_code == 2
    with pytest.raises(OutletUnknown, match="Known outlets: daily"):
        find_outlet("zzzz", [tmp_path])


def test_a_later_path_replaces_a_profile_of_the_same_name_and_a_broken_neighbour_does_no_harm(tmp_path: Path) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    shipped.mkdir()
    own.mkdir()
    write(shipped, GOOD)
    write(own, GOOD.replace("The Daily", "My Daily"))
    write(own, "name = ", name="broken")
    assert find_outlet("daily", [shipped, own]).title == "My Daily"
    assert find_outlet("daily", [shipped, tmp_path / "nowhere"]).title == "The Daily"
    assert find_outlet("daily", [own / "daily.toml"]).title == "My Daily"
    with pytest.raises(ProfileError, match="broken"):
        load_outlets([shipped, own])


def test_profiles_are_looked_for_where_they_ship_then_where_the_user_keeps_them(tmp_path: Path) -> None:
    paths = profile_paths(Config(archive=tmp_path, profiles=(tmp_path,)))
    assert paths[0] == SHIPPED
    assert paths[-1] == tmp_path
    assert "presstv" in profile_files(paths)


def test_naming_the_profiles_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pathlib import Path; from scraper.profiles import SHIPPED, profile_files; "
        "assert 'presstv' in profile_files([SHIPPED]); "
        "print(sorted({'lxml', 'scrapy', 'feedparser', 'trafilatura', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
