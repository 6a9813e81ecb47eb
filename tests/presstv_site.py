"""Pages in the form of Press TV's site, made for tests from its public description alone; no part of the replica.

Everything that the description leaves open is drawn anew for each page: extra classes, wrappers, white space,
quotation of attributes, order of side blocks, wording of the address line, form of breadcrumb and caption.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from random import Random
from typing import Literal

from scraper.outlet import Outlet

Era = Literal["old", "later"]
Addresses = Literal["listed", "linked", "none", "absent"]

FOREIGN = "US Rep. Ilhan Omar (D-MN) (L) talks with ... (AFP photo)"
ALTERNATES = "Press TV’s website can also be accessed at the following alternate addresses:"


@dataclass(frozen=True)
class Piece:
    """One page's truth. `body` holds paragraphs; an entry ('h', text), ('q', text) or ('l', items) is a heading, a
    quote or a list; ('more', headlines) is the 'Read more:' block, which is no text of the article."""

    headline: str
    section: tuple[str, ...]
    at: datetime
    body: tuple[str | tuple[str, object], ...]
    key: int = 638_500
    caption: str | None = None
    credit: str | None = None
    updated: datetime | None = None
    reporter: str | None = None
    place: str | None = None
    edition: Literal["en", "fr"] = "en"
    video: bool = False
    photos: tuple[str, ...] = ()
    addresses: Addresses = "listed"
    curly: bool = True
    share: bool = True

    @property
    def path(self) -> str:
        slug = "-".join(self.headline.replace("’", "").split()[:4])
        return f"/{('Detail', 'detail', 'DETAIL')[self.key % 3]}/{self.at:%Y/%m/%d}/{self.key}/{slug}"

    @property
    def printed_caption(self) -> str | None:
        return " ".join(part for part in (self.caption, self.credit) if part) or None


@dataclass
class Hand:
    """Whoever writes the markup: one seed, one hand."""

    seed: int
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def classes(self, name: str) -> str:
        """The attribute with a class among others, before or after, quoted in any way that HTML has."""
        more = self.pick("", "clearfix ", "pull-left ")
        value = self.pick(f"{more}{name}", f"{name} {more}".strip())
        if " " not in value and self.random.random() < 0.3:
            return f"class={value}"
        return self.pick(f'class="{value}"', f"class='{value}'", f'CLASS="{value} "')

    def space(self) -> str:
        return self.pick("", " ", "\n", "\r\n   ", "\t")

    def wrap(self, html: str) -> str:
        """The same within no, one or two elements that say nothing."""
        for _ in range(self.random.randrange(3)):
            html = f"<{(tag := self.pick('div', 'section', 'DIV'))}>{self.space()}{html}{self.space()}</{tag}>"
        return html

    def text(self, text: str) -> str:
        """Text as HTML, typographic signs raw or as references, lines broken anywhere."""
        html = escape(text, quote=False)
        if self.random.random() < 0.3:
            html = html.replace("’", "&rsquo;").replace("“", "&ldquo;").replace("”", "&#8221;")
        if self.random.random() < 0.3:
            html = html.replace(" ", self.pick("\n", "  ", " \n\t"), 1)
        return html

    def paragraph(self, text: str) -> str:
        html = self.text(text)
        words = html.split(" ")
        if len(words) > 12 and self.random.random() < 0.5:
            at = self.random.randrange(2, len(words) - 3)
            if not any(sign in "".join(words[at : at + 2]) for sign in "&<>\n"):
                mark = self.pick("strong", "em", "span", "b")
                words[at] = f"<{mark}>{words[at]}"
                words[at + 1] = f"{words[at + 1]}</{mark}>"
                html = " ".join(words)
        opening = self.pick("<p>", "<p dir=ltr>", '<p style="text-align: justify;">', "<P>")
        return f"{opening}{self.space()}{html}{self.space()}</p>"


def page_of(piece: Piece, era: Era, seed: int) -> str:
    """The page of a piece in an era's template, in the hand of a seed."""
    hand = Hand(seed)
    content = (_old if era == "old" else _later)(piece, hand)
    side = [_latest(hand, "Latest"), _latest(hand, "Most viewed"), _newsletter(hand), _menu(hand)]
    hand.random.shuffle(side)
    before, after = side[:2], side[2:]
    language = hand.pick(f' lang="{piece.edition}"', f" lang={piece.edition}-{piece.edition.upper()}")
    return (
        f"<!DOCTYPE html>\n<html{language}><head>{_head(piece, era, hand)}</head>\n<body>\n"
        f"{_top(hand)}{''.join(before)}\n{content}\n{''.join(after)}{_bottom(hand)}\n</body></html>"
    )


def printed_date(at: datetime, era: Era) -> str:
    """The date as an era prints it: 'Sun Mar 17, 2019 01:16PM', 'Monday, 16 November 2020 9:15 AM'."""
    if era == "old":
        return f"{at:%a %b} {at.day}, {at.year} {at:%I:%M%p}"
    return f"{at:%A}, {at.day} {at:%B %Y} {at.hour % 12 or 12}:{at:%M} {at:%p}"


