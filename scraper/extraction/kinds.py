"""Whether a page as a whole is an article: a verdict from what it says of itself, its address, its make and its text.

Nothing here depends on the language of the page, but for some words of addresses that sites use in any language.
`kinds.json` holds the weights, in the form of scraper.extraction.forest; `python -m benchmarks.train` writes it.
"""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice, pairwise
from urllib.parse import unquote, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from scraper.extraction.conventions import is_wordpress_post
from scraper.extraction.forest import Forest, Row
from scraper.extraction.listing import is_teaser
from scraper.extraction.passages import Passage
from scraper.extraction.structured import ARTICLES, Structured, types_of

_TYPES = {
    "article": ARTICLES,
    "product": frozenset(
        ("product", "offer", "aggregateoffer", "productgroup", "individualproduct", "softwareapplication",
         "webapplication")
    ),
    "forum": frozenset(("discussionforumposting", "qapage", "question", "answer")),
    "list": frozenset(("collectionpage", "itemlist", "searchresultspage", "offercatalog", "blog", "imagegallery")),
    "house": frozenset(
        ("localbusiness", "service", "store", "restaurant", "hotel", "professionalservice", "faqpage", "aboutpage",
         "contactpage", "howto", "recipe")
    ),
    "crumb": frozenset(("breadcrumblist",)),
    "site": frozenset(("website",)),
}  # fmt: skip
"""Groups of types of schema.org, in lower case."""
_PATHS = {
    name: re.compile(rf"(?:{words})(?:\.\w+)?", re.I)
    for name, words in {
        "forum": "forum|thread|topic|discussion|questions?|community|viewtopic|showthread|t|r|comments",
        "shop": "shop|product|item|store|buy|dp|cart|catalog|collections?|category|categories|pricing|plans?|deals?",
        "docs": "docs?|documentation|wiki|help|support|manual|guide|reference|api|kb|faq|learn|tutorials?|man",
        "service": "services?|solutions?|about|contact|company|careers|jobs|industries|platform|features|products",
        "list": "tags?|topics?|archives?|author|search|category|categories|page|section|all|latest|list|directory"
        "|browse|index|sitemap",
        "news": "news|story|stories|articles?|posts?|blog|opinion|politics|sports?|world|business|magazine|press"
        "|releases?|entry|detail",
    }.items()
}
"""Groups of words that stand as whole segments in paths."""
_OPEN_GRAPH = ("article", "site", "product", "other", "none")
_COUNTED = (
    "label", "select", "input", "dl", "p", "pre", "code", "figure", "section", "h2", "h3", "a", "img", "ul", "iframe",
    "time", "table", "form", "article", "button", "blockquote",
)  # fmt: skip
_NODE = ("headline", "author", "datePublished")
_ENTRIES = ("li", "ul", "ol", "dd", "td")
_BARE = ("div", "span", "a")

NUMBERS = (
    # what the page says of itself
    "says_article", "dated", "marked", "authors", "published", "node", *(f"node_{name}" for name in _NODE),
    *(f"type_{name}" for name in _TYPES), *(f"og_{name}" for name in _OPEN_GRAPH), "meta_author", "meta_section",
    # its headline
    "headline_words", "headline_characters", "headline_capitals", "headline_signs",
    # its address
    "path_depth", "path_last", "path_last_dashes", "path_dashes", "path_query", "path_year",
    *(f"path_{name}" for name in _PATHS), *(f"path_last_{name}" for name in _PATHS),
    # how it is made
    *(f"tag_{name}" for name in _COUNTED), "letters", "linked", "passages", "paragraphs_a_passage", "links_a_passage",
    "images_a_passage",
    # the text that the engine took of it
    "taken", "taken_letters", "taken_share", "taken_median", "taken_long", "taken_linked", "taken_shapes",
    "taken_main_shape", "taken_paragraphs", "taken_entries", "taken_bare", "taken_first", "taken_span", "taken_dense",
    "taken_gaps", "teasers",
    # what its text is like
    "sentences", "questions", "quotes", "digits", "capitals", "prices", "years",
)  # fmt: skip
"""The names of the numbers, in order."""

