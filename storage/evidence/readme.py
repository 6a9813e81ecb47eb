"""README.txt: how to check the evidence by commands that need a shell, sha256sum, zcat and openssl alone."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent, indent

from storage.evidence.gathering import RunFacts
from storage.evidence.sources import SourceFile

COVERED = "COVERED"
"""The list of files whose digest a row states: lines of `ROW FILE`."""
AUTHORITY = "time-stamp-ca.pem"


def readme(
    key: str,
    archive: str,
    runs: Sequence[RunFacts],
    *,
    covered: int,
    packed: bool,
    trusted: bool,
    sources: Sequence[SourceFile] = (),
    left_out: Sequence[str] = (),
) -> str:
    """README.txt for the evidence of an article. `covered` counts the files that COVERED lists; `packed`: some files of
    captures are packed by gzip; `trusted`: the authority's certificates are among the files; `sources` are the files
    that captures were imported from; `left_out` says what could not be given."""
    parts = [
        f"EVIDENCE OF {key}",
        f"From the Presskeep archive {archive}. index.html is the page to read first.",
        _files(imported=bool(sources)),
        "HOW TO CHECK IT\n\nThe commands need a POSIX shell, sha256sum, zcat and openssl, and are meant for the folder "
        "that\nholds this file. Each ends with an error when something is not as it was.",
        _check("1. No file was changed since the evidence was made.", "sha256sum --check --quiet SHA256SUMS"),
    ]
    number = 2
    kept = [run for run in runs if run.has_manifest]
    if kept:
        parts.append(
            _check(
                f"{number}. The rows are those that the runs' manifests name. A manifest was written when its run "
                "ended, and names\nevery row that the run added by its SHA-256; digest and manifest of the run before "
                "stand in its second line.",
                "sha256sum --check --quiet manifests/DIGESTS",
                *(
                    f"(cd manifests/{run.id} && sha256sum --check --quiet --ignore-missing manifest.txt)"
                    for run in kept
                ),
            )
        )
        number += 1
    if covered:
        parts.append(
            _check(
                f"{number}. Records, payloads, certificates and texts are those that the rows name: each file's "
                "SHA-256 stands in its row.",
                _COMPARE,
            )
        )
        number += 1
    if packed:
        imported = " (imported ones as whoever\ncaptured them wrote them down)" if sources else ""
        parts.append(
            _check(
                f"{number}. What is packed can be unpacked, and carries a checksum of its own. Without `> /dev/null` "
                "it is printed: the\nrequest and the answer with all their headers, as they went over the wire"
                f"{imported}.",
                'for file in captures/*/*.gz; do zcat "$file" > /dev/null || exit 1; done',
            )
        )
        number += 1
    stamped = [run for run in kept if run.stamp is not None]
    if stamped:
        parts.append(_stamped(number, stamped, trusted=trusted))
    if sources:
        parts.append(_imported(sources))
    parts.append(_LOOK)
    parts += list(_limits(runs, left_out))
    return "\n\n".join(parts) + "\n"


def _check(said: str, *commands: str) -> str:
    return f"{said}\n\n" + indent("\n".join(commands), "    ")


def _stamped(number: int, runs: Sequence[RunFacts], *, trusted: bool) -> str:
    commands = [
        f"openssl ts -verify -in manifests/{run.id}/stamp.tsr -data manifests/{run.id}/manifest.txt -CAfile {AUTHORITY}"
        for run in runs
    ]
    said = (
        f"{number}. A time-stamp authority (RFC 3161) saw the manifests at the time that its stamps state; who writes\n"
        "another history later cannot get stamps of that time for it. "
    )
    if trusted:
        return _check(
            said + f"{AUTHORITY} is what the archive's operator\ntrusts: compare it with the certificates that the "
            "authority itself publishes.",
            *commands,
        )
    names = ", ".join(sorted({run.stamp_authority or "" for run in runs}))
    lines = "\n".join(f"  {command}" for command in commands)
    return (
        f"{said}Get the authority's root certificate from\nitself ({names}), save it as {AUTHORITY}, and run\n\n{lines}"
    )


def _imported(sources: Sequence[SourceFile]) -> str:
    lines = "\n".join(
        f"  {each.name}: SHA-256 {each.sha256}, as {each.row} says;\n"
        f"  named {_one_line(each.origin)} at its import; of {', '.join(f'captures/{n}' for n in each.captures)}"
        for each in sources
    )
    return f"{_IMPORTED}\n\n{lines}\n\n{_CUT_AGAIN}"


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _limits(runs: Sequence[RunFacts], left_out: Sequence[str]) -> list[str]:
    told = []
    for run in runs:
        if run.manifest_digest is None:
            told.append(f"Run {run.id} has not ended: there is no manifest yet, and nothing covers what it added.")
        elif not run.has_manifest:
            told.append(
                f"Run {run.id} was made by an early version, which kept the digest of its manifest alone "
                f"({run.manifest_digest});\n`presskeep verify` checks it in the archive itself."
            )
        elif run.stamp is None and run.stamp_authority is not None:
            told.append(f"Run {run.id} should have a time stamp from {run.stamp_authority}, and has none yet.")
    told += left_out
    return ["WHAT IS NOT HERE", *told] if told else []


def _files(*, imported: bool) -> str:
    return _FILES.format(*((_IMPORTED_CAPTURES, _IMPORTED_SOURCES) if imported else ("", "")))


_FILES = """\
WHAT IS WHAT

