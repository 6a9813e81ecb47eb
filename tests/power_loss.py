"""A folder that stands for a disk, and loses what was not synced when the power is cut (tests/power_loss.c)."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("power_loss.c")


class NoCompiler(Exception):
    """The library cannot be compiled here; the message says why."""


def compile_library(folder: Path) -> Path:
    """Compile the library that is preloaded."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NoCompiler("there is no C compiler (cc, gcc)")
    library = folder / "power_loss.so"
    command = [
        compiler,
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O1",
        "-shared",
        "-fPIC",
        "-o",
        str(library),
        str(SOURCE),
        "-ldl",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoCompiler(f"{compiler} failed: {done.stderr.strip()[-1000:]}")
    return library


@dataclass(frozen=True)
class Disk:
    """`root` stands for the disk, whose durable state is kept in `store`."""

    root: Path
    store: Path
    library: Path

    def power_on(self, at: str | None = None, ignore: str | None = None) -> dict[str, str]:
        """Take all that is on the disk for durable; gives the variables for the process that is to run on it.

        `at` is KIND:WHEN:N as the library explains it, `ignore` the end of paths whose syncs are to be lost.
        """
        shutil.rmtree(self.store, ignore_errors=True)
        self.store.mkdir()
        self.root.mkdir(exist_ok=True)
        for folder, folders, names in os.walk(self.root):
            listing = [_line("d", Path(folder, name)) for name in folders]
            listing += [_line("f", Path(folder, name)) for name in names]
            (self.store / f"d-{_inode(Path(folder))}").write_text("".join(listing))
            for name in names:
                shutil.copyfile(Path(folder, name), self.store / f"i-{_inode(Path(folder, name))}")
        variables = {
            "LD_PRELOAD": str(self.library),
            "POWER_LOSS_ROOT": str(self.root),
            "POWER_LOSS_STORE": str(self.store),
        }
        return variables | ({"POWER_LOSS_AT": at} if at else {}) | ({"POWER_LOSS_IGNORE": ignore} if ignore else {})

    def power_off(self, chance: random.Random | None = None) -> int:
        """Make of the disk what a power cut leaves: what was synced, and nothing else. Gives how many bytes were lost.

        With `chance`, each folder's names and each file's bytes may also be those of the moment of the cut: a disk may
        have written what nobody asked it to.
        """
        fresh = self.root.with_name(self.root.name + ".fresh")
        living = {_inode(path): path for path in (self.root, *self.root.rglob("*"))}
        self._restore(_inode(self.root), fresh, living, chance)
        lost = _size(self.root) - _size(fresh)
        shutil.rmtree(self.root)
        fresh.rename(self.root)
        return lost

    def _restore(self, inode: int, target: Path, living: dict[int, Path], chance: random.Random | None) -> None:
        target.mkdir()
        for line in self._names(inode, living, chance):
            kind, number, name = line.split(" ", 2)
            if kind == "d":
                self._restore(int(number), target / name, living, chance)
            elif not name.endswith("-shm"):  # SQLite makes it anew from its log
                self._restore_file(int(number), target / name, living, chance)

    def _names(self, inode: int, living: dict[int, Path], chance: random.Random | None) -> list[str]:
        if inode in living and chance and chance.random() < 0.5:
            folder = living[inode]
            return [_line("d" if each.is_dir() else "f", each).rstrip("\n") for each in sorted(folder.iterdir())]
        listing = self.store / f"d-{inode}"
        lines = listing.read_text().splitlines() if listing.exists() else []
        return sorted(lines, key=lambda line: line.split(" ", 2)[2])

    def _restore_file(self, inode: int, target: Path, living: dict[int, Path], chance: random.Random | None) -> None:
        source = self.store / f"i-{inode}"
        if inode in living and chance and chance.random() < 0.5:
            source = living[inode]
        if source.exists():
            shutil.copyfile(source, target)
        else:
            target.touch()


def _size(folder: Path) -> int:
    files = (each for each in folder.rglob("*") if each.is_file() and not each.name.endswith("-shm"))
    return sum(each.stat().st_size for each in files)


def _inode(path: Path) -> int:
    return path.stat().st_ino


def _line(kind: str, path: Path) -> str:
    return f"{kind} {_inode(path)} {path.name}\n"
