"""`presskeep replay`: show the kept pages in a browser, by pywb."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scraper.cli.options import JsonOption, configured, group
from scraper.cli.plain_values import PlainCommand
from scraper.cli.printing import one_line, write, write_error, write_json
from scraper.cli.stopping import stop_cleanly
from scraper.config import Config
from scraper.errors import ScraperError, UsageError

if TYPE_CHECKING:
    from storage.archive import Archive
    from storage.cdxj_index import Followed

app = group("Show kept pages in a browser.")

PROGRAMS = ("wayback", "pywb")
INSTALL = "python3 -m venv ~/.presskeep-pywb && ~/.presskeep-pywb/bin/pip install pywb==2.10.0"
FOUND_AT = "~/.presskeep-pywb/bin/wayback"
START_SECONDS = 60.0
STOP_SECONDS = 5.0
LOOK_SECONDS = 2.0
"""How often a running replay looks for WARC files that crawls have begun."""
_NOWHERE = "http://127.0.0.1:9"  # the discard port


class ReplayFailed(ScraperError):
    """pywb did not start. `next` holds its last words."""


@app.command(cls=PlainCommand)
@configured()
def replay(
    config: Config,
    port: Annotated[
        int, typer.Option(min=1, max=65535, metavar="N", help="Where to listen.", show_default=True)
    ] = 8080,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="On which address.", show_default=True)] = "127.0.0.1",
    pywb: Annotated[
        Path | None,
        typer.Option("--pywb", metavar="PATH", help="pywb's program `wayback` (PRESSKEEP_PYWB; else found on PATH)."),
    ] = None,
    index: Annotated[bool, typer.Option("--index", help="Bring the index up to date, and start nothing.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="With --index: make it anew from the WARC files.")] = False,
    json: JsonOption = False,
) -> int:
    """Show kept pages in a browser as they were, by pywb, until Ctrl-C.

    pywb is a program of its own, in an environment of its own: its libraries are not those of Presskeep. Nothing is
    written to the archive but the index of its captures (CDXJ, in the folder cdxj beside warc). `presskeep show`
    prints the address of each capture of an article.

    Examples: presskeep replay; presskeep replay --port 9090 --pywb ~/.presskeep-pywb/bin/wayback
    """
    from storage.archive import Archive

    if rebuild and not index:
        raise UsageError("goes with --index", "--rebuild", "For example: presskeep replay --index --rebuild.")
    if json and not index:
        raise UsageError("goes with --index", "--json", "A server prints no JSON.")
    stop_cleanly()
    program = None if index else find_pywb(pywb or config.pywb)
    with Archive.open(config.archive, config.database, write=False) as archive:
        if program is None:
            return _index(archive, anew=rebuild, json=json)
        with tempfile.TemporaryDirectory(prefix="presskeep-replay-") as folder:
            _demand_free(host, port)
            _prepare(archive, Path(folder))
            _serve(program, Path(folder), host, port, archive)
    return 0


def find_pywb(named: Path | None) -> str:
    """The path of pywb's program. Raises UsageError, with the commands that install it, where there is none, or where
    it was installed beside Presskeep."""
    found = [shutil.which(str(named.expanduser()))] if named else [shutil.which(name) for name in PROGRAMS]
    program = next((each for each in found if each), None)
    if program is None:
        said = "there is no such program" if named else "was not found on PATH"
        which = f"--pywb {named}" if named else "pywb"
        raise UsageError(said, which, f"To install it: {INSTALL}; then: presskeep replay --pywb {FOUND_AT}")
    if Path(program).parent.resolve() == Path(sys.executable).parent.resolve():
        raise UsageError(
            "is in Presskeep's own environment, where its libraries break the decoding of pages",
            program,
            f"Remove it there, and install it apart: {INSTALL}",
        )
    return str(Path(program).absolute())


def _prepare(archive: Archive, folder: Path) -> None:
    from storage.replaying import prepare

    done = prepare(archive, folder)
    if done is None:
        write_error("The archive cannot be written: the index of what is new in it is kept for this run alone.")
    else:
        _warn(done)


def _index(archive: Archive, *, anew: bool, json: bool) -> int:
    from scraper.cli.running import DAMAGED, DONE
    from storage.cdxj_following import FOLDER, follow_warcs
    from storage.errors import ArchiveUnusable

    try:
        done = follow_warcs(archive, anew=anew)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # a full disk is told as everywhere
        raise ArchiveUnusable(
            f"the index cannot be written ({error.strerror})",
            str(archive.folder / FOLDER),
            "Run it as who may write there; without --index, replay keeps what is new in a temporary folder.",
        ) from error
    code = DAMAGED if done.damaged else DONE
    if json:
        write_json({"files": done.files, "records": done.records, "lines": done.lines, "damaged": done.damaged,
                    "exit_code": code})  # fmt: skip
        return code
    _warn(done)
    write(f"{done.lines} captures of {done.records} records in {done.files} files were added to the index.")
    return code


def _warn(done: Followed) -> None:
    for each in done.damaged:
        write_error(f"cannot be read on: {one_line(each)}. `presskeep verify` tells more.")


def _demand_free(host: str, port: int) -> None:
    """Raises ReplayFailed where something listens there already: it would answer in pywb's place."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return
    except OSError as error:
        what = f"cannot be listened at ({error.strerror or error})"
        raise ReplayFailed(what, f"{host}:{port}", "Choose another by --port or --host.") from error


def _serve(program: str, folder: Path, host: str, port: int, archive: Archive) -> None:
    """Run pywb until it ends or Ctrl-C ends it, and lead it to the files that crawls begin meanwhile. Raises
    ReplayFailed where it does not begin to listen."""
    from storage.replaying import link_open_files

    with (folder / "pywb.log").open("w+b") as log:
        process = subprocess.Popen(
            [program, "-b", host, "-p", str(port), "-d", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for us, and we end it in order
        )
        try:
            _wait_for(process, folder, host, port)
            place = f"[{host}]" if ":" in host else host
            write_error(f"Replay at http://{place}:{port}/presskeep/ until Ctrl-C.")
            while process.poll() is None:
                link_open_files(archive, folder)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_SECONDS)
        except KeyboardInterrupt:
            return
        finally:
            _end(process)
    raise ReplayFailed("pywb ended by itself", program, _last_words(folder))


def _environment() -> dict[str, str]:
    """Without our Python's paths; and with a proxy that is none, so that nothing of a page is fetched from today's
    web, nor the list of public suffixes that pywb's libraries would ask for."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    return kept | nowhere | dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1")  # it asks itself


def _wait_for(process: subprocess.Popen[bytes], folder: Path, host: str, port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ReplayFailed("pywb did not start", f"{host}:{port}", _last_words(folder))
        try:
            with socket.create_connection((host, port), 1):
                pass
        except OSError:
            time.sleep(0.1)
            continue
        return
    raise ReplayFailed(f"pywb did not listen within {START_SECONDS:.0f} seconds", f"{host}:{port}", _last_words(folder))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_words(folder: Path) -> str:
    """The last line of pywb's log, for the message."""
    lines = (folder / "pywb.log").read_text("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1])[:300] if lines else "It said nothing."
