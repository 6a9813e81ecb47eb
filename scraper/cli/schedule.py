"""`presskeep schedule`: systemd units or crontab lines that run the jobs of the configuration file."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from scraper.cli.options import configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import write, write_error
from scraper.config import Config, load_config
from scraper.errors import ContactMissing, UsageError

if TYPE_CHECKING:
    from scraper.jobs import Job

app = group("Print or install what runs the jobs.")
PREFIX = "presskeep-"
_MADE = "# Made by `presskeep schedule`; made anew, it is overwritten."


@app.command(cls=PlainCommand)
@configured()
def schedule(
    config: Config,
    form: Annotated[str, typer.Argument(metavar="systemd|cron", help="Units of systemd, or lines of a crontab.")],
    install: Annotated[
        bool, typer.Option("--install", help="With systemd: write the units for this user instead of printing them.")
    ] = False,
) -> int:
    """Print what runs the jobs of the configuration file: `presskeep crawl --due`, then `presskeep health`.

    Jobs are its tables [jobs.NAME] with `outlets`, `every`, `max_pages`, `max_time`, `max_disk` and `notify`
    (docs/configuration.md); without any, one job crawls every outlet each ten minutes. What is asked when is the
    archive's to say, so that `every` only bounds how late it is asked.

    Examples: presskeep schedule systemd --install; presskeep schedule cron | crontab -
    """
    from scraper.cli.run import watch
    from scraper.crawling.run import demand_contact
    from scraper.crawling.settings import crawl_settings
    from scraper.jobs import load_jobs

    jobs = load_jobs()
    # What could not run is refused here, where somebody sees it.
    for each in [one for job in jobs for one in watch(config, [job], ())]:
        crawl_settings(config, each.job.outlet)
        try:
            demand_contact(config, each.job.outlet)
        except ContactMissing as error:
            say = 'Write contact = "you@example.org" into the configuration file'
            raise ContactMissing(error.what, error.which, say) from error
    if form == "cron":
        if install:
            raise UsageError("is for systemd", "--install", "Pipe the lines: presskeep schedule cron | crontab -")
        write(_MADE)
        for job in jobs:
            write(cron_line(job, config))
        return 0
    if form != "systemd":
        raise UsageError(f"{form!r} is no form of schedule", "schedule", "There are systemd and cron.")
    units = {name: text for job in jobs for name, text in systemd_units(job, config).items()}
    if install:
        _install(units)
    else:
        for name, text in units.items():
            write(f"# {name}")
            for line in text.splitlines():
                write(line)
            write()
    return 0


def cron_line(job: Job, config: Config) -> str:
    """The line of a crontab that runs a job. A percent sign would end cron's command."""
    crawl, health = (shlex.join(command) for command in _commands(job, config))
    variables = "".join(f"{name}={shlex.quote(value)} " for name, value in _variables().items())
    return f"{_cron_time(_minutes(job))} {variables}{crawl}; {variables}{health}".replace("%", "\\%")


def systemd_units(job: Job, config: Config) -> dict[str, str]:
    """The service and the timer of a job, by file name.

    Whatever the crawl ends with, health is asked behind it: what needs a person makes the unit fail, and a budget that
    is used up does not.
    """
    crawl, health = (" ".join(map(_unit_word, command)) for command in _commands(job, config))
    environment = "".join(f"Environment={_unit_word(f'{name}={value}')}\n" for name, value in _variables().items())
    service = f"""{_MADE}
[Unit]
Description=Presskeep: crawl {job.name}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
{environment}ExecStart=-{crawl}
ExecStart={health}
KillSignal=SIGINT
TimeoutStopSec=30
Nice=10
"""
    timer = f"""{_MADE}
[Unit]
Description=Presskeep: when to crawl {job.name}

[Timer]
OnCalendar={_calendar(_minutes(job))}
RandomizedDelaySec=30
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{PREFIX}{job.name}.service": service, f"{PREFIX}{job.name}.timer": timer}


def _commands(job: Job, config: Config) -> tuple[list[str], list[str]]:
    from storage.engines import DATABASE_NAME

    program = _program()
    place = ["--archive", str(config.archive.absolute()), *_database(config)]
    crawl = [*program, "crawl", *(job.outlets or ("--all",)), "--due", *place]
    if (config.archive / (DATABASE_NAME if config.database is None else "warc")).exists():
        crawl.append("--no-create")  # should its disk be missing once, no second archive is begun in its place
    for option, value in (("--max-pages", job.max_pages), ("--max-time", job.max_time), ("--max-disk", job.max_disk)):
        if value is not None:
            crawl += [option, str(value)]
    one = job.outlets if len(job.outlets) == 1 else ()
    return crawl, [*program, "health", *one, *place, *(("--notify", job.notify) if job.notify else ())]


def _database(config: Config) -> list[str]:
    """The option that names the database, where the configuration file does not. Raises UsageError where it would show
    a password to all who see the schedule."""
    named = {name: os.environ[name] for name in ("PRESSKEEP_CONFIG",) if os.environ.get(name)}
    if config.database is None or config.database == load_config({}, environment=named).database:
        return []
    if urlsplit(config.database).password is not None:
        say = "Write it into the configuration file as database, and let only yourself read that."
        raise UsageError("holds a password, which a schedule would show", "--database", say)
    return ["--database", config.database]


def _program() -> list[str]:
    script = Path(sys.executable).with_name("presskeep")
    return [str(script)] if script.exists() else [sys.executable, "-m", "scraper.cli"]


def _variables() -> dict[str, str]:
    """What the jobs need of this environment: where the configuration file is, and which Python finds the program."""
    kept = {}
    if os.environ.get("PRESSKEEP_CONFIG"):
        kept["PRESSKEEP_CONFIG"] = str(Path(os.environ["PRESSKEEP_CONFIG"]).absolute())
    return kept


def _unit_word(word: str) -> str:
    """A word of a unit's command line (systemd.service(5), 'Command lines'): quoted, specifiers and variables kept."""
    plain = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return plain if plain == word and word and not any(each in word for each in " \t'") else f'"{plain}"'


def _minutes(job: Job) -> int:
    from scraper.jobs import EVERY_MINUTES

    return job.minutes or EVERY_MINUTES


def _cron_time(minutes: int) -> str:
    if minutes < 60:
        return f"*/{minutes} * * * *"
    return f"0 */{minutes // 60} * * *" if minutes < 1440 else "0 4 * * *"


def _calendar(minutes: int) -> str:
    """A calendar event (systemd.time(7))."""
    if minutes < 60:
        return f"*:0/{minutes}"
    return f"0/{minutes // 60}:00" if minutes < 1440 else "04:00"


def _install(units: dict[str, str]) -> None:
    from scraper.replacing import replace_text

    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    folder = Path(base) / "systemd" / "user"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            replace_text(folder / name, text)
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", str(error.filename or folder)) from error
    timers = " ".join(name for name in units if name.endswith(".timer"))
    write(f"Wrote {len(units)} units to {folder}. Start them:")
    write(f"  systemctl --user daemon-reload && systemctl --user enable --now {timers}")
    for stranger in sorted(each.name for each in folder.glob(f"{PREFIX}*.timer") if each.name not in units):
        write_error(f"{stranger} is of no job any more: systemctl --user disable --now {stranger}")
    write_error("They stop when you log out, unless: loginctl enable-linger")
