"""Run an import that waits before it writes down what it has copied: `python -m tests.holding_import COMMAND...`.

It says so by a line on standard output, and goes on when a line comes on standard input.
"""

from __future__ import annotations

import sys
from typing import Any


def main(arguments: list[str]) -> int:
    """Put the pause in its place and run the command."""
    from scraper.cli.running import run
    from scraper.importing import run as importing

    settle = importing.settle

    def settle_and_wait(*values: Any) -> Any:
        path = settle(*values)
        sys.stdout.write("copied\n")
        sys.stdout.flush()
        sys.stdin.readline()
        return path

    importing.settle = settle_and_wait
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
