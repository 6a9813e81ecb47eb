"""Write docs/commands.md: the help of every command as the program prints it. Run it by `make docs`."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
COMMANDS = (
    (), ("demo",), ("crawl",), ("fetch",), ("import",), ("search",), ("show",), ("history",), ("diff",), ("status",),
    ("run",), ("schedule",), ("health",), ("verify",), ("reextract",), ("replay",),
    ("export",), ("export", "warc"), ("export", "wacz"), ("export", "jsonl"), ("export", "evidence"),
    ("outlets",), ("outlets", "list"), ("outlets", "show"), ("outlets", "check"), ("outlets", "new"),
    ("backup",), ("restore",),
    ("db",), ("db", "upgrade"), ("db", "stamp"), ("db", "move"),
)  # fmt: skip
_HEAD = (
    "# Commands\n\nThe help of every command, kept by `make docs`; a test compares it with what the program prints.\n"
)


def help_page() -> str:
    """The page as it should be now."""
    return _HEAD + "".join(f"\n## {' '.join(('presskeep', *c))}\n\n```\n{help_of(*c)}\n```\n" for c in COMMANDS)


def help_of(*command: str) -> str:
    """What `--help` of a command prints on 80 columns."""
    from scraper.cli.running import run

    os.environ["COLUMNS"] = "80"
    out = io.StringIO()
    with redirect_stdout(out):
        assert run([*command, "--help"]) == 0
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


if __name__ == "__main__":
    PAGE.write_text(help_page(), encoding="utf-8")
