"""README.txt: how to check the evidence by commands that need a shell, sha256sum, zcat and openssl alone."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent, fill, indent

from storage.evidence import checks as checks_of
from storage.evidence.checks import AUTHORITY
from storage.evidence.gathering import RunFacts
from storage.evidence.sources import SourceFile


def readme(
    key: str,
    archive: str,
    runs: Sequence[RunFacts],
    *,
    captures: int,
    texts: int,
    packed: bool,
    trusted: bool,
    missing: int = 0,
    unproven: Sequence[str] = (),
    sources: Sequence[SourceFile] = (),
    left_out: Sequence[str] = (),
    damaged: Sequence[str] = (),
) -> str:
    """README.txt for the evidence of an article. `captures` and `texts` are how many are among the files, `missing` how
    many captures could not be given; `packed`: some files of captures are packed by gzip; `trusted`: the authority's
    certificates are among the files; `unproven` are patterns of files that no manifest covers; `sources` are the files
    that captures were imported from; `left_out` says what else is not here, `damaged` what is not as it was kept."""
    kept = [run for run in runs if run.has_manifest]
    stamped = [run for run in kept if run.stamp is not None]
    proven = bool(kept and (captures or texts))
    checks = [_check(_SUMS, checks_of.SUMS)]
    if kept:
        checks.append(_check(_ROWS, checks_of.ROWS))
    if proven:
        command = checks_of.files_check(captures=captures > 0, texts=texts > 0, unproven=unproven)
        checks.append(_check(_FILES_NAMED, command))
    if packed:
        imported = " (imported ones as whoever\ncaptured them wrote them down)" if sources else ""
        checks.append(_check(_UNPACKED.format(imported), checks_of.UNPACKED))
    if stamped:
        checks.append(_stamped(kept, trusted=trusted))
    parts = [
        f"EVIDENCE OF {key}",
        f"From the Presskeep archive {archive}. index.html is the page to read first.",
        *_first_of_all(captures, missing, damaged),
        _files(imported=bool(sources)),
        _HOW,
        *(f"{number}. {each}" for number, each in enumerate(checks, 1)),
        _proof(stamped=len(stamped) == len(kept) > 0),
    ]
    if sources:
        parts.append(_imported(sources))
    parts.append(_LOOK)
    parts += list(_limits(runs, unproven, [*left_out, *damaged]))
    return "\n\n".join(parts) + "\n"


def _first_of_all(captures: int, missing: int, damaged: Sequence[str]) -> list[str]:
    if not damaged:
        return []
    gone = f"{missing} of {captures + missing} captures could not be given.\n" if missing else ""
    return [f"NOT ALL IS AS IT WAS KEPT. {gone}WHAT IS NOT HERE, at the end, says what is damaged."]


def _check(said: str, *commands: str) -> str:
    return f"{said}\n\n" + indent("\n".join(commands), "    ")


def _stamped(kept: Sequence[RunFacts], *, trusted: bool) -> str:
    command = checks_of.stamps_check([run.id for run in kept if run.stamp is None])
    if trusted:
        return _check(
            f"{_STAMPS} {AUTHORITY} is what the archive's operator trusts:\ncompare it with the certificates that "
            "the authority itself publishes.",
            command,
        )
    names = ", ".join(sorted({run.stamp_authority or "" for run in kept if run.stamp is not None}))
    return _check(
        f"{_STAMPS} Get the authority's root certificate from\nitself ({names}), save it as {AUTHORITY}, and run",
        command,
    )


def _proof(*, stamped: bool) -> str:
    alone = "" if stamped else _UNSTAMPED
    return _PROOF.format(alone=alone, reading=fill(", ".join(checks_of.READING_ALONE), 110))


def _imported(sources: Sequence[SourceFile]) -> str:
    lines = "\n".join(
        f"  {each.name}: SHA-256 {each.sha256}, as {each.row} says;\n"
        f"  named {_one_line(each.origin)} at its import; of {', '.join(f'captures/{n}' for n in each.captures)}"
        for each in sources
    )
    return f"{_IMPORTED}\n\n{lines}\n\n{_CUT_AGAIN}"


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _limits(runs: Sequence[RunFacts], unproven: Sequence[str], left_out: Sequence[str]) -> list[str]:
    told = [f"No manifest covers {each}: nothing but the digest of SHA256SUMS proves it." for each in unproven]
    for run in runs:
        if run.manifest_digest is None:
            told.append(f"Run {run.id} has not ended: there is no manifest yet, and nothing covers what it added.")
        elif not run.has_manifest:
            told.append(
                f"Run {run.id} was made by an early version, which kept the digest of its manifest alone "
                f"({run.manifest_digest});\n`presskeep verify` checks it in the archive itself."
            )
        elif run.stamp is None:
            due = f": {run.stamp_authority} should give it one" if run.stamp_authority is not None else ""
            told.append(f"Run {run.id} has no time stamp{due}. What rests on its manifest could be written anew.")
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
unproven/NUMBER/     rows of runs without a manifest, where there are any
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

_HOW = dedent("""\
    HOW TO CHECK IT

    The commands need a POSIX shell, sha256sum, zcat and openssl, and are meant for the folder that holds this file.
    They find out themselves what lies here; each ends with an error when what it checks does not hold. Who altered this
    folder may have altered this text too: the commands stand in Presskeep's docs/evidence.md as well.""")

