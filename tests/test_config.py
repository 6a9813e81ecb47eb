"""Settings come from flags, environment, file and defaults, in that order; what cannot be read is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.config import Config, default_archive, load_config
from scraper.errors import UsageError


def write(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_flags_go_before_environment_before_file_before_default(tmp_path: Path) -> None:
    file = write(tmp_path, 'contact = "file@example.org"\nuser_agent = "file"\nworkers = 3\n')
    environment = {"PRESSKEEP_CONTACT": "https://example.org/bot", "PRESSKEEP_WORKERS": "4"}
    config = load_config({"contact": "flag@example.org", "workers": None}, environment, file)
    assert (config.contact, config.workers, config.user_agent) == ("flag@example.org", 4, "file")
    assert load_config({}, environment, file).contact == "https://example.org/bot"
    assert config.request_timeout == Config(Path()).request_timeout


def test_without_anything_the_archive_is_in_the_user_s_data_folder(tmp_path: Path) -> None:
    assert load_config({}, {}, write(tmp_path, "")).archive == default_archive()


def test_lists_come_from_the_environment_by_white_space_and_folders_as_in_path(tmp_path: Path) -> None:
    environment = {"PRESSKEEP_CONNECT_TO": "a:1:b:2  c:3:d:4", "PRESSKEEP_PROFILES": "/one two:/three"}
    config = load_config({}, environment, write(tmp_path, ""))
    assert config.connect_to == ("a:1:b:2", "c:3:d:4")
    assert config.profiles == (Path("/one two"), Path("/three"))


def test_paths_in_the_file_count_from_its_folder(tmp_path: Path) -> None:
    config = load_config({}, {}, write(tmp_path, 'archive = "here"\nprofiles = ["mine", "/abs"]\n'))
    assert config.archive == tmp_path / "here"
    assert config.profiles == (tmp_path / "mine", Path("/abs"))


def test_an_empty_variable_counts_as_not_given(tmp_path: Path) -> None:
    assert load_config({}, {"PRESSKEEP_DATABASE": ""}, write(tmp_path, "")).database is None


def test_an_empty_flag_of_a_list_leaves_the_environment_s(tmp_path: Path) -> None:
    assert load_config({"resolve": ()}, {"PRESSKEEP_RESOLVE": "a:1:::1"}, write(tmp_path, "")).resolve == ("a:1:::1",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contakt = 'x'", "Did you mean contact"),
        ("workers = 'many'", "a whole number"),
        ("workers = 0", "above 0"),
        ("workers = true", "a whole number"),
        ("allow_private = 'perhaps'", "true or false"),
        ("request_timeout = inf", "above 0"),
        ("workers = 100_000", "at most 1,000"),
        ("page_seconds = 1e300", "at most 86,400"),
        ("max_page_bytes = inf", "a whole number"),
        ("max_head_bytes = 0", "above 0"),
        ("min_free_bytes = -1", "0 or more"),
        ('log_level = "loud"', "One of: DEBUG"),
        ("contact = 1", "text"),
        ("resolve = 1", "no list"),
        ("not toml", "is no TOML file"),
        ("ca_file = 'nowhere.pem'", "no such file"),
        ('contact = "a@example.org\\nb"', "neither an e-mail address"),
        ('proxy = "ftp://proxy.example"', "no URL of an HTTP proxy"),
        ('proxy = "https://user:secret@proxy.example"', "^--proxy proxy.example: is no URL of an HTTP proxy"),
        ('proxy = "http://proxy.example:many"', "is no URL"),
        ('proxy = "http://"', "no URL of an HTTP proxy"),
        ('contact = "me"', "neither an e-mail address"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_right(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_config({}, {}, write(tmp_path, text))


def test_a_crawl_may_leave_no_byte_free_where_that_is_asked(tmp_path: Path) -> None:
    assert load_config({}, {}, write(tmp_path, "min_free_bytes = 0\nlog_level = 'info'")).min_free_bytes == 0


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_config({}, {"PRESSKEEP_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize("proxy", ["http://user:secret@proxy.example:3128", "proxy.example:3128", "http://[::1]:3128/"])
def test_a_proxy_is_named_with_or_without_its_scheme(tmp_path: Path, proxy: str) -> None:
    assert load_config({}, {"PRESSKEEP_PROXY": proxy}, write(tmp_path, "")).proxy == proxy
