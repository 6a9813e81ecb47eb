"""What publishing systems are documented to write into every page, whatever its theme.

Sources: WordPress' get_body_class(), post_class(), comments_template(), get_the_password_form() and register_sidebar()
(developer.wordpress.org/reference/functions) and its block library (classes wp-block-*,
developer.wordpress.org/block-editor), microformats (h-entry and hAtom, microformats.org), DPUB-ARIA 1.1 for footnotes
(w3.org/TR/dpub-aria-1.1), which Goldmark, Hugo's Markdown renderer, writes too; AMP's placeholders and fallbacks
(amp.dev/documentation/guides-and-tutorials/develop/style_and_layout/placeholders).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from lxml import etree
from lxml.html import HtmlElement

_NOTE_ROLES = frozenset(("doc-noteref", "doc-backlink"))
_NOTE_CLASSES = frozenset(("footnote-ref", "footnote-backref"))
_ARROW = re.compile(r"[\s\u00a0]*(?:↩|↑|⏎|↵)\ufe0e?[\s\u00a0]*")
_LISTINGS = frozenset(
    ("home", "blog", "category", "tag", "author", "date", "search", "tax-post_format", "post-type-archive")
)
_MISSING = "error404"
_SINGLES = frozenset(("single", "singular", "page", "attachment"))
_WORDPRESS_PAGE = re.compile(r"(?:postid|page-id|attachmentid)-\d+")
_PAGE_NUMBER = re.compile(r"page-id-\d+")
_ASKS = re.compile(r"/wp-login\.php\?action=postpass$")
_COMMENTS = frozenset(
    (
        "comments-area",
        "comment-list",
        "comment-respond",
        "commentlist",
        "wp-block-comments",
        "wp-block-post-comments",
        "wp-block-comments-query-loop",
    )
)
_WIDGETS = frozenset(("widget-area", "widget", "wp-block-latest-comments"))
_ELSEWHERE = frozenset(("post-navigation", "posts-navigation", "wp-block-post-navigation-link"))
_POSTS = frozenset(("wp-block-query", "wp-block-latest-posts"))
_EMBED = "wp-block-embed__wrapper"
_ADDRESS = re.compile(r"\s*https?://\S+\s*")
_CONTENT = frozenset(("entry-content", "wp-block-post-content", "e-content"))
_WITH_CLASS = etree.XPath("//body//*[@class]")
_BODY = etree.XPath("//body")
_WITH_ID = etree.XPath("//body//*[@id]")
_MARK = re.compile(r"\s*(?:[\[(]\s*)?(?:\d{1,3}|[a-z]|[*†‡§]{1,3}|\^)(?:\s*[\])])?\s*")
_MOST_MARKS, _MARK_WITHIN, _MOST_BACK = 1_000, 2, 20
"""Links within a page that may be marks of notes, elements around one that may be meant by its note, and links of a
note that are looked at."""
_INSTEAD_OF_AMP = etree.XPath("//body//*[@placeholder or @fallback or @overflow][starts-with(local-name(..), 'amp-')]")


def classes_of(element: HtmlElement) -> frozenset[str]:
    """The class tokens of an element."""
    return frozenset((element.get("class") or "").split())


def clear_page(tree: HtmlElement) -> None:
    """Take out of a page, in place, what stands in or beside every text and is no part of it.

    These are the marks that lead to footnotes and back, known by their names or since two lead to one another, and what
    AMP shows until its elements are loaded, where they cannot be, and where they are cut short; on a page of WordPress
    comments too, widgets, the links to the posts before and after, and addresses that stand where their embeds should;
    on that of a post the lists of other posts.
    """
    marks: list[HtmlElement] = []
    others: list[HtmlElement] = []
    for element in tree.iter("a", "sup"):
        if _is_note_mark(element):
            marks.append(element)
        elif (element.get("href") or "").startswith("#") and _MARK.fullmatch("".join(element.itertext())):
            others.append(element)
    for element in [*marks, *_paired(tree, others[:_MOST_MARKS]), *_INSTEAD_OF_AMP(tree)]:
        if element.getparent() is not None:
            element.drop_tree()
    if is_wordpress(tree):
        beside = _COMMENTS | _WIDGETS | _ELSEWHERE | (_POSTS if is_wordpress_post(tree) else frozenset())
        for element in _WITH_CLASS(tree):
            if element.getparent() is None:
                continue
            names = classes_of(element)
            if (names & beside and not _holds_content(element)) or (_EMBED in names and _is_address(element)):
                element.drop_tree()


def is_wordpress(tree: HtmlElement) -> bool:
    """Whether WordPress wrote a page: it names itself, or the body wears the classes of get_body_class()."""
    for element in tree.iter("meta"):
        named = (element.get("name") or "").lower() == "generator"
        if named and (element.get("content") or "").startswith("WordPress"):
            return True
    return any(_WORDPRESS_PAGE.fullmatch(name) or name == "wp-embed-responsive" for name in _body_classes(tree))


def wordpress_refusal(tree: HtmlElement, *, unsigned: bool) -> str | None:
    """Why a page is no article by what WordPress says of it in the body's classes: it lists posts ('listing': home,
    archive, search), nothing was found at its address, or it is a page and no post, and `unsigned`: its content is
    marked as such, and has neither author nor date ('no-article'); None where it says none of these.

    Pages are WordPress' for what does not age, as 'About' and 'Contact' (wordpress.org/documentation, Pages); where
    they hold articles, these have an author or a date.
    """
    names = _body_classes(tree)
    if names & _SINGLES:
        page = "page" in names and "single" not in names and any(map(_PAGE_NUMBER.fullmatch, names))
        return "no-article" if page and unsigned and is_wordpress(tree) else None
    if not names & (_LISTINGS | {_MISSING}) or not is_wordpress(tree):
        return None
    return "no-article" if _MISSING in names else "listing"


def is_withheld(tree: HtmlElement) -> bool:
    """Whether a page of WordPress asks for a password in the place of its text (get_the_password_form())."""
    if not is_wordpress(tree) or not _body_classes(tree) & {"single", "page"}:
        return False
    forms = [each for each in tree.iter("form") if _ASKS.search(each.get("action") or "")]
    return any(classes_of(above) & _CONTENT for form in forms for above in form.iterancestors())


def is_wordpress_post(tree: HtmlElement) -> bool:
    """Whether WordPress says by the body's classes that a page shows one post."""
    return "single" in _body_classes(tree) and is_wordpress(tree)


