"""Names of processes that hold something: who is dead, and who only cannot be seen from here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from storage.owners import is_dead, is_local, new_owner
from tests.crawling import ROOT

HOLDS = "import sys; from storage.owners import new_owner; print(new_owner(), flush=True); sys.stdin.read()"


@pytest.fixture(params=["here", "apart"])
def held(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """A living process that holds something, among our processes or in a namespace of its own."""
    apart = ["unshare", "--pid", "--fork", "--mount-proc"] if request.param == "apart" else []
    command = [*apart, sys.executable, "-c", HOLDS]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        if not owner:
            pytest.skip("this user may not make a namespace of processes")
        yield request.param, owner, process
        process.kill()


def test_a_process_that_cannot_be_seen_is_not_taken_for_dead(held: tuple[str, str, subprocess.Popen[str]]) -> None:
    where, owner, process = held
    assert not is_dead(owner)
    assert is_local(owner) == (where == "here")
    process.communicate("")
    assert is_dead(owner) == (where == "here"), "of one elsewhere only its silence tells"


def test_this_process_is_local_and_lives() -> None:
    owner = new_owner()
    assert is_local(owner)
    assert not is_dead(owner)
    assert new_owner() != owner
