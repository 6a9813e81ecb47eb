"""Reading an article's page without a profile: verdicts on its passages choose, the page is quoted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from lxml.html import HtmlElement

from scraper.extraction.blocks import (
    Piece,
    build_blocks,
    with_bylines,
    with_datelines,
    without_adverts,
    without_headline,
    without_read_more,
)
from scraper.extraction.company import Around
from scraper.extraction.conventions import wordpress_refusal
from scraper.extraction.dating import PUBLISHED, UPDATED
from scraper.extraction.engine import Engine
from scraper.extraction.flow import Flow, find_flow
from scraper.extraction.forest import Forest
from scraper.extraction.grounding import Grounded, ground
from scraper.extraction.kinds import Kinds, Sight
from scraper.extraction.leads import DESCRIPTIONS, read_lead
from scraper.extraction.learnt import Learnt
from scraper.extraction.links import base_of
from scraper.extraction.listing import lists_other_pages
from scraper.extraction.metadata import Metadata, read_language, read_metadata
from scraper.extraction.passages import Passage, ends_sentence, letters_of, text_of
from scraper.extraction.pictures import find_figures, frames_before, image_name
from scraper.extraction.repeats import repeats_in_words, repeats_wholly, without_repeats
from scraper.extraction.structured import Structured, text_in
from scraper.extraction.verdicts import agreement, judge, load_forest
from storage.content import ArticleContent, Figure, plain_text

_LONG_ENOUGH = 60
"""Characters from which on a passage reads like text."""
_MOST_LETTERS = 0.8
_LINKED = 0.3
_AGREED = 1 / 3
"""Share of the letters that flow and verdicts agree on below which the flow is but one of the text's parts."""
_FEW = 0.2
"""Share of the letters that the verdicts chose below which another text is a scrap, whatever speaks for it."""


@dataclass(frozen=True, slots=True)
class Read:
    """An article as read, or a reason why there is none, as extract() names them behind 'refused:'; what there is
    stays in `content`. `body` is what it was taken from, before what repeats on the outlet's pages left it."""

    content: ArticleContent
    reason: str | None = None
    body: tuple[Piece, ...] = field(default=(), repr=False)


def read_generic(
    tree: HtmlElement,
    passages: list[Passage],
    stated: Structured,
    *,
    url: str,
    captured_at: datetime,
    zone: tzinfo = UTC,
    languages: tuple[str, ...] = (),
    forest: Forest | None = None,
    kinds: Kinds | None = None,
    says_article: bool = False,
    learnt: Learnt | None = None,
) -> Read:
    """Read any page as an article. `zone` reads dates that state none; `languages` are those to choose from; `forest`
    gives the verdicts in the place of the package's. With `kinds`, a page that they hold for none is refused;
    `says_article` is then whether it calls itself one. What was `learnt` to repeat leaves the body."""
    engine = Engine(tree, url, captured_at)
    looked = look(tree, passages, stated, engine)
    flow = looked.flow
    data = read_metadata(
        tree, passages, stated, engine, url=url, captured_at=captured_at, zone=zone, marks_believed=flow is not None
    )
    sight = see(tree, passages, looked, data, url=url, says_article=says_article)
    refusal = wordpress_refusal(tree, unsigned=flow is not None and not (data.authors or data.published))
    if refusal is None and sight.teasers and not (sight.dated or sight.says_article):
        refusal = "listing"
    forest = forest or load_forest()
    how, pieces = _choose(passages, looked, data, engine, forest)
    headlines = [data.headline, *_sole_heading(tree)]
    if repeats_wholly(pieces, learnt) and (beside := _choose_beside(pieces, passages, tree, looked, data, forest)):
        pieces = beside
    cleared = without_adverts(without_read_more(without_headline(pieces, headlines)))
    body = with_bylines(cleared or pieces, data.authors)
    kept, left = without_repeats(body, learnt)
    kept = with_datelines(kept, {each.day for each in (data.published, data.updated) if each is not None})
    blocks = build_blocks(kept)
    text = plain_text(blocks)
    data.language, how_language = read_language(tree, text, languages)
    found = {**data.found, "body": how} if blocks else dict(data.found)
    if data.language:
        found["language"] = how_language
    lead, found_lead = read_lead(stated, passages, kept, blocks, data.headline)
    if lead:
        found["lead"] = found_lead
    if left:
        found["repeated"] = repeats_in_words(left)
    content = ArticleContent(
        headline=data.headline,
        blocks=blocks,
        kind=data.kind,
        lead=lead,
        authors=data.authors,
        section=data.section,
        tags=data.tags,
        figures=_figures(tree, base_of(tree, url), flow, sight.taken, data.image),
        language=data.language,
        published=data.published,
        updated=data.updated,
        found=found,
    )
    if refusal is None and letters_of(text) in {letters_of(each or "") for each in ("", *headlines)}:
        refusal = "empty"
    if refusal is None and kinds is not None and not kinds.is_article(sight):
        refusal = "other-kind"
    return Read(content, refusal, tuple(body))


