"""The inside of an article's page: its body with what templates leave in it, the same in every dress."""

from __future__ import annotations

from scraper.demo.story import Blank, Part, Photo, ReadMore, Story, wording
from scraper.demo.view import View
from storage.content import Block

_ALTERNATES = {
    "en": "{title}’s website can also be accessed at the following alternate addresses:",
    "fr": "Le site de {title} est aussi accessible aux adresses suivantes :",
}
_READ_MORE = {"en": "Read more:", "fr": "Lire aussi :"}


def body_html(story: Story, view: View) -> str:
    """The body's paragraphs, with the 'Read more:' block and the line of alternate addresses among them."""
    out = [_part(part, story, view) for part in story.parts]
    out.append(_alternates(story, view))
    return "\n".join(out)


def figure_html(photo: Photo, view: View, css: str) -> str:
    """A photo with its caption, if it has one."""
    alt = view.attribute(photo.caption)
    caption = f"<figcaption>{view.text(photo.printed)}</figcaption>" if photo.printed else ""
    return f'<figure class="{css}"><img src="{view.scheme}:{view.image(photo)}" alt="{alt}">{caption}</figure>'


def _part(part: Part, story: Story, view: View) -> str:
    match part:
        case Block():
            return _block(part, story, view)
        case Photo():
            return figure_html(part, view, "body-image")
        case ReadMore():
            return _read_more(part, story, view)
        case Blank():
            return "<p>&nbsp;</p>"


def _block(block: Block, story: Story, view: View) -> str:
    match block.kind:
        case "heading":
            return f"<h{block.level}>{view.text(block.text)}</h{block.level}>"
        case "quote":
            return f"<blockquote><p>{view.text(block.text)}</p></blockquote>"
        case "list":
            items = "".join(f"<li>{view.text(item)}</li>" for item in block.items)
            return f"<ul>{items}</ul>"
        case _:
            return f"<p>{_marked_up(block.text, story, view)}</p>"


def _marked_up(text: str, story: Story, view: View) -> str:
    """A paragraph's text with the inline markup that editors leave: a speaker in bold, a link, an emphasis."""
    html = view.text(text)
    if story.stub.slot.kind == "interview":
        speaker, colon, rest = html.partition(": ")
        if colon and len(speaker) < 30:
            html = f"<strong>{speaker}:</strong> {rest}"
    phrase = view.text(story.emphasis)
    if story.stub.index % 3 == 0:
        return html.replace(phrase, f"<em>{phrase}</em>", 1)
    if story.stub.index % 3 == 1 and len(html) > 3 * len(phrase):
        return html.replace(phrase, f'<a href="/Tag/{story.stub.section.number}">{phrase}</a>', 1)
    return html


def _read_more(part: ReadMore, story: Story, view: View) -> str:
    label = _READ_MORE[story.stub.edition]
    links = [
        f'<a href="{view.href(stub)}">{view.text(stub.headline)}</a>'
        for stub in (view.stub(index) for index in part.links)
    ]
    if story.stub.index % 2:
        return f"<p><strong>{label}</strong></p>\n<ul>{''.join(f'<li>{link}</li>' for link in links)}</ul>"
    return "\n".join([f"<p>{label}</p>", *(f"<p>{link}</p>" for link in links)])


def _alternates(story: Story, view: View) -> str:
    """The line of alternate addresses in one of its wordings, or nothing; announced since 2020."""
    form = wording(view.catalogue.seed, story.stub.index)
    if story.stub.local.year < 2020 or form > 0.85 or (story.stub.edition == "fr" and not view.hosts.french_dates):
        return ""
    line = _ALTERNATES[story.stub.edition].format(title=view.hosts.title)
    if 0.35 < form < 0.55 or form > 0.75:
        line = line.replace("’", "'")
    if form > 0.55:
        return f"<p>{view.text(line)}</p>"
    host = view.hosts.announced[story.stub.index % len(view.hosts.announced)]
    shown = host if form > 0.2 else f'<a href="http://{host}">{host}</a>'
    return f"<p><strong>{view.text(line)}</strong></p>\n<p>{shown}</p>"
