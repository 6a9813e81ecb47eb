"""The files that imported captures come from: their digests, and commands that cut the records out of them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.errors import ArchiveDamaged
from storage.evidence.gathering import CaptureFacts, without_folders
from storage.evidence.imported import Stretch
from storage.foreign.cutting import cut_command
from storage.foreign.views import UNPACKING
from storage.foreign.zips import NotReadable
from storage.foreign_files import safe_name

FOLDER = "sources"
DIGESTS = "DIGESTS"
COMPARE = "compare.sh"
_HEAD = """\
# Cuts the records out of the files again that they were imported from, and compares them. It is run in its folder,
# where these files must lie: sh compare.sh
set -e
"""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was imported: what it is called here, how it was named at its import, its SHA-256, its row among
    those of the evidence ('' where that is not there), and the captures out of it."""

    name: str
    origin: str
    sha256: str
    row: str
    captures: list[int]


class Sources:
    """Collects the files that imported captures come from. `rows` says where rows lie in the evidence, by name."""

    def __init__(self, warc_folder: Path, rows: Mapping[str, str]) -> None:
        self._folder, self._rows = warc_folder, rows
        self._files: dict[str, SourceFile] = {}
        self._commands: list[str] = []

    @property
    def files(self) -> Sequence[SourceFile]:
        """The files, in the order of their first captures."""
        return tuple(self._files.values())

    @property
    def digests(self) -> str:
        """Names and digests in the form of sha256sum(1)."""
        return "".join(f"{each.sha256}  {each.name}\n" for each in self.files)

    @property
    def commands(self) -> str:
        """A script for sh(1)."""
        return _HEAD + "".join(self._commands)

    def add(self, facts: CaptureFacts, stretches: Sequence[Stretch]) -> None:
        """Note where the records of a capture stood."""
        file = self._file(facts)
        file.captures.append(facts.id)
        for each in stretches:
            target = f"../captures/{facts.id}/{each.name}"
            try:
                command = cut_command(self._folder, each.path, each.offset, len(each.content), file.name)
            except (OSError, NotReadable) as error:
                raise ArchiveDamaged(f"cannot be taken apart ({error})", each.path) from error
            if command is not None:
                self._commands.append(f"{command} | cmp - {target}\n")
                continue
            part = each.path.partition("#")[2]
            self._commands.append(f"# no short command: {target} is at byte {each.offset} of {part!r} in {file.name}\n")

    def _file(self, facts: CaptureFacts) -> SourceFile:
        path, *steps = facts.warc.split("#")
        file = self._files.get(path)
        if file is None:
            name = safe_name(path.rpartition("/")[2])
            if name in {each.name for each in self._files.values()}:
                name = f"{(facts.file_sha256 or '')[:12]}-{name}"
            entries = "".join(f"#{step}" for step in steps if not UNPACKING.fullmatch(step))
            row = self._rows.get(f"warc_file/{facts.file}", "")
            origin = (facts.shown_origin or without_folders(path)).removesuffix(entries)
            file = self._files[path] = SourceFile(name, origin, facts.file_sha256 or "", row, [])
        return file