def swap_rules(outlet: Outlet, one: str, other: str) -> Outlet:
    """The outlet with two fields of each template taken for each other."""
    templates = tuple(
        template.model_copy(update={one: getattr(template, other), other: getattr(template, one)})
        for template in outlet.templates
    )
    return outlet.model_copy(update={"templates": templates})


def _head(piece: Piece, era: Era, hand: Hand) -> str:
    lost = escape(piece.headline.replace("’", "").replace("'", ""))
    title = escape(piece.headline, quote=False)
    lines = [
        '<meta charset="utf-8">',
        f"<title>{title} - PressTV</title>" if era == "later" else f"<title>PressTV-{title}</title>",
        f'<meta property="og:title" content="{hand.pick("PressTV-", "")}{lost}">',
        f'<meta name="title" content="PressTV-{lost}">',
        f'<meta property="og:image" content="https://cdn.presstv.ir/Photo/2020/11/15/{piece.key}.jpg">',
        f'<link rel="canonical" href="https://www.presstv.ir{escape(piece.path)}">',
    ]
    if era == "later":
        at = piece.at
        stamp = f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M}:00 {at:%p}"
        lines.append(f"<meta name='DC.Date.Created' content='{stamp}'>")
    hand.random.shuffle(lines)
    return hand.space().join(lines)


def _old(piece: Piece, hand: Hand) -> str:
    updated = f" [Updated: {printed_date(piece.updated, 'old')} ]" if piece.updated else ""
    player = '<input type="hidden" id="inpPlayback" value="/presstv/video/x_low200.mp4">' if piece.video else ""
    source = f"//media.presstv.com/photo/20201115/{piece.key}.jpg"
    image = f'<img data-src="{source}" src="{source}">'
    figure = f"<figure {hand.classes('item-image')}>{image}{_caption(piece, hand)}</figure>"
    parts = [
        _breadcrumb(piece, hand),
        f"<h2 {hand.classes('page-header')}>{hand.space()}{hand.text(piece.headline)}{hand.space()}</h2>",
        f"<div {hand.classes('item-date')}><br>{hand.space()}{printed_date(piece.at, 'old')}{updated}</div>",
        "<ul><li>Embed</li></ul>",
        player,
        _foreign(piece),
        figure if not piece.video else "",
        hand.wrap(f"<div {hand.classes('item-text')}>{_body(piece, hand)}{_addresses(piece, hand)}</div>"),
        _share(piece),
    ]
    return hand.wrap(hand.space().join(hand.wrap(part) if part.startswith("<h2") else part for part in parts))


def _later(piece: Piece, hand: Hand) -> str:
    updated = f" [Updated: {printed_date(piece.updated, 'later')} ]" if piece.updated else ""
    date = printed_date(piece.at, "later") + updated
    date = hand.pick(date, f"<span>{date}</span>", f"<i class=clock></i> {date}", f"{piece.section[-1]} | {date}")
    player = ""
    if piece.video:
        player = (
            '<script>var config = {"playlist": [{"file": "https://preview.presstv.ir/x.m3u8"}]};</script>'
            "<div>Sorry, the video player failed to load.(Error Code: 100013)</div>"
            '<a href="//preview.presstv.ir/ptv/x.mp4"></a>'
        )
    body = _body(piece, hand) + _addresses(piece, hand)
    image = f'<img src="https://cdn.presstv.ir/Photo/2020/11/15/{piece.key}.jpg">'
    figure = f"<figure>{image}{_caption(piece, hand)}</figure>"
    if hand.random.random() < 0.5:
        figure = f"<div {hand.classes(hand.pick('news-image', 'media'))}>{image}{_caption(piece, hand)}</div>"
    parts = [
        _breadcrumb(piece, hand),
        f"<h1 {hand.classes('news-title-container')}>{hand.space()}{hand.text(piece.headline)}</h1>",
        f"<div {hand.classes('news-detail')}>{hand.space()}{date}</div>",
        _foreign(piece),
        figure if not piece.video else "",
        hand.wrap(f"<div {hand.classes('news-body-container')}>{player}{body}</div>"),
        _share(piece),
    ]
    return f'<div class="row"><div {hand.classes("col-md-9")}>{hand.wrap(hand.space().join(parts))}</div></div>'


def _breadcrumb(piece: Piece, hand: Hand) -> str:
    names = [hand.text(name) for name in piece.section]
    links = [f"<a href=/Section/{100 + at}>{name}</a>" for at, name in enumerate(names)]
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"<div {hand.classes('breadcrumb')}>{'   /   '.join(links)}</div>",
        lambda: f"<ol {hand.classes('breadcrumb')}>{''.join(f'<li>{link}</li>' for link in links)}</ol>",
        lambda: f"<nav id='breadcrumbs'>{' <span>/</span> '.join(links)}</nav>",
    )
    return hand.random.choice(forms)()


