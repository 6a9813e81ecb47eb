"""The page that people read first: index.html, which opens by itself and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from storage.content import Block
from storage.decisions import Decision
from storage.evidence.captured import Connected
from storage.evidence.gathering import CaptureFacts, RunFacts
from storage.evidence.sources import SourceFile
from storage.history import Observation
from storage.views import ArticleView, RevisionText

_STYLE = (
    "body{font:1rem/1.5 Georgia,serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}"
    "table{border-collapse:collapse;width:100%;font:.85rem/1.4 system-ui,sans-serif;margin:1rem 0}"
    "th,td{border:1px solid #767676;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#eee}code{font-size:.85em;overflow-wrap:anywhere}article{border-top:3px double #767676}"
    ".lead{font-weight:bold}.scroll{overflow-x:auto}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class CaptureLine:
    """A capture, and whom it was asked of: None where nothing of it could be given. `whole`: all of it was."""

    facts: CaptureFacts
    connected: Connected | None
    whole: bool

    @property
    def folder(self) -> str:
        """Where its files lie."""
        if self.connected is None:
            return "damaged"
        return f"captures/{self.facts.id}" + ("" if self.whole else ", damaged in part")


def evidence_page(
    view: ArticleView,
    texts: Sequence[tuple[RevisionText, str]],
    observations: Sequence[Observation],
    captures: Sequence[CaptureLine],
    runs: Sequence[tuple[RunFacts, str]],
    decisions: Sequence[Decision],
    sources: Sequence[SourceFile],
) -> str:
    """The page as HTML. `texts` are the revisions with the names of their files; with each run stands what is to be
    said of its time stamp; `sources` are the files that captures were imported from. All that outlets wrote is escaped;
    there are no scripts, and no addresses are loaded."""
    title = f"Evidence of {view.key}: {view.text.headline}"
    language = escape(view.text.language or "und")
    body = "".join(
        (
            f"<h1>Evidence of <code>{escape(view.key)}</code></h1>",
            "<p>This page is for reading. What proves it stands in the files beside it; README.txt says how to check "
            "them. All times are UTC.</p>",
            *_facts(view),
            *_observed(observations),
            *_captured(captures),
            *_imported(sources),
            *_decided(decisions),
            *_runs(runs),
            *(part for text, name in texts for part in _text(text, name, language)),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _facts(view: ArticleView) -> Iterable[str]:
    rows = [
        ("Headline", view.text.headline),
        ("Outlet", view.outlet),
        ("Keys", ", ".join(view.keys)),
        ("Published, as printed", view.text.published.printed if view.text.published else None),
        ("First seen", _moment(view.first_at)),
        ("Withdrawn, as seen", _moment(view.withdrawn_at) if view.withdrawn_at else None),
    ]
    yield from _table("The article", ("", ""), [row for row in rows if row[1]])
    places = [
        (place.url, place.how, place.role or "no domain of the outlet", _moment(place.first_at), _moment(place.last_at))
        for place in view.locations
    ]
    yield from _table("Where it was seen", ("address", "how", "domain", "first", "last"), places)


def _observed(observations: Sequence[Observation]) -> Iterable[str]:
    rows = [
        (_moment(each.at), each.domain, each.kind, f"revision {each.number}", each.digest[:12], str(each.capture))
        for each in observations
    ]
    yield from _table("What was seen when", ("time", "domain", "what", "text", "digest", "capture"), rows)


def _captured(captures: Sequence[CaptureLine]) -> Iterable[str]:
    rows = []
    for each in captures:
        facts, connected = each.facts, each.connected
        server = f"{connected.address} port {connected.port}".removesuffix(" port ") if connected else ""
        secured = f"{connected.protocol} {connected.cipher}".strip() if connected else ""
        said = (_moment(facts.at), facts.url, str(facts.status), server, secured, facts.payload_sha256)
        rows.append((str(facts.id), *said, each.folder))
    head = ("capture", "time", "address", "status", "server", "TLS", "SHA-256 of the payload", "its files")
    yield from _table("Captures", head, rows)


def _imported(sources: Sequence[SourceFile]) -> Iterable[str]:
    """Where captures come from that others had made."""
    if sources:
        rows = [
            (each.name, each.origin, each.sha256, ", ".join(map(str, each.captures)), each.row or "not here")
            for each in sources
        ]
        head = ("file", "its name when it was imported", "its SHA-256", "captures out of it", "its row")
        yield from _table("Files of others that captures were imported from", head, rows)


def _decided(decisions: Sequence[Decision]) -> Iterable[str]:
    if decisions:
        rows = [
            (_moment(each.at), each.by, each.verb, each.subject, json.dumps(each.payload, ensure_ascii=False))
            for each in decisions
        ]
        yield from _table("Decisions about it", ("time", "by", "what", "about", "with"), rows)


def _runs(runs: Sequence[tuple[RunFacts, str]]) -> Iterable[str]:
    rows = [
        (
            str(run.id),
            run.folder,
            run.kind,
            run.operator or "",
            _moment(run.started_at),
            _moment(run.ended_at) if run.ended_at else "goes on",
            run.manifest_digest or "",
            stamp,
        )
        for run, stamp in runs
    ]
    head = ("run", "its rows", "kind", "operator", "from", "to", "SHA-256 of its manifest", "time stamp")
    yield from _table("Runs that added to it", head, rows)


def _text(text: RevisionText, name: str, language: str) -> Iterable[str]:
    number = f"Revision {text.number}" if text.number else "A text that no capture showed"
    yield f'<article lang="{language}" dir="auto">\n<p lang="en" dir="ltr"><b>{number}</b>, digest '
    yield f"<code>{escape(text.digest)}</code>, in <code>{escape(name)}</code></p>\n<h2>{escape(text.headline)}</h2>\n"
    if text.authors:
        yield f"<p>{escape(', '.join(text.authors))}</p>\n"
    if text.published and text.published.printed:
        yield f"<p>{escape(text.published.printed)}</p>\n"
    if text.lead:
        yield f'<p class="lead">{escape(text.lead)}</p>\n'
    for block in text.blocks:
        yield from _block(block)
    for figure in text.figures:
        if figure.caption:
            yield f"<p><i>{escape(figure.caption)}</i></p>\n"
    yield "</article>\n"


def _block(block: Block) -> Iterable[str]:
    if block.kind == "table":
        for row in block.rows:
            yield f"<p>{escape(' | '.join(row))}</p>\n"
    elif block.items:
        yield "<ul>\n" + "".join(f"<li>{escape(item)}</li>\n" for item in block.items) + "</ul>\n"
    elif block.kind == "heading":
        yield f"<h3>{escape(block.text)}</h3>\n"
    elif block.kind == "quote":
        yield f"<blockquote>{escape(block.text)}</blockquote>\n"
    elif block.text:
        yield f"<p>{escape(block.text)}</p>\n"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Iterable[str]:
    yield f'<h2>{escape(title)}</h2>\n<div class="scroll"><table>\n'
    if any(head):
        yield "<tr>" + "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head) + "</tr>\n"
    for row in rows:
        yield "<tr>" + "".join(f'<td dir="auto">{escape(cell or "")}</td>' for cell in row) + "</tr>\n"
    yield "</table></div>\n"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
