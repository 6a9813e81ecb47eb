"""The body of a page whose content is plain flow: what editors and Markdown write, with nothing put in between.

Where a page marks its content, or its paragraphs stand side by side without classes, all of it is the body. Any element
that no editor writes makes it another page, for which the engine's choice holds.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from scraper.extraction.conventions import classes_of, is_wordpress_post, marked_contents
from scraper.extraction.passages import INLINE, SILENT, Passage, ends_sentence, letters_of

_FLOW = frozenset(
    ("p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "blockquote", "table", "pre", "hr", "figure", "br", "details")
)
_BOXES = frozenset(("div", "section", "center"))
_ASIDE = frozenset(("header", "footer", "nav", "aside", "form", "button"))
_STOCK = re.compile(
    r"(?:has-|wp-|is-|align|size-|footnote|task-list|contains-task-list|chroma|highlight|language-|gallery|columns-"
    r"|blocks-gallery|twitter-tweet|instagram-media|no-wrap|are-|fn$|image$|table$|tb-)"
)
"""Classes of the block editor's and the classic editor's output, of Goldmark's and Chroma's."""
_DROPPED = frozenset(
    (
        "wp-block-buttons", "wp-block-button", "wp-block-latest-posts", "wp-block-archives", "wp-block-categories",
        "wp-block-tag-cloud", "wp-block-search", "wp-block-social-links", "wp-block-query", "wp-block-navigation",
        "wp-block-latest-comments", "wp-block-rss", "wp-block-calendar", "wp-block-page-list", "wp-block-loginout",
        "page-links", "post-nav-links", "post-page-numbers", "wp-block-post-terms", "wp-block-post-author",
    )
)  # fmt: skip
"""Blocks that hold no text of the post: buttons, lists of posts and terms, forms, the links to its pages."""
_BESIDE_DATE = 45
"""Letters beside a date up to which its line is none of the text."""
_LABELS = re.compile(r"/(?:tags?|categor(?:y|ies)|topics?)/", re.I)
_AUTHOR = re.compile(r"(?:post-|entry-|about-)?author(?:-(?:bio|box|info|description|content))?$", re.I)
_OF_FIGURES = frozenset(("figcaption", "blockquote", "table", "pre"))
_LINKED = 0.9
_HALF = 0.5
_SUBSTANTIAL = 80
_MOST_DROPPED = 3
_SUBHEADINGS = frozenset(("h2", "h3", "h4", "h5", "h6"))
_LEAST_SENTENCE = 25
"""Letters from which on what the engine chose before the flow is of the text: any, or a sentence in a paragraph."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A body found as flow: the element that holds it, and its passages in order."""

    holder: HtmlElement
    passages: tuple[Passage, ...]


def find_flow(
    tree: HtmlElement, passages: Sequence[Passage], taken: Sequence[Passage], description: str
) -> Flow | None:
    """The body where the page's content is plain flow, else None. `taken` are the passages that the engine chose,
    `description` is what the page's metadata say of it.

    What of these stands before the flow, as a lead does, goes before it; anything of it elsewhere means that the
    flow is not the whole text.
    """
    marked = marked_contents(tree)
    post = is_wordpress_post(tree)
    if len(marked) == 1 and post:
        kept: set[HtmlElement] = set()
        found = _within(passages, kept, taken) if _collect(marked[0], kept) else ()
        return _with_lead(marked[0], found, taken, letters_of(description), marked=True)
    return _find_run(passages, taken, letters_of(description)) if not post else None


def _with_lead(
    holder: HtmlElement, found: Sequence[Passage], taken: Sequence[Passage], described: str, *, marked: bool
) -> Flow | None:
    """The flow with what the engine took before it; None where it took more of the text elsewhere. What is light and
    stands outside of content that is `marked` as such is no text."""
    orders = {each.order for each in found}
    if not orders:
        return None
    first = min(orders)
    before = []
    dropped = 0
    for passage in taken:
        if passage.order in orders or not passage.letters:
            continue
        light = len(passage.letters) < _SUBSTANTIAL
        if passage.order > first:
            if _is_beside(passage) or (marked and light and holder not in passage.element.iterancestors()):
                continue
            return None
        if not light or (_is_sentence(passage) and passage.letters != described):
            before.append(passage)
        elif passage.element.tag in _SUBHEADINGS or dropped >= _MOST_DROPPED:
            return None
        else:
            dropped += not _is_beside(passage)
    return Flow(holder, (*before, *found))


def _is_sentence(passage: Passage) -> bool:
    plain = passage.element.tag == "p" and len(passage.letters) >= _LEAST_SENTENCE
    return plain and ends_sentence(passage.text) and not _is_date_line(passage)


