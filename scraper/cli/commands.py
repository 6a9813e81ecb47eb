"""The table of commands, and the group that imports only the one that is asked for."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from scraper.cli.plain_values import read_plainly
from scraper.deafness import held_back

COMMANDS = {
    "demo": "Crawl the bundled outlet, offline, end to end.",
    "crawl": "Crawl outlets into the archive: what is new, and what may have changed.",
    "fetch": "Fetch single pages of any news site and print the articles.",
    "import": "Take in what others archived: WARC, ARC and WACZ files, lists of URLs.",
    "search": "Search the archive.",
    "show": "Show an article.",
    "history": "Show what was seen of an article, and when.",
    "diff": "Show what changed between two revisions.",
    "status": "Show counts, domains and crawls of the archive.",
    "run": "Crawl what is due again and again, in the foreground.",
    "schedule": "Print or install what runs the jobs: units of systemd, or lines of a crontab.",
    "health": "Say what needs a person: an outlet that fell silent, a changed template, a full disk.",
    "verify": "Check that everything in the archive is still what was kept.",
    "replay": "Show kept pages in a browser, by pywb.",
    "export": "Give out what the archive holds: WARC, WACZ, JSON Lines, evidence.",
    "reextract": "Read every kept page again with today's extractor.",
    "outlets": "List, show, check and draft outlet profiles.",
    "backup": "Copy the archive to another folder, while it is written to.",
    "restore": "Make an archive of a backup.",
    "db": "Upgrade the database, or copy the archive to another one.",
}
"""Each name stands for a module of this package that holds `app`, a Typer of one command or more."""
MODULES = {"import": "importing"}
"""The modules whose name is another than their command's."""


class CommandTable(MutableMapping[str, Any]):
    """The commands by name; each is imported when it is taken."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._loaded:
            with held_back():  # an interrupt within an exec, as dataclasses have it, ends Python though we catch it
                command = typer.main.get_command(import_module(f"scraper.cli.{MODULES.get(name, name)}").app)
            command.name = name
            self._loaded[name] = command
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __setitem__(self, name: str, command: Any) -> None:
        raise TypeError("commands are added to COMMANDS")

    def __delitem__(self, name: str) -> None:
        raise TypeError("commands are removed from COMMANDS")


class LazyGroup(TyperGroup):
    """The root command. Its help is written from the table, so that it imports no command."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = CommandTable()

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, that of --help among them."""
        return read_plainly(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the section of the help that lists the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