captures/NUMBER/     one exchange with a server each
  records.warc.gz    its WARC records, byte for byte: request and answer as they went over the wire
                     (record.warc.gz and beside.warc.gz where an early version captured it)
  shared.warc.gz     records that it shares with other captures, where these stand elsewhere in the file
{}  payload.*          the answer's body as it was sent; .gz is unpacked by zcat, .br by brotli, .zst by zstd
  certificate-N.der  the server's certificates, its own first
  facts.json         address and port of the server, TLS version and cipher, times, digests
{}revisions/           each text of the article: .txt to read, .json what its digest was made of
manifests/NUMBER/    one run of the archive each: its manifest, its time stamp, and the article's rows by the names
                     that the manifest gives them. Times in rows are milliseconds since 1970 in UTC
  decision/          who or what merged, split or approved, and when
COVERED              which row states the SHA-256 of which file
SHA256SUMS           the SHA-256 of every file"""

_IMPORTED_CAPTURES = """\
  record.*           of an imported capture, its record as it stands in the file that was imported, in its packing:
                     .warc or .arc, with .gz or .zst where it is packed there by itself
  segment-N.*        the further records that it was cut into
  request.*          the request, where its record is the next one
  about.*            the first record of that file, which says what program wrote it
  *.warc, *.arc      beside a .zst of that name: what it unpacks to; dictionary.zst and it make one readable file
"""

_IMPORTED_SOURCES = """\
sources/             the digests of the files that were imported, and commands that cut the records out of them again
"""

_IMPORTED = dedent("""\
    IMPORTED CAPTURES

    This archive did not make them: others captured the pages, and it took them in from the files below. What is proven
    is that the records stood in these files when the run that imported them had ended. What they say themselves, time
    and address, is the word of whoever captured them.""")

_CUT_AGAIN = dedent("""\
    Who has the files puts them into the folder `sources`, under these names, and runs

      (cd sources && sha256sum --check DIGESTS && sh compare.sh)

    compare.sh cuts each record out of its file by tail, head and zcat (by `unzip -p` where it stands in a compressed
    entry of a zip file, by zstd where a whole file is packed so), and compares it with the one here by cmp.""")

_COMPARE = dedent("""\
    while read -r row file; do
      sum=$(sha256sum < "$file") && read -r line < "$row" || exit 1
      case $line in *"\\"${sum%% *}\\""*) ;; *) echo "$file is not what $row says"; exit 1 ;; esac
    done < COVERED""")

_LOOK = dedent("""\
    TO LOOK CLOSER

      zcat captures/NUMBER/records.warc.gz      what was asked and answered (record.warc.gz of imported captures)
      zcat captures/NUMBER/payload.gz           the page, where it was sent packed
      openssl x509 -inform DER -in captures/NUMBER/certificate-1.der -noout -text
      openssl ts -reply -in manifests/NUMBER/stamp.tsr -text
      cat captures/*/*.warc.gz > all.warc.gz    one WARC file, for any program that reads WARC""")
