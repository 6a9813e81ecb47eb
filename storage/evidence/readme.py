"""README.txt: how to check the evidence by commands that need a shell, sha256sum, zcat and openssl alone."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence
from textwrap import dedent, fill, indent

from storage.evidence import checks as checks_of
from storage.evidence.checks import AUTHORITY
from storage.evidence.contents import closer_looks, files_for_reading, list_of_files, proven_files
from storage.evidence.gathering import RunFacts
from storage.evidence.packing import SUMS
from storage.evidence.sources import SourceFile

_WIDTH = 110


def readme(
    key: str,
    archive: str,
    runs: Sequence[RunFacts],
    names: Collection[str],
    *,
    missing: int = 0,
    captures: int = 0,
    unproven: Sequence[str] = (),
    unbound: Sequence[str] = (),
    sources: Sequence[SourceFile] = (),
    left_out: Sequence[str] = (),
    damaged: Sequence[str] = (),
) -> str:
    """README.txt for the evidence of an article, whose files have these `names`; its own and SHA256SUMS come to them.

    `missing` of the article's `captures` are without their answers; `unproven` are patterns of files that no manifest
    covers, `unbound` those texts of which no manifest covers where they were read; `sources` are the files that
    captures were imported from; `left_out` says what else is not here, `damaged` what is not as it was kept."""
    names = {*names, "README.txt", SUMS}
    kept = [run for run in runs if run.has_manifest]
    stamped = [run for run in kept if run.stamp is not None]
    texts = fnmatch.filter(names, "revisions/*.json")
    checks = [_check(_SUMS, checks_of.SUMS)]
    if kept:
        checks.append(_check(_ROWS, checks_of.ROWS))
        checks += _of_files(names, texts, unproven, unbound)
    if fnmatch.filter(names, "captures/*.gz"):
        imported = " (imported ones as whoever\ncaptured them wrote them down)" if sources else ""
        checks.append(_check(_UNPACKED.format(imported), checks_of.UNPACKED))
    if stamped:
        checks.append(_stamped(kept, trusted=AUTHORITY in names))
    parts = [
        f"EVIDENCE OF {key}",
        f"From the Presskeep archive {archive}. index.html is the page to read first.",
        *_first_of_all(captures, missing, damaged),
        list_of_files(names, {number for each in sources for number in each.captures}),
        _HOW,
        *(f"{number}. {each}" for number, each in enumerate(checks, 1)),
        _proof(names, stamped=len(stamped), kept=len(kept)),
        _imported(sources) if sources else "",
        closer_looks(names),
        *_limits(runs, unproven, unbound, [*left_out, *damaged]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _of_files(
    names: Collection[str], texts: Sequence[str], unproven: Sequence[str], unbound: Sequence[str]
) -> list[str]:
    """The checks of what lies beside the rows."""
    captures = bool(fnmatch.filter(names, "captures/*"))
    found = []
    if captures or texts:
        command = checks_of.files_check(captures=captures, texts=bool(texts), unproven=unproven)
        found.append(_check(_FILES_NAMED, command))
    if len(unbound) < len(texts):
        found.append(_check(_TEXTS_READ, checks_of.texts_check(unbound)))
    return found


def _first_of_all(captures: int, missing: int, damaged: Sequence[str]) -> list[str]:
    if not damaged:
        return []
    gone = f"The answers of {missing} of {captures} captures could not be given.\n" if missing else ""
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


def _proof(names: Collection[str], *, stamped: int, kept: int) -> str:
    chain = ""
    if kept:
        files = proven_files(names)
        proven = f"{_STATED}{fill(files, _WIDTH)}" if files else ""
        chain = _CHAIN.format(stamp=_STAMP if stamped else "", proven=proven)
        if stamped < kept:
            chain += _UNSTAMPED
    return _PROOF.format(chain=chain, reading=fill(files_for_reading(names), _WIDTH))


def _imported(sources: Sequence[SourceFile]) -> str:
    lines = "\n".join(
        f"  {each.name}: SHA-256 {each.sha256}, {f'as {each.row} says' if each.row else 'which no row here says'};\n"
        f"  named {_one_line(each.origin)} at its import; of {', '.join(f'captures/{n}' for n in each.captures)}"
        for each in sources
    )
    return f"{_IMPORTED}\n\n{lines}\n\n{_CUT_AGAIN}"


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _limits(
    runs: Sequence[RunFacts], unproven: Sequence[str], unbound: Sequence[str], left_out: Sequence[str]
) -> list[str]:
    told = [f"No manifest covers {each}: nothing but the digest of SHA256SUMS proves it." for each in unproven]
    told += [f"No manifest covers from which capture {each} was read." for each in unbound if each not in unproven]
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
this zip came. If they are the same, no file was changed, added or taken away since the export. Hidden files, whose
names begin with a full stop, are not looked at: the zip has none, and some systems add their own."""

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

_TEXTS_READ = """\
The texts were read from the pages at the addresses that the command prints: an extraction's row names the rows of a
text and of a capture, and that one the row of its address. A text that no such rows lead to is an error. Compare the
addresses with the one that you ask about: another article's text has another."""

_CHAIN = """\
{stamp}A manifest proves its rows{proven}.

"""

_STATED = ", and a row the files whose SHA-256 it states:\n"

_STAMP = "A time stamp proves a manifest. "

_UNSTAMPED = """\
Not every manifest here has a time stamp: who altered this folder could write such a manifest anew, with all that rests
on it. For that, the digest of SHA256SUMS is the only proof.

"""

_PROOF = """\
WHAT THAT PROVES

{chain}For reading alone, and proven by nothing but the digest of SHA256SUMS (check 1), are
{reading}.
Much of what they say can be looked up in the files that are proven.

That nothing was taken out is proven by that digest alone as well: the checks show that what is here stood in the
archive, not that all is here."""
