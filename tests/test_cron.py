"""The lines that `schedule cron` prints, run by a real cron."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scraper.demo.process import running_replica
from tests.crawling import ROOT, look, presskeep
from tests.databases import Place
from tests.living import wait_until
from tests.soundness import verified

pytestmark = [pytest.mark.soak, pytest.mark.long, pytest.mark.timeout(400)]

CRON = shutil.which("cron", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ALONE = """
mount --bind "$1/spool" /var/spool/cron/crontabs && mount -t tmpfs none /run && crontab "$1/lines" && exec "$2" -f
"""
"""Runs cron where neither the crontabs of this machine nor another cron's lock are to be seen."""


@contextmanager
def running_cron(lines: str, folder: Path) -> Iterator[None]:
    """A cron of our own with these lines for its user."""
    (folder / "spool").mkdir()
    shutil.chown(folder / "spool", group="crontab")
    (folder / "spool").chmod(0o1730)
    (folder / "lines").write_text(f"PYTHONPATH={ROOT}\n{lines}")
    assert CRON is not None
    cron = subprocess.Popen(["unshare", "--mount", "sh", "-c", ALONE, "sh", str(folder), CRON])
    try:
        yield
        assert cron.poll() is None, "it ran to the end"
    finally:
        cron.terminate()
        cron.wait()


@pytest.mark.skipif(CRON is None or os.geteuid() != 0, reason="needs cron, and root to keep it apart")
def test_a_real_cron_runs_the_jobs(tmp_path: Path) -> None:
    place = Place(tmp_path / "the archive", None)
    config = tmp_path / "presskeep.toml"
    with running_replica(articles=12, seed=2, folder=tmp_path / "replica") as replica:
        settings = {"archive": str(place.folder), "connect_to": list(replica.connect_to)}
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        config.write_text("\n".join([*lines, "[jobs.demo]", 'every = "1m"', 'notify = "echo 100%"']) + "\n")
        ran = presskeep("schedule", "cron", environment={"PRESSKEEP_CONFIG": str(config)})
        assert ran.code == 0, ran.err

        with running_cron(ran.out, tmp_path):
            wait_until(lambda: any(place.folder.glob("reports/*.jsonl")), "the report of a crawl", patience=180)
    assert len(look(place).headlines) >= 12
    assert verified(place) == []
