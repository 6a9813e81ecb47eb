"""Folders that several processes of the suite ask for: the first to ask makes one, and all read it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper.demo.process import running_replica
from tests.crawling import crawl
from tests.databases import Place


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of this name, which `make` filled. It is not to be changed; a test that must copies it."""
    base = factory.getbasetemp()
    # A worker's own folder stands in that of the whole run.
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, making = root / name, base / f"{name}-in-the-making"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making.mkdir()
            make(making)
            making.rename(folder)
    return folder


def copy_made(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object], copy: Path) -> Place:
    """A copy, to be changed, of the archive `archive` (on SQLite) in such a folder."""
    shutil.copytree(made_once(factory, name, make) / "archive", copy)
    return Place(copy, None)


def two_crawls(factory: pytest.TempPathFactory) -> Path:
    """An archive of two crawls, two days apart, on SQLite."""
    return made_once(factory, "two-crawls", _crawl_twice) / "archive"


def _crawl_twice(folder: Path) -> None:
    for day in (0, 2):
        with running_replica(articles=16, seed=7, day=day, days=3, folder=folder / f"replica-{day}") as replica:
            assert crawl(Place(folder / "archive", None), replica, day=day).code == 0