def _caption(piece: Piece, hand: Hand) -> str:
    if piece.printed_caption is None:
        return ""
    text = hand.text(piece.printed_caption)
    return hand.pick(
        f"<figcaption>{text}</figcaption>",
        f"<div {hand.classes('caption')}>{text}</div>",
        f"<p class='img-caption'>{text}</p>",
        f"<span>{text}</span>",
    )


def _foreign(piece: Piece) -> str:
    return f"<div class='image-caption'>{FOREIGN}</div>" if piece.edition == "fr" else ""


def _body(piece: Piece, hand: Hand) -> str:
    parts = []
    if piece.reporter:
        name, place = hand.text(piece.reporter), f"Press TV, {piece.place}"
        apart, together = f"<p>{name}</p><p>{place}</p>", f"<p>{name}<br>{place}</p>"
        parts.append(hand.pick(apart, together, f"<h4>{name}</h4><h5>{place}</h5>"))
    for entry in piece.body:
        parts.append(hand.paragraph(entry) if isinstance(entry, str) else _special(entry, piece, hand))
    for number, caption in enumerate(piece.photos):
        image = f'<img src="https://cdn.presstv.ir/Photo/2020/11/15/{piece.key}-{number}.jpg">'
        parts.append(f"<figure>{image}<figcaption>{hand.text(caption)}</figcaption></figure><p>&nbsp;</p>")
    if piece.photos:
        parts += ["<p> </p>"] * 6
    return hand.space().join(parts)


def _special(entry: tuple[str, object], piece: Piece, hand: Hand) -> str:
    kind, value = entry
    if kind == "h":
        return f"<h3>{hand.text(str(value))}</h3>"
    if kind == "q":
        return f"<blockquote><p>{hand.text(str(value))}</p></blockquote>"
    assert isinstance(value, Sequence)
    if kind == "l":
        return f"<ul>{''.join(f'<li>{hand.text(item)}</li>' for item in value)}</ul>"
    label = "Read more:" if piece.edition == "en" else "Lire aussi :"
    links = [f'<a href="/Detail/2020/11/14/{638_000 + at}/x">{hand.text(title)}</a>' for at, title in enumerate(value)]
    forms = [
        f"<p><strong>{label}</strong></p><ul>{''.join(f'<li>{link}</li>' for link in links)}</ul>",
        f"<p>{label}</p>{''.join(f'<p>{link}</p>' for link in links)}",
        f"<p><strong>{label}</strong><br>{'<br>'.join(links)}</p>",
        f"<h4>{label}</h4><ul>{''.join(f'<li><strong>{link}</strong></li>' for link in links)}</ul>",
    ]
    return hand.random.choice(forms) if links else f"<p><strong>{label}</strong></p>"


def _addresses(piece: Piece, hand: Hand) -> str:
    if piece.addresses == "absent":
        return ""
    line = ALTERNATES if piece.curly else ALTERNATES.replace("’", "'")
    shown = {
        "listed": "www.presstv.co.uk",
        "linked": '<a href="http://www.presstv.co.uk">www.presstv.co.uk</a>',
        "none": "",
    }[piece.addresses]
    joined = f"<p>{line}</p>" + (f"<p>{shown}</p>" if shown else "")
    return hand.pick(joined, f"<p><strong>{line}</strong></p><p>{shown}</p>", f"<p>{line}<br>{shown}</p>")


def _share(piece: Piece) -> str:
    share = '<div class="share-news"><span>SHARE THIS ARTICLE</span> <a href="#">f</a></div>' if piece.share else ""
    return f'{share}<div><a href="https://channelstore.roku.com/x">Press TV News Roku</a></div>'


def _top(hand: Hand) -> str:
    child = '<div class="child"><a href="/Section/10101">Politics</a></div>'
    menu = f'<ul class="menu"><li {hand.classes("haschild")}>Iran{child}</li></ul>'
    return f'<div class="header"><a href="/">Press TV</a>{menu}</div>'


def _menu(hand: Hand) -> str:
    sections = ((102, "West Asia"), (105, "Africa"))
    items = "".join(f"<li><a href=/Section/{number}>{name}</a></li>" for number, name in sections)
    return f"<ul {hand.classes('dropdown-menu')}>{items}<li><a href=/doc/section/601>Documentaries</a></li></ul>"


def _latest(hand: Hand, title: str) -> str:
    items = "".join(
        f'<div class="section-data"><div><a class="hover-effect" href="/Detail/2020/11/1{at}/63{at}001/x">'
        f"A headline of the side block, number {at}, as long as headlines are</a></div>"
        f"<p>A teaser beside it that is a sentence, which no article holds.</p></div>"
        for at in range(1, 6)
    )
    return hand.wrap(f'<div class="section-latest"><div class="topnews-title">{title}</div>{items}</div>')


def _newsletter(hand: Hand) -> str:
    return hand.wrap("<div class='newsletter'><p>Subscribe to our newsletter and never miss a story.</p></div>")


def _bottom(hand: Hand) -> str:
    live = "<a href=/Default/Live>Live</a>"
    return hand.wrap(f"<div class=footer><p>© 2020 Press TV. All rights reserved.</p>{live}</div>")
