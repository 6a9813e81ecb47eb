"""Tell whether a folder stands on a network file system, where SQLite's locks cannot be trusted."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
NETWORK_TYPES = frozenset(
    (
        "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre",
        "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb2", "smb3", "smbfs",
    )
)  # fmt: skip
"""Types of file system that are shared between machines, as Linux names them."""
NETWORK_FUSE = frozenset(
    (
        "afp", "ceph", "curlftpfs", "davfs", "davfs2", "gcsfuse", "glusterfs", "goofys", "juicefs", "mount-s3",
        "mountpoint-s3", "rclone", "s3fs", "seaweedfs", "sshfs",
    )
)  # fmt: skip
"""The same for those in user space, named `fuse.` and one of these."""
_OCTAL = re.compile(r"\\([0-7]{3})")


def network_type(folder: Path, mountinfo: Path | None = None) -> str | None:
    """The type of the network file system that holds `folder` (which need not exist yet), None for a local one.

    Reads Linux's mountinfo (proc(5)); where there is none, no file system is known to be a network's.
    """
    try:
        lines = (mountinfo or MOUNTINFO).read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    kind = _type_at(folder.resolve(), lines)
    if kind in NETWORK_TYPES or kind.removeprefix("fuse.") in NETWORK_FUSE:
        return kind
    return None


def _type_at(folder: Path, lines: list[str]) -> str:
    """The type at the deepest mount point above a folder; of two at one point the later lies on top."""
    above = {str(folder), *map(str, folder.parents)}
    best, kind = 0, ""
    for line in lines:
        before, divider, after = line.partition(" - ")
        fields = before.split(" ")
        if not divider or len(fields) < 5:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        if point in above and len(point) >= best:
            best, kind = len(point), after.partition(" ")[0]
    return kind