_SAYS_ARTICLE, _MARKED = NUMBERS.index("says_article"), NUMBERS.index("marked")
_NAMES_ARTICLE = [NUMBERS.index(name) for name in ("says_article", "type_article", "og_article")]
_NAMES_OTHER = [NUMBERS.index(name) for name in ("type_product", "type_forum", "type_list", "type_house", "og_product")]
_BELIEF = 1.5
_PRICE = re.compile(r"[$€£¥₹]\s?\d|\d\s?(?:[$€£]|EUR|USD|GBP)\b")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_YEAR_IN_PATH = re.compile(r"/(?:19|20)\d\d(?:/|-|$)")
_DASHES = re.compile(r"[-_ +]")
_ENDS = re.compile(r"[.!?؟。](?:\s|$)")
_SIGNS = ",:?!;'’\"“"
_QUOTES = '"“”«»„'
_LONG_LETTERS = 120
_MOST_TEXT = 200_000
"""Characters of a page's text that tell what it is like."""
_MOST_NODES, _MOST_KINDS = 200, 5
_ITEMS = etree.XPath("//*[@itemscope and @itemtype]")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a page's kind is judged by. `taken` are the passages that the engine took, in order; `teasers` says that
    they stand under links to other pages, `says_article` and `dated` that the page calls itself an article with an
    author or a date, or with a date, `marked` that its publishing system marks its content as an article's."""

    tree: HtmlElement
    passages: Sequence[Passage]
    taken: Sequence[Passage]
    stated: Structured
    url: str
    headline: str
    authors: int
    published: bool
    says_article: bool
    dated: bool
    marked: bool
    teasers: bool


class Kinds:
    """A forest that tells articles from other pages. Pages with less than `least` log-odds of being one are none."""

    def __init__(self, forest: Forest, least: float) -> None:
        self._forest, self.least = forest, least

    def is_article(self, sight: Sight) -> bool:
        """Whether a page is an article."""
        return article_odds(self._forest, read_numbers(sight)) >= self.least


def article_odds(forest: Forest, numbers: Row) -> float:
    """The log-odds of a page with these numbers being an article. What the page itself says that it is, or the system
    that made it, is believed more than the pages that the forest has learnt from would have it."""
    odds = forest.log_odds(numbers)
    if numbers[_SAYS_ARTICLE] or numbers[_MARKED]:
        return odds + _BELIEF
    other = any(numbers[at] for at in _NAMES_OTHER) and not any(numbers[at] for at in _NAMES_ARTICLE)
    return odds - _BELIEF if other else odds


@cache
def load_kinds() -> Kinds:
    """The forest that comes with the package."""
    data = json.loads(files("scraper.extraction").joinpath("kinds.json").read_text("utf-8"))
    return Kinds(Forest(data["trees"], NUMBERS), data["least"])


def says_article(tree: HtmlElement, stated: Structured, url: str) -> bool:
    """Whether a page calls itself an article, with a date or an author to it: in its metadata or its elements."""
    node = stated.article
    if node is not None and (node.get("datePublished") or node.get("author")):
        return True
    if stated.first("article:published_time", "author") and stated.first("og:type") == "article":
        return True
    if is_wordpress_post(tree):
        return True
    articles = list(tree.iter("article"))
    if len(articles) != 1 or is_teaser(articles[0], url):
        return False
    return any(each.get("datetime") for each in articles[0].iter("time"))


def read_numbers(sight: Sight) -> Row:
    """The numbers of a page, in the order of NUMBERS."""
    passages = max(1, len(sight.passages))
    tags = Counter(element.tag for element in sight.tree.iter(*_COUNTED))
    letters = sum(len(passage.letters) for passage in sight.passages)
    characters = sum(len(passage.text) for passage in sight.passages)
    return [
        *_of_statements(sight),
        *_of_headline(sight.headline),
        *_of_address(sight.url),
        *(float(tags[name]) for name in _COUNTED),
        float(letters),
        sum(passage.linked for passage in sight.passages) / max(1, characters),
        float(len(sight.passages)),
        tags["p"] / passages,
        tags["a"] / passages,
        tags["img"] / passages,
        *_of_choice(sight.taken, len(sight.passages), letters),
        float(sight.teasers),
        *_of_text(sight),
    ]


