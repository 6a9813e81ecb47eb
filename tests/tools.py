"""The programs of others that tests compare with: found where `.ci/tools` puts them.

A test whose tool is missing skips and says so; in CI (CI=true), where `.ci/run` sets them up, it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def tools_folder() -> Path:
    """Where the environments of the tools are: PRESSKEEP_TOOLS, as `.ci/tools` reads it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("PRESSKEEP_TOOLS") or cache / "presskeep-tools")


def tool(name: str, program: str | None = None) -> str:
    """The path of a tool's program (by default of the tool's own name). Skips, or in CI fails, without it."""
    path = tools_folder() / name / "bin" / (program or name)
    if not path.exists():
        _go_without(f"{name} is missing: .ci/tools {name} sets it up")
    return str(path)


def offline() -> dict[str, str]:
    """An environment in which a tool finds no network: some fetch the public suffix list, and do without it."""
    dead = "http://127.0.0.1:9"
    return os.environ | {"HTTP_PROXY": dead, "HTTPS_PROXY": dead, "http_proxy": dead, "https_proxy": dead}


NO_NAMES = """
import socket
def read_number(name):
    try:
        text = name.decode() if isinstance(name, bytes) else name
        return text, [], [socket.inet_ntoa(socket.inet_aton(text))]
    except (OSError, UnicodeError):
        raise socket.gaierror(name) from None
socket.gethostbyname_ex = read_number
"""
"""Begins a script for cdxj-indexer's Python: the surt library asks the name service what 127.1 is, and here gets the
answer that it would give to a number, without asking."""


def cdxj_indexer(*arguments: str) -> bytes:
    """What cdxj-indexer prints."""
    script = NO_NAMES + "import sys\nfrom cdxj_indexer.main import main\nmain(sys.argv[1:])\n"
    command = [tool("cdxj-indexer", "python"), "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=200, env=offline())
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout


def browser() -> str:
    """The path of Chromium: the one that PRESSKEEP_CHROMIUM names, else an installed one. Skips, or in CI fails."""
    named = os.environ.get("PRESSKEEP_CHROMIUM")
    for name in (named,) if named else ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    _go_without("no Chromium: apt-get install chromium, or name it by PRESSKEEP_CHROMIUM")
    raise AssertionError


def _go_without(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
