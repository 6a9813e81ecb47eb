"""What the names that a page gives its elements say of their content, and the elements around them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from lxml.html import HtmlElement

_MARKS = {
    "content": r"content|article|story|entry|post$|main|single|page$",
    "body": r"body|text|copy$|prose|paragraph|rich|wysiwyg|content$",
    "lead": r"^lead|lede|standfirst|intro|^dek$|deck|summary|excerpt|^sub|chapo|abstract|kicker|description|strap$"
    r"|preamble",
    "caption": r"caption|credit|legend|figure|copyright",
    "byline": r"author|byline|writer|contributor|reporter|journalist|^by$|^bio$|profile",
    "date": r"date|time|publish|posted|updated|^meta|^info$",
    "share": r"share|social|facebook|twitter|whatsapp|follow|addthis|^sns$",
    "related": r"relat|recommend|^more$|readmore|^also$|^next$|suggest|popular|trending|^most$|latest|similar|further"
    r"|outbrain|taboola",
    "comment": r"comment|disqus|discuss|reply|respond|feedback",
    "menu": r"^nav|menu|crumb|^tabs?$|paginat|pager|^skip|toolbar|topbar",
    "footer": r"foot|bottom|colophon",
    "header": r"header|masthead|hero|^top$",
    "advert": r"^ads?$|advert|sponsor|promo|banner|^dfp$|^gpt$|affiliate|commercial|marketing|partner|^deal|^shop"
    r"|product|price|^cta$",
    "subscribe": r"newsletter|subscri|^sign|login|register|paywall|premium|member|donat|support|piano|meter|offer|optin"
    r"|^form$",
    "tag": r"^tags?$|topic|keyword|categor|label|eyebrow",
    "side": r"side|widget|^rail|^right$|secondary|module|complementary|panel|drawer",
    "legal": r"legal|licen|disclaim|cookie|consent|gdpr|privacy|^terms$|rights",
    "media": r"image|^img|photo|picture|gallery|media|video|player|audio|podcast|slide|carousel|thumb|lightbox|swiper",
    "list": r"list|grid|card|item|feed|river|stream|teaser|archive|cell|tile|^row",
    "title": r"title|headline|heading",
    "quote": r"quote|^pull|cite",
    "box": r"box|fact|callout|takeaway|highlight|^note|^tips?$|explainer|timeline",
    "embed": r"embed|tweet|instagram|iframe",
    "hidden": r"hidden|^hide|invisible|^sr$|reader|modal|popup|overlay|tooltip|dropdown|collapse|offcanvas|print",
    "note": r"correct|editor|footnote|source|tagline|endnote|dateline|signature|disclosure",
    "live": r"^live|ticker|breaking|alert",
    "button": r"button|^btn|click|toggle|expand|^close|icon",
}
MARKS = tuple(_MARKS)
"""Groups of words that class, id and other names of elements are made of."""

_PATTERNS = tuple((1 << at, re.compile(pattern)) for at, pattern in enumerate(_MARKS.values()))
_NAMES = ("class", "id", "role", "itemprop", "data-component", "data-testid", "data-type", "data-module", "aria-label")
_LONGEST = 400
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_WITH_DIGIT = re.compile(r"\S*\d\S*")
_SPACES = re.compile(r"\s+")

TAGS = (
    "p", "li", "blockquote", "figure", "figcaption", "table", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "aside",
    "nav", "footer", "header", "article", "main", "section", "form", "dl", "dd", "dt", "pre", "details", "address",
    "body", "div", "ul", "ol",
)  # fmt: skip
"""Elements that tell something of the text in them."""

_TAG_BITS = {tag: 1 << at for at, tag in enumerate(TAGS)}


class Place:
    """An element on its page: `tag` and what it stands `within` as bits of TAGS; `shape` is the same for elements that
    the page means alike."""

    __slots__ = ("_above", "_own", "depth", "element", "parent", "shape", "tag", "within")

    def __init__(self, element: HtmlElement, parent: Place | None) -> None:
        self.element = element
        self.parent = parent
        self._own: int | None = None
        self._above: int | None = None
        name = str(element.tag)
        self.tag = _TAG_BITS.get(name, 0)
        classes = element.get("class")
        self.shape = (name, _shape_of(classes) if classes else "")
        if parent is None:
            self.within, self.depth = self.tag, 0
        else:
            self.within, self.depth = parent.within | self.tag, parent.depth + 1

    @property
    def own(self) -> int:
        """What the element's names say, as bits of MARKS."""
        if self._own is None:
            attributes = self.element.attrib
            names = " ".join([value for name in _NAMES if (value := attributes.get(name))]) if attributes else ""
            self._own = _marks_in(names[:_LONGEST]) if names and self.shape[0] != "body" else 0
        return self._own

    @property
    def above(self) -> int:
        """What the names of the element and of all around it say, as bits of MARKS."""
        if self._above is None:
            self._above = self.own | (self.parent.above if self.parent is not None else 0)
        return self._above


class Places:
    """The places of a page's elements, each looked at once."""

    def __init__(self) -> None:
        self._known: dict[HtmlElement, Place] = {}

    def of(self, element: HtmlElement) -> Place:
        """The place of an element."""
        place = self._known.get(element)
        if place is None:
            parent = element.getparent()
            place = self._known[element] = Place(element, self.of(parent) if parent is not None else None)
        return place


def bits_of(names: Iterable[str], known: tuple[str, ...]) -> int:
    """Names of MARKS or TAGS as bits."""
    return sum(1 << known.index(name) for name in names)


@lru_cache(maxsize=20_000)
def _marks_in(names: str) -> int:
    marks = 0
    for word in _WORD.findall(names):
        marks |= _marks_of(word.lower())
    return marks


@lru_cache(maxsize=20_000)
def _marks_of(word: str) -> int:
    return sum(bit for bit, pattern in _PATTERNS if pattern.search(word))


@lru_cache(maxsize=20_000)
def _shape_of(classes: str) -> str:
    """Classes without those that hold a number, for that may be the element's own."""
    return _SPACES.sub(" ", _WITH_DIGIT.sub("", classes)).strip()[:60]
