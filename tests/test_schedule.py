"""`schedule` prints what runs the jobs, in forms that systemd and cron take as they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.cli.schedule import _unit_word
from scraper.demo.process import running_replica
from scraper.errors import UsageError
from scraper.jobs import Job, load_jobs
from tests.commanding import Run
from tests.crawling import ROOT, look, presskeep
from tests.databases import Place

JOBS = """
contact = "you@example.org"

[jobs.presstv]
every = "15m"
max_pages = 5000
max_time = "1h"
max_disk = "20G"
notify = "mail -s '100% of $HOME' you@example.org"

[jobs.others]
outlets = []
every = "6h"
"""


def configured(folder: Path, text: str) -> dict[str, str]:
    """The environment in which a configuration file holds."""
    file = folder / "config.toml"
    file.write_text(text)
    return {"PRESSKEEP_CONFIG": str(file), "XDG_CONFIG_HOME": str(folder)}


def set_all(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def test_jobs_are_read_with_what_they_do_not_state(tmp_path: Path) -> None:
    others, presstv = load_jobs(environment=configured(tmp_path, JOBS))
    assert others == Job("others", (), 360)
    assert presstv.outlets == ("presstv",)
    assert (presstv.minutes, presstv.max_pages, presstv.max_time, presstv.max_disk) == (15, 5000, "1h", "20G")
    assert load_jobs(environment=configured(tmp_path, 'contact = "you@example.org"\n')) == [Job("all", ())]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("jobs = 1", "no table of jobs"),
        ("[jobs]\npresstv = 1", "no table of jobs"),
        ('[jobs.presstv]\nevry = "1h"', "Did you mean every"),
        ('[jobs.presstv]\nevery = "7m"', "does not divide"),
        ('[jobs.presstv]\nevery = "5h"', "does not divide"),
        ("[jobs.presstv]\nevery = 10", "does not divide"),
        ('[jobs.presstv]\noutlets = "all"', "no list of names"),
        ("[jobs.presstv]\nmax_pages = 0", "not a number above 0"),
        ('[jobs.presstv]\nnotify = "a\\nb"', "one line"),
        ('[jobs.presstv]\nnotify = "mail \'me"', "cannot be divided into words"),
        ('[jobs.presstv]\nnotify = " "', "names no command"),
        ('[jobs."../x"]\nevery = "1h"', "no name of a job"),
    ],
)
def test_a_wrong_job_is_refused_with_what_is_right(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_jobs(environment=configured(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (JOBS.replace('"1h"', '"one hour"'), "max_time"),
        (JOBS.replace('"20G"', '"lots"'), "max_disk"),
        (JOBS.replace("outlets = []", 'outlets = ["presstvv"]'), "presstvv"),
        ('now = "soon"' + JOBS, "PRESSKEEP_NOW"),
        ('connect_to = ["here"]' + JOBS, "--connect-to"),
        ('user_agent = "caf\u00e9"' + JOBS, "setting user_agent"),
        (JOBS.replace('contact = "you@example.org"', ""), 'Write contact = "you@example.org"'),
    ],
)
def test_jobs_that_could_not_run_are_not_scheduled(
    tmp_path: Path, cli: Run, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    set_all(monkeypatch, configured(tmp_path, text))
    for form in ("cron", "systemd"):
        code, out, err = cli("schedule", form)
        assert (code, out, said in err) == (2, "", True), err


def test_wrong_forms_are_refused(tmp_path: Path, cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, configured(tmp_path, JOBS))
    for arguments, said in ((("launchd",), "systemd and cron"), (("cron", "--install"), "crontab -")):
        code, out, err = cli("schedule", *arguments)
        assert (code, out, said in err) == (2, "", True), err


@pytest.mark.long
def test_the_installed_units_are_what_systemd_takes(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for _ in range(2):
        ran = presskeep("schedule", "systemd", "--install", environment=configured(tmp_path, JOBS))
        assert ran.code == 0, ran.err
    folder = tmp_path / "systemd" / "user"
    units = sorted(folder.iterdir())
    assert [each.name for each in units] == [
        f"presskeep-{name}.{kind}" for name in ("others", "presstv") for kind in ("service", "timer")
    ]
    assert all(each.name in ran.out for each in units if each.suffix == ".timer")
    assert verify(units) == ""
    presstv = (folder / "presskeep-presstv.service").read_text()
    assert "crawl presstv --due" in presstv
    assert "100%% of $$HOME" in presstv

    broken = folder / "presskeep-presstv.timer"
    broken.write_text(broken.read_text().replace("*:0/15", "every so often"))
    assert verify([broken]) != "", "the check sees a fault"


def verify(units: list[Path]) -> str:
    """What systemd-analyze says against units of ours; what it says of others is left aside."""
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *map(str, units)],
        capture_output=True, text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": "/tmp"},
    )  # fmt: skip
    return "\n".join(line for line in done.stderr.splitlines() if "presskeep-" in line)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40))
def test_a_word_of_a_unit_is_one_word_without_specifiers_or_variables(word: str) -> None:
    quoted = _unit_word(word)
    if quoted.startswith('"') and quoted != word:
        inner = quoted[1:-1].replace("%%", "%").replace("$$", "$")
        assert json.loads(f'"{inner}"') == word
    else:
        assert quoted == word
        assert not set(word) & set(" \t\"'%$\\")


@pytest.mark.long
def test_a_database_that_the_file_does_not_name_is_named_but_for_its_password(tmp_path: Path) -> None:
    url = "postgresql://keeper@db.example/archive"
    environment = configured(tmp_path, 'contact = "you@example.org"\n[jobs.presstv]\nevery = "1h"\n')
    line = presskeep("schedule", "cron", "--database", url, environment=environment).out.splitlines()[1]
    assert line.count(f"--database {url}") == 2, "crawl and health"
    environment = configured(
        tmp_path, f'contact = "you@example.org"\ndatabase = "{url}"\n[jobs.presstv]\nevery = "1h"\n'
    )
    assert "--database" not in presskeep("schedule", "cron", environment=environment).out
    shown = presskeep("schedule", "cron", "--database", "postgresql://keeper:secret@db.example/archive",
                      environment=environment)  # fmt: skip
    assert shown.code == 2
    assert "holds a password" in shown.err
    assert "secret" not in shown.out + shown.err


@pytest.mark.soak
@pytest.mark.long
def test_the_lines_of_the_crontab_run_the_jobs(tmp_path: Path) -> None:
    place = Place(tmp_path / "the archive", None)
    with running_replica(articles=12, seed=2, folder=tmp_path) as replica:
        text = f'archive = "{place.folder}"\nconnect_to = {json.dumps(list(replica.connect_to))}\n'
        environment = configured(tmp_path, text + '[jobs.demo]\nevery = "1h"\nnotify = "echo 100%"\n')
        ran = presskeep("schedule", "cron", environment=environment)
        _, line = ran.out.splitlines()
        times, command = line.split("* * * ", 1)
        assert times == "0 */1 "
        shell = command.replace("\\%", "%")  # as cron does it
        assert "echo 100%" in shell
        assert "--no-create" not in shell
        done = subprocess.run(
            shell, shell=True, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "demo: done" in done.stdout
    assert "Nothing needs a person" in done.stdout
    assert len(look(place).headlines) >= 12
    # What is scheduled for an archive that is there makes no second one where it is gone, as when its disk is missing.
    _, line = presskeep("schedule", "cron", environment=environment).out.splitlines()
    command = line.split("* * * ", 1)[1].replace("\\%", "%").partition(";")[0]
    assert "--no-create" in command
    place.folder.rename(tmp_path / "elsewhere")
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 2, done.stderr
    assert "there is no archive" in done.stderr
    assert not place.folder.exists()