_SUMS = """\
All files are those that SHA256SUMS lists. Who altered one could write that list anew, so compare the digest of the
list, which is printed, with the one that `presskeep export evidence` printed, if you were told it by another way than
this zip came. If they are the same, no file was changed, added to the list or taken from it since the export."""

_ROWS = """\
The rows are those that the runs' manifests name. A manifest was written when its run ended, and names every row that
the run added by its SHA-256; digest and manifest of the run before stand in its second line. A row that no manifest
names is an error."""

_FILES_NAMED = """\
Records, payloads, certificates and texts (.json) are those that the rows name: the SHA-256 of each stands in its row.
A file that no row names is an error, but for those that are listed as for reading alone."""

_UNPACKED = """\
What is packed can be unpacked, and carries a checksum of its own. Without `> /dev/null` it is printed: the
request and the answer with all their headers, as they went over the wire{}."""

_STAMPS = """\
A time-stamp authority (RFC 3161) saw the manifests at the times that the command prints; who writes another history
gets stamps of a later time for it, so read the times."""

_UNSTAMPED = """
Not every manifest here has a time stamp: who altered this folder could write such a manifest anew, with all that rests
on it. For that, the digest of SHA256SUMS is the only proof.
"""

_PROOF = """\
WHAT THAT PROVES

A time stamp proves a manifest, a manifest its rows, and a row the files whose SHA-256 it states: captures/*/payload.*,
records.*, record.*, certificate-*.der and revisions/*.json.
{alone}
For reading alone, and proven by nothing but the digest of SHA256SUMS (check 1), are README.txt, index.html,
{reading},
sources/*, unproven/*, and a .warc or .arc file beside a .zst of its name. Much of what they say can be looked up in
the files that are proven.

That nothing was taken out is proven by that digest alone as well: the checks show that what is here stood in the
archive, not that all is here."""

_LOOK = dedent("""\
    TO LOOK CLOSER

      zcat captures/NUMBER/records.warc.gz      what was asked and answered (record.warc.gz of imported captures)
      zcat captures/NUMBER/payload.gz           the page, where it was sent packed
      openssl x509 -inform DER -in captures/NUMBER/certificate-1.der -noout -text
      openssl ts -reply -in manifests/NUMBER/stamp.tsr -text
      cat captures/*/*.warc.gz > all.warc.gz    one WARC file, for any program that reads WARC""")
