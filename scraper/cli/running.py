"""Run a command line: parse it, call the command, and turn what goes wrong into one line and an exit code."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import typer
from typer.exceptions import Abort, Exit, TyperException

from scraper.cli.commands import LazyGroup
from scraper.cli.printing import DEFAULT_COLUMNS, printable, terminal_columns, write_error
from scraper.cli.sockets import TOO_LONG, keep_sockets_short
from scraper.cli.stopping import silence_output
from scraper.errors import ScraperError
from storage.errors import QueryUnreadable, StorageError
from storage.pointing import point_at

DONE, FAILURES, USAGE, UNREACHED, LOCKED, DAMAGED, STOPPED = 0, 1, 2, 3, 4, 5, 7
"""The exit codes of the design; 6 belongs to `health`."""

REPORT = "This is a fault of Presskeep. Run it again with --debug, and report what it prints."
LEAST_HELP = 52
"""Columns from which on help is laid out as the library does."""
_COMPLETE = "_PRESSKEEP_COMPLETE"

root = typer.Typer(
    name="presskeep", cls=LazyGroup, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]}
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("presskeep")
        except PackageNotFoundError:
            number = "(a checkout that is not installed)"
        typer.echo(f"presskeep {number}")
        raise Exit(DONE)


@root.callback(epilog="presskeep COMMAND --help tells more. Documentation: README.md and docs/ of the project.")
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback of a fault of Presskeep.")] = False,
) -> None:
    """Presskeep keeps the news: it crawls outlets over all their domains into an archive to search and read."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line `arguments` (without the program's name); gives the exit code. Prints, never raises."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    keep_sockets_short()
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
        return code
    except (ScraperError, StorageError) as error:
        return _say_error(error)
    except TyperException as error:
        return _say_usage(error)
    except (KeyboardInterrupt, Abort):
        _say("stopped. What was done is kept; the same command goes on.")
        return STOPPED
    except BrokenPipeError:
        silence_output()
        return DONE
    except OSError as error:
        if str(error) == TOO_LONG:
            _say("the name of the folder for temporary files is too long for sockets: set TMPDIR to a shorter one.")
            return USAGE
        if debug or error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _say_fault(error, debug=debug)
        silence_output()
        _say("the disk is full. What was done is kept; make room, and the same command goes on.")
        return STOPPED
    except Exception as error:  # noqa: BLE001 - it is said, with how to report it
        return _say_fault(error, debug=debug)


def _say_fault(error: Exception, *, debug: bool) -> int:
    if debug:
        raise error
    _say(f"{type(error).__name__}: {str(error) or 'without a message'}. {REPORT}")
    return FAILURES


def _invoke(arguments: list[str]) -> int:
    command = typer.main.get_command(root)
    if _COMPLETE in os.environ:
        command.main(arguments, prog_name="presskeep", standalone_mode=False)
        return DONE
    try:
        with command.make_context("presskeep", arguments or ["--help"], terminal_width=_help_columns()) as context:
            code: Any = command.invoke(context)
    except Exit as stop:
        return stop.exit_code
    return code if isinstance(code, int) else DONE


def _help_columns() -> int | None:
    """Columns for help on a narrow terminal; None leaves it to the library, which never goes below 50."""
    columns = shutil.get_terminal_size((DEFAULT_COLUMNS, 24)).columns
    return max(columns - 2, 20) if columns < LEAST_HELP else None


def _say_error(error: ScraperError | StorageError) -> int:
    said, *_ = str(error).split("\n") if isinstance(error, QueryUnreadable) else (str(error),)
    _say(said)
    if isinstance(error, QueryUnreadable):
        columns = terminal_columns(sys.stderr) or shutil.get_terminal_size((DEFAULT_COLUMNS, 24)).columns
        for line in point_at(error.line, error.place, columns - 3):
            _write(f"  {printable(line)}\n")
    return error.exit_code


def _say_usage(error: Any) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "presskeep"
    message = str(error.format_message()).strip()
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)  # noqa: T201 - the help of a group of commands
        return USAGE
    message = message if message.endswith((".", "?", ")")) else message + "."
    _say(f"{message[:1].lower()}{message[1:]} See {path} --help.")
    return USAGE


def _say(text: str) -> None:
    """One line on standard error, whatever stands in the text; folded where a terminal ends."""
    with suppress(OSError, ValueError):  # the terminal is gone: the exit code says it
        write_error(f"presskeep: {' '.join(text.split())}")


def _write(line: str) -> None:
    try:
        sys.stderr.write(line)
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # the terminal is gone: the exit code says it
