"""The selectors of an article's text: the element that holds it on every page, and what stands in it and is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from lxml.html import HtmlElement

from scraper.drafting.selectors import describe, hashed_classes, is_styling, stable_classes
from scraper.drafting.survey import Sample
from scraper.extraction.passages import Passage, letters_of, read_passages
from scraper.extraction.template import read_field
from scraper.outlet import Outlet, Template
from scraper.selecting import select
from storage.content import Block

CONVENTIONS = (
    "div.wp-block-post-content", "div.entry-content", '[itemprop~="articleBody"]', "div.post-content", ".e-content",
)  # fmt: skip
"""What WordPress' block and classic themes, schema.org and Hugo's themes call an article's text."""
_HOLDS = 0.9
"""Share of the letters of a text that its holder holds."""
_HOLDS_MOST = 0.6
"""Share of them that the element holds above which a lead stands."""
_LIKE = 0.95
"""How like (F1 over letters) a page's text is to that read without a profile, to count as the same."""
_ENOUGH = 0.6
"""Share of the pages that have to be so alike."""
_MOST_CANDIDATES = 24
_MOST_HOLDERS = 3
_MOST_DROPS = 8
_ASIDE = frozenset(("header", "footer", "nav", "aside", "form", "button"))
_BOXES = frozenset(("div", "section", "ul", "p", "span", "h1"))
_CONTENT = ("wp-block-", "wp-caption", "gallery", "footnote", "highlight", "twitter-", "instagram-", "wp-element-")
"""How the classes of what editors write begin: none of it goes for its form."""
_FEWEST = 2
_MOST_LEADS = 8
_LEAST_LEAD = 30


@dataclass(frozen=True, slots=True)
class Body:
    """The selector of the text's holder, that of a lead that stands apart above it, and what is dropped within; on how
    many pages the text is as it is read without a profile, of how many."""

    holder: str = ""
    lead: str = ""
    drop: tuple[str, ...] = ()
    agreed: int = 0
    present: int = 0

    @property
    def selectors(self) -> tuple[str, ...]:
        """One selector for all of the text; none where no holder was found."""
        return (", ".join(filter(None, (self.lead, self.holder))),) if self.holder else ()


@dataclass(slots=True, eq=False)
class _Text:
    """A page's text without a profile, to compare with: the letters of its passages, and the lowest elements that hold
    nearly all of it, and most of it."""

    sample: Sample
    letters: Counter[str]
    holders: tuple[HtmlElement, ...] = ()


def find_body(samples: Sequence[Sample], outlet: Outlet) -> Body:
    """The element that holds the text on most pages; Body() where no selector does on enough of them."""
    texts = [_Text(sample, _letters(sample.content.blocks)) for sample in samples]
    for text in texts:
        text.holders = _holders_of(text)
    rated: list[tuple[int, float, Body]] = []
    for selector in _candidates(texts):
        if sum(bool(select(text.sample.tree, selector)) for text in texts) < _ENOUGH * len(texts):
            continue
        rated.append(_rate(Body(selector, drop=_drops(selector, texts), present=len(texts)), texts, outlet))
    rated.sort(key=lambda each: each[:2], reverse=True)
    for _, _, body in rated[:_MOST_HOLDERS]:
        rated += [_rate(replace(body, lead=lead), texts, outlet) for lead in _leads(body.holder, texts)]
    best = max(rated, key=lambda each: each[:2], default=None)
    if best is None or best[0] < max(min(_FEWEST, len(texts)), _ENOUGH * len(texts)):
        return Body(present=len(texts))
    return best[2]


def _rate(body: Body, texts: Sequence[_Text], outlet: Outlet) -> tuple[int, float, Body]:
    """On how many pages rules take the text, how like it is on all together, and the rules with that."""
    likeness = [_likeness(body.selectors[0], body.drop, text, outlet) for text in texts]
    agreed = sum(each >= _LIKE for each in likeness)
    return agreed, round(sum(likeness), 2), replace(body, agreed=agreed)


def _leads(selector: str, texts: Sequence[_Text]) -> list[str]:
    """Selectors of what is of the text and stands above its holder, on several pages, and is one thing on each: first
    what most have."""
    counted: Counter[str] = Counter()
    for text in texts:
        roots = {item for item in select(text.sample.tree, selector) if not isinstance(item, str)}
        here: dict[str, None] = {}
        for element in _above(roots, text):
            # By what is said of it alone, for its place may hold anything on other pages.
            here.update(dict.fromkeys(each for each in describe(element) if " " not in each))
            here.update(dict.fromkeys(f".{name}" for name in stable_classes(element) if not is_styling(name)))
        counted.update(here.keys())
    frequent = [each for each, count in counted.most_common() if count >= min(_FEWEST, len(texts))]
    single = (each for each in frequent if all(len(select(text.sample.tree, each)) <= 1 for text in texts))
    return list(islice(single, _MOST_LEADS))


def _above(roots: set[HtmlElement], text: _Text) -> list[HtmlElement]:
    """The element of the last passage of the text above its holder, and the boxes around it that do not hold that;
    none where the text begins within the holder."""
    around = {above for root in roots for above in root.iterancestors()}
    last: HtmlElement | None = None
    for passage in read_passages(text.sample.tree):
        if roots & {passage.element, *passage.element.iterancestors()}:
            boxes = [] if last is None else [last, *last.iterancestors()]
            return [each for each in boxes if each not in around][:_MOST_HOLDERS]
        if passage.letters in text.letters and len(passage.letters) >= _LEAST_LEAD:
            last = passage.element
    return []


def _letters(blocks: Iterable[Block]) -> Counter[str]:
    """The letters of a text piece by piece, captions left out: figures have them."""
    texts = [text for block in blocks if block.kind != "caption" for text in (block.text, *block.items)]
    # A table's row is one item, its cells passages of their own.
    return Counter(letters for text in texts for cell in text.split("\t") if (letters := letters_of(cell)))


