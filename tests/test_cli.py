"""The command line: what it prints, and the code it ends with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scraper.cli.commands import COMMANDS
from storage.archive import Archive
from tests.commanding import Run, one_line, options_of
from tests.databases import place_of
from tests.keep_help import PAGE, help_page
from tests.keeping import MIRROR, PRIMARY


def start(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """A command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "scraper.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[1],
        **options,
    )


def test_the_help_of_every_command_is_kept_in_the_docs() -> None:
    assert PAGE.read_text(encoding="utf-8") == help_page(), "run `make docs`"


def test_help_lists_every_command_and_imports_none(cli: Run) -> None:
    code, out, _ = cli("--help")
    assert code == 0
    assert all(f"  {name} " in out for name in COMMANDS)
    assert cli()[:2] == (0, out)


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (("--help",), ("sqlalchemy", "scrapy", "pydantic", "rich", "scraper.cli.search", "scraper.cli.crawl")),
        (("search", "x"), ("scrapy", "twisted", "alembic", "trafilatura", "pydantic", "rich", "scraper.cli.crawl")),
        (("show", "x"), ("scrapy", "twisted", "alembic", "trafilatura", "pydantic", "rich", "lark")),
    ],
)
def test_a_command_imports_only_what_it_needs(
    arguments: tuple[str, ...], unwanted: tuple[str, ...], sqlite_archive: Archive
) -> None:
    place = () if arguments[0] == "--help" else options_of(place_of(sqlite_archive))
    program = "import sys; from scraper.cli.running import run; run(sys.argv[1:]); print(*sys.modules, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments, *place], capture_output=True, text=True, timeout=60
    )
    loaded = set(result.stdout.splitlines())
    assert {"typer", "scraper.cli.commands"} <= loaded
    assert sorted(loaded & set(unwanted)) == []


def test_version_is_told(cli: Run) -> None:
    code, out, _ = cli("--version")
    assert (code, out.split()[0]) == (0, "presskeep")