@dataclass(frozen=True, slots=True)
class Looked:
    """What the engine's lines are on the page, and the plain flow that they stand in, if they do."""

    grounded: list[Grounded]
    flow: Flow | None
    stated: Structured

    @property
    def shares(self) -> dict[int, float]:
        """How much of each passage, by its number, the engine took."""
        shares: dict[int, float] = {}
        for each in self.grounded:
            if each.passage is not None:
                shares[each.passage.order] = min(1.0, shares.get(each.passage.order, 0.0) + each.share)
        return shares

    def around(self, data: Metadata) -> Around:
        """What the page says beside its passages."""
        return Around(
            data.headline,
            self.stated.first(*DESCRIPTIONS) or "",
            text_in((self.stated.article or {}).get("articleBody")) or "",
            data.authors,
            frozenset(each.order for each in self.flow.passages) if self.flow else None,
        )


def look(tree: HtmlElement, passages: list[Passage], stated: Structured, engine: Engine) -> Looked:
    """Find on the page what the engine takes for its text."""
    grounded = ground(engine.lines, passages)
    taken = [each.passage for each in grounded if each.passage is not None]
    return Looked(grounded, find_flow(tree, passages, taken, stated.first(*DESCRIPTIONS) or ""), stated)


def see(
    tree: HtmlElement, passages: list[Passage], looked: Looked, data: Metadata, *, url: str, says_article: bool
) -> Sight:
    """What the page's kind is judged by."""
    taken = {each.passage.order: each.passage for each in looked.grounded if each.passage is not None}
    ordered = [taken[order] for order in sorted(taken)]
    return Sight(
        tree,
        passages,
        ordered,
        looked.stated,
        url,
        data.headline,
        len(data.authors),
        data.published is not None,
        says_article,
        _states_date(looked.stated),
        looked.flow is not None,
        lists_other_pages(passages, ordered, url),
    )


def _choose(
    passages: list[Passage], looked: Looked, data: Metadata, engine: Engine, forest: Forest
) -> tuple[str, list[Piece]]:
    """How the pieces of the body were found, and the pieces: plain flow, else what the verdicts say; the engine's
    where they are in doubt, and where its text does not stand on the page but in its scripts."""
    flow = looked.flow
    if flow is not None and _holds_most(flow, passages):
        return "content", _pieces(flow.passages)
    verdicts = judge(passages, looked.shares, looked.around(data), forest)
    chosen = [passages[order] for order in verdicts.chosen]
    if flow is not None:
        agreed = agreement(passages, {each.order for each in flow.passages}, set(verdicts.chosen))
        return ("content", _pieces(flow.passages)) if agreed >= _AGREED else ("verdicts", _pieces(chosen))
    elsewhere = _length(looked.grounded) - _length(each for each in looked.grounded if each.passage is not None)
    stands_on_page = 2 * elsewhere <= _length(looked.grounded) or elsewhere <= _FEW * _length(chosen)
    if chosen and stands_on_page and not verdicts.doubtful:
        return "verdicts", _pieces(chosen)
    full = ground(engine.second_lines, passages)
    if stands_on_page and _length(full) < _FEW * _length(chosen):
        return "verdicts", _pieces(chosen)
    return "trafilatura", [Piece(each.text, each.passage) for each in full]


