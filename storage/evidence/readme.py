"""README.txt: how to check the evidence by commands that need a shell, sha256sum, zcat and openssl alone."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent, indent

from storage.evidence.gathering import RunFacts

COVERED = "COVERED"
"""The list of files whose digest a row states: lines of `ROW FILE`."""
AUTHORITY = "time-stamp-ca.pem"


def readme(
    key: str, archive: str, runs: Sequence[RunFacts], *, covered: int, trusted: bool, left_out: Sequence[str] = ()
) -> str:
    """README.txt for the evidence of an article. `covered` counts the files that COVERED lists; `trusted`: the
    authority's certificates are among the files; `left_out` says what could not be given."""
    parts = [
        f"EVIDENCE OF {key}",
        f"From the Presskeep archive {archive}. index.html is the page to read first.",
        _FILES,
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
    parts.append(
        _check(
            f"{number}. Every record can be unpacked, and each carries its own checksum. Without `> /dev/null` it is "
            "printed:\nthe request and the answer with all their headers, as they went over the wire.",
            'for file in captures/*/*.gz; do zcat "$file" > /dev/null || exit 1; done',
        )
    )
    number += 1
    stamped = [run for run in kept if run.stamp is not None]
    if stamped:
        parts.append(_stamped(number, stamped, trusted=trusted))
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


_FILES = dedent("""\
    WHAT IS WHAT

    captures/NUMBER/     one exchange with a server each
      records.warc.gz    its WARC records, byte for byte: request and answer as they went over the wire
                         (record.warc.gz and beside.warc.gz where another program had captured it)
      shared.warc.gz     records that it shares with other captures, where these stand elsewhere in the file
      payload.*          the answer's body as it was sent; .gz is unpacked by zcat, .br by brotli, .zst by zstd
      certificate-N.der  the server's certificates, its own first
      facts.json         address and port of the server, TLS version and cipher, times, digests
    revisions/           each text of the article: .txt to read, .json what its digest was made of
    manifests/NUMBER/    one run of the archive each: its manifest, its time stamp, and the article's rows by the names
                         that the manifest gives them. Times in rows are milliseconds since 1970 in UTC
    COVERED              which row states the SHA-256 of which file
    SHA256SUMS           the SHA-256 of every file""")

_COMPARE = dedent("""\
    while read -r row file; do
      sum=$(sha256sum < "$file") && read -r line < "$row" || exit 1
      case $line in *"\\"${sum%% *}\\""*) ;; *) echo "$file is not what $row says"; exit 1 ;; esac
    done < COVERED""")

_LOOK = dedent("""\
    TO LOOK CLOSER

      zcat captures/NUMBER/records.warc.gz      what was asked and answered
      zcat captures/NUMBER/payload.gz           the page, where it was sent packed
      openssl x509 -inform DER -in captures/NUMBER/certificate-1.der -noout -text
      openssl ts -reply -in manifests/NUMBER/stamp.tsr -text
      cat captures/*/records.warc.gz > all.warc.gz    one WARC file, for any program that reads WARC""")