def test_an_unknown_command_is_refused_with_the_nearest(cli: Run) -> None:
    code, out, err = cli("serach", "x")
    assert (code, out) == (2, "")
    assert one_line(err)
    assert "'search'" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("search",), "query"),
        (("search", "x", "--limit", "many"), "no whole number"),
        (("search", "x", "--limit", "0"), "below 1"),
        (("search", "x", "--nonsense"), "--nonsense"),
        (("crawl",), "names no outlet"),
        (("crawl", "demo", "--all"), "all"),
        (("crawl", "presst"), "presstv"),
        (("crawl", "demo", "--since", "yesterday"), "2026-03-01"),
        (("crawl", "demo", "--domain", "other.example"), "is no domain of demo"),
        (("crawl", "demo", "--dry-run", "--resolve", "here"), ""),
        (("fetch",), "needs either URLs or --from"),
        (("fetch", "https://a.example", "--from", "x"), "needs either URLs or --from"),
        (("fetch", "https://a.example", "--out", "x"), "needs a list"),
        (("fetch", "--from", "nowhere.csv"), "cannot be read"),
        (("fetch", "--from", "x", "--out", "y", "--json"), "--json: cannot go together with --out"),
        (("fetch", "--from", "x", "--out", "y", "--markdown"), "--markdown: cannot go together with --out"),
        (("fetch", "--from", "x", "--out", "y", "--why"), "--why"),
        (("fetch", "https://a.example", "--json", "--markdown"), "--markdown: cannot go together with --json"),
        (("show", "x", "--json", "--markdown"), "--markdown: cannot go together with --json"),
        (("fetch", "htp://x"), "htp://x: htp is neither http nor https. Is http://x meant?"),
        (("fetch", "https://a.example/1", "ftp://b.example/"), "ftp is neither http nor https"),
        (("fetch", "mailto:me@a.example"), "mailto is neither"),
        (("fetch", "https:///path"), "names no host"),
        (("fetch", "https://a.example:port/"), "names no host"),
        (("fetch", ""), "names no host"),
        (("fetch", "https://me:secret@a.example/"), "user name"),
        (("outlets", "show", "demmo"), "demo"),
        (("outlets", "nonsense"), "nonsense"),
        (("db", "move", "mysql://here"), "neither a PostgreSQL URL nor"),
        (("db", "move", "sqlite"), "is where the archive is"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(cli: Run, arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    code, out, err = cli(*arguments)
    if said == "":
        assert code in (0, 2)
        return
    assert (code, out) == (2, "")
    assert one_line(err), err
    assert said in err.lower() or said in err


def test_an_archive_that_is_not_there_is_named_and_not_made(cli: Run, tmp_path: Path) -> None:
    for command in (("search", "x"), ("show", "x"), ("history", "x"), ("status",), ("db", "upgrade")):
        code, out, err = cli(*command, "--archive", str(tmp_path / "none"))
        assert (code, out) == (2, "")
        assert one_line(err)
        assert "none" in err
    assert not (tmp_path / "none").exists()


def test_a_password_never_stands_in_a_message(cli: Run, tmp_path: Path) -> None:
    url = "postgresql://me:s3cret@127.0.0.1:1/nothing?connect_timeout=2"
    code, _, err = cli("status", "--archive", str(tmp_path), "--database", url)
    assert code == 2
    assert one_line(err)
    assert "s3cret" not in err


def test_what_steers_a_terminal_is_written_out_in_messages(cli: Run) -> None:
    _, _, err = cli("outlets", "show", "\x1b]0;evil\x07")
    assert one_line(err)
    assert "\x1b" not in err
    assert "\\x1b" in err


def test_search_finds_and_shows(cli: Run, at: tuple[str, ...]) -> None:
    code, out, err = cli("search", "minister", *at)
    assert code == 0
    assert "demo:1" in out
    assert "1 found" in err
    assert cli("search", "nowhere", *at)[:2] == (0, "")


def test_search_results_do_not_steer_a_terminal(cli: Run, at: tuple[str, ...]) -> None:
    _, out, _ = cli("search", "port", *at)
    assert "\x1b" not in out
    assert "\\x1b[31mopened" in out


def test_a_query_that_cannot_be_read_shows_the_place(cli: Run, at: tuple[str, ...]) -> None:
    code, out, err = cli("search", 'title:"open', *at)
    assert (code, out) == (2, "")
    said, query, caret = err.splitlines()
    assert said == "presskeep: query: a quotation mark is not closed"
    assert (query, caret.index("^")) == ('  title:"open', query.index('"'))


def test_a_phrase_whose_quotes_the_shell_took_is_a_phrase_still(cli: Run, at: tuple[str, ...]) -> None:
    assert json.loads(cli("search", "spoke again", "minister", "--json", *at)[1])["total"] == 1
    assert json.loads(cli("search", "again spoke", "minister", "--json", *at)[1])["total"] == 0


def test_an_article_is_shown_as_text_markdown_and_json(cli: Run, at: tuple[str, ...]) -> None:
    code, out, _ = cli("show", "demo:1", *at)
    assert code == 0
    assert "The minister spoke again." in out
    assert MIRROR in out
    assert cli("show", "demo:1", "--markdown", *at)[1].startswith("# Headline\n")
    shown = json.loads(cli("show", f"https://{MIRROR}/detail/1", "--json", *at)[1])
    assert shown["key"] == "demo:1"
    assert "spoke again" in shown["article"]["text"]


def test_an_older_text_is_shown_by_its_number(cli: Run, at: tuple[str, ...]) -> None:
    assert "spoke again" not in cli("show", "1", "--revision", "1", *at)[1]
    assert "spoke again" in cli("show", "1", "--revision", "2", *at)[1]
    assert cli("show", "1", "--revision", "9", *at)[0] == 2


def test_an_unknown_key_is_one_line_and_exit_2(cli: Run, at: tuple[str, ...]) -> None:
    code, out, err = cli("show", "demo:99", *at)
    assert (code, out) == (2, "")
    assert one_line(err)


def test_history_lists_observations_and_diff_what_changed(cli: Run, at: tuple[str, ...]) -> None:
    code, out, _ = cli("history", "1", *at)
    assert code == 0
    assert [line.split()[2] for line in out.splitlines()[2:]] == ["first", "edit", "same"]
    code, out, _ = cli("diff", "1", *at)
    assert code == 0
    assert "{+ again+}" in out
    assert json.loads(cli("diff", "1", "2", "--json", *at)[1])["body"]
    assert cli("diff", "demo:2", *at)[0] == 2


def test_status_counts_and_lists_what_was_refused(cli: Run, at: tuple[str, ...]) -> None:
    state = json.loads(cli("status", "--json", *at)[1])
    numbers = {name: state[name] for name in ("articles", "revisions", "captures", "locations")}
    assert numbers == {"articles": 2, "revisions": 3, "captures": 5, "locations": 5}
    assert "2 articles" in cli("status", *at)[1]
    assert f"https://{PRIMARY}/tag" in cli("status", "--refused", *at)[1]
    assert cli("status", "nobody", *at)[0] == 2


KEYS = {
    ("search", "minister"): {"query", "total", "offset", "hits"},
    ("show", "1"): {
        "key", "keys", "outlet", "digest", "number", "current", "published_day", "first_seen", "withdrawn",
        "extractor", "article", "revisions", "locations", "captures", "as_of",
    },
    ("history", "1"): {"key", "observations"},
    ("diff", "1"): {"old", "new", "headline", "lead", "authors", "body", "captions"},
    ("status",): {
        "articles", "revisions", "captures", "locations", "media", "outlets", "domains", "candidates", "refused",
        "notices", "failures", "crawls",
    },
    ("status", "--refused"): {"refused", "failures"},
    ("outlets", "list"): {"outlets"},
    ("outlets", "check", "demo"): {"outlet", "file", "valid", "pages"},
    ("db", "upgrade"): {"revision"},
}  # fmt: skip


def test_the_keys_of_json_are_stable_and_documented(cli: Run, at: tuple[str, ...]) -> None:
    documented = (Path(__file__).parents[1] / "docs" / "json.md").read_text(encoding="utf-8")
    for command, keys in KEYS.items():
        code, out, _ = cli(*command, "--json", *at)
        assert code == 0
        assert out.isascii()
        assert set(json.loads(out)) == keys, command
        assert not {key for key in keys if key not in documented}, command


def test_outlets_are_listed_and_shown(cli: Run) -> None:
    listed = {line.split()[0]: line for line in cli("outlets", "list")[1].splitlines()}
    hidden = {name for name, line in listed.items() if "hidden from --all" in line}
    assert hidden == {"cnbc", "demo", "euronews", "inews"}
    assert "hidden" not in listed["presstv"]
    assert "presstv" in cli("outlets", "show", "presstv")[1]


def test_a_wrong_profile_is_named_and_the_others_still_listed(cli: Run, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "presskeep" / "outlets"
    folder.mkdir(parents=True)
    (folder / "broken.toml").write_text('name = "broken"\n', encoding="utf-8")
    code, out, err = cli("outlets", "list")
    assert code == 1
    assert "presstv" in out
    assert "broken.toml" in err
    assert one_line(err)


def test_a_closed_pipe_is_no_error(at: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "scraper.cli", "status", "--json", *at]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fault_of_ours_is_one_line_unless_asked(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "missing", "A command whose module is not there.")
    code, _, err = cli("missing")
    assert code == 1
    assert one_line(err)
    assert "--debug" in err
    with pytest.raises(ModuleNotFoundError):
        cli("--debug", "missing")


def test_an_intruder_under_our_import_names_is_named(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage" / "__init__.py").write_text("", encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    program = (
        f"import sys; sys.path.append({str(Path(__file__).parents[1])!r}); import scraper.cli as c; sys.exit(c.main())"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 2
    assert str(tmp_path / "storage") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_crawl_of_public_hosts_needs_a_contact_and_says_the_line(tmp_path: Path) -> None:
    done = start("crawl", "presstv", "--archive", str(tmp_path / "archive"))
    assert (done.returncode, done.stdout) == (2, "")
    assert one_line(done.stderr)
    assert "--contact you@example.org" in done.stderr
    assert not (tmp_path / "archive").exists()


def test_a_crawl_of_hosts_that_are_nobodys_is_pointed_to_the_demo(tmp_path: Path) -> None:
    done = start("crawl", "demo", "--archive", str(tmp_path / "archive"))
    assert (done.returncode, done.stdout) == (2, "")
    assert one_line(done.stderr)
    assert "`presskeep demo`" in done.stderr
    assert "--contact" not in done.stderr


def test_a_dry_run_asks_nothing_and_makes_nothing(tmp_path: Path) -> None:
    done = start("crawl", "presstv", "--dry-run", "--json", "--archive", str(tmp_path / "archive"))
    assert done.returncode == 0
    (plan,) = json.loads(done.stdout)["planned"]
    assert plan["outlet"] == "presstv"
    assert sum(plan["listings"].values()) > 0
    assert not (tmp_path / "archive").exists()


def test_a_page_that_cannot_be_reached_ends_with_3(tmp_path: Path) -> None:
    done = start("fetch", "http://127.0.0.1:9/", "--allow-private")
    assert (done.returncode, done.stdout) == (3, "")
    assert one_line(done.stderr)
    assert "refused" in done.stderr


def test_a_full_disk_where_the_output_goes_is_told_in_one_line() -> None:
    command = [sys.executable, "-m", "scraper.cli", "outlets", "list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 7
    assert one_line(done.stderr)
    assert "the disk is full" in done.stderr
