"""Shell commands that hold what lies in an unzipped evidence against its manifests, whatever lists say is there.

They walk the folder themselves: a list in it could be shortened by whoever altered a file. Each is one block for
sh(1) in parentheses, so that its `exit` ends no shell that it is pasted into, and needs sha256sum, zcat and openssl.
"""

from __future__ import annotations

from collections.abc import Sequence

AUTHORITY = "time-stamp-ca.pem"
"""The file with the time-stamp authority's certificates."""
READING_ALONE = (
    "captures/*/facts.json",
    "captures/*/shared.*",
    "captures/*/beside.*",
    "captures/*/uncovered-*",
    "captures/*/segment-*",
    "captures/*/request.*",
    "captures/*/about.*",
    "captures/*/dictionary.zst",
    "revisions/*.txt",
)
"""Patterns of files whose SHA-256 no row states."""

_PATTERNS_A_LINE = 4

# What the README itself says to put into the folder is passed over. Rows lie deepest: manifests/N/TABLE/KEY.
SUMS = f"""\
(sha256sum --check --quiet SHA256SUMS || exit 1
listed=" $(while read -r digest name; do printf '%s ' "$name"; done < SHA256SUMS)"
for file in * */* */*/* */*/*/*; do
  case $file in SHA256SUMS | {AUTHORITY} | sources/*) continue ;; esac
  if [ -d "$file" ]; then case $file in */*/*/*) ;; *) continue ;; esac; fi
  if [ ! -e "$file" ] && [ ! -L "$file" ]; then continue; fi
  case $listed in *" $file "*) ;; *) echo "$file is not in SHA256SUMS"; exit 1 ;; esac
done
sha256sum SHA256SUMS)"""

# `LC_ALL=C`, since the word OK is translated; `$(echo ...)` puts all lines on one, with a blank before each name.
ROWS = """\
(sha256sum --check --quiet manifests/DIGESTS || exit 1
for folder in manifests/*/; do
  named=$(cd "$folder" && LC_ALL=C sha256sum --check --ignore-missing manifest.txt) || { echo "$named"; exit 1; }
  named=" $(echo $named) "
  for row in "$folder"*/*; do
    case $named in *" ${row#"$folder"}: OK "*) ;; *) echo "$row is not in ${folder}manifest.txt"; exit 1 ;; esac
  done
done)"""

UNPACKED = '(for file in captures/*/*.gz; do zcat "$file" > /dev/null || exit 1; done)'

# An extraction's row names a text and the capture that showed it; one address after another is printed once.
_BOUND = """\
(shown=$(for row in manifests/*/extraction/*; do
  read -r said < "$row" || exit 1
  text=${{said##*'"revision":'}} capture=${{row##*/}}
  set -- manifests/*/revision/"${{text%%[!0-9]*}}"; read -r text 2> /dev/null < "$1" || continue
  set -- manifests/*/capture/"${{capture%%.*}}"; read -r capture 2> /dev/null < "$1" || continue
  place=${{capture#*'"location":'}}
  set -- manifests/*/location/"${{place%%[!0-9]*}}"; read -r place 2> /dev/null < "$1" || continue
  text=${{text#*'"digest":"'}} place=${{place#*'"url":"'}}
  printf '%s %s\\n' "${{text%%'"'*}}" "${{place%%'"'*}}"
done) || exit 1
for file in revisions/*.json; do
{passed}  sum=$(sha256sum < "$file") || exit 1
  printf '%s\\n' "$shown" | (last=
    while read -r text place; do
      if [ "$text" != "${{sum%% *}}" ] || [ "$place" = "$last" ]; then continue; fi
      printf '%s\\n' "$file $place"; last=$place
    done
    [ "$last" ]) || {{ echo "$file was read from no capture here"; exit 1; }}
done)"""

_TEXTS = """\
texts=$(for row in manifests/*/revision/*; do read -r line < "$row" || exit 1; printf '%s\\n' "$line"; done) || exit 1
"""
_FILES = """\
({texts}for file in {walked}; do
  case $file in
{passed}    captures/*/payload.*) field='"payload_sha256":' ;;
    captures/*/records.*) field='"span_sha256":' ;;
    captures/*/record.*) if [ -e "$file.zst" ]; then continue; fi; field='"member_sha256":' ;;
    captures/*/certificate-*.der) field='"chain_sha256":*' ;;
    revisions/*.json) field='"digest":' ;;
{reading}    *) echo "$file should not be here"; exit 1 ;;
  esac
  number=${{file#captures/}}
  case $file in
    captures/*) set -- manifests/*/capture/"${{number%%/*}}"; read -r said < "$1" || exit 1 ;;
    *) said=$texts ;;
  esac
  sum=$(sha256sum < "$file") || exit 1
  case $said in *$field"\\"${{sum%% *}}\\""*) ;; *) echo "$file is in no row"; exit 1 ;; esac
done)"""


def files_check(*, captures: bool = True, texts: bool = True, unproven: Sequence[str] = ()) -> str:
    """The command that finds the SHA-256 of every file in the row that it belongs to. `captures` and `texts` say
    whether there are any; `unproven` are patterns of files that no manifest covers."""
    return _FILES.format(
        texts=_TEXTS if texts else "",
        walked=" ".join(("captures/*/*",) * captures + ("revisions/*",) * texts),
        passed=_passed(unproven),
        reading=_passed(READING_ALONE),
    )


def texts_check(unbound: Sequence[str] = ()) -> str:
    """The command that finds each text in a revision's row, that in an extraction's, the capture's and the address's,
    and prints the addresses. `unbound` are texts (files) of which no rows under a manifest say so."""
    return _BOUND.format(passed=f"  case $file in\n{_passed(unbound)}  esac\n" if unbound else "")


def stamps_check(unstamped: Sequence[int] = ()) -> str:
    """The command that checks the time stamp of every manifest but those of these runs, and prints its time."""
    passed = _alternatives([f"manifests/{run}/" for run in unstamped])
    skip = f'  case $folder in {passed}) echo "no stamp covers $folder"; continue ;; esac\n' if unstamped else ""
    return (
        "(for folder in manifests/*/; do\n"
        f"{skip}"
        '  openssl ts -verify -in "${folder}stamp.tsr" -data "${folder}manifest.txt" '
        f"-CAfile {AUTHORITY} ||\n"
        '    { echo "${folder}stamp.tsr does not hold"; exit 1; }\n'
        '  openssl ts -reply -in "${folder}stamp.tsr" -text |\n'
        '    while read -r line; do case $line in "Time stamp:"*) echo "$folder $line" ;; esac; done\n'
        "done)"
    )


def _passed(patterns: Sequence[str]) -> str:
    lines = (patterns[start : start + _PATTERNS_A_LINE] for start in range(0, len(patterns), _PATTERNS_A_LINE))
    return "".join(f"    {_alternatives(each)}) continue ;;\n" for each in lines)


def _alternatives(patterns: Sequence[str]) -> str:
    return " | ".join(patterns)
