"""Every setting of Presskeep, read once: flags over environment over file over default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one run. Times are seconds, sizes bytes.

    `database` is None for SQLite in the archive's folder. `resolve` holds HOST:PORT:ADDRESS and `connect_to`
    HOST1:PORT1:HOST2:PORT2 as in curl(1). `now` is PRESSKEEP_NOW: an ISO instant, or `leap:INSTANT`.
    `workers` is the number of extraction processes.
    """

    archive: Path
    database: str | None = None
    contact: str | None = None
    ca_file: Path | None = None
    allow_private: bool = False
    resolve: tuple[str, ...] = ()
    connect_to: tuple[str, ...] = ()
    proxy: str | None = None
    ignore_robots: bool = False
    user_agent: str | None = None
    profiles: tuple[Path, ...] = ()
    workers: int = 2
    now: str | None = None
    request_timeout: float = 30.0
    max_wire_bytes: int = 16_000_000
    max_head_bytes: int = 65_536
    max_page_bytes: int = 16_000_000
    page_seconds: float = 20.0
    page_memory: int = 1_000_000_000
    log_level: str = "INFO"
