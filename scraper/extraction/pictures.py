"""Figures of a page without a profile: images of its text with the captions printed at them.

Markup: HTML's figure and figcaption; WordPress' `wp-caption` (img_caption_shortcode()) and `wp-block-image`, `gallery`;
Hugo's shortcode `figure`, whose attribution is a link at the caption's end (gohugo.io/content-management/shortcodes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from scraper.extraction.conventions import classes_of
from scraper.extraction.links import absolute
from scraper.extraction.passages import text_of, tidy
from storage.content import Figure

_SOURCES = ("data-src", "data-original", "data-lazy-src", "src")
_MOST = 100
_CREDIT_CLASS = re.compile(r"credit|copyright|byline|attribution|photographer|source", re.I)
_CREDIT = re.compile(
    r"(?:\(\s*)?(?:(?:\b(?:photo(?:graph)?s?(?: by)?|image|picture|credits?|courtesy of|foto|bild|crédits?(?: photo)?"
    r"|photographie|fotografía|imagen|зображення|фото)\s*[:：/]|\b(?:photo|image|photograph|picture) by\b)"
    r"|[©Ⓒ]|(?:تصوير|صورة|الصورة|عکس|عکاس|تصویر)\s*[:：])\s*(?P<credit>[^()\n]{2,120}?)\s*+\)?+\s*+$",
    re.I,
)
_SENTENCE_END = re.compile(r"[.!?؟。…][\"”»’)]?\s*$")
_SIZE = re.compile(r"-\d+x\d+(?=\.\w+$)|-scaled(?=\.\w+$)")
_PIXELS = re.compile("[0-9]{1,6}")
_SMALLEST = 60
"""Pixels of width or height stated below which an image is an icon."""
_APART = frozenset(("aside", "nav", "footer", "form"))
_CAPTION = frozenset(("wp-caption-text", "wp-element-caption", "gallery-caption", "caption"))


def find_figures(
    holder: HtmlElement, base: str, *, plain_images: bool, above: Iterable[HtmlElement] = ()
) -> tuple[Figure, ...]:
    """The figures in `holder`, and those that stand in `above` before it, in the order of the page.

    `plain_images` takes images without a figure around them too, as Markdown writes them.
    """
    found: dict[str, Figure] = {}
    for element in [*above, *_framed(holder, plain_images=plain_images)]:
        figure = _read(element, base)
        if figure is not None and figure.url is not None and len(found) < _MOST:
            key = image_name(figure.url)
            if key not in found or (figure.caption and not found[key].caption):
                found[key] = figure
    return tuple(found.values())


def image_name(url: str) -> str:
    """What stays the same of an image's address over the sizes in which a site serves it."""
    try:
        return _SIZE.sub("", urlsplit(url).path)
    except ValueError:
        return url


def frames_before(holder: HtmlElement, root: HtmlElement) -> list[HtmlElement]:
    """The figures within `root` that stand before `holder`: the picture over the text."""
    found: list[HtmlElement] = []
    for element in root.iter():
        if element is holder:
            break
        if element.tag == "figure" and not _is_apart(element, root):
            found.append(element)
    return found


def _framed(holder: HtmlElement, *, plain_images: bool) -> Iterator[HtmlElement]:
    seen: set[HtmlElement] = set()
    for element in holder.iter("figure", "div", "dl", "img"):
        if any(each in seen for each in element.iterancestors()):
            continue
        names = classes_of(element)
        image = element.tag == "img"
        framed = element.tag == "figure" or bool(names & {"wp-caption", "gallery-item", "wp-block-media-text"})
        if _is_apart(element, holder) or not (framed or (image and plain_images)):
            continue
        if framed and len(list(element.iter("figure"))) > 1:
            continue
        seen.add(element)
        yield element


def _is_apart(element: HtmlElement, root: HtmlElement) -> bool:
    for each in element.iterancestors():
        if each is root:
            return False
        if each.tag in _APART:
            return True
    return False


def _read(element: HtmlElement, base: str) -> Figure | None:
    image = element if element.tag == "img" else next(element.iter("img"), None)
    if image is None:
        return None
    url = _address(image, base)
    if url is None or _is_icon(image):
        return None
    holder = _caption_of(element)
    if holder is None:
        return Figure(url)
    credit_holder = _credit_holder(holder)
    caption = tidy(text_of(holder, without=() if credit_holder is None else {credit_holder})) or None
    if credit_holder is not None:
        return Figure(url, caption, text_of(credit_holder).lstrip("-–— ") or None)
    match = _CREDIT.search(caption or "")
    return Figure(url, caption, match["credit"].strip(" .") if match else None)


def _caption_of(element: HtmlElement) -> HtmlElement | None:
    if element.tag == "img":
        return None
    for each in element.iterdescendants():
        if isinstance(each.tag, str) and (each.tag == "figcaption" or classes_of(each) & _CAPTION) and text_of(each):
            return each
    texts = [each for each in element.iterchildren("p") if text_of(each)] if element.tag == "figure" else []
    return texts[0] if len(texts) == 1 else None


def _credit_holder(caption: HtmlElement) -> HtmlElement | None:
    """The element within a caption that holds the credit: so called, a cite, or a link behind the last sentence."""
    for each in caption.iterdescendants("span", "cite", "small", "p", "div", "em", "i"):
        if (each.tag in ("cite", "small") or _CREDIT_CLASS.search(each.get("class") or "")) and text_of(each):
            return each
    links = list(caption.iter("a"))
    last = links[-1] if links else None
    if last is None or (last.tail or "").strip():
        return None
    rest = text_of(caption, without={last})
    return last if _SENTENCE_END.search(rest) and text_of(caption).endswith(text_of(last)) else None


def _address(image: HtmlElement, base: str) -> str | None:
    for name in _SOURCES:
        source = (image.get(name) or "").strip()
        if source and not source.lower().startswith("data:") and (url := absolute(base, source)):
            return url
    return None


def _is_icon(image: HtmlElement) -> bool:
    sizes = [match[0] for name in ("width", "height") if (match := _PIXELS.fullmatch(image.get(name) or ""))]
    return any(int(size) < _SMALLEST for size in sizes) or bool(classes_of(image) & {"avatar", "emoji", "wp-smiley"})