def _of_statements(sight: Sight) -> Row:
    stated = sight.stated
    node = stated.article or {}
    types = {name for each in stated.nodes[:_MOST_NODES] for name in types_of(each)} | _item_types(sight.tree)
    said = (stated.first("og:type") or "").strip().lower()
    if said in ("website", "site", "blog"):
        group = "site"
    elif said in ("", "article"):
        group = said or "none"
    else:
        group = "product" if "product" in said else "other"
    return [
        float(sight.says_article),
        float(sight.dated),
        float(sight.marked),
        float(sight.authors),
        float(sight.published),
        float(bool(node)),
        *(float(name in node) for name in _NODE),
        *(float(len(types & names)) for names in _TYPES.values()),
        *(float(group == name) for name in _OPEN_GRAPH),
        float(stated.first("author") is not None),
        float(stated.first("article:section") is not None),
    ]


def _item_types(tree: HtmlElement) -> set[str]:
    """The types of schema.org that microdata give to whole items, which are no property of another (HTML, 5.2.2)."""
    items = islice((each for each in _ITEMS(tree) if not each.get("itemprop")), _MOST_NODES)
    return {kind.rsplit("/", 1)[-1].lower() for each in items for kind in each.get("itemtype").split()[:_MOST_KINDS]}


def _of_headline(headline: str) -> Row:
    words = headline.split()
    return [
        float(len(words)),
        float(len(headline)),
        sum(word[:1].isupper() for word in words) / max(1, len(words)),
        float(sum(headline.count(sign) for sign in _SIGNS)),
    ]


def _of_address(url: str) -> Row:
    parts = urlsplit(url)
    segments = [unquote(each) for each in parts.path.split("/") if each]
    last = segments[-1] if segments else ""
    dashes = [len(_DASHES.findall(each)) for each in segments] or [0]
    return [
        float(len(segments)),
        float(len(last)),
        float(dashes[-1]),
        float(max(dashes)),
        float(len(parts.query)),
        float(bool(_YEAR_IN_PATH.search(parts.path))),
        *(float(sum(bool(words.fullmatch(each)) for each in segments[:-1])) for words in _PATHS.values()),
        *(float(bool(words.fullmatch(last))) for words in _PATHS.values()),
    ]


def _of_choice(taken: Sequence[Passage], passages: int, letters: int) -> Row:
    if not taken:
        return [0.0] * 15
    lengths = [len(each.letters) for each in taken]
    total, number = max(1, sum(lengths)), len(taken)
    orders = [each.order for each in taken]
    span = orders[-1] - orders[0] + 1
    tags = [str(each.element.tag) for each in taken]
    shapes = Counter(_shape(each) for each in taken)
    return [
        float(number),
        float(sum(lengths)),
        sum(lengths) / max(1, letters),
        float(statistics.median(lengths)),
        sum(each for each in lengths if each > _LONG_LETTERS) / total,
        sum(each.linked for each in taken) / max(1, sum(len(each.text) for each in taken)),
        float(len(shapes)),
        max(shapes.values()) / number,
        tags.count("p") / number,
        sum(tag in _ENTRIES for tag in tags) / number,
        sum(tag in _BARE for tag in tags) / number,
        orders[0] / max(1, passages),
        span / max(1, passages),
        number / span,
        sum(later - earlier > 1 for earlier, later in pairwise(orders)) / number,
    ]


def _shape(passage: Passage) -> tuple[str, str, str]:
    element = passage.element
    parent = element.getparent()
    return str(element.tag), element.get("class") or "", (parent.get("class") or "") if parent is not None else ""


def _of_text(sight: Sight) -> Row:
    text = _joined(sight.taken)
    whole = _joined(sight.passages)
    signs, all_signs = max(1, len(text)), max(1, len(whole))
    return [
        1000 * len(_ENDS.findall(text)) / signs,
        1000 * (text.count("?") + text.count("؟")) / signs,
        1000 * sum(text.count(sign) for sign in _QUOTES) / signs,
        sum(map(str.isdigit, text)) / signs,
        sum(map(str.isupper, text)) / signs,
        1000 * len(_PRICE.findall(whole)) / all_signs,
        1000 * len(_YEAR.findall(whole)) / all_signs,
    ]


def _joined(passages: Iterable[Passage]) -> str:
    parts: list[str] = []
    left = _MOST_TEXT
    for passage in passages:
        if left <= 0:
            break
        parts.append(passage.text[:left])
        left -= len(passage.text)
    return "\n".join(parts)