def marked_contents(tree: HtmlElement) -> list[HtmlElement]:
    """The elements that a page marks as an article's content by class or property, the outermost alone."""
    found: dict[HtmlElement, None] = {}
    for element in tree.iter("div", "section", "article", "main"):
        marked = classes_of(element) & _CONTENT or "articleBody" in (element.get("itemprop") or "").split()
        if marked and not any(above in found for above in element.iterancestors()):
            found[element] = None
    return list(found)


def _is_address(element: HtmlElement) -> bool:
    return bool(_ADDRESS.fullmatch("".join(element.itertext())))


def _holds_content(element: HtmlElement) -> bool:
    return any(classes_of(each) & _CONTENT for each in element.iterdescendants("div", "section", "article"))


def _is_note_mark(element: HtmlElement) -> bool:
    if element.tag == "sup":
        names = classes_of(element)
        return (element.get("data-fn") is not None and "fn" in names) or bool(
            (element.get("id") or "").startswith("fnref") and len(element) == 1
        )
    if element.get("role") in _NOTE_ROLES or classes_of(element) & _NOTE_CLASSES:
        return True
    return (element.get("href") or "").startswith("#") and bool(_ARROW.fullmatch("".join(element.itertext())))


def _paired(tree: HtmlElement, marks: Sequence[HtmlElement]) -> list[HtmlElement]:
    """Those of the links of a number or a sign that lead to a note from which such a link leads back, whoever wrote
    them."""
    named = {f"#{each.get('id')}": each for each in _WITH_ID(tree)} if len(marks) > 1 else {}
    back: dict[HtmlElement, set[str | None]] = {}
    found: list[HtmlElement] = []
    for mark in marks:
        note = named.get(mark.get("href") or "")
        if note is None:
            continue
        if note not in back:
            back[note] = {each.get("href") for each in islice(note.iter("a"), _MOST_BACK)}
        if not back[note].isdisjoint(_addresses_of(mark)):
            found.append(mark)
    return found


def _addresses_of(mark: HtmlElement) -> set[str | None]:
    """By what a note leads back to a mark: its name, or that of what is close around it."""
    around = (mark, *islice(mark.iterancestors(), _MARK_WITHIN))
    return {f"#{each.get('id')}" for each in around if each.get("id")}


def _body_classes(tree: HtmlElement) -> frozenset[str]:
    return next((classes_of(body) for body in _BODY(tree)), frozenset())
