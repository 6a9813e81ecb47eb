"""Fixtures and helpers that run the command line: in this process, or on a terminal of a chosen width."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper.cli.running import run
from storage.archive import Archive
from tests.databases import Place, place_of
from tests.keeping import HOUR, MIRROR, PRIMARY, T0, working

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line in this process: exit code, output, errors. No setting comes from this machine's user."""
    for name in [name for name in os.environ if name.startswith("PRESSKEEP_") and "TEST" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def go(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return go


@pytest.fixture
def at(archive: Archive) -> tuple[str, ...]:
    """The options that name an archive with two articles, one of them with an edit and on two domains."""
    with working(archive) as work:
        resources = work.find("1", "2")
        work.show("1", resources["1"], "The minister spoke.")
        work.show("2", resources["2"], "The port \x1b[31mopened.")
        work.show("1", resources["1"], "The minister spoke again.", at=T0 + HOUR)
        work.show("1", resources["1"], "The minister spoke again.", host=MIRROR, at=T0 + 2 * HOUR)
        declined = work.find("tag")["tag"]
        kept = work.keep(declined, f"https://{PRIMARY}/tag", outcome="refused:tag")
        assert kept.capture
    return options_of(place_of(archive))


def options_of(place: Place) -> tuple[str, ...]:
    return ("--archive", str(place.folder), *(("--database", place.database) if place.database else ()))


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.endswith("\n") and text.startswith("presskeep: ")


def on_terminal(columns: int, *arguments: str, colours: bool = False) -> str:
    """What a command line prints on a terminal of so many columns, errors among it; it must end with 0."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment |= {"TERM": "xterm", **({} if colours else {"NO_COLOR": "1"})}
    program = subprocess.Popen(
        [sys.executable, "-m", "scraper.cli", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not more:
            break
        shown += more
    os.close(ours)
    assert program.wait(timeout=60) == 0, shown
    return shown.decode().replace("\r\n", "\n")
