"""The commands. They may import every room, and no room imports them."""

from __future__ import annotations


def main() -> int:
    """Run the command that the process's arguments name; gives its exit code."""
    import gc
    import sys

    from scraper.cli.intruders import find_intruder
    from scraper.deafness import held_back

    intruder = find_intruder()
    if intruder:
        sys.stderr.write(f"presskeep: {intruder}\n")
        return 2
    try:
        # What modules make as they are imported stays: to look through it ever again costs a tenth of a start.
        gc.set_threshold(20_000, 20, 50)
        with held_back():
            from scraper.cli.running import run
    except KeyboardInterrupt:
        sys.stderr.write("presskeep: stopped before anything was done.\n")
        return 7
    return run(sys.argv[1:])
