"""Gives each peer a virtual environment of its own, made by uv or pip when it is first asked for.

They stand beside those of `.ci/tools`: in PRESSKEEP_TOOLS, by default ~/.cache/presskeep-tools, as `peer-NAME`. One
whose requirements have not changed is left as it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.catalogue import ENVIRONMENTS, PEERS
from benchmarks.peers.conversation import Conversation

INSTALL_S = 1800
"""Most seconds that an installation may take."""
_PROGRAM = Path(__file__).with_name("program.py")


class CannotInstall(Exception):
    """A peer's environment could not be made; the last thing that uv or pip said tells why."""


def open_peer(peer: str) -> Conversation:
    """A conversation, not yet begun, with a peer, in its environment, which is made where it is missing.

    Raises CannotInstall; KeyError for a name that PEERS does not hold.
    """
    python = python_of(PEERS[peer])
    home = python.parents[1] / "home"
    home.mkdir(exist_ok=True)
    return Conversation([str(python), "-I", str(_PROGRAM), peer], {"PATH": os.defpath, "HOME": str(home)})


def python_of(environment: str, *, make: bool = True) -> Path:
    """The interpreter of an environment. Raises CannotInstall where it is missing and cannot, or shall not, be made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("PRESSKEEP_TOOLS") or cache / "presskeep-tools") / f"peer-{environment}"
    python, stamp = folder / "bin" / "python", folder / ".lock"
    wanted = hashlib.sha256("\n".join((sys.version, *ENVIRONMENTS[environment])).encode()).hexdigest()
    if python.exists() and stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return python
    if not make:
        raise CannotInstall(f"{environment} is not installed")
    print(f"Setting up {environment} in {folder} ...", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    if uv := shutil.which("uv"):
        _run([uv, "venv", "-q", "--python", sys.executable, str(folder)])
        _run([uv, "pip", "install", "-q", "--python", str(python), *ENVIRONMENTS[environment]])
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *ENVIRONMENTS[environment]])
    stamp.write_text(wanted, "utf-8")
    return python


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=INSTALL_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotInstall(str(error)) from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise CannotInstall(said[-1] if said else f"{command[0]} ended with {done.returncode}")