def _choose_beside(
    repeated: Sequence[Piece],
    passages: list[Passage],
    tree: HtmlElement,
    looked: Looked,
    data: Metadata,
    forest: Forest,
) -> list[Piece]:
    """The pieces of the body where all that was chosen first repeats on the outlet's pages: what of the rest stands in
    plain flow, else what verdicts say of it; none where the engine took nothing else."""
    gone = {piece.passage.order for piece in repeated if piece.passage is not None}
    rest = [Passage("", each.element, order=each.order) if each.order in gone else each for each in passages]
    grounded = [each for each in looked.grounded if each.passage is not None and each.passage.order not in gone]
    taken = [each.passage for each in grounded if each.passage is not None]
    if not taken:
        return []
    flow = find_flow(tree, rest, taken, looked.stated.first(*DESCRIPTIONS) or "")
    if flow is not None:
        return _pieces(flow.passages)
    other = Looked(grounded, None, looked.stated)
    return _pieces(rest[order] for order in judge(rest, other.shares, other.around(data), forest).chosen)


def _holds_most(flow: Flow, passages: Sequence[Passage]) -> bool:
    """Whether plain flow is most of what reads like text on the page: else its text may be in parts, each with more in
    it than flow, of which this is one."""
    total = sum(len(each.letters) for each in passages if _reads_like_text(each))
    return 2 * sum(len(each.letters) for each in flow.passages if _reads_like_text(each)) >= total


def _reads_like_text(passage: Passage) -> bool:
    long = len(passage.text) >= _LONG_ENOUGH and passage.link_share < _LINKED
    return long and ends_sentence(passage.text)


def _pieces(passages: Iterable[Passage]) -> list[Piece]:
    return [Piece(each.text, each) for each in passages]


def _length(parts: Iterable[Grounded | Passage]) -> int:
    return sum(len(each.text) for each in parts)


def _states_date(stated: Structured) -> bool:
    """Whether a page's metadata call it an article and date it."""
    node = stated.article or {}
    return bool(node.get("datePublished")) or (
        stated.first("og:type") == "article" and stated.first(*PUBLISHED, *UPDATED) is not None
    )


def _figures(
    tree: HtmlElement, base: str, flow: Flow | None, chosen: Sequence[Passage], image: str | None
) -> tuple[Figure, ...]:
    """The figures of the text, and of what stands over it. The page's image for sharing is first where the page shows
    it, and alone where it shows none."""
    holder = flow.holder if flow else _holder_of(chosen)
    figures: list[Figure] = []
    if holder is not None:
        around = next((each for each in holder.iterancestors("article", "main")), holder)
        found = find_figures(holder, base, plain_images=flow is not None, above=frames_before(holder, around))
        figures = [each for each in found if flow or each.caption]
    shared = image if image and image.startswith("http") else None
    if shared is None or image_name(shared) in {image_name(each.url or "") for each in figures}:
        return tuple(figures)
    if figures and not _shows(tree, shared):
        return tuple(figures)
    return (Figure(shared), *figures)


def _holder_of(chosen: Sequence[Passage]) -> HtmlElement | None:
    """The lowest element that holds most of the letters chosen."""
    total = sum(len(each.letters) for each in chosen)
    held: dict[HtmlElement, int] = {}
    for passage in chosen:
        for above in passage.element.iterancestors():
            held[above] = held.get(above, 0) + len(passage.letters)
    holding = [element for element, letters in held.items() if letters >= _MOST_LETTERS * total]
    around = {above for element in holding for above in element.iterancestors()}
    return next((element for element in holding if element not in around), None)


def _shows(tree: HtmlElement, url: str) -> bool:
    name = image_name(url)
    return any(image_name(each.get("src") or "").endswith(name) for each in tree.iter("img"))


def _sole_heading(tree: HtmlElement) -> list[str]:
    """The text of the page's only h1: with several, none is surely the headline."""
    headings = [text for each in tree.iter("h1") if (text := text_of(each))]
    return headings if len(headings) == 1 else []
