"""The commands. They may import every room, and no room imports them."""

from __future__ import annotations


def main() -> int:
    """Run the command that the process's arguments name; gives its exit code."""
    import sys

    from scraper.cli.running import run

    return run(sys.argv[1:])
