"""README.txt's words on what lies in an evidence: each kind of file that is there, and none that is not."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from textwrap import indent

from storage.evidence.checks import READING_ALONE

_WIDTH = 21


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of file: how the list calls it, what its names match, and what it is."""

    label: str
    pattern: str
    said: str

    def is_among(self, names: Iterable[str]) -> bool:
        return any(re.fullmatch(self.pattern, name) for name in names)


def list_of_files(names: Collection[str], imported: Collection[int]) -> str:
    """The kinds of files among these names, a line or more each; `imported` are the captures that others made."""
    marked = [_marked(name, imported) for name in names]
    lines = [_line(kind) for kind in _KINDS if kind.is_among(marked)]
    return "\n".join(["WHAT IS WHAT", "", *lines])


def proven_files(names: Collection[str]) -> str:
    """Patterns of the files that rows prove, as far as there are any."""
    return ", ".join(each for each in _PROVEN if fnmatch.filter(names, each))


def files_for_reading(names: Collection[str]) -> str:
    """Patterns of the files that nothing proves but the digest of the list of all, as far as there are any."""
    patterns = ("README.txt", "index.html", *READING_ALONE, "sources/*", "unproven/*")
    there = [each for each in patterns if fnmatch.filter(names, each)]
    if any(fnmatch.filter(names, each) for each in _UNPACKED):
        there.append("a .warc or .arc file beside a .zst of its name")
    return ", ".join(there)


def closer_looks(names: Collection[str]) -> str:
    """Commands that show what lies in files that are there."""
    lines = [f"{kind.label:<41} {kind.said}".rstrip() for kind in _COMMANDS if kind.is_among(names)]
    return "TO LOOK CLOSER\n\n" + indent("\n".join(lines), "  ") if lines else ""


def _marked(name: str, imported: Collection[int]) -> str:
    """The name with what tells records of others from our own."""
    found = re.fullmatch(r"captures/(\d+)/(.+)", name)
    if found is None:
        return name
    return f"{'imported' if int(found[1]) in imported else 'captures'}/{found[1]}/{found[2]}"


def _line(kind: _Kind) -> str:
    first, *rest = kind.said.split("\n")
    return "\n".join([f"{kind.label:<{_WIDTH - 1}} {first}", *(" " * _WIDTH + line for line in rest)])


_CAPTURE = r"(captures|imported)/\d+"
_KINDS = (
    _Kind("captures/NUMBER/", f"{_CAPTURE}/.+", "one exchange with a server each"),
    _Kind(
        "  records.warc.gz",
        r"captures/\d+/records\..+",
        "its WARC records, byte for byte: request and answer as they went over the wire",
    ),
    _Kind(
        "  record.warc.gz",
        r"captures/\d+/record\..+",
        "the record of the answer, where an early version captured it, or other records are broken",
    ),
    _Kind("  beside.warc.gz", r"captures/\d+/beside\..+", "the other records of such a capture that are whole"),
    _Kind(
        "  shared.warc.gz",
        r"captures/\d+/shared\..+",
        "records that it shares with other captures, where these stand elsewhere in the file",
    ),
    _Kind(
        "  record.*",
        r"imported/\d+/record\..+",
        "of an imported capture, its record as it stands in the file that was imported, in its packing:\n"
        ".warc or .arc, with .gz or .zst where it is packed there by itself",
    ),
    _Kind("  segment-N.*", r"imported/\d+/segment-.+", "the further records that it was cut into"),
    _Kind("  request.*", r"imported/\d+/request\..+", "the request, where its record is the next one"),
    _Kind("  about.*", r"imported/\d+/about\..+", "the first record of that file, which says what program wrote it"),
    _Kind("  *.warc, *.arc", r"imported/\d+/.+\.zst", "beside a .zst of that name: what it unpacks to"),
    _Kind("  dictionary.zst", r".+/dictionary\.zst", "what those .zst need: it and one of them make one readable file"),
    _Kind("  payload.bin", r".+/payload\.bin", "the answer's body as it was sent"),
    _Kind("  payload.gz", r".+/payload\.gz", "the answer's body as it was sent; zcat unpacks it"),
    _Kind("  payload.br", r".+/payload\.br", "the answer's body as it was sent; brotli unpacks it"),
    _Kind("  payload.zst", r".+/payload\.zst", "the answer's body as it was sent; zstd unpacks it"),
    _Kind("  certificate-N.der", r".+/certificate-.+", "the server's certificates, its own first"),
    _Kind(
        "  uncovered-*", r".+/uncovered-.+", "certificates that stand among the records, and that no row of it names"
    ),
    _Kind(
        "  facts.json",
        f"{_CAPTURE}/facts.json",
        "address and port of the server, TLS version and cipher, times, digests",
    ),
    _Kind(
        "sources/",
        "sources/.+",
        "the digests of the files that were imported, and commands that cut the records out of them again",
    ),
    _Kind("revisions/", "revisions/.+", "each text of the article: .txt to read, .json what its digest was made of"),
    _Kind(
        "manifests/NUMBER/",
        r"manifests/\d+/.+",
        "one run of the archive each: its manifest, and the article's rows by the names that the manifest\n"
        "gives them. Times in rows are milliseconds since 1970 in UTC",
    ),
    _Kind("  stamp.tsr", r"manifests/\d+/stamp\.tsr", "the time stamp of the manifest"),
    _Kind("  decision/", r"manifests/\d+/decision/.+", "who or what merged, split or approved, and when"),
    _Kind("manifests/DIGESTS", "manifests/DIGESTS", "the digests of the manifests, as the archive keeps them"),
    _Kind("unproven/NUMBER/", r"unproven/\d+/.+", "rows of a run without a manifest"),
    _Kind("time-stamp-ca.pem", r"time-stamp-ca\.pem", "the certificates of the time-stamp authority"),
    _Kind("SHA256SUMS", "SHA256SUMS", "the SHA-256 of every other file"),
)

_PROVEN = (
    "captures/*/payload.*",
    "captures/*/records.*",
    "captures/*/record.*",
    "captures/*/certificate-*.der",
    "revisions/*.json",
)
_UNPACKED = ("captures/*.warc.zst", "captures/*.arc.zst")

_COMMANDS = (
    _Kind("zcat captures/NUMBER/records.warc.gz", r"captures/\d+/records\.warc\.gz", "what was asked and answered"),
    _Kind("zcat captures/NUMBER/record.warc.gz", r"captures/\d+/record\.warc\.gz", "what was answered"),
    _Kind("zcat captures/NUMBER/payload.gz", r"captures/\d+/payload\.gz", "the page, where it was sent packed"),
    _Kind(
        "openssl x509 -inform DER -in captures/NUMBER/certificate-1.der -noout -text",
        r"captures/\d+/certificate-1\.der",
        "",
    ),
    _Kind("openssl ts -reply -in manifests/NUMBER/stamp.tsr -text", r"manifests/\d+/stamp\.tsr", ""),
    _Kind(
        "cat captures/*/*.warc.gz > all.warc.gz",
        r"captures/\d+/.+\.warc\.gz",
        "one WARC file, for any program that reads WARC",
    ),
)
