"""The options that commands share, and the decorator that turns them into a Config."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, get_args

import typer
from typer.core import TyperGroup

from scraper.config import Config, load_config

P = ParamSpec("P")

_LONGEST_HELP = 1000

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON with stable keys (docs/json.md).")]

_ARCHIVE = {
    "archive": Annotated[
        Path | None,
        typer.Option(
            "--archive", metavar="DIR", help="The archive's folder (PRESSKEEP_ARCHIVE; else in the user's data folder)."
        ),
    ],
    "database": Annotated[
        str | None,
        typer.Option(
            "--database", metavar="URL", help="PostgreSQL's URL (PRESSKEEP_DATABASE); else SQLite in the folder."
        ),
    ],
}
_FETCHING = {
    "contact": Annotated[
        str | None,
        typer.Option("--contact", metavar="ADDRESS", help="Who crawls: goes into the user agent (PRESSKEEP_CONTACT)."),
    ],
    "ca_file": Annotated[
        Path | None,
        typer.Option("--ca-file", metavar="FILE", help="More trusted certificates, PEM (PRESSKEEP_CA_FILE)."),
    ],
    "resolve": Annotated[
        list[str] | None,
        typer.Option("--resolve", metavar="HOST:PORT:ADDRESS", help="Where a host is, as in curl; may be repeated."),
    ],
    "connect_to": Annotated[
        list[str] | None,
        typer.Option(
            "--connect-to", metavar="HOST:PORT:HOST:PORT", help="Connect to another host, as in curl; may be repeated."
        ),
    ],
    "proxy": Annotated[
        str | None, typer.Option("--proxy", metavar="URL", help="An HTTP proxy for every request (PRESSKEEP_PROXY).")
    ],
    "allow_private": Annotated[
        bool, typer.Option("--allow-private", help="Permit private and loopback addresses as destinations.")
    ],
    "ignore_robots": Annotated[bool, typer.Option("--ignore-robots", help="Ask though robots.txt says no.")],
}
_MEDIA = {
    "media": Annotated[
        bool,
        typer.Option("--media", help="Keep what article pages need to look as they did: styles, images, fonts, icons."),
    ],
}
_STAMPING = {
    "time_stamp_authority": Annotated[
        str | None,
        typer.Option(
            "--time-stamp-authority",
            metavar="URL",
            help="A server that stamps what a run added (RFC 3161; PRESSKEEP_TIME_STAMP_AUTHORITY).",
        ),
    ],
    "time_stamp_ca": Annotated[
        Path | None,
        typer.Option("--time-stamp-ca", metavar="FILE", help="Its certificates, PEM: its stamps are checked by them."),
    ],
}


def configured(
    *, fetching: bool = False, stamping: bool = False, media: bool = False
) -> Callable[[Callable[Concatenate[Config, P], int | None]], Callable[..., int | None]]:
    """A command that gets a Config as first argument; its command line has the options that make one.

    With `fetching` also those of commands that touch the network, with `stamping` (which fetching implies) those of
    commands that add to the archive, with `media` the one that keeps what pages look like. Own parameters come before
    the shared ones in help.
    """

    def decorate(function: Callable[Concatenate[Config, P], int | None]) -> Callable[..., int | None]:
        shared = _ARCHIVE | (_FETCHING if fetching else {}) | (_STAMPING if fetching or stamping else {})
        shared |= _MEDIA if media else {}
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=annotation,
                default=False if get_args(annotation)[0] is bool else None,
            )
            for name, annotation in shared.items()
        ]

        def command(**values: Any) -> int | None:
            flags = {name: _flag(values.pop(name)) for name in shared}
            return function(load_config(flags), **values)  # type: ignore[call-arg]

        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *added]}
        command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + added
        )
        return command

    return decorate


class CommandGroup(TyperGroup):
    """A group of commands whose help tells each in a whole sentence; the library cuts it where a line ends."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the section of the help that lists the commands."""
        listed = [(name, self.commands[name].get_short_help_str(_LONGEST_HELP)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(listed)


def group(help: str) -> typer.Typer:
    """A Typer for a command, or for a group of them, in the manner of all our commands."""
    return typer.Typer(
        cls=CommandGroup,
        help=help,
        rich_markup_mode=None,
        add_completion=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _flag(value: Any) -> Any:
    """A value as flags give it to the configuration: what was not given is None."""
    if isinstance(value, list):
        return tuple(value)
    return None if value is False else value
