"""Text, and contents, that both databases take."""

from __future__ import annotations

from dataclasses import replace

from storage.content import ArticleContent, Block, Figure, PrintedDate


def storable(text: str) -> str:
    """Text that both databases take: PostgreSQL refuses NUL, and neither takes half a surrogate pair."""
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def storable_content(content: ArticleContent) -> ArticleContent:
    """The content with what no database can store (NUL, half a surrogate pair) replaced by U+FFFD."""
    everything = "".join(_texts(content))
    if storable(everything) is everything:
        return content

    def maybe(text: str | None) -> str | None:
        return None if text is None else storable(text)

    def date(printed: PrintedDate | None) -> PrintedDate | None:
        return printed and replace(printed, printed=storable(printed.printed), zone=storable(printed.zone))

    return replace(
        content,
        headline=storable(content.headline),
        lead=maybe(content.lead),
        blocks=tuple(
            Block(each.kind, storable(each.text), each.level, tuple(map(storable, each.items)))
            for each in content.blocks
        ),
        authors=tuple(map(storable, content.authors)),
        section=tuple(map(storable, content.section)),
        tags=tuple(map(storable, content.tags)),
        figures=tuple(Figure(maybe(each.url), maybe(each.caption), maybe(each.credit)) for each in content.figures),
        language=maybe(content.language),
        published=date(content.published),
        updated=date(content.updated),
        found={storable(name): storable(how) for name, how in content.found.items()},
    )


def _texts(content: ArticleContent) -> list[str]:
    texts = [content.headline, content.lead or "", content.language or "", *content.authors, *content.section]
    texts += content.tags
    for block in content.blocks:
        texts.append(block.text)
        texts += block.items
    for each in content.figures:
        texts += (each.url or "", each.caption or "", each.credit or "")
    for date in (content.published, content.updated):
        if date:
            texts += (date.printed, date.zone)
    for name, how in content.found.items():
        texts += (name, how)
    return texts
