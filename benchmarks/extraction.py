"""Extraction's quality on real pages with known truth, ours beside others': `python -m benchmarks.extraction`.

By itself it compares with trafilatura, in this process and with the package's weights. With `--peers` it makes the
table of all that `benchmarks/peers` lists, each in an environment of its own. Ours is then read by cross-validation,
each page with verdicts that saw no page of its site in any set, since the package's weights were learnt from the given
pages; `--folds 0` takes these all the same, as is right on pages that they never saw.

`extract_page` is the adapter that the scorer calls, with no profile and nothing learnt.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.peers import PEERS, CannotInstall, CannotStart, open_peer, python_of
from benchmarks.reading import read_page, trafilatura_page
from benchmarks.scoring import COLUMNS, DATA, SETS, Adapter, cells, load_scorer, measure
from benchmarks.train import cross_validate, read_samples, read_unseen
from scraper.extraction.page import Context

HIGHER = ("F1", "exact", "verbatim", "title", "date", "authors")
LOWER = ("lost", "foreign", "alien", "refused")
FOLDS = 6
_FIELDS = {"title": "title", "date": "published", "authors": "authors"}
"""A measure to the field that it is of; of one that a peer never gives there is nothing to say."""


def extract_page(html: bytes, url: str | None) -> dict[str, Any] | None:
    """Read a page without a profile: title, authors, published (ISO 8601), body; None for what is no article."""
    return read_page(html, url, Context())


def worse(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The measures of quality in which we fall behind."""
    both = ours.keys() & theirs.keys()
    behind = [key for key in HIGHER if key in both and ours[key] < theirs[key]]
    return behind + [key for key in LOWER if key in both and ours[key] > theirs[key]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where we are behind (with --peers: in F1 or exact), 2 where there is nothing to measure."""
    parser = argparse.ArgumentParser(prog="benchmarks.extraction", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=Path, default=DATA / "pages", help="folder of the page sets")
    parser.add_argument("--sets", default=",".join(SETS), help="sets to measure, divided by commas")
    parser.add_argument(
        "--peers", nargs="?", const=",".join(PEERS), metavar="NAMES",
        help=f"compare with these, divided by commas, or with all: {', '.join(PEERS)}",
    )  # fmt: skip
    parser.add_argument(
        "--folds", type=int, help=f"read ours by cross-validation over sites, 3 or more (with --peers: {FOLDS})"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes that read pages for cross-validation")
    options = parser.parse_args(arguments)
    asked = options.peers.split(",") if options.peers else []
    if unknown := [name for name in asked if name not in PEERS]:
        parser.error(f"there is no peer {unknown[0]}; there are {', '.join(PEERS)}")
    folds = options.folds if options.folds is not None else FOLDS if asked else 0
    if folds and importlib.util.find_spec("lightgbm") is None:
        parser.error("cross-validation needs LightGBM (pip install '.[train]'); --folds 0 goes without")
    scorer = load_scorer()
    if scorer is None:
        print(f"no test data at {DATA}: nothing to measure", file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)
    sets = [options.pages / name for name in options.sets.split(",")]
    ours = _ours(options.pages, folds, options.jobs)
    peers = [peer for peer in asked if _is_installed(peer)] if asked else None
    print(f"{'set':18}{'':22}" + "".join(f"{column:>9}" for column in COLUMNS))
    behind = {folder.name: _compare(scorer, folder, ours, peers) for folder in sets}
    for name, found in behind.items():
        for peer, measures in found.items():
            print(f"{name}: behind {peer} in {', '.join(measures)}")
    counted = {"F1", "exact"} if asked else {*HIGHER, *LOWER}
    return int(any(counted & set(measures) for found in behind.values() for measures in found.values()))


def _ours(folder: Path, folds: int, jobs: int) -> Adapter:
    """Our reading, and a line that says which it is. It learns from all sets that there are, whichever are measured."""
    if not folds:
        print("presskeep: the package's weights, which were learnt from the given pages")
        return extract_page
    names = sorted(each.parent.name for each in folder.glob("*/truth.jsonl"))
    adapter = read_unseen(cross_validate(read_samples(folder, names, jobs), folds))
    print(f"presskeep: cross-validated over sites, {folds} folds; no page is read with verdicts that saw its site")
    return adapter


def _is_installed(peer: str) -> bool:
    try:
        python_of(PEERS[peer])
    except CannotInstall as error:
        print(f"{peer} is left out, it cannot be installed: {error}")
        return False
    return True


def _compare(scorer: ModuleType, folder: Path, ours: Adapter, peers: Sequence[str] | None) -> dict[str, list[str]]:
    """Print a set's rows; for each peer the measures in which we are behind it."""
    mine = measure(scorer, ours, folder)
    print(f"{folder.name:18}{'presskeep':22}" + cells(mine), flush=True)
    behind = {}
    for peer, row in _in_process(scorer, folder) if peers is None else _rows(scorer, folder, peers):
        print(f"{folder.name:18}{peer:22}" + cells(row), flush=True)
        if measures := worse(mine, row):
            behind[peer] = measures
    return behind


def _in_process(scorer: ModuleType, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "trafilatura", measure(scorer, trafilatura_page, folder)


def _rows(scorer: ModuleType, folder: Path, peers: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for peer in peers:
        try:
            with open_peer(peer) as conversation:
                row = measure(scorer, conversation.read, folder)
        except (CannotInstall, CannotStart) as error:
            print(f"{folder.name:18}{peer:22} is left out: {error}")
            continue
        # The scorer counts a child's CPU when it has ended; the conversation, page by page.
        row["pages/s"] = conversation.asked / conversation.spent if conversation.spent else None
        yield peer, {key: value for key, value in row.items() if _FIELDS.get(key, "body") in conversation.given}
        if conversation.failures:
            told = ", ".join(f"{count} {reason}" for reason, count in conversation.failures.most_common())
            print(f"{'':18}{peer:22} did not read: {told}")


if __name__ == "__main__":
    sys.exit(main())
