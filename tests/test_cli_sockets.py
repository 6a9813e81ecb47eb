"""A folder for temporary files with a long name keeps no process from being started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scraper.cli.sockets import LONGEST, TOO_LONG
from tests.crawling import presskeep
from tests.foreign import each_packed, http, record

SERVER = "from multiprocessing import forkserver; forkserver.ensure_running()"


@pytest.fixture
def long_folder(tmp_path: Path) -> Path:
    folder = tmp_path / ("x" * LONGEST) / ("y" * LONGEST)
    folder.mkdir(parents=True)
    return folder


@pytest.mark.long
def test_a_long_folder_for_temporary_files_keeps_nothing_from_running(long_folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "pages.warc.gz"
    source.write_bytes(each_packed([record(block=http(b"<html><h1>Headline</h1><p>Text.</p></html>"))]))
    variables = {"TMPDIR": str(long_folder)}
    place = ("--archive", str(tmp_path / "archive"))
    for words in (("import", str(source), "--outlet", "auto"), ("verify", "--jobs", "2")):
        told = presskeep(*words, *place, environment=variables)
        assert (told.code, TOO_LONG in told.err) == (0, False), told.err
    assert list(long_folder.iterdir()) == []
    bare = subprocess.run([sys.executable, "-c", SERVER], env=variables, capture_output=True, text=True, check=False)
    assert TOO_LONG in bare.stderr


def test_where_no_place_has_a_short_name_it_is_said(long_folder: Path, tmp_path: Path) -> None:
    program = ("-c", "import sys; from scraper.cli import main, sockets; sockets._SHORT = (); sys.exit(main())")
    source = tmp_path / "pages.warc.gz"
    source.write_bytes(each_packed([record()]))
    variables = {"TMPDIR": str(long_folder)}
    told = presskeep(
        "import", str(source), "--archive", str(tmp_path / "archive"), program=program, environment=variables
    )
    (line,) = told.err.splitlines()
    assert told.code == 2
    assert line.endswith("set TMPDIR to a shorter one.")