def _find_run(passages: Sequence[Passage], taken: Sequence[Passage], described: str) -> Flow | None:
    """Paragraphs without classes that stand side by side with other flow, and hold nearly all that the engine chose."""
    letters: dict[HtmlElement, int] = {}
    for passage in taken:
        parent = passage.element.getparent()
        if passage.element.tag == "p" and parent is not None and _is_plain(passage.element):
            letters[parent] = letters.get(parent, 0) + len(passage.letters)
    if not letters:
        return None
    holder = max(letters, key=letters.__getitem__)
    if holder.tag in ("blockquote", "li", "td", "th", "figure", "figcaption", "aside", "footer", "nav", "form", "body"):
        return None
    inside = [each for each in passages if each.letters and holder in each.element.iterancestors()]
    # Runs are many where lines are parted by <br>: each passage is looked at once, and not once for each run.
    numbers = {element: number for number, run in enumerate(_runs(holder)) for element in run}
    runs: dict[int, list[Passage]] = {}
    for passage in _within(inside, numbers, taken):
        kept = next(each for each in (passage.element, *passage.element.iterancestors()) if each in numbers)
        runs.setdefault(numbers[kept], []).append(passage)
    best = max(runs.values(), key=lambda run: sum(len(each.letters) for each in run), default=[])
    return _with_lead(holder, _trimmed(best), taken, described, marked=False)


def _runs(holder: HtmlElement) -> Iterable[set[HtmlElement]]:
    run: set[HtmlElement] = set()
    for child in holder:
        kept: set[HtmlElement] = set()
        if _collect_child(child, kept):
            run |= kept
        elif child.tag not in _ASIDE or child.tag == "header":
            yield run
            run = set()
        if (child.tail or "").strip():
            yield run
            run = set()
    yield run


def _collect(holder: HtmlElement, kept: set[HtmlElement]) -> bool:
    """Gather the flow within an element; False where something else stands in it."""
    if not _says_nothing_loose(holder):
        return False
    return all(_collect_child(child, kept) or child.tag in _ASIDE for child in holder)


def _collect_child(child: HtmlElement, kept: set[HtmlElement]) -> bool:
    tag = child.tag
    if not isinstance(tag, str) or tag in SILENT or classes_of(child) & _DROPPED:
        return True
    if tag in _ASIDE:
        return False
    if tag in _FLOW:
        if _is_plain(child):
            kept.add(child)
            return True
        return not _has_text(child)
    if tag in _BOXES and classes_of(child) and _is_plain(child) and _collect(child, kept):
        return True
    return not _has_text(child)


def _is_plain(element: HtmlElement) -> bool:
    return all(_STOCK.match(name) for name in classes_of(element))


def _says_nothing_loose(holder: HtmlElement) -> bool:
    """Whether no text stands directly in an element, beside its blocks."""
    if (holder.text or "").strip():
        return False
    return not any((child.tail or "").strip() or (child.tag in INLINE and _has_text(child)) for child in holder)


def _has_text(element: HtmlElement) -> bool:
    """Whether a reader sees any text in an element."""
    for each in element.iter():
        if isinstance(each.tag, str) and each.tag not in SILENT and (each.text or "").strip():
            return True
        if each is not element and (each.tail or "").strip():
            return True
    return False


def _within(passages: Sequence[Passage], kept: Container[HtmlElement], taken: Sequence[Passage]) -> tuple[Passage, ...]:
    """The passages of the flow. Lists of links alone count where the engine took them, and of a figure its caption, its
    quotation and its table."""
    chosen = {each.order for each in taken}
    found = []
    for passage in passages:
        tags = _tags_up_to(passage.element, kept) if passage.letters else None
        if tags is None:
            continue
        aside = any(tag in _ASIDE for tag in tags) and passage.order not in chosen
        bare = "figure" in tags and not any(tag in _OF_FIGURES for tag in tags)
        linked = "li" in tags and passage.link_share >= _LINKED and passage.order not in chosen
        if not bare and not linked and not aside:
            found.append(passage)
    return tuple(found)


def _tags_up_to(element: HtmlElement, kept: Container[HtmlElement]) -> list[str] | None:
    """The tags of an element and of all around it up to one that is kept; None where none of them is."""
    tags = []
    for each in (element, *element.iterancestors()):
        tags.append(str(each.tag))
        if each in kept:
            return tags
    return None


def _is_beside(passage: Passage) -> bool:
    """Whether a passage stands in what is around a text: its header or footer, a menu, a box of the author's."""
    for each in (passage.element, *passage.element.iterancestors()):
        if each.tag in _ASIDE:
            return True
        if each.tag != "body" and any(_AUTHOR.match(name) for name in classes_of(each)):
            return True
    return False


def _trimmed(found: Sequence[Passage]) -> tuple[Passage, ...]:
    """Without a line of date and name before the text, and lines of labels behind it."""
    kept = list(found)
    while kept and _is_date_line(kept[0]):
        kept.pop(0)
    while kept and _is_label_line(kept[-1]):
        kept.pop()
    return tuple(kept)


def _is_date_line(passage: Passage) -> bool:
    """Whether a line is a date with little beside it: 'May 4 · By Ada Berg · 3 min read'."""
    dates = "".join("".join(each.itertext()) for each in passage.element.iter("time"))
    beside = len(letters_of("".join(passage.element.itertext()))) - len(letters_of(dates))
    return bool(dates) and beside <= _BESIDE_DATE


def _is_label_line(passage: Passage) -> bool:
    links = list(passage.element.iter("a"))
    return bool(links) and passage.link_share > _HALF and all(_LABELS.search(each.get("href") or "") for each in links)