def _holders_of(text: _Text) -> tuple[HtmlElement, ...]:
    held: Counter[HtmlElement] = Counter()
    for passage in read_passages(text.sample.tree):
        if passage.letters in text.letters:
            for element in (passage.element, *passage.element.iterancestors()):
                held[element] += len(passage.letters)
    total = sum(len(letters) for letters in text.letters)
    lowest = (
        _lowest([each for each, count in held.items() if count >= share * total]) for share in (_HOLDS, _HOLDS_MOST)
    )
    return tuple(dict.fromkeys(each for each in lowest if each is not None))


def _lowest(holding: Sequence[HtmlElement]) -> HtmlElement | None:
    """Of elements that hold one another, the one that holds none."""
    around = {above for element in holding for above in element.iterancestors()}
    return next((element for element in holding if element not in around), None)


def _candidates(texts: Sequence[_Text]) -> list[str]:
    counted: Counter[str] = Counter()
    for text in texts:
        here: dict[str, None] = {}
        above = [each for holder in text.holders[:1] for each in (holder, *holder.iterancestors())]
        holding = [each for each in above if each.tag not in ("body", "html")][:_MOST_HOLDERS]
        for element in (*holding, *text.holders[1:]):
            # A box within a named one may be any box: of places, only what says itself what it is.
            own = (each for each in describe(element) if " " not in each or element.tag in _WHOLE)
            here.update(dict.fromkeys((*own, *([element.tag] if element.tag in _WHOLE else ()))))
        counted.update(here.keys())
    found = [selector for selector, _ in sorted(counted.items(), key=lambda each: -each[1])]
    return list(dict.fromkeys((*CONVENTIONS, *found)))[:_MOST_CANDIDATES]


_WHOLE = ("article", "main")


def _likeness(selector: str, drop: Sequence[str], text: _Text, outlet: Outlet) -> float:
    """F1 over the letters of the passages that the rules take and those of the text."""
    template = Template(name="draft", detect=(), headline=(), body=(selector,), drop=tuple(drop))
    blocks = read_field("body", text.sample.tree, outlet, template, text.sample.page)
    taken = _letters(blocks) if isinstance(blocks, tuple) else Counter()
    both = sum(len(letters) * count for letters, count in (taken & text.letters).items())
    total = sum(len(letters) * count for letters, count in (taken + text.letters).items())
    return 2 * both / total if total else 0.0


def _drops(selector: str, texts: Sequence[_Text]) -> tuple[str, ...]:
    """What to leave out within the holder: elements that on no page hold anything of the text, and do so on several."""
    pages: Counter[str] = Counter()
    for text in texts:
        counted: dict[str, None] = {}
        for root in select(text.sample.tree, selector):
            if not isinstance(root, str):
                for element in _foreign(root, text):
                    counted.update(dict.fromkeys(_droppable(element, selector)))
        pages.update(counted.keys())
    chosen: list[str] = []
    covered: set[HtmlElement] = set()
    for each, _ in sorted(pages.items(), key=lambda item: -item[1]):
        if pages[each] < min(_FEWEST, len(texts)) or len(chosen) == _MOST_DROPS:
            continue
        found = [item for text in texts for item in select(text.sample.tree, each) if not isinstance(item, str)]
        new = [item for item in found if not any(above in covered for above in (item, *item.iterancestors()))]
        if new and all(_is_foreign(text, each) for text in texts):
            chosen.append(each)
            covered.update(found)
    return tuple(chosen)


def _foreign(root: HtmlElement, text: _Text) -> Iterator[HtmlElement]:
    """The outermost elements within a holder of which nothing is the text's."""
    own: set[HtmlElement] = set()
    other: list[Passage] = []
    for passage in read_passages(root):
        above = (passage.element, *passage.element.iterancestors())
        if passage.letters in text.letters or any(each.tag in ("figure", "figcaption") for each in above):
            own.update(above)
        elif passage.letters:
            other.append(passage)
    for passage in other:
        inside = [passage.element, *passage.element.iterancestors()]
        inside = inside[: inside.index(root)] if root in inside else []
        # The outermost first, so that one rule drops a box with all that is in it.
        yield from reversed([each for each in inside if each not in own])
        # What stands in a line of its own, and in no block but the holder.
        yield from (each for each in passage.element if each.tag == "time" and _says(each, passage))


def _says(element: HtmlElement, passage: Passage) -> bool:
    return letters_of("".join(element.itertext())) == passage.letters


def _droppable(element: HtmlElement, selector: str) -> Iterator[str]:
    """Selectors by which an element may be left out: what is beside a text by its tag, or a box by its class."""
    if next(element.iter("figure"), None) is not None:
        return
    if element.tag in _ASIDE:
        yield f"{selector} {element.tag}"
    if element.tag in _ASIDE | _BOXES:
        for name in stable_classes(element)[:3]:
            if not name.startswith(_CONTENT) and not is_styling(name):
                yield f"{element.tag}.{name}"
        yield from (f'{element.tag}[class*="{prefix}"]' for prefix in hashed_classes(element)[:1])
    if element.tag in ("h1", "time"):
        yield f"{selector} {element.tag}"
    parent = element.getparent()
    if element.tag == "div" and not element.get("class") and parent is not None and parent.tag in _WHOLE:
        # No editor writes a bare box into an article; a theme does.
        yield f"{selector} > div:not([class])"


def _is_foreign(text: _Text, selector: str) -> bool:
    for item in select(text.sample.tree, selector):
        if not isinstance(item, str) and any(each.letters in text.letters for each in read_passages(item)):
            return False
    return True
